"""Rows of the log for other programs: CSV that a spreadsheet opens without computing anything, and JSON."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from retabli.model.result import clean
from retabli.model.stamps import iso
from retabli.store.facts import LogRow

COLUMNS = ("number", "at", "local", "event", "flow", "title", "said", "data", "hash")
# What a spreadsheet would compute instead of show, at the start of a cell (OWASP, "CSV Injection"): also behind blanks,
# and as the full-width signs that some take for the plain ones.
_FORMULA = re.compile(r"\s*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
# … and behind a separator within one: somebody may open the file with another separator than it is written with.
_WITHIN = re.compile(r"([;,\t|]\s*)([=+\-@])")
_LONGEST = 2000  # characters of what is said


@dataclass(frozen=True, slots=True)
class Exported:
    """How rows are told: `title` of a flow's id, what a row says, the times that are shown, the zone (None: ours)."""

    zone: tzinfo | None
    title: Callable[[str], str]
    said: Callable[[LogRow], str]
    stamp: Callable[[float], float] = float

    def local(self, at: float) -> str:
        """`2023-07-03 09:00:00`: as spreadsheets of every country take it; the instant itself stands beside it."""
        return datetime.fromtimestamp(self.stamp(at), self.zone).strftime("%Y-%m-%d %H:%M:%S")


def csv_head(separator: str = ",") -> str:
    return separator.join(COLUMNS) + "\r\n"


def csv_rows(rows: Iterable[LogRow], exported: Exported, separator: str = ",") -> str:
    """RFC 4180, but for the separator. A cell that a spreadsheet would compute begins with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator)
    for row in rows:
        flow = row.flow or ""
        cells = (row.event, flow, exported.title(flow) if flow else "", exported.said(row))
        writer.writerow(
            (
                row.number,
                iso(exported.stamp(row.at)),
                exported.local(row.at),
                *map(_shown, cells),
                _data(row),
                row.hash,
            )
        )
    return out.getvalue()


def _shown(cell: str) -> str:
    if not cell.isprintable() or len(cell) > _LONGEST:
        cell = clean(cell, _LONGEST)
    cell = _WITHIN.sub(r"\1'\2", cell)
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _data(row: LogRow) -> str:
    """JSON that reads back as what it was: what could begin a formula within a text is written as its escape."""
    text = json.dumps(row.data, ensure_ascii=False, sort_keys=True)
    if not text.isprintable():
        text = "".join(char if char.isprintable() or char in "\u00a0\u202f" else _escape(char) for char in text)
    return _WITHIN.sub(lambda found: found[1] + (found[2] if _is_number(text, found) else _escape(found[2])), text)


def _is_number(text: str, found: re.Match[str]) -> bool:
    """`, -2` between values, and not within a text."""
    return found[1] == ", " and re.match(r"-\d+(\.\d+)?([eE][+-]?\d+)?[,\]}]", text[found.start(2) :]) is not None


def _escape(char: str) -> str:
    return json.dumps(char)[1:-1] if ord(char) > 0x7F else f"\\u{ord(char):04x}"


def json_row(row: LogRow, exported: Exported) -> str:
    """One object; `unix` is the exact time that the hash covers (but where the times that are shown are mapped)."""
    shown = exported.stamp(row.at)
    found: dict[str, Any] = {"number": row.number, "at": iso(shown), "local": exported.local(row.at)}
    if shown == row.at:
        found["unix"] = row.at
    found |= {"event": row.event, "flow": row.flow, "data": row.data, "hash": row.hash}
    return json.dumps(found, ensure_ascii=False)
