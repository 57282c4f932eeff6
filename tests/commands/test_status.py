"""`retabli status` against a real server on loopback: what it prints, and how it ends."""

import argparse
import asyncio
import json
import socket
from datetime import UTC, datetime

import pytest

from commands import _on_call, status
from retabli.model.record import Acknowledgement, Incident, Silence
from retabli.model.result import Outcome
from retabli.model.states import Intent, State
from retabli.model.words import Words
from retabli.view import Site, View
from retabli.web.pages.headline import headline
from tests.commands.daemons import daemon
from tests.commands.terminal import typed
from tests.view.pictures import NOW, Containment, Smtp, flow, picture, result
from tests.web.hospital import SITE, pictures


async def run(url: str, *arguments: str) -> int:
    parser = argparse.ArgumentParser()
    status.add_arguments(parser)
    return await asyncio.to_thread(status.main, parser.parse_args(["--url", url, *arguments]))


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ((State.RESTORED, State.DOWN, State.RECOVERING, State.DEGRADED), 0),
        ((State.RESTORED, State.DROPPED, State.UNKNOWN), 1),
        ((State.RESTORED, State.UNKNOWN), 4),
        ((), 0),
    ],
)
async def test_the_exit_code_says_the_worst(states: tuple[State, ...], code: int) -> None:
    shown = [picture(flow(f"f{place}"), state) for place, state in enumerate(states)]
    async with daemon(shown) as url:
        assert await run(url) == code


async def test_a_breach_ends_with_one_and_a_contained_flow_with_zero() -> None:
    for state, code in ((State.BREACHED, 1), (State.CONTAINED, 0)):
        shut = flow("internet", intent=Intent.CLOSED, probes={"out": Containment()})
        async with daemon([picture(shut, state)]) as url:
            assert await run(url) == code


async def test_piped_it_is_plain_and_each_flow_is_one_line_whatever_its_length(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    long = flow("long", title=Words.same("Un titre bien plus long que ce qu'une ligne de terminal peut montrer, hélas"))
    fell = result(Smtp(), Outcome.FAILED, fell=3, detail="x" * 300)
    async with daemon([*pictures(), picture(long, State.DROPPED, [fell])]) as url:
        await run(url)
    said = capsys.readouterr().out
    assert not set(said) & set("\x1b\u00a0\u202f")
    lines = [line for line in said.splitlines() if line[:1] in set("✖▼?◆□↑●■")][1:]
    assert len(lines) == len(pictures()) + 1
    (into,) = (line for line in lines if " mail-in " in line)
    assert into.startswith("▼ retombé ")
    assert "  Messagerie : réception  " in into
    assert into.endswith(
        "  8/11    9 min  message remis : aucune réponse dans le délai (réseau) · retombé 2 fois · astreinte appelée "
        "il y a 8 min, pas encore prise en charge"
    )
    (other,) = (line for line in lines if " long " in line)
    assert long.title.fr in other


async def test_the_line_on_top_is_the_page_s(capsys: pytest.CaptureFixture[str]) -> None:
    view = View(SITE, wall=lambda: NOW)
    for each in pictures():
        view.show(each, None, None)
    for language in ("fr", "en"):
        async with daemon(pictures()) as url:
            await run(url, "--lang", language)
        said = capsys.readouterr().out.splitlines()[1]
        for part in headline(view.pictures.values(), view, language).parts:
            at = said.find(f" {part.text}".replace("\u00a0", " "))
            assert at >= 0, part
            said = said[at:]
        assert said.endswith({"fr": "isolé, prouvé il y a 20 s", "en": "contained, proven 20 s ago"}[language])


async def test_groups_stand_as_on_the_page_and_our_own_link_last(capsys: pytest.CaptureFixture[str]) -> None:
    shown = [
        picture(flow("own_link"), State.RESTORED),
        picture(flow("shut", intent=Intent.CLOSED, probes={"out": Containment()}), State.CONTAINED),
        picture(flow("other"), State.RESTORED),
        picture(flow("mail", group="messagerie"), State.RESTORED),
    ]
    async with daemon(shown) as url:
        await run(url)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines[2:] if line and " " not in line[1:2]] == [
        "Messagerie",
        "Autres flux",
        "Doit rester fermé",
        "Retabli lui-même",
    ]


async def test_what_explains_a_flow_is_named_by_its_title(capsys: pytest.CaptureFixture[str]) -> None:
    parent = flow("proxy", title=Words.same("Proxy web"))
    async with daemon([picture(parent, State.DROPPED), picture(flow("x"), State.UNKNOWN, because="proxy")]) as url:
        await run(url)
    assert "expliqué par : Proxy web" in capsys.readouterr().out


async def test_the_site_s_language_is_spoken_or_the_reader_s(capsys: pytest.CaptureFixture[str]) -> None:
    english = Site("Hospital", "en", UTC, "inside")
    fell = result(Smtp(), Outcome.FAILED, fell=1)
    async with daemon([picture(flow("x", title=Words("Flux", "Flow")), State.DROPPED, [fell])], english) as url:
        await run(url)
        assert capsys.readouterr().out.startswith("Hospital · seen from inside · 3 July, 08:00")
        await run(url, "--lang", "fr")
    said = capsys.readouterr().out
    assert said.startswith("Hospital · vu de l'intérieur · 3 juil. à 8 h 00")
    assert "▼ retombé  x  Flux  1/7  1 h 00  connexion : connexion refusée (partenaire en panne)" in said


async def test_only_what_is_not_well_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    shown = [picture(flow("good"), State.RESTORED), picture(flow("bad"), State.DEGRADED)]
    async with daemon(shown) as url:
        assert await run(url, "--failing") == 0
        said = capsys.readouterr().out
        assert await run(url, "--failing", "--json") == 0
        form = json.loads(capsys.readouterr().out)
    assert " bad " in said
    assert " good " not in said
    assert "1 flux rétabli sur 2" in said
    assert [each["id"] for each in form["flows"]] == ["bad"]


async def test_as_json_it_is_what_the_api_says_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    async with daemon(pictures()) as url:
        assert await run(url, "--json") == 1
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert [each["id"] for each in json.loads(said)["flows"]] == [each.flow.id for each in pictures()]


async def test_what_a_title_holds_does_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = flow("hostile", title=Words.same("\x1b[31mred\x1b]0;title\x07 [bold]not markup[/bold]\u202e"))
    async with daemon([picture(hostile, State.DOWN)]) as url:
        await run(url)
    said = capsys.readouterr().out
    assert not set(said) & set("\x1b\x07\u202e")
    assert "[bold]" in said


async def test_a_daemon_that_cannot_be_reached_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        assert await run(url) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert f"{url} cannot be reached: Connection refused; is the daemon running there?" in said.err


async def test_somebody_who_is_not_retabli_cannot_be_asked(capsys: pytest.CaptureFixture[str]) -> None:
    async with daemon(()) as url:
        assert await run(f"{url}/elsewhere") == 3
    assert "404" in capsys.readouterr().err


@pytest.mark.parametrize(
    "url", ["nonsense://[", "", "ftp://a.example", "http://", "http://[::1", "http://[x", "http://x]y:1"]
)
def test_an_address_that_is_none_is_a_fault_of_whoever_typed_it(url: str) -> None:
    ended = typed("status", "--url", url)
    assert ended.code == 2
    assert "is no address such as http://127.0.0.1:9877" in ended.err


async def test_an_address_needs_no_scheme_and_its_password_is_shown_to_nobody(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with daemon([picture(flow("x"))]) as url:
        assert await run(url.removeprefix("http://")) == 0
        assert await run(url.replace("http://", "http://me:geheim@") + "/elsewhere") == 3
    assert "geheim" not in capsys.readouterr().err


ON_CALL = (
    picture(
        flow("taken", title=Words.same("Messagerie")),
        State.DROPPED,
        incident=Incident(
            "i",
            "dropped",
            NOW - 540,
            told={"duty": 0.0},
            acknowledged=Acknowledgement("Jeanne Martin", NOW - 60, "appel au partenaire en cours", NOW + 3600, 3600.0),
        ),
    ),
    picture(flow("untaken"), State.BREACHED, incident=Incident("j", "breached", NOW - 60)),
    picture(
        flow("quiet", title=Words.same("Sites web")),
        State.DOWN,
        silence=Silence("Karim\x1b[31m Benali", "mise à jour du proxy " * 4, NOW, NOW + 7200, 7200.0),
    ),
    picture(flow("waits"), State.DROPPED, because="taken", deferred="dropped"),
    picture(flow("slow"), State.DEGRADED, incident=Incident("k", "degraded", NOW - 60, told={"team": 0.0})),
)


async def test_who_was_called_who_took_it_what_waits_and_what_is_silenced_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with daemon(ON_CALL) as url:
        await run(url)
    out = capsys.readouterr().out
    assert not set(out) & set("\x1b\u202e")
    said = " ".join(out.split())
    for each in (
        "astreinte appelée il y a 9 min, prise en charge par Jeanne Martin jusqu'au 3 juil. à 11 h 00 (appel",
        "alerte sans canal, personne n'est prévenu, depuis 1 min, pas encore prise en charge",
        "en silence jusqu'au 3 juil. à 12 h 00, par Karim",
        "alerte retenue à cause de : Messagerie",
        "équipe avertie il y a 1 min",
    ):
        assert each in said, each
    assert said.count("pas encore prise en charge") == 1


def test_what_has_ended_by_the_clock_is_not_told_as_running() -> None:
    now = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)
    for until, taken, silenced in (("2026-11-25T18:00:00Z", False, False), ("2026-11-25T18:00:01Z", True, True)):
        said = {"by": "Jeanne", "until": until, "note": "", "why": "x"}
        flow = {"page": {"reason": "dropped", "channels": ["duty"], "acknowledged": said}, "silence": said}
        found = list(_on_call.lines(flow, {}, now, UTC, "en"))
        assert ("taken by Jeanne" in found[0]) is taken
        assert (len(found) == 2) is silenced


def test_an_older_daemon_says_less_and_nothing_is_made_up() -> None:
    now = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)
    page = {"reason": "dropped", "opened_at": "2026-11-25T17:30:00.000Z"}
    assert list(_on_call.lines({"page": page}, {}, now, UTC, "en")) == ["on-call paged 30\u00a0min ago"]
    assert list(_on_call.lines({}, {}, now, None, "en")) == []
    assert list(_on_call.lines({"page": None, "silence": None, "deferred": None}, {}, now, UTC, "fr")) == []
