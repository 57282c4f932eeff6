"""`status --watch`: on a terminal, for a pipe, and through the daemon's own troubles."""

import asyncio
import json
import shlex
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from retabli.model.states import State
from retabli.model.words import Words
from retabli.view import View
from retabli.web import Web, build
from tests.commands.screens import typed
from tests.entrance import ENTRANCE
from tests.view.pictures import NOW, flow, picture
from tests.web.hospital import SITE, outlets

pytestmark = pytest.mark.timeout(60)


@dataclass
class Daemon:
    """A view that can be changed, and whose server can go and come back at the same port."""

    view: View
    port: int = 0
    web: Web | None = None
    task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def show(self, state: State, id_: str = "mail", *, since: float = NOW - 3600) -> None:
        self.view.show(picture(flow(id_, title=Words.same(f"Flux {id_}")), state, since=since), None, None)

    async def start(self) -> None:
        _, metrics = outlets()
        self.web = Web(build(self.view, metrics), "127.0.0.1", self.port)
        self.port = int(self.web.bind().rpartition(":")[2])
        self.task = asyncio.create_task(self.web.run())
        await self.web.up.wait()

    async def stop(self) -> None:
        assert self.task is not None
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@asynccontextmanager
async def running(state: State = State.RESTORED) -> AsyncIterator[Daemon]:
    daemon = Daemon(View(SITE, wall=lambda: NOW))
    daemon.show(state)
    await daemon.start()
    try:
        yield daemon
    finally:
        await daemon.stop()


@asynccontextmanager
async def piped(*words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(*ENTRANCE, "status", "--watch", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line(stream: asyncio.StreamReader | None) -> str:
    assert stream is not None
    async with asyncio.timeout(20):
        return (await stream.readline()).decode().removesuffix("\n")


async def test_it_shows_each_change_on_the_other_screen_and_leaves_the_first_as_it_was() -> None:
    async with running() as daemon, typed("status", "--url", daemon.url, "--watch") as terminal:
        await terminal.shows("● rétabli")
        began = terminal.screen.other
        assert began
        daemon.show(State.DROPPED)
        await terminal.shows("▼ retombé")
        assert await terminal.ends(signal.SIGINT) == 1
        assert terminal.screen.cleared == 0, "what is cleared flickers"
        assert not terminal.screen.other
        assert terminal.screen.scrolled == []
        assert terminal.screen.text.splitlines()[1] == "□ 0 flux rétabli sur 1 · ▼ 1 retombé"
        assert terminal.written.rfind("\x1b[?25h") > terminal.written.rfind("\x1b[?25l"), "the cursor is back"


async def test_a_daemon_that_goes_away_is_said_with_the_age_of_what_is_shown_and_its_return_mends_it() -> None:
    async with running() as daemon, typed("status", "--url", daemon.url, "--watch") as terminal:
        daemon.show(State.RESTORED, since=NOW - 30)
        await terminal.shows("31 s")
        await daemon.stop()
        said = await terminal.shows("Connexion perdue, données d'il y a 4 s")
        assert f"{daemon.url} cannot be reached: Connection refused; is the daemon running there?" in " ".join(
            said.split()
        )
        assert "● rétabli" in said, "what was known stays to be read"
        assert "  30 s" in said, "of what is lost no time passes"
        green, old = "\x1b[32m● rétabli", terminal.written.partition("Connexion perdue")
        assert green in old[0]
        assert green not in old[2], "and nothing of it is green"
        daemon.show(State.DROPPED)
        await daemon.start()
        assert "Connexion perdue" not in await terminal.shows("▼ retombé")
        await daemon.stop()
        await terminal.shows("Connexion perdue")
        assert await terminal.ends(signal.SIGINT) == 3
        await daemon.start()


async def test_it_waits_for_a_daemon_that_is_not_there_yet() -> None:
    async with running() as daemon:
        await daemon.stop()
        async with typed("status", "--url", daemon.url, "--watch", "--lang", "fr") as terminal:
            await terminal.shows("Pas encore de réponse")
            await daemon.start()
            await terminal.shows("● rétabli")
            assert await terminal.ends(signal.SIGTERM) == 0


async def test_a_screen_of_another_size_is_filled_anew() -> None:
    async with running() as daemon:
        for number in range(40):
            daemon.show(State.DROPPED, f"f{number}")
        async with typed("status", "--url", daemon.url, "--watch") as terminal:
            await terminal.shows("… et encore ")
            terminal.resize(40, 12)
            said = await terminal.shows("  retombé · 0/7 · 1 h 00")
            assert max(map(len, said.splitlines())) <= 40
            assert "… et encore " in said.splitlines()[-1]
            terminal.resize(100, 70)
            assert "… et encore" not in await terminal.shows("f39")
            assert await terminal.ends(signal.SIGINT) == 1


async def test_as_json_it_is_a_line_for_each_flow_and_then_for_each_change_of_one() -> None:
    async with running() as daemon, piped("--url", daemon.url, "--json") as process:
        first = json.loads(await line(process.stdout))
        assert (first["id"], first["state"], first["generated_at"]) == ("mail", "restored", "2023-07-03T08:00:00.000Z")
        daemon.show(State.DROPPED)
        assert json.loads(await line(process.stdout))["state"] == "dropped"
        daemon.show(State.UNKNOWN, "other")
        assert json.loads(await line(process.stdout))["id"] == "other"
        daemon.view.forget("mail")
        assert json.loads(await line(process.stdout)) == {
            "generated_at": "2023-07-03T08:00:00.000Z",
            "id": "mail",
            "gone": True,
        }
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 4


async def test_piped_it_is_the_whole_and_then_a_line_with_its_time_for_each_change() -> None:
    async with running() as daemon, piped("--url", daemon.url) as process:
        while not (await line(process.stdout)).startswith("● rétabli  mail  Flux mail"):
            pass
        daemon.show(State.DROPPED)
        assert await line(process.stdout) == "10:00:00  ▼ retombé  mail  Flux mail  0/7  1 h 00"
        await daemon.stop()
        assert await line(process.stderr) == (
            f"retabli status: {daemon.url} cannot be reached: Connection refused; is the daemon running there?; "
            "trying again"
        )
        await daemon.start()
        assert await line(process.stderr) == "retabli status: it answers again"
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 1


async def test_a_reader_who_has_gone_ends_it_without_a_word() -> None:
    async with running() as daemon:
        process = await asyncio.create_subprocess_shell(
            f"{shlex.join(ENTRANCE)} status --url {daemon.url} --watch --json | head -1",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert json.loads(await line(process.stdout))["id"] == "mail"
        daemon.show(State.DROPPED)
        async with asyncio.timeout(20):
            out, err = await process.communicate()
        assert (out, err) == (b"", b"")
