"""What pages ask of the whole log: the report of any moment."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from commands._records import AT_ONCE, Records
from retabli.model.record import Entry, Event
from retabli.model.states import State
from retabli.store import Store
from retabli.view import View
from tests.store.making import commit
from tests.view.pictures import NOW, Smtp, flow, picture
from tests.web.hospital import SITE, outlets

FLOWS = {"mail": flow("mail", probes={"p": Smtp()})}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = Store.open(tmp_path / "state.db")
    yield opened
    await opened.close()


def records(store: Store) -> Records:
    configuration = cast("Any", SimpleNamespace(flows=FLOWS))
    return Records(outlets(SITE)[0], store, lambda: configuration)


def moved(at: float, was: str, now: str) -> Entry:
    return Entry(NOW + at, Event.STATE, "mail", {"was": was, "now": now})


async def test_the_report_of_any_moment_and_of_what_has_changed_since_another(store: Store) -> None:
    entries = [
        Entry(NOW, Event.START, None, {}),
        moved(60, "unknown", "down"),
        moved(120, "recovering", "restored"),
        moved(180, "restored", "dropped"),
    ]
    await commit(store, entries=entries)

    async def told(at: float, since: float | None = None) -> str:
        text = await records(store).report(
            language="en", form="txt", public=False, at=NOW + at, since=None if since is None else NOW + since
        )
        return " ".join(text.split())

    assert "mail — Does not work yet." in await told(90)
    assert "mail — Works since 3 July at 10:02." in await told(150)
    assert "Works now — mail." in await told(150, since=90)
    assert "Does not work any more — mail." in await told(200, since=150)
    for at, since in ((1e12, None), (90.0, 90.0), (90.0, 91.0)):
        with pytest.raises(LookupError):
            await told(at, since)


async def test_what_was_taken_out_of_the_configuration_since_then_is_told_now_and_of_then(store: Store) -> None:
    now = time.time()
    removed = Entry(now - 60, Event.CONFIG, "labs", {"change": "removed", "state": "dropped"})
    entries = [Entry(now - 600, Event.STATE, "labs", {"was": "restored", "now": "dropped"}), removed]
    await commit(store, entries=entries)
    view = View(SITE, wall=lambda: now)
    view.show(picture(FLOWS["mail"], State.RESTORED), None, None)
    asked = Records(view, store, lambda: cast("Any", SimpleNamespace(flows=FLOWS)))
    for at in (None, now - 30):
        for since, told in ((now - 90, True), (now - 45, False), (None, False)):
            text = await asked.report(language="en", form="txt", public=False, at=at, since=since)
            said = "No longer watched — labs (when last measured, it did not work any more)."
            assert (said in " ".join(text.split())) == told


async def test_a_moment_of_a_replay_is_told_in_the_times_that_are_shown(store: Store) -> None:
    await commit(store, entries=[Entry(NOW, Event.START, None, {}), moved(60, "recovering", "restored")])
    configuration = cast("Any", SimpleNamespace(flows=FLOWS))
    view = View(SITE, stamp=lambda wall: wall - 10 * 86_400, wall=lambda: NOW + 600)
    text = await Records(view, store, lambda: configuration).report(
        language="en", form="md", public=False, at=NOW + 120
    )
    assert "Friday 23 June 2023 at 10:02" in text
    assert "Works since 23 June at 10:01." in text
    assert "July" not in text


async def test_reads_that_nobody_waits_for_any_more_hold_no_thread_of_the_probes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, threads = threading.Event(), set[str]()

    def read(self: Records, replayed: object) -> None:
        threads.add(threading.current_thread().name)
        go_on.wait(10)

    monkeypatch.setattr(Records, "_on_disk", read)
    asked = records(store)
    for _ in range(20):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await asked.report(language="en", form="txt", public=False, at=NOW)
    assert len(threads) == AT_ONCE
    assert all(name.startswith("report") for name in threads)
    go_on.set()
