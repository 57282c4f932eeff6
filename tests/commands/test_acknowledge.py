"""`retabli acknowledge` against a real server, and against a daemon of its own."""

import argparse
import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from commands import Refused, acknowledge
from tests.commands.daemons import living, told
from tests.web.serving import serving


async def run(url: str, *words: str) -> int:
    parser = argparse.ArgumentParser()
    acknowledge.add_arguments(parser)
    return await asyncio.to_thread(acknowledge.main, parser.parse_args([*words, "--url", url]))


async def refused(url: str, *words: str) -> tuple[int, Sequence[str]]:
    with pytest.raises(Refused) as refusal:
        await run(url, *words)
    return refusal.value.code, refusal.value.lines


async def test_a_page_is_taken_with_a_note_until_a_moment(capsys: pytest.CaptureFixture[str]) -> None:
    async with serving(desk=True) as served:
        words = ("mail-in", "--by", "Jeanne Martin", "--note", "appel au partenaire", "--until", "18:30")
        assert await run(served.web.url, *words) == 0
        said = capsys.readouterr().out
        assert max(map(len, said.splitlines())) <= 80
        assert " ".join(said.split()) == (
            "Messagerie : réception : alerte prise en charge par Jeanne Martin jusqu'au 3 juil. à 18 h 30"
        )
        [(_, fields)] = served.board.heard
        assert (fields["by"], fields["note"]) == ("Jeanne Martin", "appel au partenaire")
        await run(served.web.url, "mail-in", "--by", "Karim", "--json")
    taken = json.loads(capsys.readouterr().out)["page"]["acknowledged"]
    assert (taken["by"], taken["until"]) == ("Karim", None)


async def test_what_cannot_be_done_ends_with_its_own_code_and_a_sentence() -> None:
    async with serving(desk=True) as served:
        url = served.web.url
        assert await refused(url, "mail-out", "--by", "Jeanne") == (1, ("no page of this flow is open",))
        assert (await refused(url, "mail", "--by", "Jeanne"))[0] == 2
        assert (await refused(url, "mail-in", "--by", "Jeanne", "--until", "later"))[0] == 2
        assert (await refused(url, "mail-in", "--by", "Jeanne", "--note", "x" * 401))[0] == 2
    assert (await refused(url, "mail-in", "--by", "Jeanne"))[0] == 3


async def test_what_a_remote_says_does_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    async with serving(desk=True) as served:
        await run(served.web.url, "mail-in", "--by", "J\x1b[31m\u202eeanne")
    assert not set(capsys.readouterr().out) & set("\x1b\u202e")


async def test_the_page_of_a_daemon_of_its_own_is_taken_and_stands_in_the_log(tmp_path: Path) -> None:
    async with living(tmp_path) as life:
        await life.watched.start()
        await life.until_state("restored")
        await life.watched.stop()
        await life.hook.told(1)
        url = ("--url", f"http://127.0.0.1:{life.port}")
        _, status, _ = await life.command("status", *url)
        assert "on-call paged" in status
        assert "not taken yet" in status
        code, out, err = await life.command("acknowledge", "port", *url, "--by", "Jeanne", "--note", "on my way")
        assert (code, out, err) == (0, "Port: page taken by Jeanne\n", "")
        flow = await life.until(lambda flow: True)
        assert flow["page"]["acknowledged"]["by"] == "Jeanne"
        _, status, _ = await life.command("status", *url)
        assert "taken by Jeanne (on my way)" in status
        assert any("acknowledged" in row and "by Jeanne (dropped) – on my way" in row for row in await told(life))
        await life.watched.start()
        assert await life.hook.told(2) == ["firing", "resolved"], "its end is told all the same"
        await life.until_state("restored")
        code, _, err = await life.command("acknowledge", "port", *url, "--by", "Jeanne")
        assert (code, err.count("\n")) == (1, 1)
