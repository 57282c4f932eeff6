"""SMTP replies: read within bounds, parsed, and told apart by what they say."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from retabli.model import causes
from retabli.model.causes import Cause
from retabli.model.ladder import Fall
from retabli.model.result import clean
from retabli.net.mail import smtp_causes

LINE_LIMIT = 2048  # RFC 5321, section 4.5.3.1.5 says 512; real servers go beyond
REPLY_LIMIT = 65536
LINES_LIMIT = 200

_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(rb"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?=\s|$)")


class Lines(Protocol):
    """Where a reply is read from: a connection."""

    async def read_line(self, limit: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply (RFC 5321, section 4.2). `enhanced` is the status code of RFC 3463, or "". Lines are as they came."""

    code: int
    lines: tuple[bytes, ...]
    enhanced: str = ""

    @property
    def good(self) -> bool:
        return 200 <= self.code < 400

    @property
    def temporary(self) -> bool:
        return 400 <= self.code < 500

    @property
    def text(self) -> str:
        """Everything it says, on one line, without codes; safe to show."""
        return clean(b" ".join(_without_enhanced(line) for line in self.lines))

    def __str__(self) -> str:
        """As a server would have put it on one line: `550 5.1.1 User unknown`."""
        return clean(" ".join(part for part in (str(self.code), self.enhanced, self.text) if part))


def _without_enhanced(line: bytes) -> bytes:
    return _ENHANCED.sub(b"", line, count=1).lstrip() if _ENHANCED.match(line) else line


async def read_reply(lines: Lines, *, garbage: Cause = causes.GARBAGE) -> Reply:
    """The next reply, however many lines it has.

    Raises:
        Fall: `garbage` when a line is none of SMTP, `too_long` beyond 2 KiB a line, 64 KiB or 200 lines, and what
            `read_line` raises.
    """
    texts: list[bytes] = []
    size = 0
    while True:
        line = (await lines.read_line(LINE_LIMIT)).rstrip(b"\r\n")
        match = _LINE.fullmatch(line)
        if match is None:
            raise Fall(garbage, line)
        size += len(line)
        texts.append(match[3] or b"")
        if match[2] != b"-":
            return _reply(int(match[1]), tuple(texts))  # a reply whose lines disagree is judged by its last one
        if size > REPLY_LIMIT or len(texts) >= LINES_LIMIT:
            raise Fall(causes.TOO_LONG, f"a reply of over {len(texts)} lines, {size} bytes: {clean(texts[0], 80)}")


def _reply(code: int, lines: tuple[bytes, ...]) -> Reply:
    match = _ENHANCED.match(lines[-1]) or _ENHANCED.match(lines[0])
    enhanced = match[1].decode("ascii") if match else ""
    return Reply(code, lines, enhanced if enhanced[:1] == str(code)[0] else "")


# What EHLO offers --------------------------------------------------------------------------------------------------

_MASKED = re.compile(r"X{4,}[A-Z]?")  # what an inspecting firewall makes of a keyword it does not let through
_MASKED_BANNER = re.compile(rb"[*02 ]{12,}")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a server's EHLO offers: keyword in capitals → its words, in capitals (RFC 5321, section 4.1.1.1)."""

    keywords: dict[str, tuple[str, ...]]

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.keywords

    @property
    def masked(self) -> str | None:
        """A keyword that was overwritten on the way (`XXXXXXXX`, `XXXXXXXA`), or None."""
        return next((keyword for keyword in self.keywords if _MASKED.fullmatch(keyword)), None)

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """The SASL mechanisms offered (RFC 4954, section 3); some servers write `AUTH=LOGIN` besides."""
        return self.keywords.get("AUTH", ())

    @property
    def size(self) -> int | None:
        """The largest message taken, in bytes; None when it is not said (RFC 1870, section 3)."""
        words = self.keywords.get("SIZE", ())
        return int(words[0]) or None if words and words[0].isdecimal() and len(words[0]) < 20 else None


def parse_capabilities(reply: Reply) -> Capabilities:
    """The capabilities in a reply to EHLO; its first line is the greeting."""
    keywords: dict[str, tuple[str, ...]] = {}
    for name, words in _offers(reply):
        keywords[name] = tuple(dict.fromkeys((*keywords.get(name, ()), *words)))
    return Capabilities(keywords)


def _offers(reply: Reply) -> Iterator[tuple[str, tuple[str, ...]]]:
    for line in reply.lines[1:]:
        words = line.decode("ascii", "replace").upper().replace("AUTH=", "AUTH ", 1).split()
        if words:
            yield words[0], tuple(words[1:])


def banner_masked(banner: Reply) -> bool:
    """Whether a firewall overwrote the banner (`220 ****************0****2***`): it then masks STARTTLS too."""
    return _MASKED_BANNER.fullmatch(banner.lines[0]) is not None and b"*" in banner.lines[0]


def command_masked(reply: Reply) -> bool:
    """Whether a refusal quotes our command as it arrived there, overwritten: `502 5.5.2 XXXXXXXX unrecognized`."""
    return any(_MASKED.fullmatch(word.strip("\"'<>:,.()[]").upper()) for word in reply.text.split())


# What a refusal means ----------------------------------------------------------------------------------------------


class Step(StrEnum):
    """What a reply answers."""

    GREETING = "greeting"
    EHLO = "EHLO"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    END = "end of data"


_BOTH = frozenset(Step)
_MESSAGE = frozenset((Step.DATA, Step.END))


@dataclass(frozen=True, slots=True)
class _Row:
    """A reply that fits all that a row says means its cause. `enhanced` is matched without its class."""

    cause: Cause
    steps: frozenset[Step] = _BOTH
    codes: tuple[int, ...] = ()
    enhanced: re.Pattern[str] | None = None
    text: re.Pattern[str] | None = None

    def fits(self, reply: Reply, step: Step) -> bool:
        return (
            step in self.steps
            and (not self.codes or reply.code in self.codes)
            and (self.enhanced is None or self.enhanced.fullmatch(reply.enhanced[2:]) is not None)
            and (self.text is None or self.text.search(reply.text) is not None)
        )


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_SIZE = _words(r"size|too (big|large)|message length|exceeds? .*limit")
_FULL = _words(r"quota|mailbox (is )?full|full mailbox|over ?storage|out of storage|insufficient .*mailbox")
_BLOCKED = _words(
    r"black ?list|block ?list|blocklisted|\brbl\b|dnsbl|spamhaus|spamcop|barracuda|sorbs|blocked (using|by|at)"
    r"|\blisted\b|bad reputation|poor reputation|banned sending ip"
)
_RATE = _words(r"rate[- ]?limit|\brate\b|too (many|much|fast|frequent)|throttl|(sending|hourly|daily) (limit|quota)")
_UNKNOWN = _words(
    r"(user|recipient|mailbox|address|account|alias) (is )?(unknown|not found|does ?n[o']t exist|unavailable|disabled)"
    r"|(unknown|no such|invalid|non-?existent) (user|recipient|mailbox|address|account|local)|not our customer"
    r"|does not exist|user .{0,80} unknown"
)
_UNPROVEN = _words(r"\b(spf|dkim|dmarc)\b")
_CERTIFICATE = _words(r"(client|peer|tls|ssl|trusted|no|your) certificate|certificate (is )?(required|not|un)")

# The first row that fits gives the cause: the enhanced code where it is precise, then the words, then the basic code.
_TABLE: tuple[_Row, ...] = (
    _Row(smtp_causes.STARTTLS_REQUIRED, text=_words(r"must issue a? ?starttls|starttls (is )?(required|first)")),
    _Row(smtp_causes.STARTTLS_REQUIRED, enhanced=_words(r"7\.10")),
    _Row(smtp_causes.AUTH_REQUIRED, codes=(530,), text=_words(r"auth")),
    _Row(smtp_causes.AUTH_REQUIRED, enhanced=_words(r"7\.57")),
    _Row(smtp_causes.STARTTLS_REQUIRED, codes=(530,), text=_words(r"tls|encrypt")),
    _Row(smtp_causes.UNKNOWN_RECIPIENT, enhanced=_words(r"1\.(1|2|3|4|6|10)|2\.1")),
    _Row(smtp_causes.SENDER_REFUSED, enhanced=_words(r"1\.(7|8)|7\.27")),
    _Row(smtp_causes.MAILBOX_FULL, enhanced=_words(r"2\.2")),
    _Row(smtp_causes.TOO_BIG, enhanced=_words(r"2\.3|3\.4")),
    _Row(smtp_causes.SENDER_UNPROVEN, enhanced=_words(r"7\.2[0-36]")),
    _Row(smtp_causes.RATE_LIMITED, enhanced=_words(r"7\.28|4\.5")),
    _Row(smtp_causes.BLOCK_LISTED, enhanced=_words(r"7\.6[0-9]{2}")),
    _Row(smtp_causes.RELAY_DENIED, enhanced=_words(r"7\.54")),
    _Row(smtp_causes.GREYLISTED, text=_words(r"gr[ea]y-? ?list")),
    _Row(smtp_causes.RELAY_DENIED, text=_words(r"relay(ing)? (access )?(is )?(denied|not|prohibited)|\bto relay\b")),
    _Row(
        smtp_causes.RELAY_DENIED, text=_words(r"(not|n't|denied|refus\w+|for) (permitted |allowed )?(to (be )?)?relay")
    ),
    _Row(smtp_causes.AUTH_REQUIRED, text=_words(r"authentication (is )?required|not authenticated")),
    _Row(smtp_causes.BLOCK_LISTED, text=_BLOCKED),
    _Row(smtp_causes.SENDER_UNPROVEN, text=_UNPROVEN),
    _Row(smtp_causes.MAILBOX_FULL, text=_FULL),
    _Row(smtp_causes.TOO_BIG, codes=(552, 523), text=_SIZE),
    _Row(smtp_causes.RATE_LIMITED, text=_RATE),
    _Row(smtp_causes.SENDER_REFUSED, text=_words(r"sender (address |domain |verify )?(rejected|refused|denied|fail)")),
    _Row(smtp_causes.UNKNOWN_RECIPIENT, steps=frozenset((Step.RCPT, Step.END)), text=_UNKNOWN),
    _Row(smtp_causes.MESSAGE_REFUSED, steps=_MESSAGE, codes=(550, 554, 571)),
    _Row(smtp_causes.TOO_BIG, codes=(552, 523)),
    _Row(smtp_causes.NOT_AUTHORISED, enhanced=_words(r"7\..*")),
    _Row(smtp_causes.SENDER_REFUSED, steps=frozenset((Step.MAIL,)), codes=(550, 551, 553, 554)),
    _Row(smtp_causes.UNKNOWN_RECIPIENT, steps=frozenset((Step.RCPT,)), codes=(551, 553)),
    _Row(smtp_causes.MESSAGE_REFUSED, steps=_MESSAGE, enhanced=_words(r"6\..*")),
)


def cause_of_refusal(reply: Reply, step: Step, *, client_cert: bool = False) -> Cause:
    """What a refusal means; `client_cert` says whether we presented a certificate of ours.

    A 4xx is temporary whatever its text says. A reply that is no refusal, where it should not stand, is garbage.
    """
    if reply.good:
        return causes.GARBAGE
    if step is Step.GREETING:
        return smtp_causes.BANNER_BUSY if reply.temporary else smtp_causes.BANNER_REFUSED
    if _about_our_certificate(reply):
        return causes.CLIENT_CERT_REFUSED if client_cert else causes.CLIENT_CERT_MISSING
    found = next((row.cause for row in _TABLE if row.fits(reply, step)), None)
    if reply.temporary:
        # 4.7.x without a word that we know, or a greylisted 5xx: only the class is certain
        known = found is not None and found is not smtp_causes.NOT_AUTHORISED
        return smtp_causes.softened(found) if found and known else smtp_causes.TEMPORARY_FAILURE
    return found or smtp_causes.PERMANENT_FAILURE


def _about_our_certificate(reply: Reply) -> bool:
    # A 4xx too: Postfix ends an unwanted client certificate with 421, and no waiting ever mends that
    return reply.enhanced[2:4] in ("", "7.") and _CERTIFICATE.search(reply.text) is not None
