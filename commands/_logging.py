"""What the program says of itself, on stderr: lines for people, or JSON for a collector."""

import json
import logging
import os
import sys
from typing import TextIO

from retabli.model.result import clean
from retabli.model.stamps import iso_milliseconds

FORMATS = ("text", "json")
LEVELS = ("debug", "info", "warning", "error")
LENGTH = 2000  # characters of a message; what a remote said is cut far shorter already
COLOURS = {logging.DEBUG: "2", logging.WARNING: "33", logging.ERROR: "31", logging.CRITICAL: "1;31"}


def set_up(form: str = "text", level: str = "info", stream: TextIO | None = None) -> None:
    """Everything that is logged goes to `stream` (stderr), in one form, once."""
    stream = sys.stderr if stream is None else stream
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Lines() if form == "json" else Text(colour=colourful(stream)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Libraries speak of every request and connection at these levels; what matters of it is on the ladder.
    for name in ("httpx", "httpcore", "apscheduler", "asyncio", "asyncssh", "uvicorn", "uvicorn.error", "mail.log"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def colourful(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class Text(logging.Formatter):
    """`2023-07-03T08:00:00.000Z warning retabli.store: …`; a traceback follows, indented, for defects only."""

    def __init__(self, *, colour: bool) -> None:
        super().__init__()
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        level = record.levelname.lower()
        if self._colour and record.levelno in COLOURS:
            level = f"\x1b[{COLOURS[record.levelno]}m{level}\x1b[0m"
        line = f"{iso_milliseconds(record.created)} {level} {record.name}: {clean(record.getMessage(), LENGTH)}"
        if record.exc_info:
            trace = self.formatException(record.exc_info).splitlines()
            line += "".join(f"\n    {clean_indented(each)}" for each in trace)
        return line


class Lines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        row = {
            "at": iso_milliseconds(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": clean(record.getMessage(), LENGTH),
        }
        if record.exc_info:
            row["trace"] = self.formatException(record.exc_info)
        return json.dumps(row, ensure_ascii=False)


def clean_indented(line: str) -> str:
    """A traceback's line: its indentation kept, its control characters not."""
    stripped = line.lstrip(" ")
    return " " * (len(line) - len(stripped)) + clean(stripped, LENGTH)
