"""Rows of the log for other programs and for spreadsheets: each instant in UTC and in the site's own time."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from retabli.model.result import clean
from retabli.model.stamps import in_calendar, iso
from retabli.store.facts import LogRow
from retabli.store.spoken import sentence

COLUMNS = ("number", "at", "event", "flow", "data", "hash", "local", "said")
# What a spreadsheet would compute instead of show (OWASP, "CSV Injection"): also behind blanks, and as the full-width
# signs that some take for the plain ones.
FORMULA = re.compile(r"\s*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
# … and behind a separator within a cell: somebody may open the file with another separator than it is written with.
WITHIN = re.compile(r"([;,\t|]\s*)([=+\-@])")
LONGEST = 2000  # characters of a cell
MARK = "\ufeff"  # without it a spreadsheet takes UTF-8 for a code page of its own


def _unmapped(at: float) -> float:
    return at


@dataclass(frozen=True, slots=True)
class Export:
    """For a reader in that language and zone (None: the machine's). `stamp` maps a wall time to what is shown."""

    language: str
    zone: tzinfo | None
    stamp: Callable[[float], float] = _unmapped

    def heading(self, separator: str = ",") -> str:
        return _line(COLUMNS, separator)

    def csv(self, rows: Iterable[LogRow], separator: str = ",") -> str:
        """RFC 4180 but for the ends of lines; a cell that would be a formula is made a text by an apostrophe."""
        return "".join(_line(self._cells(row), separator) for row in rows)

    def json(self, row: LogRow) -> str:
        """One object; `unix` is the exact time that the hash covers, but where the times that are shown are mapped."""
        found = {
            "number": row.number,
            "at": iso(in_calendar(self.stamp(row.at))),
            **({"unix": row.at} if self.stamp(row.at) == row.at else {}),
            "event": row.event,
            "flow": row.flow,
            "data": row.data,
            "hash": row.hash,
            "local": self._local(row),
            "said": sentence(row.event, row.data, self.language, self.zone),
        }
        return json.dumps(found, ensure_ascii=False)

    def json_lines(self, rows: Iterable[LogRow]) -> str:
        """Objects of a list, one a line."""
        return ",\n".join(map(self.json, rows))

    def _cells(self, row: LogRow) -> tuple[str, ...]:
        said = sentence(row.event, row.data, self.language, self.zone)
        at = iso(in_calendar(self.stamp(row.at)))
        return (
            str(row.number),
            at,
            _shown(row.event),
            _shown(row.flow or ""),
            _data(row),
            row.hash,
            self._local(row),
            _shown(said),
        )

    def _local(self, row: LogRow) -> str:
        """With its offset: the hour that autumn has twice is two hours."""
        return datetime.fromtimestamp(int(in_calendar(self.stamp(row.at))), self.zone).astimezone(self.zone).isoformat()


def _shown(cell: str) -> str:
    cell = WITHIN.sub(r"\1'\2", cell if cell.isprintable() else clean(cell, LONGEST))
    return f"'{cell}" if FORMULA.match(cell) else cell


def _data(row: LogRow) -> str:
    """JSON that reads back as what it was: what could begin a formula within a text is written as its escape."""
    text = json.dumps(row.data, ensure_ascii=False, sort_keys=True)
    if not text.isprintable():
        text = "".join(
            char if char.isprintable() or char in "\u00a0\u202f" else json.dumps(char)[1:-1] for char in text
        )
    return WITHIN.sub(lambda found: found[1] + (found[2] if _is_number(text, found) else _escape(found[2])), text)


def _is_number(text: str, found: re.Match[str]) -> bool:
    """`, -2` between values, and not within a text."""
    return found[1] == ", " and re.match(r"-\d+(\.\d+)?([eE][+-]?\d+)?[,\]}]", text[found.start(2) :]) is not None


def _escape(char: str) -> str:
    return f"\\u{ord(char):04x}"


def _line(cells: Iterable[str], separator: str) -> str:
    written = io.StringIO()
    csv.writer(written, delimiter=separator, lineterminator="\n").writerow(tuple(cells))
    return written.getvalue()
