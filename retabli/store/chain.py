"""The log's chain: each row's hash covers the row and the hash of the one before, so that no row changes unseen. Pure.

What it shows: a row altered, removed or slipped in, and rows cut off the end (the head is kept apart). What it cannot
show: somebody who may write the file and computes every hash and the head anew. For that, note the head that
`log verify` prints somewhere else, and have it compared later.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

GENESIS = (0, 0.0, "genesis", None, '{"log":"retabli","version":1}')  # number, at, event, flow, data: always the same
NOTHING = bytes(32)  # what stands before the genesis row

Stored = tuple[int, float, str, str | None, str, bytes]  # number, at, event, flow, data as text, hash


def canonical(data: Mapping[str, Any]) -> str:
    """JSON with sorted keys, no spaces, ASCII only: the one text that these values have.

    Raises:
        TypeError, ValueError: a value that JSON has no form for.
    """
    return json.dumps(dict(data), sort_keys=True, separators=(",", ":"), allow_nan=False)


def link(previous: bytes, number: int, at: float, event: str, flow: str | None, data: str) -> bytes:
    """SHA-256 of the previous hash and `[number,at,event,flow,data]`; `data` is already canonical JSON."""
    row = f"[{number},{json.dumps(float(at))},{json.dumps(event)},{json.dumps(flow)},{data}]"
    return hashlib.sha256(previous + row.encode("ascii", "backslashreplace")).digest()


GENESIS_HASH = link(NOTHING, *GENESIS)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`rows` that hold (the genesis row not counted), the `head` hash they end with, and the first `fault`, if any."""

    rows: int
    head: str
    fault: str | None = None


def verify(rows: Iterable[Stored], head: tuple[int, bytes] | None, noted: tuple[int, bytes] | None = None) -> Verdict:
    """Walk the chain from the genesis row to the head; stop at the first row that breaks it.

    `head` is the number and hash of the last row as the store keeps them apart; `noted` those of some row, as they
    were noted elsewhere earlier.
    """
    last, previous = -1, NOTHING
    for number, at, event, flow, data, stored in rows:
        fault = _fault(last, previous, (number, at, event, flow, data, stored))
        if fault is None and noted is not None and number == noted[0] and stored != noted[1]:
            fault = f"row {number} has another hash than the one that was noted: the log was written anew"
        if fault is not None:
            return Verdict(max(last, 0), previous.hex(), fault)
        last, previous = number, stored
    return Verdict(max(last, 0), previous.hex(), _end_fault(last, previous, head, noted))


def _fault(last: int, previous: bytes, row: Stored) -> str | None:
    number, at, event, flow, data, stored = row
    if number != last + 1:
        missing = f"row {last + 1} is" if number == last + 2 else f"rows {last + 1} to {number - 1} are"
        return f"{missing} missing"
    if number == 0 and (at, event, flow, data) != GENESIS[1:]:
        return "row 0 is not the beginning of a log of Retabli"
    shaped = isinstance(at, float) and isinstance(event, str) and isinstance(data, str) and isinstance(flow, str | None)
    if not shaped or link(previous, number, at, event, flow, data) != stored:
        return f"row {number} is not what was written (altered, or put in the place of another)"
    return None


def _end_fault(
    last: int, previous: bytes, head: tuple[int, bytes] | None, noted: tuple[int, bytes] | None
) -> str | None:
    if head is None:
        return "the head, which says where the log ends, is missing"
    number, stored = head
    if number > last:
        cut = f"row {number} was" if number == last + 1 else f"rows {last + 1} to {number} were"
        return f"{cut} cut off the end"
    if number < last:
        return f"row {number + 1} was added by something else than Retabli"
    if stored != previous:
        return f"row {last} is not the one the log ended with"
    if noted is not None and noted[0] > last:
        return f"row {last + 1} is missing: a head of {noted[0]} rows was noted"
    return None
