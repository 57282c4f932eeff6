"""`retabli status` against a real server on loopback: what it prints, and how it ends."""

import argparse
import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from commands import _on_call, status
from retabli.model.record import Acknowledgement, FlowPicture, Incident, Silence
from retabli.model.result import Outcome
from retabli.model.states import Intent, State
from retabli.model.words import Words
from retabli.view import Site, View
from retabli.web import Web, build
from tests.view.pictures import NOW, Containment, Smtp, flow, picture, result
from tests.web.hospital import SITE, outlets, pictures

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def daemon(shown: Sequence[FlowPicture], site: Site = SITE) -> AsyncIterator[str]:
    _, metrics = outlets()
    view = View(site, wall=lambda: NOW)
    for each in shown:
        view.show(each, None, None)
    web = Web(build(view, metrics), "127.0.0.1", 0, leaving=view.close)
    url = web.bind()
    task = asyncio.create_task(web.run())
    await web.up.wait()
    try:
        yield url
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


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


async def test_piped_it_is_plain_and_no_line_is_longer_than_eighty(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    long = flow("long", title=Words.same("Un titre bien plus long que ce qu'une ligne de terminal peut montrer, hélas"))
    fell = result(Smtp(), Outcome.FAILED, fell=3, detail="x" * 300)
    async with daemon([*pictures(), picture(long, State.DROPPED, [fell])]) as url:
        await run(url)
    said = capsys.readouterr().out
    lines = said.splitlines()
    assert "\x1b" not in said
    assert max(map(len, lines[2:])) <= 80
    flows = [line for line in lines[2:] if not line.startswith(" ")]
    assert len(flows) == len(pictures()) + 1, "one line a flow, and causes below"
    assert any("retombé" in line and "Messagerie : réception" in line and "8/11" in line for line in flows)
    assert any("isolement rompu" in line for line in flows)
    assert lines[0].startswith("CHU de Rennes (vu de l'intérieur) · 1\u00a0isolement\u00a0rompu · 2\u00a0retombés")


async def test_the_cause_is_in_words_beside_the_flow_or_below_it_and_never_cut(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fell = result(Smtp(), Outcome.FAILED, fell=1)
    title = Words("Messagerie : émission vers l'extérieur", "Outbound mail")
    shown = [picture(flow("out", title=title), State.DROPPED, [fell])]
    cause = "connexion : connexion refusée (partenaire en panne)"
    for columns, lines in ((60, 3), (80, 2), (160, 1)):
        monkeypatch.setenv("COLUMNS", str(columns))
        async with daemon(shown) as url:
            await run(url)
        said = capsys.readouterr().out.splitlines()[2:]
        assert len(said) == lines, columns
        assert cause in " ".join(" ".join(said).split()), columns
        assert title.fr in said[0] or columns == 60


async def test_what_explains_a_flow_is_named_by_its_title(capsys: pytest.CaptureFixture[str]) -> None:
    parent = flow("proxy", title=Words.same("Proxy web"))
    async with daemon([picture(parent, State.DROPPED), picture(flow("x"), State.UNKNOWN, because="proxy")]) as url:
        await run(url)
    assert "expliqué par\u00a0: Proxy web" in capsys.readouterr().out


async def test_the_site_s_language_is_spoken(capsys: pytest.CaptureFixture[str]) -> None:
    english = Site("Hospital", "en", UTC, "inside")
    async with daemon([picture(flow("x"), State.DROPPED)], english) as url:
        await run(url)
    assert capsys.readouterr().out.startswith("Hospital (seen from inside) · 1\u00a0dropped")


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
    assert await run("nonsense://[") == 3
    assert await run("") == 3


async def test_watch_looks_again_until_it_is_interrupted() -> None:
    code = (
        "import argparse, sys; from commands import status; p = argparse.ArgumentParser(); status.add_arguments(p); "
        "status.WATCH = 0.05; sys.exit(status.main(p.parse_args()))"
    )
    async with daemon(pictures()) as url:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-c", code, "--url", url, "--watch", "--json"),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            limit=2**20,
        )
        assert process.stdout is not None
        looks = [await process.stdout.readline() for _ in range(3)]
        process.send_signal(2)
        await process.stdout.read()
        assert await process.wait() == 1
    assert all(json.loads(look)["flows"] for look in looks)


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


async def test_who_was_called_who_took_it_what_waits_and_what_is_silenced_stand_below_the_flow(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    async with daemon(ON_CALL) as url:
        await run(url)
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines()[2:])) <= 80
    assert not set(out) & set("\x1b\u202e")
    said = " ".join(out.split())
    for each in (
        "astreinte appelée il y a 9 min, prise en charge par Jeanne Martin jusqu'au 3 juil. à 11 h 00 (appel",
        "alerte sans canal, personne n'est prévenu il y a 1 min, pas encore prise en charge",
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
