"""Rows of the log for other programs and for spreadsheets: each instant in UTC and in the site's own time."""

import csv
import io
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from retabli.model.stamps import iso
from retabli.store.facts import LogRow
from retabli.store.spoken import sentence

COLUMNS = ("number", "at", "event", "flow", "data", "hash", "local", "said")
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would compute instead of show
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
        return "".join(_line(map(_shown, self._cells(row)), separator) for row in rows)

    def json(self, row: LogRow) -> str:
        """One object; `unix` is the exact time that the hash covers."""
        found = {
            "number": row.number,
            "at": iso(self.stamp(row.at)),
            "unix": row.at,
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
        data = json.dumps(row.data, ensure_ascii=False, sort_keys=True)
        said = sentence(row.event, row.data, self.language, self.zone)
        at = iso(self.stamp(row.at))
        return (str(row.number), at, row.event, row.flow or "", data, row.hash, self._local(row), said)

    def _local(self, row: LogRow) -> str:
        """With its offset: the hour that autumn has twice is two hours."""
        return datetime.fromtimestamp(int(self.stamp(row.at)), self.zone).astimezone(self.zone).isoformat()


def _shown(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def _line(cells: Iterable[str], separator: str) -> str:
    written = io.StringIO()
    csv.writer(written, delimiter=separator, lineterminator="\n").writerow(tuple(cells))
    return written.getvalue()
