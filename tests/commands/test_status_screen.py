"""`status` on a terminal: what stands on the screen, at any width and height, and with any number of flows."""

from collections.abc import Mapping, Sequence

import pytest

from retabli.model.record import FlowPicture, Incident
from retabli.model.result import Outcome
from retabli.model.states import Intent, State
from retabli.model.words import Words
from retabli.view.site import Site
from tests.commands.daemons import daemon
from tests.commands.screens import Screen, typed
from tests.view.pictures import NOW, Containment, Smtp, flow, picture, result
from tests.web.hospital import SITE, pictures


async def shown(
    given: Sequence[FlowPicture],
    *words: str,
    columns: int = 80,
    lines: int = 24,
    environment: Mapping[str, str] | None = None,
    site: Site = SITE,
) -> tuple[Screen, str]:
    """The screen when the command has ended, and all that was written."""
    async with daemon(given, site) as url:
        async with typed(
            "status", "--url", url, *words, columns=columns, lines=lines, environment=environment
        ) as terminal:
            await terminal.ends()
            return terminal.screen, terminal.written


def many(number: int, failing: int) -> list[FlowPicture]:
    fell, ok = result(Smtp(), Outcome.FAILED, fell=3), result(Smtp())
    return [
        picture(
            flow(f"flow-{place:04}", title=Words.same(f"Flux numéro {place}"), group=f"groupe {place % 7}"),
            State.RESTORED if place % (number // failing) else State.DROPPED,
            [ok if place % (number // failing) else fell],
        )
        for place in range(number)
    ]


def dropped(title: str = "Messagerie : émission vers l'extérieur") -> FlowPicture:
    fell = result(Smtp(), Outcome.FAILED, fell=1)
    of = flow("out", title=Words.same(title), probes={"a": Smtp(), "b": Smtp()}, group="messagerie")
    incident = Incident("i", "dropped", NOW - 120, told={"duty": 0.0})
    return picture(of, State.DROPPED, [fell, result(Smtp())], since=NOW - 130, drops=2, incident=incident)


@pytest.mark.parametrize("columns", [24, 32, 40, 59, 60, 71, 72, 80, 99, 100, 119, 120, 200])
async def test_no_line_is_wider_than_the_screen_and_no_state_is_without_its_word(columns: int) -> None:
    screen, _ = await shown(pictures(), columns=columns, lines=200)
    lines = [*screen.scrolled, *screen.lines]
    assert max(map(len, lines)) <= columns
    said = " ".join(" ".join(lines).split())
    for mark, word in (("●", "rétabli"), ("▼", "retombé"), ("✖", "isolement rompu"), ("?", "inconnu"), ("■", "isolé")):
        assert mark in said
        assert word in said
    assert "prouvé il y a 20 s" in said


async def test_at_eighty_columns_a_flow_is_one_line_and_what_is_said_of_it_stands_below_its_title() -> None:
    screen, written = await shown([dropped()], lines=30)
    assert screen.text.splitlines() == [
        "CHU de Rennes · vu de l'intérieur · 3 juil. à 10 h 00 · dernier essai il y a 0 s",
        "□ 0 flux rétabli sur 1 · ▼ 1 retombé",
        "",
        "Messagerie                                                   échelon  depuis",
        "  ▼ retombé  Messagerie : émission vers l'extérieur  ━·········  1/7   2 min",
    ] + [
        f"             {line}"
        for line in (
            "connexion : connexion refusée (partenaire en panne)",
            "1 sonde sur 2 en ordre · retombé 2 fois",
            "astreinte appelée il y a 2 min, pas encore prise en charge",
            "→ Joindre le partenaire : son service ne répond pas.",
        )
    ]
    assert "\x1b[1;31m▼ retombé" in written


async def test_at_forty_columns_it_is_two_lines_and_nothing_is_cut() -> None:
    screen, _ = await shown([dropped()], columns=40, lines=30)
    assert screen.text.splitlines()[4:] == [
        "",
        "Messagerie",
        "▼ Messagerie : émission vers l'extérieur",
        "  retombé · 1/7 · 2 min",
        "  connexion : connexion refusée",
        "  (partenaire en panne)",
        "  1 sonde sur 2 en ordre ·",
        "  retombé 2 fois",
        "  astreinte appelée il y a 2 min, pas",
        "  encore prise en charge",
        "  → Joindre le partenaire : son service",
        "  ne répond pas.",
    ]


async def test_a_wide_screen_has_the_flow_s_name_and_the_instant_too() -> None:
    screen, _ = await shown([dropped()], columns=140, lines=30)
    (line,) = (each for each in screen.lines if "━" in each)
    assert line.endswith("out  ━·········  1/7   2 min  3 juil. à 9 h 57")


async def test_with_a_thousand_flows_what_is_not_well_fits_on_the_screen_and_the_others_are_counted() -> None:
    screen, _ = await shown(many(1000, 5), lines=40)
    assert screen.scrolled == []
    assert screen.lines[1].startswith("● 995 flux rétablis sur 1 000 · ")
    assert screen.text.count("  ▼ retombé ") == 5
    assert "  ● rétabli " not in screen.text
    assert "Groupe 3  ● 143 rétablis" in screen.text.splitlines()


async def test_what_is_longer_than_the_screen_ends_with_the_line_that_says_it_all() -> None:
    screen, _ = await shown(many(1000, 200))
    said = screen.text.splitlines()
    assert sum("▼ retombé" in line for line in [*screen.scrolled, *said]) == 200
    assert said[-2].startswith("CHU de Rennes · ")
    assert said[-1].startswith("● 800 flux rétablis sur 1 000 · ")


async def test_all_of_a_thousand_can_be_asked_for() -> None:
    screen, _ = await shown(many(1000, 5), "--all")
    assert sum(" ● rétabli " in line for line in [*screen.scrolled, *screen.lines]) == 995


async def test_when_all_is_well_asking_for_what_is_not_says_so() -> None:
    screen, _ = await shown([picture(flow("x"), State.RESTORED)], "--failing")
    assert screen.lines[3] == "Tout est rétabli ou isolé."


async def test_a_site_without_flows_says_so() -> None:
    screen, _ = await shown([])
    assert screen.lines[1] == "Aucun flux n'est configuré."


async def test_where_the_locale_is_c_everything_is_ascii() -> None:
    for environment in ({"LANG": "C"}, {"LC_ALL": "C"}, {"LANG": "fr_FR.UTF-8", "PYTHONIOENCODING": "latin-1"}):
        _, written = await shown([*pictures(), dropped()], environment=environment, lines=60)
        assert written.isascii(), environment
        assert "! retombe " in written
        assert "X isolement rompu" in written
        assert "-> Joindre le partenaire" in written
    _, written = await shown([dropped()], environment={"LANG": ""})
    assert "▼ retombé" in written


async def test_without_colour_the_signs_and_words_stay() -> None:
    for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        _, written = await shown([dropped()], environment=environment)
        assert "\x1b[1;31m" not in written
        assert "▼ retombé" in written


async def test_what_is_proven_closed_is_said_on_top_with_its_age() -> None:
    shut = flow("net", title=Words.same("Internet"), intent=Intent.CLOSED, probes={"out": Containment()})
    screen, _ = await shown([picture(shut, State.CONTAINED, [result(Containment(), at=NOW - 20)])])
    assert "■ Internet isolé, prouvé il y a 20 s" in screen.lines
    assert [line for line in screen.lines if "■ isolé  " in line] == ["  ■ isolé  Internet              fermé  1 h 00"]
