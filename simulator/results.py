"""Blood results as files: dropped into a folder by the laboratory, consumed by the hospital. All are synthetic."""

import asyncio
import contextlib
import os
from pathlib import Path
from types import TracebackType
from typing import Self

SUFFIX = ".hl7"
RESULT = (
    "MSH|^~\\&|EFS|SIMULATED|HIS|SIMULATED|{stamp}||ORU^R01|{number}|T|2.5.1\r"
    "PID|1||SYNTHETIC^^^TEST||SYNTHETIC^TEST\r"
    "OBX|1|ST|SYNTHETIC||TEST||||||F\r"
)


class ResultFeed:
    """`async with ResultFeed(folder) as feed` drops a file every `every` seconds, and consumes those older than `kept`.

    `position`: "arrives"; "silent" (nothing is dropped, all is consumed); "stuck" (dropped, and never consumed);
    "broken" (each transfer breaks off); "rejected" (each file is put aside into `errors`).
    """

    def __init__(self, folder: Path, *, every: float = 1.0, kept: float = 5.0) -> None:
        self.folder = folder
        self.errors = folder / "error"
        self.every = every
        self.kept = kept
        self.position = "arrives"
        self.dropped = 0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self.errors.mkdir(parents=True, exist_ok=True)
        self.turn()
        self._task = asyncio.create_task(self._live())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _live(self) -> None:
        while True:
            await asyncio.sleep(self.every)
            self.turn()

    def turn(self) -> None:
        """One beat: drop, then consume what is due."""
        if self.position in ("arrives", "stuck", "rejected", "broken"):
            self._drop()
        if self.position != "stuck":
            self._consume()

    def heal(self) -> None:
        """What a person does who has mended it: start anew, with what was left behind cleared away."""
        self.position = "arrives"
        for folder in (self.folder, self.errors):
            for path in folder.glob("result-*"):
                path.unlink()
        self.turn()

    def _drop(self) -> None:
        self.dropped += 1
        stamp = f"{self.dropped:014}"
        part = self.folder / f"result-{self.dropped:08}{SUFFIX}.part"
        part.write_text(RESULT.format(stamp=stamp, number=self.dropped))
        if self.position != "broken":
            part.rename(part.with_suffix(""))

    def _consume(self) -> None:
        """The files whose time has come, by the order in which they were dropped."""
        waiting = sorted(self.folder.glob(f"result-*{SUFFIX}"))
        most = 0 if self.position == "silent" else max(1, round(self.kept / self.every))
        for path in waiting[: max(0, len(waiting) - most)]:
            if self.position == "rejected":
                os.replace(path, self.errors / path.name)
            else:
                path.unlink()
