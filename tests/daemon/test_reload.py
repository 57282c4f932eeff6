"""A reload is taken whole or refused whole, whatever our own machine lacks for it, and is called what it was."""

import asyncio
import errno
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest

from commands import _alerting, _daemon, _serving, _successor
from retabli.store import Store
from retabli.web.seams import Reloaded
from tests.daemon.inside import Inside
from tests.daemon.living import Life
from tests.faults.short_of_files import in_a_child, shortage
from tests.web.accounts import PASSWORDS, hash_of

FULL = OSError(errno.EMFILE, os.strerror(errno.EMFILE))
NO_THREAD = RuntimeError("can't start new thread")


class Living:
    """A daemon that is reloaded."""

    def __init__(self, life: Life, daemon: _daemon.Daemon) -> None:
        self.life, self.daemon = life, daemon

    def rewrite(self) -> None:
        """Another flow, channel, account and name: each would be seen if it alone were taken."""
        (self.life.folder / "karim.hash").write_text(hash_of(PASSWORDS["karim"]).line)
        text = self.life.config.read_text().replace("  port: {", "  other: {").replace("duty:", "night:")
        web = 'web: {url: "https://retabli.chu.example/", users: {karim: {role: admin, hash: {file: karim.hash}}}, '
        self.life.config.write_text(text.replace("web: {", web))

    async def reload(self) -> tuple[int, Any]:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(f"http://127.0.0.1:{self.life.port}/-/reload")
        return answer.status_code, answer.json()

    def taken(self) -> dict[str, list[str]]:
        """By what it goes on, in each of its parts."""
        daemon, alerting = self.daemon, self.daemon._alerting
        return {
            "configuration": list(daemon.configuration.flows),
            "watched": sorted({name.flow for name in daemon.scheduler._units} - {"own_link"}),
            "told by": list(alerting._drain.channels),
            "routed to": list(alerting._teller.channels),
            "let in": list(daemon.access.policy.accounts),
            "hosts": list(daemon._hosts),
        }

    def successful(self) -> float | None:
        return self.daemon.figures.registry.get_sample_value("retabli_config_last_reload_successful")

    def status(self) -> str:
        return self.daemon._service._status()

    def changes(self) -> list[tuple[str, str]]:
        with Store.read(self.life.folder / "state.db") as reader:
            rows = [row.data for row in reader.entries() if row.event == "config" and row.flow is None]
        return [(row["change"], row.get("first", "")) for row in rows]


@asynccontextmanager
async def living_in(life: Life) -> AsyncIterator[Living]:
    """Once it has begun, and answers."""
    inside = Inside(life)
    async with inside as daemon:
        await inside.began.wait()
        await daemon.web.up.wait()
        yield Living(life, daemon)


BEFORE = {
    "configuration": ["port"],
    "watched": ["port"],
    "told by": ["duty"],
    "routed to": ["duty"],
    "let in": [],
    "hosts": [],
}
AFTER = {
    "configuration": ["other"],
    "watched": ["other"],
    "told by": ["night"],
    "routed to": ["night"],
    "let in": ["karim"],
    "hosts": ["retabli.chu.example"],
}


def failing(error: Exception) -> Callable[..., Any]:
    def fails(*_: object, **__: object) -> None:
        raise error

    return fails


@pytest.mark.parametrize(
    ("place", "error", "said"),
    [
        ("load", NO_THREAD, "our own machine lacks something (can't start new thread): reload again"),
        ("load", MemoryError(), "our own machine lacks something (no memory is left): reload again"),
        ("load", KeyError("flows"), "a defect of Retabli (KeyError: 'flows')"),
        ("own link", FULL, "our own machine lacks something (Too many open files): reload again"),
        ("own link", PermissionError(13, "Permission denied", "/proc/net/route"), "/proc/net/route: Permission denied"),
        ("fingerprints", MemoryError(), "our own machine lacks something (no memory is left): reload again"),
        ("channels", MemoryError(), "our own machine lacks something (no memory is left): reload again"),
        ("pipeline", MemoryError(), "our own machine lacks something (no memory is left): reload again"),
    ],
)
async def test_a_reload_that_fails_is_refused_whole_and_said_to_be(
    life: Life,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    place: str,
    error: Exception,
    said: str,
) -> None:
    async with living_in(life) as living:
        places: dict[str, tuple[object, str]] = {
            "load": (living.daemon, "_load"),
            "own link": (_daemon, "own_link"),
            "fingerprints": (_successor, "fingerprint"),
            "channels": (_alerting, "build"),
            "pipeline": (living.daemon.pipeline, "adopt"),
        }
        assert living.taken() == BEFORE
        living.rewrite()
        with monkeypatch.context() as short:
            short.setattr(*places[place], failing(error))
            assert await living.reload() == (503, {"reloaded": False, "faults": [said]})
        assert living.taken() == BEFORE
        assert living.successful() == 0
        assert f"reload refused, the configuration of before goes on: {said} · " in living.status()
        assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == [
            f"not reloaded: {said}"
        ]
        assert [bool(record.exc_info) for record in caplog.records if record.levelno >= logging.ERROR] == [
            "lacks" not in said
        ]
        assert living.changes() == [("refused", said)]
        assert await living.reload() == (200, {"reloaded": True, "faults": []})
        assert living.taken() == AFTER
        assert living.successful() == 1
        assert "refused" not in living.status()


async def test_a_good_configuration_whose_files_we_cannot_open_is_not_called_a_faulty_one(life: Life) -> None:
    """It was refused with "cannot be read", and 400: whoever had changed it looked for what they had done wrong."""

    async def work() -> list[Any]:
        async with living_in(life) as living, httpx.AsyncClient(trust_env=False) as client:
            url = f"http://127.0.0.1:{life.port}/-/"
            await client.get(url + "ready")  # a connection that is open already can be spoken on
            living.rewrite()
            with shortage(0):
                lacking = await client.post(url + "reload")
            refused = living.taken() == BEFORE
            return [lacking.status_code, lacking.json()["faults"], refused, *await living.reload()]

    said = "our own machine lacks something (Too many open files): reload again"
    assert await in_a_child(work) == [503, [said], True, 200, {"reloaded": True, "faults": []}]


async def test_a_faulty_configuration_is_the_one_that_is_blamed(life: Life) -> None:
    async with living_in(life) as living:
        life.config.write_text(life.config.read_text().replace("kind: tcp", "kind: tpc"))
        status, answer = await living.reload()
        assert (status, answer["reloaded"], "did you mean" in answer["faults"][0]) == (400, False, True)


async def test_a_page_after_a_refused_reload_goes_by_the_channels_of_before(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living_in(life) as living:
        await life.until_state("restored")
        living.rewrite()
        adopt = living.daemon.pipeline.adopt

        async def lacking(*_: object) -> None:
            await asyncio.sleep(0.1)  # the drain has closed the channels of before
            raise MemoryError

        monkeypatch.setattr(living.daemon.pipeline, "adopt", lacking)
        assert (await living.reload())[0] == 503
        monkeypatch.setattr(living.daemon.pipeline, "adopt", adopt)
        await life.watched.stop()
        assert await life.hook.told(1) == ["firing"]
    with Store.read(life.folder / "state.db") as reader:
        assert [row.data["channel"] for row in reader.entries() if row.event == "told"] == ["duty"]
        assert not [row for row in reader.entries() if row.event == "aside"]


async def test_what_could_not_be_finished_is_never_called_a_success_and_the_next_reload_finishes_it(
    life: Life, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The change is remembered when the beats are changed: there is no way back from there."""
    async with living_in(life) as living:
        life.config.write_text(life.config.read_text().replace("  port: {", "  other: {"))
        said = (
            "not all of it is taken up, reload again: our own machine lacks something (no memory is left): reload again"
        )
        with monkeypatch.context() as short:
            short.setattr(living.daemon.scheduler, "adopt", failing(MemoryError()))
            assert await living.reload() == (503, {"reloaded": False, "faults": [said]})
        assert living.successful() == 0
        assert "reload not finished, reload again: " in living.status()
        assert [record.levelno for record in caplog.records if record.levelno >= logging.ERROR] == [logging.CRITICAL]
        assert await living.reload() == (200, {"reloaded": True, "faults": []})
        assert living.taken() == {**BEFORE, "configuration": ["other"], "watched": ["other"]}
        assert living.successful() == 1


async def test_the_report_of_a_moment_is_read_where_the_log_is_though_a_reload_names_another_place(life: Life) -> None:
    async with living_in(life) as living:
        restored = (await life.until_state("restored"))["restored_at"]
        life.config.write_text(life.config.read_text().replace("state: state.db", "state: elsewhere/state.db"))
        assert (await living.reload())[0] == 200
        report = await life.answer(f"/report?format=txt&at={restored}")
        assert (report.status_code, "Port" in report.text) == (200, True)


async def test_a_hangup_whose_reload_breaks_off_is_told_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stop, told = asyncio.Event(), asyncio.Event()

    async def reload() -> Reloaded:
        told.set()
        raise MemoryError

    async def run(stop: asyncio.Event, **_: object) -> None:
        await stop.wait()

    machine = SimpleNamespace(lacks=lambda _: None)
    daemon = SimpleNamespace(machine=machine, can_reload=True, reload=reload, run=run)
    monkeypatch.setattr(_serving, "raise_open_files", lambda: None)
    running = asyncio.create_task(_serving.serve(cast("Any", daemon), stop, lambda _: None))
    os.kill(os.getpid(), signal.SIGHUP)
    await told.wait()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    stop.set()
    await running
    assert [(record.name, record.message) for record in caplog.records] == [
        ("retabli", "a reload broke off: MemoryError")
    ]
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().remove_signal_handler(number)
