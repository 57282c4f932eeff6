"""A mailbox whose messages are read whole, by a reading that is slow, breaks or picks its messages."""

import asyncio
import errno
import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from retabli.model.ladder import Ladder
from retabli.net.mail.mailbox_book import MOST_UNREAD, MailboxBook
from retabli.net.mail.mailbox_reader import BODIES, NEWEST, TRIES, MailboxReader
from retabli.net.mail.sightings import Place, Sighting
from tests.mail_world import KEY, MailWorld, mail_world

INBOX = Place("witness", "INBOX")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[MailWorld]:
    async with mail_world(tmp_path) as made:
        yield made


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Reading:
    """Takes `seconds` of `clock` for each message, and wants those whose subject begins as it says; those that are
    `broken` break it, with that error."""

    seconds: float = 0.0
    subject: str = ""
    length: int = 40
    clock: Clock = field(default_factory=Clock)
    read: list[str] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    broken: dict[str, OSError] = field(default_factory=dict)

    def wants(self, sighting: Sighting) -> bool:
        return sighting.headers["subject"][0].startswith(self.subject)

    async def __call__(self, sighting: Sighting, content: bytes) -> Sighting:
        subject = sighting.headers["subject"][0]
        self.read.append(subject)
        self.contents.append(content)
        await asyncio.sleep(0)
        self.clock.now += self.seconds
        if subject in self.broken:
            raise self.broken[subject]
        return sighting


@dataclass
class Runs:
    """Runs of one unit over the witness's mailbox: what was handed to them, in that order."""

    world: MailWorld
    reading: Reading
    memory: dict[str, Any] = field(default_factory=dict)
    handed: list[Sighting] = field(default_factory=list)
    last: MailboxReader | None = None

    @property
    def subjects(self) -> list[str]:
        return [sighting.headers["subject"][0] for sighting in self.handed]

    def reader(self) -> MailboxReader:
        ladder = Ladder((), memory=self.memory, clock=self.reading.clock)
        mailbox = self.world.mailbox("witness")
        return MailboxReader(mailbox, ladder, KEY, timeout=10.0, every=60.0, reading=self.reading)

    async def sweep(self, reader: MailboxReader | None = None) -> bool:
        """Whether all was read, by that run, or by another whose only sweep it is."""
        self.last = reader or self.reader()
        whole = await self.last.sweep(self._note)
        if reader is None:
            await self.last.close()
        return whole

    def _note(self, sighting: Sighting) -> bool:
        self.handed.append(sighting)
        return False


def come(world: MailWorld, *subjects: object) -> None:
    for subject in subjects:
        world.witness["INBOX"].append(f"Subject: {subject}\r\n\r\n".encode() + b"x" * 100)


async def looked_at(world: MailWorld, **reading: Any) -> Runs:
    """Runs of which one has looked at the mailbox when nothing was in it yet."""
    runs = Runs(world, Reading(**reading))
    assert await runs.sweep()
    return runs


async def test_only_what_is_wanted_is_read_and_only_its_beginning(world: MailWorld) -> None:
    come(world, "wanted one", "other", "wanted two")
    runs = Runs(world, Reading(subject="wanted"))
    assert await runs.sweep()
    assert runs.reading.read == ["wanted two", "wanted one"]
    assert {len(content) for content in runs.reading.contents} == {40}
    assert runs.subjects == ["other", "wanted two", "wanted one"]


async def test_of_what_lay_there_before_the_newest_are_read_and_the_rest_is_told(world: MailWorld) -> None:
    come(world, *range(BODIES + 5))
    runs = Runs(world, Reading())
    assert await runs.sweep()
    assert (len(runs.reading.read), runs.reading.read[0]) == (BODIES, "24")
    assert runs.last is not None
    assert (runs.last.passed_over, runs.last.blind) == (5, None)
    assert await runs.sweep()
    assert Counter(runs.subjects) == Counter(str(number) for number in range(BODIES + 5))


async def test_what_comes_later_is_all_read_a_few_in_each_sweep(world: MailWorld) -> None:
    runs = await looked_at(world)
    come(world, *range(BODIES + 5))
    assert not await runs.sweep()
    assert runs.reading.read == [str(number) for number in reversed(range(5, BODIES + 5))]
    assert await runs.sweep()
    assert runs.last is not None
    assert runs.last.passed_over == 0
    assert (
        runs.subjects
        == runs.reading.read
        == [str(number) for number in reversed(range(5, BODIES + 5))] + [*("4", "3", "2", "1", "0")]
    )


async def test_what_there_was_no_time_for_is_read_by_the_next_sweeps(world: MailWorld) -> None:
    runs = await looked_at(world, seconds=3.0)
    come(world, "one", "two", "three", "four", "five")
    assert not await runs.sweep()
    assert runs.subjects == ["five", "four"]  # half of the ten seconds were over
    assert not await runs.sweep()
    assert await runs.sweep()
    assert runs.subjects == runs.reading.read == ["five", "four", "three", "two", "one"]
    assert runs.memory["unread"] == {}
    assert await runs.sweep()
    assert len(runs.subjects) == 5


async def test_each_sweep_reads_one_at_least(world: MailWorld) -> None:
    runs = await looked_at(world, seconds=60.0)
    come(world, "one", "two", "three")
    assert [await runs.sweep() for _ in range(3)] == [False, False, True]
    assert runs.subjects == ["three", "two", "one"]


async def test_a_fresh_message_is_read_before_a_backlog(world: MailWorld) -> None:
    runs = await looked_at(world, seconds=60.0)
    come(world, "one", "two", "three")
    await runs.sweep()
    come(world, "fresh")
    await runs.sweep()
    assert runs.subjects == ["three", "fresh"]


async def test_what_is_read_later_bears_the_moment_when_it_was_found(world: MailWorld) -> None:
    runs = await looked_at(world, seconds=60.0)
    runs.reading.clock.now = 1000.0
    come(world, "one", "two")
    await runs.sweep()
    runs.reading.clock.now = 5000.0
    await runs.sweep()
    found = [
        (one.listed.clock, one.since.clock) for one in runs.handed if one.listed is not None and one.since is not None
    ]
    assert found == [(1000.0, 0.0)] * 2


async def test_runs_that_overlap_hand_over_each_message_once(world: MailWorld) -> None:
    runs = await looked_at(world, seconds=3.0)
    come(world, *range(12))
    readers = [runs.reader() for _ in range(3)]
    while not any(await asyncio.gather(*(runs.sweep(reader) for reader in readers))):
        pass
    assert sorted(map(int, runs.subjects)) == list(range(12))
    await asyncio.gather(*(reader.close() for reader in readers))


async def test_a_message_on_which_every_sweep_breaks_holds_up_no_other_and_is_given_up(world: MailWorld) -> None:
    runs = await looked_at(world, broken={"poison": ConnectionResetError(errno.ECONNRESET, "reset")})
    run = runs.reader()
    come(world, "one", "two", "poison")
    assert not await runs.sweep(run)
    assert (run.fault is not None, runs.subjects) == (True, [])
    assert not await runs.sweep(run)
    assert runs.subjects == ["two", "one"]
    sweeps = 2
    while not await runs.sweep(run):
        sweeps += 1
    assert (sweeps, run.passed_over, run.fault) == (TRIES, 1, None)
    assert run.blind is not None
    assert runs.reader().blind is None
    come(world, "three")
    assert await runs.sweep(run)
    assert runs.subjects == ["two", "one", "three"]
    await run.close()


async def test_what_our_own_machine_lacks_gives_up_no_message(world: MailWorld) -> None:
    lack = {"one": OSError(errno.EMFILE, "Too many open files")}
    runs = await looked_at(world, broken=lack)
    come(world, "one")
    for _ in range(TRIES + 1):
        assert not await runs.sweep()
    lack.clear()
    assert await runs.sweep()
    assert runs.subjects == ["one"]


def codes(*readers: MailboxReader) -> list[str | None]:
    return [None if (fall := reader.blind) is None else fall.cause.code for reader in readers]


async def test_a_run_is_blind_while_a_message_that_came_during_it_is_unread(world: MailWorld) -> None:
    runs = await looked_at(world, seconds=60.0)
    before = runs.reader()
    come(world, "one", "two")
    await runs.sweep(before)
    after = runs.reader()
    assert (codes(before, after), before.fault) == (["mailbox_unreadable", None], None)
    await runs.sweep(after)
    assert codes(before, after) == [None, None]
    await before.close()
    await after.close()


async def test_a_run_is_blind_when_more_came_than_was_looked_at(world: MailWorld) -> None:
    runs = await looked_at(world, subject="wanted")
    run = runs.reader()
    come(world, "wanted", *range(NEWEST))
    assert await runs.sweep(run)
    assert (run.passed_over, run.blind is not None, runs.reader().blind) == (1, True, None)
    await run.close()


async def test_what_waits_to_be_read_is_bounded(world: MailWorld) -> None:
    runs = await looked_at(world, seconds=60.0)
    for first in (0, NEWEST, 2 * NEWEST):
        run = runs.reader()
        come(world, *range(first, first + NEWEST))
        await runs.sweep(run)
        await run.close()
    unread = MailboxBook(runs.memory).mark(INBOX).unread
    assert len(unread) == MOST_UNREAD - 1
    assert [one.uid for one in unread] == list(range(2 * NEWEST + 1, 3 * NEWEST))
    assert len(json.dumps(runs.memory)) < 30_000
