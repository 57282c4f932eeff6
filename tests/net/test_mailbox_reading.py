"""A mailbox whose messages are read whole, by a reading that is slow or picks its messages."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from retabli.model.ladder import Ladder
from retabli.net.mail.mailbox_reader import BODIES, MailboxReader
from retabli.net.mail.sightings import Sighting
from tests.mail_world import KEY, MailWorld, mail_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[MailWorld]:
    async with mail_world(tmp_path) as made:
        yield made


@dataclass
class Reading:
    """Takes `seconds` for each message, and wants those whose subject begins as it says."""

    seconds: float = 0.0
    subject: str = ""
    length: int = 40
    read: list[bytes] = field(default_factory=list)

    def wants(self, sighting: Sighting) -> bool:
        return sighting.headers["subject"][0].startswith(self.subject)

    async def __call__(self, sighting: Sighting, content: bytes) -> Sighting:
        self.read.append(content)
        await asyncio.sleep(self.seconds)
        return sighting


async def swept(world: MailWorld, reading: Reading, *, timeout: float = 5.0) -> MailboxReader:
    reader = MailboxReader(world.mailbox("witness"), Ladder(()), KEY, timeout=timeout, every=60.0, reading=reading)
    seen: list[int] = []

    def note(sighting: Sighting) -> bool:
        seen.append(sighting.uid)
        return False

    assert await reader.sweep(note), reader.fault
    assert seen == sorted(seen)
    await reader.close()
    return reader


async def test_only_what_is_wanted_is_read_and_only_its_beginning(world: MailWorld) -> None:
    for subject in ("wanted one", "other", "wanted two"):
        world.witness["INBOX"].append(f"Subject: {subject}\r\n\r\n".encode() + b"x" * 100)
    reading = Reading(subject="wanted")
    await swept(world, reading)
    assert [content[:19] for content in reading.read] == [b"Subject: wanted two", b"Subject: wanted one"]
    assert {len(content) for content in reading.read} == {40}


async def test_the_newest_are_read_and_the_rest_is_told(world: MailWorld) -> None:
    for number in range(BODIES + 5):
        world.witness["INBOX"].append(b"Subject: %03d\r\n\r\n" % number)
    reading = Reading()
    reader = await swept(world, reading)
    assert (len(reading.read), reader.passed_over) == (BODIES, 5)
    assert reading.read[0].startswith(b"Subject: 024")


async def test_a_reading_that_takes_too_long_does_not_hold_up_the_mailbox_for_ever(world: MailWorld) -> None:
    for number in range(20):
        world.witness["INBOX"].append(b"Subject: %03d\r\n\r\n" % number)
    reading = Reading(seconds=0.3)
    reader = await swept(world, reading, timeout=2.0)
    assert reading.read[0].startswith(b"Subject: 019")
    assert 1 <= len(reading.read) < 20
    assert reader.passed_over == 20 - len(reading.read)
