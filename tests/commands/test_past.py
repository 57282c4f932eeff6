"""The runs that pages ask for are read beside the loop, and a slow disk or a broken state keeps nobody waiting."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from commands import _past
from commands._past import KeptRuns
from retabli.model.flow import UnitName
from retabli.store import Reader, Store
from retabli.web import HistoryUnreadable
from tests.store.making import UNIT, commit, result


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[Path]:
    store = Store.open(tmp_path / "state.db")
    for number in range(10):
        store.keep(UNIT, {}, {}, result(float(number)))
    await commit(store)
    yield tmp_path / "state.db"
    await store.close()


async def test_what_a_running_daemon_has_written_is_read(state: Path) -> None:
    kept = KeptRuns(state)
    past = await kept.past("mail-out", each=3)
    assert [run.at for run in past.runs[UnitName("mail-out", "loop")]] == [9.0, 8.0, 7.0]
    assert [run["at"] for run in await kept.runs("mail-out", limit=2)] == [9.0, 8.0]
    kept.close()


async def test_a_state_that_is_not_there_is_told_as_unreadable(tmp_path: Path) -> None:
    kept = KeptRuns(tmp_path / "nothing.db")
    with pytest.raises(HistoryUnreadable, match="no state"):
        await kept.past("mail-out", each=3)
    kept.close()


async def test_a_read_that_no_thread_could_be_had_for_takes_nobody_s_place(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    kept = KeptRuns(state)
    with monkeypatch.context() as shortage:
        shortage.setattr(threading.Thread, "start", none)
        for _ in range(_past.WAITING):
            with pytest.raises(HistoryUnreadable, match="thread"):
                await kept.past("mail-out", each=1)
    assert (await kept.past("mail-out", each=1)).runs
    kept.close()


async def test_a_read_that_hangs_is_left_behind_and_only_so_many_are_begun(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_past, "SECONDS", 0.1)
    let_go = threading.Event()
    began: list[int] = []

    def hang(self: Reader, flow: str, *, each: int, most: int) -> None:
        began.append(1)
        let_go.wait(20)

    monkeypatch.setattr(Reader, "past", hang)
    kept = KeptRuns(state)
    try:
        asked = await asyncio.gather(*(kept.past("f", each=1) for _ in range(30)), return_exceptions=True)
        assert all(isinstance(each, HistoryUnreadable) for each in asked)
        at_once = [each for each in asked if "wait already" in str(each)]
        assert len(at_once) == 30 - _past.WAITING
        assert len(began) == _past.THREADS
        with pytest.raises(HistoryUnreadable):
            await kept.past("f", each=1)
    finally:
        let_go.set()
        kept.close()
