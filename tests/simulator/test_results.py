"""The simulated feed of results drops and consumes files as it is told."""

import asyncio
from pathlib import Path

import pytest

from simulator.results import ResultFeed


@pytest.fixture
def feed(tmp_path: Path) -> ResultFeed:
    feed = ResultFeed(tmp_path / "results", every=1.0, kept=2.0)
    feed.errors.mkdir(parents=True)
    return feed


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def turns(feed: ResultFeed, number: int) -> None:
    for _ in range(number):
        feed.turn()


def test_files_arrive_and_are_consumed(feed: ResultFeed) -> None:
    turns(feed, 5)
    assert names(feed.folder) == ["result-00000004.hl7", "result-00000005.hl7"]
    assert "|T|2.5.1" in (feed.folder / "result-00000004.hl7").read_text()


def test_a_silent_feed_leaves_an_empty_folder(feed: ResultFeed) -> None:
    turns(feed, 3)
    feed.position = "silent"
    turns(feed, 1)
    assert names(feed.folder) == []


def test_a_stuck_feed_is_not_consumed(feed: ResultFeed) -> None:
    feed.position = "stuck"
    turns(feed, 5)
    assert len(names(feed.folder)) == 5


def test_broken_transfers_leave_parts_and_rejected_files_are_put_aside(feed: ResultFeed) -> None:
    feed.position = "broken"
    turns(feed, 2)
    assert names(feed.folder) == ["result-00000001.hl7.part", "result-00000002.hl7.part"]
    feed.position = "rejected"
    turns(feed, 4)
    assert names(feed.errors) == ["result-00000003.hl7", "result-00000004.hl7"]
    feed.heal()
    assert (names(feed.errors), names(feed.folder)) == ([], ["result-00000007.hl7"])


async def test_it_lives_by_itself_and_ends(tmp_path: Path) -> None:
    async with ResultFeed(tmp_path / "results", every=0.01) as feed:
        async with asyncio.timeout(5):
            while feed.dropped < 3:
                await asyncio.sleep(0.01)
    dropped = feed.dropped
    await asyncio.sleep(0.03)
    assert feed.dropped == dropped
