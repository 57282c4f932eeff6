"""`retabli silence` against a real server, and against a daemon of its own: what it says, and how it ends."""

import argparse
import asyncio
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from commands import Refused, silence
from commands._asking import person
from commands._moments import parse_until
from tests.commands.daemons import living, told
from tests.web.serving import serving

PARIS = ZoneInfo("Europe/Paris")


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    silence.add_arguments(parser)
    return parser.parse_args(words)


async def run(url: str, *words: str) -> int:
    return await asyncio.to_thread(silence.main, arguments(*words, "--url", url))


async def refused(url: str, *words: str) -> tuple[int, Sequence[str]]:
    with pytest.raises(Refused) as refusal:
        await run(url, *words)
    return refusal.value.code, refusal.value.lines


async def test_a_silence_begins_and_is_ended_in_the_site_s_language_and_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with serving(desk=True) as served:
        url = served.web.url
        assert await run(url, "mail-in", "--until", "2h", "--by", "Karim", "--why", "bascule du relais") == 0
        said = capsys.readouterr().out
        assert max(map(len, said.splitlines())) <= 80
        assert " ".join(said.split()).startswith(
            "Messagerie : réception : en silence jusqu'au 3 juil. à 12 h 00, par Karim"
        )
        assert "Les sondes continuent." in said
        assert served.view.pictures["mail-in"].standing.silence is not None
        assert await run(url, "mail-in", "--end", "--by", "Jeanne") == 0
        assert "fin du silence, levé par Jeanne" in capsys.readouterr().out
        assert served.view.pictures["mail-in"].standing.silence is None


async def test_an_hour_of_the_day_is_the_next_one_at_the_site(capsys: pytest.CaptureFixture[str]) -> None:
    async with serving(desk=True) as served:
        for clock in ("18:30", "09:00"):
            await run(served.web.url, "mail-in", "--until", clock, "--by", "Karim", "--why", "x")
        ends = [datetime.fromtimestamp(fields["until"], PARIS) for _, fields in served.board.heard]
    assert [end.strftime("%m-%d %H:%M") for end in ends] == ["07-03 18:30", "07-04 09:00"]


async def test_as_json_it_is_the_flow_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    async with serving(desk=True) as served:
        await run(served.web.url, "mail-in", "--until", "2h", "--by", "Karim", "--why", "x", "--json")
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert json.loads(said)["silence"]["until"] == "2023-07-03T10:00:00.000Z"


async def test_what_cannot_be_done_ends_with_its_own_code_and_a_sentence() -> None:
    async with serving(desk=True) as served:
        url = served.web.url
        more = ("--by", "Karim", "--why", "x")
        assert await refused(url, "mail-inn", "--until", "2h", *more) == (
            2,
            ('there is no flow "mail-inn" (did you mean "mail-in"?)',),
        )
        assert await refused(url, "mail-in", "--end", "--by", "Karim") == (1, ("this flow is not silenced",))
        assert (await refused(url, "mail-in", "--until", "2001-01-01", *more))[0] == 1
        assert (await refused(url, "mail-in", "--until", "soon", *more))[0] == 2
        assert (await refused(url, "mail-in", "--until", "2h", "--by", "Karim"))[0] == 2, "why?"
        assert (await refused(url, "mail-in", "--end", "--by", "Karim", "--why", "x"))[0] == 2
        assert (await refused(url, "mail-in", "--until", "2h", "--by", " ", "--why", "x"))[0] == 2
        code, lines = await refused(url, "mail-in", "--until", "2h", "--by", "K" * 81, "--why", "x" * 301)
        assert (code, lines) == (2, ("by is longer than 80 characters", "why is longer than 300 characters"))
        assert (await refused(f"{url}/elsewhere", "mail-in", "--until", "2h", *more))[0] == 3
    assert (await refused(url, "mail-in", "--until", "2h", *more))[0] == 3


async def test_a_daemon_that_hears_nobody_is_told_of() -> None:
    async with serving() as served:
        code, lines = await refused(served.web.url, "mail-in", "--until", "2h", "--by", "Karim", "--why", "x")
    assert code == 2
    assert len(lines) == 1


def test_an_end_is_a_duration_an_hour_or_an_instant() -> None:
    now = datetime(2026, 10, 24, 21, 0, tzinfo=UTC)  # 23:00 in Paris, an hour before the clocks go back
    for text, found in (
        ("2h", "2h"),
        ("1h30m", "1h30m"),
        ("8:00", "2026-10-25T08:00:00+01:00"),
        ("23:30", "2026-10-24T23:30:00+02:00"),
        ("23:00", "2026-10-25T23:00:00+01:00"),
        ("2026-10-26T08:00", "2026-10-26T08:00:00+01:00"),
        ("2026-10-26T08:00:00Z", "2026-10-26T08:00:00+00:00"),
    ):
        assert parse_until("--until", text, now, PARIS) == found
    for wrong in ("soon", "24:00", "12:60", "-2h", "", "٢:٠٠"):
        with pytest.raises(Refused, match="--until"):
            parse_until("--until", wrong, now, PARIS)


def test_where_the_daemon_does_not_say_the_site_s_zone_the_machine_s_own_is_meant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before_the_change = datetime(2026, 10, 24, 21, 0, tzinfo=UTC)
    monkeypatch.setenv("TZ", "Europe/Paris")
    time.tzset()
    try:
        for text, found in (("8:00", "2026-10-25T08:00:00+01:00"), ("2026-10-24T08:00", "2026-10-24T08:00:00+02:00")):
            assert parse_until("--until", text, before_the_change, None) == found
    finally:
        monkeypatch.undo()
        time.tzset()


def test_who_says_so_is_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    import pwd

    people = {"jeanne": 1000, "root": 0, "postfix": 105, "nobody": 65534}

    def login(name: str) -> object:
        return pwd.struct_passwd((name, "", people[name], 0, "", "", ""))

    monkeypatch.setattr(pwd, "getpwnam", login)
    monkeypatch.setattr(pwd, "getpwuid", lambda _: login("root"))
    assert person("Jeanne Martin") == "Jeanne Martin"
    monkeypatch.setenv("SUDO_USER", "jeanne")
    assert person(None) == "jeanne"
    for name in ("root", "postfix", "nobody", "gone"):
        monkeypatch.setenv("SUDO_USER", name)
        with pytest.raises(Refused, match="--by is needed"):
            person(None)
    monkeypatch.delenv("SUDO_USER")
    with pytest.raises(Refused, match="--by is needed"):
        person(None)


async def test_a_daemon_of_its_own_keeps_quiet_during_the_silence_and_pages_when_it_is_lifted(tmp_path: Path) -> None:
    async with living(tmp_path) as life:
        await life.watched.start()
        await life.until_state("restored")
        command = ("silence", "port", "--url", f"http://127.0.0.1:{life.port}")
        code, out, err = await life.command(*command, "--until", "1h", "--by", "Karim", "--why", "new switch")
        assert (code, err) == (0, "")
        assert out.startswith("Port: silenced until ")
        await life.watched.stop()
        flow = await life.until(lambda flow: flow["state"] == "dropped" and flow["deferred"] == "dropped")
        assert (flow["page"], flow["silence"]["by"], life.hook.bodies) == (None, "Karim", [])
        _, status, _ = await life.command("status", "--url", f"http://127.0.0.1:{life.port}")
        assert "page held back until the silence ends" in status
        assert "by Karim: new switch" in status

        code, out, _ = await life.command(*command, "--end", "--by", "Jeanne")
        assert (code, out) == (0, "Port: silence over, lifted by Jeanne\n")
        assert await life.hook.told(1) == ["firing"]
        assert (await life.command(*command, "--end", "--by", "Jeanne"))[::2] == (1, "this flow is not silenced\n")
        rows = await told(life)
        assert [row for row in rows if "silence" in row.split()[3:4]] == [
            row for row in rows if "new switch" in row or "lifted by Jeanne" in row
        ]
        assert any("deferred" in row and "silenced by Karim" in row for row in rows)
