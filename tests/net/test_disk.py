"""Calls to file systems that hang."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

from retabli.model import causes
from retabli.model.ladder import Fall
from retabli.net.disk import Disk


async def test_it_gives_what_the_call_gives_or_raises(tmp_path: Path) -> None:
    disk = Disk()
    assert await disk.call(lambda: 17) == 17
    with pytest.raises(FileNotFoundError):
        await disk.call((tmp_path / "nowhere").stat)


async def test_what_is_read_before_anybody_is_waited_for_is_our_own_file_when_it_hangs(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "hangs")
    assert await Disk().within(5, lambda: 17) == 17
    with pytest.raises(Fall) as fell:
        await Disk().within(0.05, (tmp_path / "hangs").read_bytes)
    assert fell.value.cause is causes.FILE_UNREADABLE
    os.close(os.open(tmp_path / "hangs", os.O_RDWR | os.O_NONBLOCK))


async def test_calls_that_hang_are_left_behind_bounded_and_starve_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "hangs")
    disk = Disk(most=2)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await disk.call((tmp_path / "hangs").read_bytes)
    with pytest.raises(Fall) as fell:
        await disk.call(lambda: 17)
    assert fell.value.cause is causes.LOCAL_RESOURCES
    assert await asyncio.to_thread(lambda: 17) == 17
    os.close(os.open(tmp_path / "hangs", os.O_RDWR | os.O_NONBLOCK))  # whoever reads it is let go
    while any(thread.name == "disk" for thread in threading.enumerate()):
        await asyncio.sleep(0.01)
    assert await disk.call(lambda: 17) == 17
