"""A page as a mail: which headers, and how mail programs keep an incident's messages together. Pure.

Lines are written here and not by email.message, which folds a long identifier into encoded words that nobody threads.
"""

import hashlib
import quopri
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime

from retabli.alerts.channels import placeholders
from retabli.model.record import Message
from retabli.model.result import clean
from retabli.net.mail.smtp_addresses import path

MOST_REFERENCES = 20  # incidents that a message for several refers to
KEPT = "\n\t\u00a0\u202f"  # of what is not printable: line ends, and the spaces that French has before punctuation
LONGEST_HEADER = 900  # bytes of a value that is not folded; a line takes 998 (RFC 5322, section 2.1.1)
URGENT = ("Importance: high", "X-Priority: 1", "Priority: urgent")  # RFC 2156, and what programs look at


def compose(message: Message, mail_from: str, to: Sequence[str], at: float) -> bytes:
    """The whole mail, 7-bit, lines ended by CRLF. `at` in wall seconds.

    Its Message-ID follows from the message's key: a repeat is the same mail. It answers its incident's first message.
    Nothing in the message can add a header: each value is one line of printable characters.
    """
    fields = placeholders.fields_of(message)
    text = "".join(each if each.isprintable() or each in KEPT else " " for each in fields["text"])
    body = quopri.encodestring(f"{text.rstrip()}\n".encode())
    head = "\r\n".join(_headers(message, fields["summary"], mail_from, to, at))
    return head.encode("ascii") + b"\r\n\r\n" + body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def message_id(key: str, mail_from: str) -> str:
    """`<key@domain>`, the key itself where it can stand there (RFC 5322, section 3.6.4), else its digest."""
    sound = re.fullmatch(r"[A-Za-z0-9_+-]+(\.[A-Za-z0-9_+-]+)*", key) and len(key) <= 200
    domain = path(mail_from).decode().strip("<>").rpartition("@")[2]
    return f"<{key if sound else hashlib.sha256(key.encode('utf-8', 'replace')).hexdigest()[:40]}@{domain}>"


def _headers(message: Message, summary: str, mail_from: str, to: Sequence[str], at: float) -> Iterator[str]:
    body = message.body
    own = message_id(message.key, mail_from)
    yield f"From: {_bare(mail_from)}"
    yield "To: " + ",\r\n ".join(map(_bare, to))
    yield "Subject: " + Header(summary, _charset(summary), 76, "Subject").encode(linesep="\r\n")
    yield f"Date: {format_datetime(datetime.fromtimestamp(int(at), UTC))}"
    yield f"Message-ID: {own}"
    first = [message_id(f"{incident}-firing", mail_from) for incident in _incidents(message)]
    answered = [each for each in first if each != own]
    if answered:
        yield f"In-Reply-To: {answered[0]}"
        yield "References: " + "\r\n ".join(answered)
    yield "Auto-Submitted: auto-generated"  # RFC 3834: no holiday notice answers it
    yield "X-Auto-Response-Suppress: All"  # the same, for Exchange
    yield f"X-Retabli-Key: {_plain(message.key)}"
    yield f"X-Retabli-Status: {_plain(placeholders.as_text(body.get('status')))}"
    if body.get("status") == "firing" and body.get("reason") != "degraded":  # which is a warning
        yield from URGENT
    yield "MIME-Version: 1.0"
    yield "Content-Type: text/plain; charset=utf-8"
    yield "Content-Transfer-Encoding: quoted-printable"


def _incidents(message: Message) -> list[str]:
    """Of the message, or of the pages that it holds."""
    pages = message.body.get("pages") or (message.body,)
    found = dict.fromkeys(str(page["incident"]) for page in pages if page.get("incident"))
    return list(found)[:MOST_REFERENCES]


def _bare(address: str) -> str:
    return path(address).decode().strip("<>")


def _charset(text: str) -> str:
    return "us-ascii" if text.isascii() else "utf-8"


def _plain(value: str) -> str:
    return clean(value, LONGEST_HEADER).encode("ascii", "replace").decode()
