"""Folders into which somebody dropped what is no file, or too much of it, or under a name that is none."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from probes.file_drop import FileDrop
from retabli.model.result import Result
from tests.climbing import climb, settings
from tests.hostile.cells import Cell, Meet
from tests.hostile.grounds import Grounds

OLD = 1_000_000_000.0  # Unix time: nothing in there is new


def many(folder: Path, number: int = 30_000) -> None:
    for name in range(number):
        os.close(os.open(folder / f"{name}.hl7", os.O_CREAT | os.O_WRONLY))


def strange_names(folder: Path) -> None:
    for name in (b"a\nb", b"\x1b[2J", b"\xff\xfe\x80", "\u202egnp.exe".encode(), b"x" * 255, b"-rf", b"..."):
        Path(os.fsdecode(os.path.join(os.fsencode(folder), name))).write_text("x")


def pipes(folder: Path) -> None:
    for name in range(50):
        os.mkfifo(folder / f"{name}.hl7")


def loops(folder: Path) -> None:
    for name in range(50):
        (folder / f"{name}.hl7").symlink_to(f"{(name + 1) % 50}.hl7")
    (folder / "self").symlink_to(folder)


def of_tomorrow(folder: Path) -> None:
    for name, at in (("a", 1e11), ("b", -1e9)):
        (folder / name).write_text("x")
        os.utime(folder / name, (at, at))


def a_file_of_a_terabyte(folder: Path) -> None:
    with (folder / "a.hl7").open("wb") as file:
        file.truncate(1 << 40)


FOLDERS: dict[str, Callable[[Path], None]] = {
    "30,000 files": many,
    "names that are none": strange_names,
    "pipes": pipes,
    "links in a ring": loops,
    "files of other times": of_tomorrow,
    "a file of a terabyte": a_file_of_a_terabyte,
    "nothing": lambda folder: None,
}


def _met(fill: Callable[[Path], None]) -> Meet:
    async def meeting(grounds: Grounds) -> Result:
        folder = grounds.folder / "in"
        folder.mkdir()
        fill(folder)
        for path in folder.iterdir():
            if path.is_file() and fill is not of_tomorrow:
                os.utime(path, (OLD, OLD))
        return await climb(settings(FileDrop, directory=str(folder), max_age="1h", timeout=grounds.timeout))

    return meeting


def cells() -> Iterator[Cell]:
    for name, fill in FOLDERS.items():
        yield Cell("folders", name, "file_drop", "file_drop", _met(fill), heavy=True)
