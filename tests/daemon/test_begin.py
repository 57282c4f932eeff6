"""How a daemon begins: with every open file it may have, deaf to nothing, and looking where it looked before."""

import asyncio
import gc
import resource
import signal
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from commands._garbage import settle, stand_by
from commands._open_files import raise_open_files, warn_of_open_files
from config.loading import load
from retabli.model.record import Event
from retabli.net import link
from retabli.store import Store, Which
from retabli.store.facts import LogRow
from retabli.web.logbook import logged
from retabli.web.seams import Reloaded
from tests.daemon.inside import Inside
from tests.daemon.living import Life, Post
from tests.entrance import ENTRANCE
from tests.view.pictures import NOW
from tests.web.serving import serving


def test_the_collector_leaves_alone_what_stands_and_finds_what_a_reload_replaced() -> None:
    class Old:
        pass

    try:
        stand_by()
        assert not gc.isenabled()
        old = Old()
        old.itself = old  # type: ignore[attr-defined]
        settle()
        assert gc.isenabled()
        assert gc.get_freeze_count() > 1000
        replaced = weakref.ref(old)
        del old
        gc.collect()
        assert replaced() is not None  # frozen: not looked at
        settle()
        assert replaced() is None
    finally:
        gc.unfreeze()
        gc.enable()


async def test_what_is_read_is_taken_for_lasting_once_probing_has_begun_and_after_each_reload(life: Life) -> None:
    settled: list[int] = []
    inside = Inside(life, settled=lambda: settled.append(len(inside.daemon.scheduler._units)))
    async with inside as daemon:
        await inside.began.wait()
        assert len(settled) == 1
        await daemon.reload()
        assert len(settled) == 2
        assert all(settled)


def test_as_many_files_are_opened_as_may_be() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, hard), hard))
    try:
        raise_open_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_more_probes_than_there_may_be_open_files_are_told_of(caplog: pytest.LogCaptureFixture) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, limits[1]))
    try:
        warn_of_open_files(384)
        assert caplog.messages == []
        warn_of_open_files(385)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    (said,) = caplog.messages
    assert said.startswith("385 probes may need 513 open files at once, and this daemon may have 512")


async def test_a_reload_that_is_asked_for_during_the_start_forgets_no_standing(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Inside(life):
        restored = (await life.until_state("restored"))["restored_at"]
    inside = Inside(life)
    entries = inside.daemon.store.entries

    async def slowly(**what: Any) -> Any:
        await asyncio.sleep(0.3)
        return await entries(**what)

    monkeypatch.setattr(inside.daemon.store, "entries", slowly)
    async with inside as daemon:
        await asyncio.sleep(0)  # it has begun to begin
        reload = asyncio.create_task(daemon.reload())
        await inside.began.wait()
        assert await reload == Reloaded()
        assert (await life.until_state("restored"))["restored_at"] == restored
    assert changes(life, "port") == ["added"]


async def test_a_daemon_that_is_told_to_reload_before_it_can_lives_on_and_reloads(life: Life) -> None:
    life.process = await asyncio.create_subprocess_exec(
        *ENTRANCE, "run", "--config", str(life.config), stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(10):
        while not hangup_waits(life.process.pid):
            await asyncio.sleep(0.002)
    life.process.send_signal(signal.SIGHUP)
    await life.until_state("restored")
    async with asyncio.timeout(10):
        while "reloaded" not in changes(life):
            await asyncio.sleep(0.05)
    assert await life.end(signal.SIGTERM) == 0


async def test_a_lost_default_route_does_not_make_a_reload_or_a_restart_look_away_from_our_own_link(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "gateways", lambda: (link.Gateway("lo", None),))
    async with Inside(life) as daemon:
        await life.until_state("restored")
        monkeypatch.setattr(link, "gateways", tuple)
        await daemon.reload()
        assert "own_link" in daemon.view.pictures
    async with Inside(life) as daemon:
        await life.until_state("restored")
        assert "own_link" in daemon.view.pictures
    assert "removed" not in changes(life)


async def test_a_machine_that_never_had_a_default_route_has_no_link_to_watch(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "gateways", tuple)
    async with Inside(life) as daemon:
        await life.until_state("restored")
        assert list(daemon.view.pictures) == ["port"]


async def test_a_page_to_a_new_channel_goes_there_though_the_reload_that_brought_it_takes_its_time(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old channel takes nothing any more, which is why there is a new one."""
    new = Post()
    async with Inside(life) as daemon:
        await life.until_state("restored")
        await new.start()
        await life.hook.stop()
        adopt = daemon.scheduler.adopt

        async def dropped_meanwhile(units: Any) -> None:
            await life.watched.stop()
            await life.until_state("dropped")
            await asyncio.sleep(0.2)  # the drain looks at it
            await adopt(units)

        monkeypatch.setattr(daemon.scheduler, "adopt", dropped_meanwhile)
        channel = load(life.config).channels["duty"].model_copy(update={"url": f"http://127.0.0.1:{new.port}/"})
        fresh = replace(daemon.configuration, channels={"night": channel})
        monkeypatch.setattr(daemon, "_load", lambda: fresh)
        assert await daemon.reload() == Reloaded()
        assert await new.told(1) == ["firing"]
    await new.stop()
    with Store.read(life.folder / "state.db") as reader:
        assert not [row for row in reader.entries() if row.event == "aside"]


def changes(life: Life, flow: str | None = None) -> list[str]:
    with Store.read(life.folder / "state.db") as reader:
        return [row.data["change"] for row in reader.entries(Which(flow=flow)) if "change" in row.data]


def hangup_waits(process: int) -> bool:
    """Whether SIGHUP, the first signal of the kernel's mask, is blocked in this process (proc(5))."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return any(int(line.split()[1], 16) & 1 for line in lines if line.startswith("SigBlk"))


async def test_a_row_that_a_later_version_wrote_is_shown_by_its_name_after_the_step_back() -> None:
    row = LogRow(7, NOW, "of_tomorrow", "mail-in", {"by": "Jeanne", "rung": 3}, "")
    async with serving() as served:
        served.view.fill([logged(row)])
        assert "of_tomorrow — by=Jeanne; rung=3" in (await served.client.get("/log")).text
        entries = (await served.client.get("/api/v1/log?flow=mail-in&limit=9")).json()["entries"]
    assert [each["event"] for each in entries if each["number"] == 7] == ["of_tomorrow"]
    known = logged(LogRow(8, NOW, "state", None, {}, ""))
    assert known.entry.event is Event.STATE


async def test_the_pages_are_reached_by_the_name_that_the_configuration_says(life: Life) -> None:
    life.config.write_text(life.config.read_text().replace("web: {", 'web: {url: "https://retabli.chu.example/", '))
    async with Inside(life) as daemon:
        assert daemon._hosts == ["retabli.chu.example"]
