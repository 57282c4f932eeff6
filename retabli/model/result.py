"""What one climb of a ladder gave."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from retabli.model.causes import Cause
from retabli.model.stages import Stage

DETAIL_LENGTH = 300  # what a remote said is cut to this many characters, everywhere


class Outcome(StrEnum):
    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Measure(StrEnum):
    """What a probe measures besides its rungs. Values are numbers; seconds unless said."""

    __hash__ = str.__hash__  # an Enum's own is written in Python, and each run asks for dozens

    DNS_LOOKUP = "dns_lookup"
    IP_PROTOCOL = "ip_protocol"  # 4 or 6
    HTTP_STATUS = "http_status"
    HTTP_VERSION = "http_version"  # 1.0, 1.1
    HTTP_SSL = "http_ssl"  # 1 if the final answer came over TLS
    HTTP_REDIRECTS = "http_redirects"
    HTTP_RESOLVE = "http_resolve"
    HTTP_CONNECT = "http_connect"
    HTTP_TLS = "http_tls"
    HTTP_PROCESSING = "http_processing"
    HTTP_TRANSFER = "http_transfer"
    ICMP_RESOLVE = "icmp_resolve"
    ICMP_SETUP = "icmp_setup"
    ICMP_RTT = "icmp_rtt"
    CERT_EARLIEST_EXPIRY = "cert_earliest_expiry"  # Unix time; known even when the certificate is bad
    CLOCK_OFFSET = "clock_offset"


class Mail(StrEnum):
    """What became of a token. One that was sent ends in exactly one of received, late, lost, bounced."""

    SENT = "sent"
    RECEIVED = "received"
    LATE = "late"
    LOST = "lost"
    BOUNCED = "bounced"
    DUPLICATE = "duplicate"
    FORGED = "forged"


@dataclass(frozen=True, slots=True)
class Rung:
    """One rung climbed, or fallen from: `cause` is then not None. `seconds` is the time spent on it."""

    stage: Stage
    seconds: float
    cause: Cause | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """One run of one unit.

    `beat`, `started` and `ended` are monotonic seconds (due, begun, over); `at` is the wall time of the end.
    `stage` is the rung it fell on, or the highest reached when it is ok. `of` is the ladder's length.
    `whole` is False for an ok that was slow or impaired; `cause` then says why (None when merely slow).
    """

    outcome: Outcome
    rungs: tuple[Rung, ...]
    of: int
    stage: Stage | None
    cause: Cause | None
    detail: str
    beat: float
    started: float
    ended: float
    at: float
    whole: bool = True
    confirming: bool = False
    measures: Mapping[Measure, float] = field(default_factory=lambda: MappingProxyType({}))
    properties: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    mail: Mapping[Mail, int] = field(default_factory=lambda: MappingProxyType({}))
    roundtrips: tuple[float, ...] = ()

    @property
    def seconds(self) -> float:
        return self.ended - self.started

    @property
    def rung(self) -> int:
        """How many rungs held."""
        held = 0
        for rung in self.rungs:  # asked for several times a run: a generator costs three times as much
            if rung.cause is None:
                held += 1
        return held

    def as_json(self, identity: Mapping[str, Any]) -> dict[str, Any]:
        """The object of the API's `probes[]`; `identity` gives `id`, `kind` and `target`; `at` stays a Unix time."""
        fell = self.outcome is not Outcome.OK
        return {
            **identity,
            "outcome": self.outcome.value,
            "at": self.at,
            "seconds": round(self.seconds, 6),
            "stage": self.stage.id if self.stage else None,
            "cause": self.cause.code if self.cause else None,
            "side": self.cause.side.value if self.cause and fell else None,
            "detail": self.detail,
            "whole": self.whole,
            "rungs": [
                {
                    "stage": rung.stage.id,
                    "seconds": round(rung.seconds, 6),
                    "cause": rung.cause.code if rung.cause else None,
                }
                for rung in self.rungs
            ],
        }


def clean(text: str | bytes, length: int = DETAIL_LENGTH) -> str:
    """What a remote said: one line, cut, without control or direction-changing characters; safe in a log or page."""
    if isinstance(text, bytes):
        text = text[: length * 4].decode("utf-8", "replace")
    if len(text) <= length and text.isprintable() and "  " not in text and text == text.strip():
        return text  # most are clean: an address, a version
    kept = "".join(char if char.isprintable() else " " for char in text[: length * 4])
    kept = " ".join(kept.split())
    return kept if len(kept) <= length else kept[: length - 1] + "…"
