"""Has copies of the state taken while the daemon runs, each by a process of its own, and knows how that went."""

import asyncio
import json
import logging
import os
import re
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Protocol

from retabli.store.facts import StoreError
from retabli.store.generations import generations

FIRST = 30.0  # seconds after a start before the first copy, if `every` is not shorter: the start has the machine
LONGEST = 1800.0  # seconds that one may take: beyond that a disk hangs
LAST = 5.0  # seconds for a process that was killed to be gone; one that a disk holds is left behind

log = logging.getLogger(__name__)


class State(Protocol):
    """The store, as far as it is asked here."""

    @property
    def path(self) -> Path: ...

    @property
    def folder(self) -> Path: ...

    async def give_up(self, said: str) -> NoReturn: ...


class Figures(Protocol):
    """Where copies are counted."""

    def state_copied(self, at: float) -> None:
        """The newest good one is of that wall time."""

    def state_copy_failed(self) -> None: ...

    def log_broken(self, *, broken: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class Rhythm:
    """A copy every so many seconds; of how many hours and of how many days the newest stays."""

    every: float
    hourly: int
    daily: int


class Copier:
    """A long-lived part. What fails is logged when it begins and when it ends. `trouble`: why there is no new copy."""

    def __init__(self, state: State, rhythm: Rhythm, figures: Figures, *, first: float = FIRST) -> None:
        self.rhythm = rhythm
        self.trouble: str | None = None
        self.fault: str | None = None  # of the log's chain, as it was last walked
        self._state = state
        self._figures = figures
        self._first = first

    async def run(self) -> None:
        """Until cancelled.

        Raises:
            StoreFailed: the state was found to be damaged.
        """
        self._look_back()
        await asyncio.sleep(min(self._first, self.rhythm.every))
        while True:
            await self.copy()
            await asyncio.sleep(self.rhythm.every)

    def _look_back(self) -> None:
        """What the daemon before left counts."""
        with suppress(OSError):
            for newest in generations(self._state.folder)[:1]:
                self._figures.state_copied(newest.at)

    async def copy(self) -> None:
        """Take one now.

        Raises:
            StoreFailed: the state was found to be damaged. The next start puts a good copy in its place.
        """
        try:
            made = await self._process()
        except (StoreError, OSError) as error:
            made = {"error": str(error)}
        if "error" in made:
            self._failed(str(made["error"]))
            if made.get("damaged"):
                await self._state.give_up(str(made["error"]))
            return
        if self.trouble is not None:
            log.info("copies of the state are taken again: %s", made["copy"])
        self.trouble = None
        self._figures.state_copied(made["at"])
        self._look_at_log(made["fault"])

    def _failed(self, why: str) -> None:
        self._figures.state_copy_failed()
        if self.trouble is None or _without_numbers(why) != _without_numbers(self.trouble):
            log.error("no copy of the state was taken: %s", why)
        self.trouble = why

    def _look_at_log(self, fault: str | None) -> None:
        """A chain that does not hold is nothing that a copy mends: whoever keeps the log has to look."""
        self._figures.log_broken(broken=fault is not None)
        if fault is not None and fault != self.fault:
            log.critical("%s: the log is broken: %s; see `log verify`", self._state.path, fault)
        self.fault = fault

    async def _process(self) -> dict[str, Any]:
        """What the process says.

        Raises:
            OSError: it cannot be started.
            StoreError: it ended without a word, or took too long.
        """
        words = (str(self._state.path), str(self._state.folder))
        numbers = ("--hourly", str(self.rhythm.hourly), "--daily", str(self.rhythm.daily))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "retabli.store.copying", *words, *numbers),
            stdin=asyncio.subprocess.PIPE,  # its end is ours
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"},
        )
        assert process.stdout is not None  # noqa: S101 - we asked for it
        assert process.stderr is not None  # noqa: S101
        try:
            async with asyncio.timeout(LONGEST):
                said, erred = await asyncio.gather(process.stdout.read(), process.stderr.read())
                code = await process.wait()
        except TimeoutError:
            raise StoreError(f"copying took longer than {LONGEST:g} s; look at the disk") from None
        finally:
            await _end(process)
        try:
            answer = json.loads(said)
        except ValueError:
            last = erred.decode(errors="replace").strip().rpartition("\n")[2]
            raise StoreError(f"copying ended with {code}{': ' + last if last else ''}") from None
        return dict(answer)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST):
                await process.wait()
    assert process.stdin is not None  # noqa: S101
    process.stdin.close()


def _without_numbers(text: str) -> str:
    """How much is free is another number each time; that it is too little is the same."""
    return re.sub(r"\d+", "", text)
