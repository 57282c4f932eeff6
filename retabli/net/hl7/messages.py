"""An HL7 message that we may send: proven to be a test for a test patient, and made anew for each send.

Bytes are kept as they are: a message is taken apart at its delimiters only (HL7 v2.5.1 chapter 2, 2.5.4), which are
ASCII in every character set that MLLP can carry.
"""

import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

LARGEST = 65_536  # bytes of one message
MOST_SEGMENTS = 2000

# What stands in PID of a patient who is none, unless the configuration agrees on something else.
USUAL_MARKS = ("TEST", "ZZTEST", "RETABLI", "FICTIF", "SYNTHETIC")

# HL7 table 0211, as far as MLLP can carry them and Python knows them.
CHARACTER_SETS = {
    "": "ascii",
    "ASCII": "ascii",
    **{f"8859/{part}": f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)},
    "UNICODE UTF-8": "utf-8",
}
UNCARRIED = ("UNICODE UTF-16", "UNICODE UTF-32")  # their bytes would look like the frame's (MLLP release 1, note 4)


class Unfit(ValueError):
    """A message that cannot be sent as it is, and why: a sentence for the operator."""


class NotATest(Unfit):
    """A message that must not be sent: nothing marks it as a test."""


@dataclass(frozen=True, slots=True)
class Delimiters:
    """MSH-1 and MSH-2, one byte each: field, component, repetition, escape, subcomponent."""

    field: bytes
    encoding: bytes  # MSH-2 as it stands

    @property
    def component(self) -> bytes:
        return self.encoding[:1]

    @property
    def repetition(self) -> bytes:
        return self.encoding[1:2]

    def escaped(self, text: str) -> bytes:
        """A value of ours, with what would delimit it escaped, the ends of segments too (2.7.1, 2.7.5)."""
        escape = self.encoding[2:3].decode("ascii")
        named = {self.field: "F", **dict(zip(_each(self.encoding), "SRET", strict=False)), b"\r": "X0D", b"\n": "X0A"}
        letters = {delimiter.decode("ascii"): f"{escape}{letter}{escape}" for delimiter, letter in named.items()}
        return "".join(letters.get(char, char) for char in text).encode("ascii", "replace")


def _each(text: bytes) -> Iterator[bytes]:
    return (text[place : place + 1] for place in range(len(text)))


@dataclass(frozen=True, slots=True)
class Message:
    """One message, segment by segment, each split at MSH-1 only. The first segment is MSH."""

    delimiters: Delimiters
    segments: tuple[tuple[bytes, ...], ...]

    def header(self, number: int) -> bytes:
        """MSH-`number`; from 2 on (MSH-1 is the delimiter itself)."""
        fields = self.segments[0]
        return fields[number - 1] if len(fields) >= number else b""

    def first(self, number: int) -> str:
        """The first component of MSH-`number`."""
        return self.header(number).split(self.delimiters.component)[0].decode("latin-1").strip()

    @property
    def asks_for_commit(self) -> bool:
        """MSH-15: whether a commit acknowledgement is asked for when all is well (table 0155)."""
        return self.first(15) in ("AL", "SU")

    @property
    def asks_for_application(self) -> bool:
        """MSH-16: whether the application's acknowledgement is asked for when all is well."""
        return self.first(16) in ("AL", "SU")

    @property
    def is_original_mode(self) -> bool:
        """Neither MSH-15 nor MSH-16 has a value: the application's acknowledgement is all that is answered (2.9.2)."""
        return not (self.first(15) or self.first(16))

    def made(self, control_id: str, at: float, values: Mapping[str, str] | None = None) -> bytes:
        """The message as it is sent: MSH-7 is the time `at` (Unix), MSH-10 the control id, `{name}` the values'.

        MSH-7 has an offset from UTC where the file's has one.
        """
        made = list(self.segments[0])
        made += [b""] * (11 - len(made))
        moment = datetime.fromtimestamp(at, UTC).astimezone()
        with_offset = re.search(rb"[+-]\d{4}", self.header(7)) is not None
        made[6] = moment.strftime("%Y%m%d%H%M%S%z" if with_offset else "%Y%m%d%H%M%S").encode()
        made[9] = control_id.encode("ascii")
        content = b"".join(self.delimiters.field.join(fields) + b"\r" for fields in (made, *self.segments[1:]))
        for name, value in (values or {}).items():
            content = content.replace(b"{%s}" % name.encode("ascii"), self.delimiters.escaped(value))
        return content


def parse(content: bytes) -> Message:
    """The message that a file holds. Line ends of any editor pass for the segments' carriage returns.

    Raises:
        Unfit: it is no single HL7 message, or MLLP could not carry it.
    """
    if len(content) > LARGEST:
        raise Unfit(f"it is longer than {LARGEST} bytes")
    if b"\x0b" in content or b"\x1c" in content:
        raise Unfit("it holds the bytes VT or FS, which frame a block of MLLP: give the bare message")
    lines = [line for line in content.replace(b"\r\n", b"\r").replace(b"\n", b"\r").split(b"\r") if line.strip()]
    if not lines or not lines[0].startswith(b"MSH"):
        raise Unfit("it does not begin with MSH")
    if len(lines) > MOST_SEGMENTS:
        raise Unfit(f"it has more than {MOST_SEGMENTS} segments")
    delimiters = _delimiters(lines[0])
    for number, line in enumerate(lines):
        # The whole first field: an engine may take `PID^…` for a patient, and nobody would have looked for a test mark.
        if not re.fullmatch(rb"[A-Z][A-Z0-9]{2}", line.split(delimiters.field)[0]):
            raise Unfit(f"segment {number + 1} does not begin with a segment's name")
        if number and line.startswith(b"MSH"):
            raise Unfit("it holds more than one message")
    message = Message(delimiters, tuple(tuple(line.split(delimiters.field)) for line in lines))
    _check_character_set(message, content)
    return message


def new_control_id() -> str:
    """An MSH-10 that nobody can guess, in the 20 characters that versions before 2.6 allow."""
    return f"RT{secrets.token_hex(9)}"


def _delimiters(header: bytes) -> Delimiters:
    field = header[3:4]
    encoding = header[4:].split(field)[0] if field else b""
    used = list(_each(field + encoding))
    sound = 4 <= len(encoding) <= 5 and len(set(used)) == len(used)
    if not sound or not all(0x20 < each[0] < 0x7F and not each.isalnum() for each in used):
        raise Unfit("MSH-1 and MSH-2 do not name the delimiters (usually |^~\\&)")
    return Delimiters(field, encoding)


def _check_character_set(message: Message, content: bytes) -> None:
    named = message.header(18).split(message.delimiters.repetition)[0].decode("latin-1").strip()
    if named in UNCARRIED:
        raise Unfit(f"MSH-18 is {named}, which MLLP cannot carry")
    encoding = CHARACTER_SETS.get(named)
    if named and encoding is not None:
        try:
            content.decode(encoding)
        except UnicodeDecodeError:
            raise Unfit(f"MSH-18 is {named}, and the file is not written in it") from None


def has_unnamed_characters(message: Message, content: bytes) -> bool:
    """Letters beyond ASCII without an MSH-18 that says how they are written (2.15.9.18)."""
    return not message.header(18).strip() and not content.isascii()


# Test marks -----------------------------------------------------------------------------------------------------------


def prove_test(message: Message, mark: str | None) -> None:
    """That the message is one for testing, and that every patient in it is the agreed one.

    MSH-11 must be T (table 0103), and the mark stand as a word of its own among the identifiers or names (PID-2 to
    PID-5) of every PID, and in every MRG. Without a mark one of USUAL_MARKS must.

    Raises:
        NotATest: it is not so.
    """
    processing = message.first(11)
    if processing != "T":
        raise NotATest(f"MSH-11 is {processing[:3] or 'empty'}, not T: only a test message may be sent")
    patients = [fields[2:6] for fields in message.segments if fields[0] == b"PID"]
    if not patients:
        raise NotATest("it has no PID: the agreed test patient cannot be recognised")
    merged = [fields[1:] for fields in message.segments if fields[0] == b"MRG"]
    marks = (mark,) if mark is not None else USUAL_MARKS
    for fields in (*patients, *merged):
        if not any(_stands_in(each, fields) for each in marks):
            wanted = f'"{mark}"' if mark is not None else f"one of {', '.join(USUAL_MARKS)}"
            raise NotATest(
                f"a patient in it is not the agreed test patient: PID-2 to PID-5 hold not {wanted} (patient_mark)"
            )


def _stands_in(mark: str, fields: tuple[bytes, ...]) -> bool:
    word = re.compile(rb"(?<![0-9A-Za-z])" + re.escape(mark.encode("ascii")) + rb"(?![0-9A-Za-z])", re.IGNORECASE)
    return any(word.search(field) for field in fields)
