"""That the state cannot be written is told once while it lasts, and once as it ends: whatever falls in between."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from retabli.alerts.message import Letterhead
from retabli.alerts.unwritten import LONG, Unwritten
from retabli.model.record import Entry, Message

pytestmark = pytest.mark.looptime
CHU = Letterhead("CHU", "inside", "en")


class Troubled:
    """A state that a full disk does not take; `lacks` is raised by the next commit."""

    def __init__(self) -> None:
        self.trouble: str | None = "disk full"
        self.lacks: Exception | None = None
        self.rows: list[str] = []
        self.told: list[str] = []

    async def commit(
        self, *, standings: dict[str, Any], units: dict[Any, Any], entries: Sequence[Entry], messages: Sequence[Message]
    ) -> None:
        lacks, self.lacks = self.lacks, None
        if lacks is not None:
            raise lacks
        self.rows += [str(entry.event) for entry in entries]
        self.told += [str(message.body["status"]) for message in messages]


async def watch(state: Troubled, channels: Sequence[str], seconds: int) -> None:
    unwritten = Unwritten(state, lambda _: None, lambda: 1_700_000_000.0, lambda _: None)
    for second in range(seconds):
        if second == seconds - 5:
            state.trouble = None
        try:
            await unwritten.look(CHU, channels)
        except MemoryError:
            pass
        await asyncio.sleep(1.0)


async def test_it_is_told_once_and_its_end_is_told_once() -> None:
    state = Troubled()
    await watch(state, ["duty"], int(LONG) + 60)
    assert (state.rows, state.told) == (["page", "resolve"], ["firing", "resolved"])


async def test_without_a_channel_the_log_says_it_once_and_not_every_second() -> None:
    state = Troubled()
    await watch(state, [], int(LONG) + 60)
    assert (state.rows, state.told) == (["page", "resolve"], [])


async def test_what_fell_as_it_was_to_be_told_is_told_a_second_later() -> None:
    state = Troubled()
    state.lacks = MemoryError()
    await watch(state, ["duty"], int(LONG) + 60)
    assert (state.rows, state.told) == (["page", "resolve"], ["firing", "resolved"])


async def test_what_was_never_told_has_no_end_that_is() -> None:
    state = Troubled()
    await watch(state, ["duty"], int(LONG) - 5)
    assert (state.rows, state.told) == ([], [])
