"""What a message in a probe's mailbox is: a token of ours, an answer to one, a notification, a forgery, or none."""

import email
import email.message
import email.parser
import email.policy
import email.utils
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from retabli.net.mail import authentication_results, tokens
from retabli.net.mail.authentication_results import Authentication
from retabli.net.mail.dsn import Notification
from retabli.net.mail.imap_messages import Fetched
from retabli.net.mail.moments import Moment
from retabli.net.mail.tokens import HEADER, Token

SUBJECT_LENGTH = 1000  # characters of a header in which a quoted token is looked for


class Kind(StrEnum):
    """What a message is to us. Only TOKEN, and REPORT about a token, are ever our own to delete."""

    TOKEN = "token"  # noqa: S105 - a kind of message
    ANSWER = "answer"  # somebody else's, to one of our tokens
    REPORT = "report"
    FORGED = "forged"  # claims to be ours, and is not
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Sighting:
    """One new message. `since`: when its folder was read before, None for the first time. `listed`: when it was found
    there, where that may have been long before it was read.

    `report` is a notification, `content` the message's beginning, `finding` what is wrong with what it carries; all
    only where they were asked for.
    """

    kind: Kind
    uid: int
    token: Token | None
    place: "Place"
    sender: str
    since: Moment | None
    headers: Mapping[str, tuple[str, ...]]
    report: Notification | None = None
    content: bytes | None = None
    finding: str = ""
    listed: Moment | None = None

    @property
    def junk(self) -> bool:
        return self.place.junk

    def authentication(self, trusted: str | None) -> Authentication:
        """What the receiving server found; `trusted` is its name, where the configuration tells it."""
        return authentication_results.read(self.headers.get("authentication-results", ()), trusted)


@dataclass(frozen=True, slots=True)
class Place:
    """A folder of a mailbox."""

    mailbox: str
    folder: str
    junk: bool = False

    @property
    def name(self) -> str:
        return f"{self.mailbox}/{self.folder}"


def sight(fetched: Fetched, key: bytes, place: Place, since: Moment | None) -> Sighting:
    """What a message is, by its headers alone. Never raises, whatever is in them."""
    headers = _headers(fetched.content)
    kind, token = _judge(headers, key)
    return Sighting(kind, fetched.uid, token, place, _sender(headers), since, headers)


def _headers(content: bytes) -> Mapping[str, tuple[str, ...]]:
    try:
        parsed = email.parser.BytesHeaderParser(policy=email.policy.compat32).parsebytes(content)
        found: dict[str, list[str]] = {}
        for name, value in parsed.items():
            found.setdefault(name.lower(), []).append(str(value))
    except (ValueError, LookupError, TypeError, AttributeError):
        return MappingProxyType({})
    return MappingProxyType({name: tuple(values) for name, values in found.items()})


def _sender(headers: Mapping[str, tuple[str, ...]]) -> str:
    try:
        return email.utils.parseaddr(_first(headers, "from"))[1].lower()
    except RecursionError:  # comments within comments, without end
        return ""


def _judge(headers: Mapping[str, tuple[str, ...]], key: bytes) -> tuple[Kind, Token | None]:
    quoted = " ".join(
        value[:SUBJECT_LENGTH] for name in ("subject", "in-reply-to", "references") for value in headers.get(name, ())
    )
    if HEADER.lower() in headers:
        token = tokens.verify(key, _first(headers, HEADER.lower()))
        if token is None:
            return Kind.FORGED, None
        # A message that answers another is somebody's, though it may bring our headers along.
        answers = "in-reply-to" in headers or "references" in headers
        return (Kind.ANSWER if answers else Kind.TOKEN), token
    if _first(headers, "content-type").strip().lower().startswith("multipart/report"):
        return Kind.REPORT, None
    token = tokens.find(key, quoted)
    return (Kind.ANSWER, token) if token is not None else (Kind.OTHER, None)


def _first(headers: Mapping[str, tuple[str, ...]], name: str) -> str:
    return headers.get(name, ("",))[0]
