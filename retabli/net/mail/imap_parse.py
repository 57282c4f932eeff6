"""IMAP's responses and arguments as values: a bounded parser, quoting, and folder names (RFC 3501, RFC 9051)."""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from retabli.model import causes
from retabli.model.ladder import Fall
from retabli.model.result import clean

DEPTH_LIMIT = 32  # of nested parentheses; the deepest ENVELOPE needs 5

# A value of a response: an atom, string or literal; NIL; a parenthesised list.
Value: TypeAlias = "bytes | tuple[Value, ...] | None"


@dataclass(frozen=True, slots=True)
class Status:
    """OK, NO, BAD, PREAUTH or BYE. `code` is the response code's first word in capitals (`UIDVALIDITY`), or ""."""

    kind: str
    code: str = ""
    arguments: str = ""
    text: str = ""

    def __str__(self) -> str:
        code = f"[{self.code}]" if self.code else ""
        return clean(" ".join(part for part in (self.kind, code, self.text) if part))


@dataclass(frozen=True, slots=True)
class Response:
    """One response of the server. `tag` is ours, `*` or `+`; either `status` is given, or `values` are."""

    tag: str
    status: Status | None = None
    values: tuple[Value, ...] = ()
    text: str = ""

    @property
    def name(self) -> str:
        """What a data response is about: `SEARCH`, `EXISTS` (which follows its number), `FETCH`…; "" for none."""
        words = [value for value in self.values[:2] if isinstance(value, bytes)]
        if words and words[0].isdigit():
            words = words[1:]
        return words[0].decode("ascii", "replace").upper() if words else ""

    @property
    def number(self) -> int:
        """The number that an EXISTS, EXPUNGE or FETCH begins with; 0 for none."""
        return number(self.values[0]) if self.values else 0


def number(value: Value) -> int:
    """A number of at most 20 digits; 0 for what is none."""
    return int(value) if isinstance(value, bytes) and value.isdigit() and len(value) <= 20 else 0


LARGEST_UID = 0xFFFFFFFF

# Reading -----------------------------------------------------------------------------------------------------------

_LITERAL = re.compile(rb"~?\{(\d{1,20})\+?\}$")
_STATUS = re.compile(
    rb"(OK|NO|BAD|PREAUTH|BYE)(?:[ ]+(?:\[([^\] ]{1,200})(?:[ ]([^\]]*))?\])?[ ]*(.*))?", re.IGNORECASE | re.DOTALL
)
_TAG = re.compile(rb"([A-Za-z0-9*+.]{1,40})(?:[ ](.*))?", re.DOTALL)


def announced_literal(line: bytes, *, first: bool = True) -> int | None:
    """The size of the literal that a line ends by announcing (RFC 3501, section 4.3), or None.

    The text of a status response is free: one that ends in `{12}` announces nothing. `first`: it begins a response.
    """
    match = _LITERAL.search(line)
    if match is None or not first:
        return int(match[1]) if match else None
    if line.startswith(b"+"):
        return None
    tagged = _TAG.fullmatch(line)
    return None if tagged and _STATUS.fullmatch(tagged[2] or b"") else int(match[1])


def parse_response(pieces: Sequence[bytes]) -> Response:
    """A response from its pieces: line, literal, line, literal, …, line; lines without their CRLF.

    Raises:
        Fall: `garbage`.
    """
    match = _TAG.fullmatch(pieces[0])
    if match is None:
        raise Fall(causes.GARBAGE, pieces[0])
    tag, rest = match[1].decode("ascii"), match[2] or b""
    if tag == "+":
        return Response(tag, text=clean(rest))
    status = _STATUS.fullmatch(rest)
    if status is not None:
        kind, code, arguments, text = (part or b"" for part in status.groups())
        told = Status(_word(kind), _word(code), arguments.lstrip(b" ").decode("utf-8", "replace"), clean(text))
        return Response(tag, told)
    if tag != "*":
        raise Fall(causes.GARBAGE, pieces[0])
    return Response(tag, values=_Parser(rest, pieces).values())


def _word(text: bytes) -> str:
    return text.decode("ascii", "replace").upper()


_ATOM = re.compile(rb'[^\x00-\x20\x7f()"\[]+')
_SECTION = re.compile(rb"\[[^\]\x00\r\n]*\](?:<\d+>)?")
_QUOTED = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)


class _Parser:
    """Turns the pieces of one data response into values."""

    def __init__(self, first: bytes, pieces: Sequence[bytes]) -> None:
        self._lines = [first, *pieces[2::2]]
        self._literals = list(pieces[1::2])
        self._line = 0
        self._place = 0

    def values(self) -> tuple[Value, ...]:
        """Everything, at once: a stack instead of a recursion, so that the remote does not choose our depth."""
        open_lists: list[list[Value]] = [[]]
        while (start := self._next()) is not None:
            if start == b"(":
                self._place += 1
                open_lists.append([])
                if len(open_lists) > DEPTH_LIMIT:
                    raise Fall(causes.GARBAGE, f"parentheses nested over {DEPTH_LIMIT} deep")
            elif start == b")":
                self._place += 1
                if len(open_lists) == 1:
                    raise self._garbage()
                closed = open_lists.pop()
                open_lists[-1].append(tuple(closed))
            else:
                open_lists[-1].append(self._string(start))
        if len(open_lists) > 1 or self._line + 1 < len(self._lines):
            raise self._garbage()
        return tuple(open_lists[0])

    def _next(self) -> bytes | None:
        """The character at which the next value begins, spaces passed over; None at the end."""
        line = self._lines[self._line]
        while line[self._place : self._place + 1] == b" ":
            self._place += 1
        return line[self._place : self._place + 1] or None

    def _string(self, start: bytes) -> Value:
        line = self._lines[self._line]
        if start == b'"':
            if quoted := _QUOTED.match(line, self._place):
                self._place = quoted.end()
                return re.sub(rb"\\(.)", rb"\1", quoted[1], flags=re.DOTALL)
            raise self._garbage()
        if start in b"{~" and self._line < len(self._literals) and _LITERAL.match(line, self._place):
            self._line, self._place = self._line + 1, 0
            return self._literals[self._line - 1]
        return self._atom(line)

    def _atom(self, line: bytes) -> Value:
        """An atom, and the section that may be part of it: `BODY[HEADER.FIELDS (SUBJECT)]<0>`."""
        begin = self._place
        while match := _ATOM.match(line, self._place) or _SECTION.match(line, self._place):
            self._place = match.end()
        if self._place == begin:
            raise self._garbage()
        atom = line[begin : self._place]
        return None if atom.upper() == b"NIL" else atom

    def _garbage(self) -> Fall:
        return Fall(causes.GARBAGE, self._lines[self._line][max(0, self._place - 40) :])


# Writing -----------------------------------------------------------------------------------------------------------

_SAFE = re.compile(r"[A-Za-z0-9.:*,$+/=@_-]+")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

Criterion: TypeAlias = "str | int | date | Sequence[Criterion]"


def quoted(text: str) -> bytes:
    """An ASCII string in quotes (RFC 3501, section 9).

    Raises:
        ValueError: it holds what a quoted string cannot: send a literal.
    """
    if not is_quotable(text):
        raise ValueError("control characters and non-ASCII text need a literal")
    return b'"' + text.replace("\\", "\\\\").replace('"', '\\"').encode("ascii") + b'"'


def is_quotable(text: str) -> bool:
    return text.isascii() and text.isprintable()


def criteria_pieces(criteria: Sequence[Criterion]) -> list[bytes | str]:
    """SEARCH's arguments: bytes as they are sent, and texts that need a literal as str.

    Words that are plain atoms (keys, header names, sets) go as they are, everything else is quoted; a date is written
    as RFC 3501 wants it; a sequence is put in parentheses.
    """
    pieces: list[bytes | str] = []
    for criterion in criteria:
        if isinstance(criterion, date):
            pieces.append(b"%d-%s-%d" % (criterion.day, MONTHS[criterion.month - 1].encode(), criterion.year))
        elif isinstance(criterion, int):
            pieces.append(b"%d" % criterion)
        elif not isinstance(criterion, str):
            inner = criteria_pieces(criterion)
            pieces += [b"(", *inner, b")"]
        elif _SAFE.fullmatch(criterion):
            pieces.append(criterion.encode("ascii"))
        else:
            pieces.append(quoted(criterion) if is_quotable(criterion) else criterion)
    return pieces


def uid_set(uids: Sequence[int]) -> bytes:
    """`1:3,7` from 3, 1, 2, 7 (RFC 3501, sequence-set).

    Raises:
        ValueError: there is none, or one is not a UID.
    """
    ordered = sorted(set(uids))
    if not ordered or ordered[0] < 1 or ordered[-1] > LARGEST_UID:
        raise ValueError("a set of UIDs holds numbers from 1 to 4294967295")
    runs: list[list[int]] = []
    for uid in ordered:
        if runs and uid == runs[-1][1] + 1:
            runs[-1][1] = uid
        else:
            runs.append([uid, uid])
    return b",".join(b"%d" % low if low == high else b"%d:%d" % (low, high) for low, high in runs)


def encode_folder(name: str) -> str:
    """A folder's name in IMAP's modified UTF-7 (RFC 3501, section 5.1.3)."""

    def shift(match: re.Match[str]) -> str:
        if match[0] == "&":
            return "&-"
        packed = base64.b64encode(match[0].encode("utf-16-be", "surrogatepass")).rstrip(b"=")
        return "&" + packed.replace(b"/", b",").decode("ascii") + "-"

    return re.sub(r"&|[^\x20-\x7e]+", shift, name)
