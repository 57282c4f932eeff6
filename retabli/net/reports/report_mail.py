"""A mail that may bring one of our reports: whose it is, by token or control id, and whether what it carries is whole.

It is taken apart in a thread, and only within bounds; nothing of its text is ever told.
"""

import email
import email.errors
import email.header
import email.message
import email.policy
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from retabli.model import causes
from retabli.model.ladder import Fall, cause_of
from retabli.net.mail import dsn
from retabli.net.mail.sightings import Kind, Sighting
from retabli.net.mail.tokens import Token
from retabli.net.own_threads import in_thread
from retabli.net.reports import report_causes, xdm
from retabli.net.reports.report_book import ReportBook

Form = Literal["xdm", "pdf"]

LENGTH = 3_145_728  # bytes of a message that are read
MOST_LINES = 60_000
MOST_PARTS = 200
TEXT = 262_144  # characters of one text in which a token is looked for

# Lines that no mail server passes on (RFC 5322, section 2.1.1), and headers folded without end.
_LONG_LINE = re.compile(rb"^[^\n]{2000}", re.MULTILINE)  # sought at each byte, it would be quadratic
_LONG_HEADER = re.compile(rb"^content-[^\n]*(?:\n[ \t][^\n]*){20}", re.IGNORECASE | re.MULTILINE)

FINDINGS = {cause.code: cause for cause in report_causes.CONTENT}


def finding_of(told: str) -> Fall | None:
    """The verdict that a sighting's `finding` stands for: nothing, `code`, or `code: detail`."""
    if not told:
        return None
    code, _, detail = told.partition(": ")
    return Fall(FINDINGS.get(code, report_causes.ARCHIVE_BROKEN), detail)


class ReportReading:
    """The `reading` of a MailboxReader: what is one of our reports becomes a TOKEN, whoever composed its headers.

    `sender`: only what comes from there counts; a report that somebody forwards is no arrival. `arrivals`: False for
    the mailbox of notifications, where no other message is looked into. `unknown` counts the sender's messages that
    carry neither a token nor a control id of ours.
    """

    length = LENGTH

    def __init__(
        self, book: ReportBook, *, sender: str | None, expect: Collection[Form], arrivals: bool = True
    ) -> None:
        self.unknown = 0
        self._book = book
        self._sender = sender.lower() if sender is not None else None
        self._expect = expect
        self._arrivals = arrivals

    def wants(self, sighting: Sighting) -> bool:
        if sighting.kind is Kind.REPORT:
            return True
        if not self._arrivals or sighting.kind not in (Kind.OTHER, Kind.ANSWER):
            return False
        if "in-reply-to" in sighting.headers or "references" in sighting.headers:
            return False  # somebody's, though it may quote a report of ours
        return self._sender is None or sighting.sender == self._sender

    async def __call__(self, sighting: Sighting, content: bytes) -> Sighting:
        if sighting.kind is Kind.REPORT:
            return await self._notification(sighting, content)
        token, finding = await in_thread(examine, content, self._book.find, self._expect)
        token = token or sighting.token
        if token is None:
            self.unknown += self._sender is not None
            return sighting
        self._book.carried(sighting.headers.get("message-id", ("",))[0], token)
        return replace(sighting, kind=Kind.TOKEN, token=token, finding=finding)

    async def _notification(self, sighting: Sighting, content: bytes) -> Sighting:
        """A delivery status (RFC 3464) or disposition notification (RFC 8098) about one of our reports."""
        told = await in_thread(dsn.parse, content, self._book.key)
        if told is None:
            return sighting
        token = self._book.find(dsn.joined(content[: dsn.LENGTH]))
        if told.disposition is not None:
            token = self._book.answered(told.disposition, token)
        return replace(sighting, report=replace(told, token=token), token=token)


@dataclass(slots=True)
class _Found:
    """What was found while a message was taken apart."""

    find: Callable[[str], Token | None]
    token: Token | None = None

    def see(self, text: str | bytes) -> None:
        if self.token is None:
            text = text.decode("latin-1") if isinstance(text, bytes) else text
            self.token = self.find(text)


def examine(content: bytes, find: Callable[[str], Token | None], expect: Collection[Form]) -> tuple[Token | None, str]:
    """The token that a mail carries, and what is wrong with its report: a code of FINDINGS with a detail, or nothing.

    It blocks, for as long as bounded work takes: to be called in a thread. Nothing that is in the mail makes it raise.

    Raises:
        Fall: our own machine lacked what it takes to read it.
    """
    found = _Found(find)
    head = content[:TEXT].split(b"\r\n\r\n", 1)[0]
    found.see(_unfolded(head))
    if _is_unbounded(content):
        found.see(content[:TEXT])
        return found.token, report_causes.REPORT_TOO_LARGE.code
    try:
        parsed = email.message_from_bytes(content, policy=email.policy.compat32)
        _judge(list(_parts(parsed)), found, expect)
    except Fall as fall:
        if cause_of(fall) is causes.LOCAL_RESOURCES:
            raise
        return found.token, f"{fall.cause.code}: {fall.detail}" if fall.detail else fall.cause.code
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError):
        return found.token, f"{report_causes.ARCHIVE_MISSING.code}: a message that cannot be taken apart"
    return found.token, ""


def _is_unbounded(content: bytes) -> bool:
    """What would cost the parser of mail more than the mail is worth: among others, it reads a header's parameters in
    the square of their length, while it looks for parts."""
    return (
        len(content) >= LENGTH
        or content.count(b"\n") > MOST_LINES
        or content.count(b"\n--") > MOST_PARTS
        or _LONG_LINE.search(content) is not None
        or _LONG_HEADER.search(content) is not None
    )


def _parts(parsed: email.message.Message) -> Iterator[email.message.Message]:
    return (part for part in parsed.walk() if not part.is_multipart())


def _judge(parts: list[email.message.Message], found: _Found, expect: Collection[Form]) -> None:
    archives: list[email.message.Message] = []
    papers: list[email.message.Message] = []
    others = 0
    for part in parts:
        name = _file_name(part)
        found.see(name)
        if name.lower() == xdm.NAME:
            archives.append(part)
        elif part.get_content_type() == "application/pdf" or name.lower().endswith(".pdf"):
            papers.append(part)
        elif part.get_content_maintype() == "text":
            found.see(_payload(part)[:TEXT])
        else:
            others += 1
    if archives and "xdm" in expect:
        xdm.judge(_payload(archives[0]), found.see)
    elif papers and "pdf" in expect:
        paper = _payload(papers[0])
        found.see(paper[:TEXT])
        if not paper.startswith(b"%PDF"):
            raise Fall(report_causes.PDF_BROKEN, f"{len(paper)} bytes")
    else:
        raise Fall(report_causes.ARCHIVE_MISSING, f"{len(parts)} parts, {others} attachments of another kind or name")


def _payload(part: email.message.Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _file_name(part: email.message.Message) -> str:
    """An attachment's name, by RFC 2231, or in RFC 2047's words as many engines write it."""
    name = str(part.get_filename() or "")
    try:
        return str(email.header.make_header(email.header.decode_header(name)))[:300]
    except (email.errors.HeaderParseError, ValueError, LookupError):
        return name[:300]


def _unfolded(head: bytes) -> str:
    return head.decode("latin-1").replace("\r\n ", " ").replace("\r\n\t", " ")
