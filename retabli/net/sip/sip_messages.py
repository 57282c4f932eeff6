"""SIP on the wire: an OPTIONS request written out, and an answer taken apart within bounds (RFC 3261)."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from retabli.model import causes
from retabli.model.ladder import Fall

HEAD_LINES = 200
HEAD_BYTES = 32_768
BODY_BYTES = 65_536
STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6][0-9][0-9])(?: (.*))?", re.IGNORECASE)
REQUEST_LINE = re.compile(r"[A-Z]+ \S+ SIP/2\.0")
BRANCH = re.compile(r';\s*branch\s*=\s*"?([^;,\s"]+)', re.IGNORECASE)
COMPACT = {"v": "via", "i": "call-id", "f": "from", "t": "to", "l": "content-length"}  # RFC 3261, 7.3.3


@dataclass(frozen=True, slots=True)
class Question:
    """What an answer must repeat to be one to ours (RFC 3261, 17.1.3). Nobody who cannot see it can guess it."""

    branch: str
    call_id: str
    tag: str


@dataclass(frozen=True, slots=True)
class Reply:
    """A status line and the header fields, by lower-case name; of a field that is repeated, all values.

    Status 0 is no answer but a request: a switchboard may ask us something.
    """

    status: int
    reason: str
    fields: Mapping[str, tuple[str, ...]]

    def field(self, name: str) -> str:
        return ", ".join(self.fields.get(name, ()))

    def answers(self, question: Question) -> bool:
        vias = self.fields.get("via", ())
        branch = BRANCH.search(vias[0]) if len(vias) == 1 and vias[0].count("SIP/2.0/") <= 1 else None
        return (
            branch is not None
            and branch[1].lower() == question.branch.lower()
            and self.field("call-id") == question.call_id
            and self.field("cseq").split() == ["1", "OPTIONS"]
        )


def new_question() -> Question:
    return Question(f"z9hG4bK{secrets.token_hex(12)}", f"{secrets.token_hex(16)}@retabli.invalid", secrets.token_hex(8))


def options(question: Question, uri: str, *, transport: str, sent_by: str, user_agent: str) -> bytes:
    """An OPTIONS request outside of any dialogue (RFC 3261, section 11). `sent_by` is our `address:port`."""
    lines = [
        f"OPTIONS {uri} SIP/2.0",
        f"Via: SIP/2.0/{transport.upper()} {sent_by};branch={question.branch};rport",
        "Max-Forwards: 70",
        f"From: <sip:retabli@retabli.invalid>;tag={question.tag}",
        f"To: <{uri}>",
        f"Call-ID: {question.call_id}",
        "CSeq: 1 OPTIONS",
        "Accept: application/sdp",
        f"User-Agent: {user_agent}",
        "Content-Length: 0",
    ]
    return "\r\n".join((*lines, "", "")).encode("ascii")


def parse(head: bytes) -> Reply:
    """A message's head, up to and without its empty line.

    Raises:
        Fall: `garbage`, `too_long`.
    """
    if len(head) > HEAD_BYTES:
        raise Fall(causes.TOO_LONG, f"a header of more than {HEAD_BYTES} bytes")
    lines = head.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    if len(lines) > HEAD_LINES:
        raise Fall(causes.TOO_LONG, f"more than {HEAD_LINES} header lines")
    status, reason = read_start(lines[0])
    return Reply(status, reason, _fields(lines[1:]))


def read_start(line: str) -> tuple[int, str]:
    """Status and reason of a first line; 0 for a request's.

    Raises:
        Fall: `garbage`.
    """
    if (match := STATUS_LINE.fullmatch(line)) is not None:
        return int(match[1]), match[2] or ""
    if REQUEST_LINE.fullmatch(line):
        return 0, ""
    raise Fall(causes.GARBAGE, line[:80])


def _fields(lines: list[str]) -> dict[str, tuple[str, ...]]:
    unfolded: list[str] = []
    for line in lines:
        if line[:1] in (" ", "\t") and unfolded:  # RFC 3261, 7.3.1
            unfolded[-1] += f" {line.strip()}"
        elif line:
            unfolded.append(line)
    fields: dict[str, tuple[str, ...]] = {}
    for line in unfolded:
        name, colon, value = line.partition(":")
        if not colon:
            raise Fall(causes.GARBAGE, f"a header line without a colon: {line[:60]}")
        name = name.strip().lower()
        name = COMPACT.get(name, name)
        fields[name] = (*fields.get(name, ()), value.strip())
    return fields


def body_length(reply: Reply) -> int:
    """Content-Length, which must be there on a stream (RFC 3261, 18.3), and within bounds.

    Raises:
        Fall: `garbage` when it is not there or no number, `too_long`.
    """
    value = reply.field("content-length")
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise Fall(causes.GARBAGE, f"Content-Length: {value or 'none'}")
    if int(value) > BODY_BYTES:
        raise Fall(causes.TOO_LONG, f"a body of {int(value)} bytes")
    return int(value)
