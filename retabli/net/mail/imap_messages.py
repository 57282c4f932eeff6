"""What FETCH tells of messages: flags, size, arrival, and the bytes of the header or of the whole."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

from retabli.net.mail.imap_parse import MONTHS, Response, Value, number

HEADER_LIMIT = 65_536


@dataclass(frozen=True, slots=True)
class Fetched:
    """One message. `arrived` is INTERNALDATE, Unix seconds by the server's clock (0.0 when it tells none).

    `content` is the header, or the message's beginning; `size` that of the whole message, in bytes.
    """

    uid: int
    flags: frozenset[str]
    size: int
    arrived: float
    content: bytes

    @property
    def whole(self) -> bool:
        """Whether `content` is all of the message (never so for a header)."""
        return len(self.content) >= self.size > 0


@dataclass(slots=True)
class _Told:
    values: dict[bytes, Value] = field(default_factory=dict)
    content: bytes | None = None


def messages_of(responses: Iterable[Response], uids: set[int]) -> list[Fetched]:
    """The messages that were asked for, ascending; updates of others' flags, sent unasked, are passed over."""
    told: dict[int, _Told] = {}
    for response in responses:
        items = response.values[2] if len(response.values) > 2 else None
        if not isinstance(items, tuple):
            continue
        values = _items(items)
        uid = number(values.get(b"UID"))
        if uid not in uids:
            continue
        one = told.setdefault(uid, _Told())
        one.values |= values
        for name, value in values.items():
            if name.startswith(b"BODY["):
                one.content = value if isinstance(value, bytes) else b""
    return [_message(uid, one.values, one.content) for uid, one in sorted(told.items()) if one.content is not None]


def _items(items: tuple[Value, ...]) -> dict[bytes, Value]:
    return {
        name.upper(): value for name, value in zip(items[::2], items[1::2], strict=False) if isinstance(name, bytes)
    }


def _message(uid: int, values: dict[bytes, Value], content: bytes) -> Fetched:
    flags = values.get(b"FLAGS")
    words = [flag for flag in flags if isinstance(flag, bytes)] if isinstance(flags, tuple) else []
    return Fetched(
        uid,
        frozenset(word.decode("ascii", "replace") for word in words),
        number(values.get(b"RFC822.SIZE")),
        arrival(values.get(b"INTERNALDATE")),
        content,
    )


_DATE = re.compile(rb" ?(\d{1,2})-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):([0-5]\d|60) ([+-])(\d\d)(\d\d)")


def arrival(value: Value) -> float:
    """Unix seconds from `17-Jul-1996 02:44:25 -0700`; 0.0 for what is no date."""
    match = _DATE.fullmatch(value) if isinstance(value, bytes) else None
    if match is None:
        return 0.0
    month = match[2].decode("ascii").title()
    if month not in MONTHS:
        return 0.0
    offset = timedelta(hours=int(match[8]), minutes=int(match[9])) * (-1 if match[7] == b"-" else 1)
    day, year, hour, minute, second = (int(match[place]) for place in (1, 3, 4, 5, 6))
    try:
        moment = datetime(year, MONTHS.index(month) + 1, day, hour, minute, min(second, 59), tzinfo=timezone(offset))
        return moment.astimezone(UTC).timestamp()
    except (ValueError, OverflowError):
        return 0.0
