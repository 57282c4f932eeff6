"""A terminal of a given size that a program writes to, and what stands on its screen, as a person would read it."""

import asyncio
import codecs
import fcntl
import os
import pty
import re
import signal
import struct
import termios
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from rich.cells import cell_len

from tests.entrance import ENTRANCE

_SEQUENCE = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|\x1b\][^\x07]*\x07|\x1b[()][A-Z0-9]|\x1b.")


class Screen:
    """As much of a VT100 as the program needs: places, lines, the other screen. Styles are not kept."""

    def __init__(self, columns: int, lines: int) -> None:
        self.columns, self.height = columns, lines
        self.scrolled: list[str] = []  # what has left the first screen at its top
        self.other = False  # whether the other screen is shown
        self.cleared = 0  # how often everything was cleared, which flickers
        self._screens = [self._empty(), self._empty()]
        self._row = self._column = 0
        self._kept = (0, 0)
        self._rest = ""

    def _empty(self) -> list[list[str]]:
        return [[" "] * self.columns for _ in range(self.height)]

    def resized(self, columns: int, lines: int) -> None:
        self.columns, self.height = columns, lines
        self._screens = [self._empty(), self._empty()]
        self._row = self._column = 0

    @property
    def lines(self) -> list[str]:
        return ["".join(row).rstrip() for row in self._screens[self.other]]

    @property
    def text(self) -> str:
        return "\n".join(self.lines).rstrip()

    def write(self, text: str) -> None:
        text, self._rest = self._rest + text, ""
        if (cut := re.search(r"\x1b(\[[?0-9;]*|\][^\x07]*)?\Z", text)) is not None:
            text, self._rest = text[: cut.start()], text[cut.start() :]
        place = 0
        for found in _SEQUENCE.finditer(text):
            self._put(text[place : found.start()])
            self._act(found[1] or "", found[2] or "")
            place = found.end()
        self._put(text[place:])

    def _put(self, text: str) -> None:
        for char in text:
            if char == "\n":
                self._down()
            elif char == "\r":
                self._column = 0
            elif char.isprintable() and (width := cell_len(char)):
                if self._column + width > self.columns:
                    self._column = 0
                    self._down()
                row = self._screens[self.other][self._row]
                row[self._column] = char
                row[self._column + 1 : self._column + width] = [""] * (width - 1)
                self._column += width

    def _down(self) -> None:
        if self._row + 1 < self.height:
            self._row += 1
            return
        gone = self._screens[self.other].pop(0)
        self._screens[self.other].append([" "] * self.columns)
        if not self.other:
            self.scrolled.append("".join(gone).rstrip())

    def _act(self, arguments: str, command: str) -> None:
        if command == "H":
            self._row = self._column = 0
        elif command in "hl" and arguments == "?1049":
            self.other = command == "h"
            if self.other:
                self._kept = (self._row, self._column)
                self._screens[True] = self._empty()
            else:
                self._row, self._column = self._kept
        elif command == "J":
            self.cleared += 1
            self._screens[self.other] = self._empty()
        elif command == "K":
            self._screens[self.other][self._row][self._column :] = [" "] * (self.columns - self._column)
        elif command == "A":
            self._row = max(0, self._row - int(arguments or 1))


class Typed:
    """A program that runs on such a terminal."""

    def __init__(self, process: asyncio.subprocess.Process, master: int, screen: Screen) -> None:
        self.process = process
        self.screen = screen
        self.written = ""
        self._master = master
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        asyncio.get_running_loop().add_reader(master, self._read)
        self._news = asyncio.Event()

    def _read(self) -> None:
        try:
            found = os.read(self._master, 65536)
        except OSError:
            found = b""
        if not found:
            asyncio.get_running_loop().remove_reader(self._master)
        text = self._decode(found)
        self.written += text
        self.screen.write(text)
        self._news.set()

    async def shows(self, wanted: str, *, within: float = 20.0) -> str:
        """The screen, as soon as that stands on it.

        Raises:
            AssertionError: it does not in time; with what stands there instead.
        """
        ends = time.monotonic() + within
        while wanted not in self.screen.text:
            try:
                async with asyncio.timeout(max(0.0, ends - time.monotonic())):
                    await self._news.wait()
            except TimeoutError:
                raise AssertionError(f"not on the screen: {wanted}\n{self.screen.text}") from None
            self._news.clear()
        return self.screen.text

    def resize(self, columns: int, lines: int) -> None:
        self.screen.resized(columns, lines)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    async def ends(self, signal_: int | None = None) -> int:
        if signal_ is not None:
            self.process.send_signal(signal_)
        async with asyncio.timeout(20):
            code = await self.process.wait()
        await asyncio.sleep(0)
        self._read()
        return code

    async def leave(self) -> None:
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)
            await self.process.wait()
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)


@asynccontextmanager
async def typed(
    *words: str, columns: int = 80, lines: int = 24, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Typed]:
    """`retabli` with these words on a terminal of that size, in French's UTF-8 if nothing else is said."""
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("LC_", "LANG", "NO_COLOR", "PYTHON"))
    }
    given = {**kept, "TERM": "xterm-256color", "LANG": "fr_FR.UTF-8", **(environment or {})}
    for name in ("COLUMNS", "LINES"):
        given.pop(name, None)
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    process = await asyncio.create_subprocess_exec(
        *ENTRANCE, *words, stdin=slave, stdout=slave, stderr=slave, env=given
    )
    os.close(slave)
    ran = Typed(process, master, Screen(columns, lines))
    try:
        yield ran
    finally:
        await ran.leave()
