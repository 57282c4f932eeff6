"""The ways out that must be closed: what each one is, and what became of the attempt to go it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from retabli.model.causes import Cause, Verdict
from retabli.model.settings import Proxy
from retabli.model.words import Words
from retabli.net.containment.containment_settings import Alive

EXPECTED = Words("attendu", "expected")
NOT_EXPECTED = Words("NON attendu", "NOT expected")
NOT_APPLICABLE = Words("sans objet", "not applicable")


class Sign(StrEnum):
    """By what an attempt was denied.

    A deny page and a sinkhole are said by whoever denies, and so is ICMP's "administratively prohibited": where it is
    one of our firewalls that says so. A silence and a reset a dead target gives as well, and so they mean nothing
    without controls. `cut` is a handshake that somebody completed and then cut before the target had said its word.
    """

    TIMEOUT = "timeout"
    RESET = "reset"
    CUT = "cut"
    ICMP = "icmp"
    DENY_PAGE = "deny_page"
    SINKHOLE = "sinkhole"


@dataclass(frozen=True, slots=True)
class Way:
    """One attempt: to that host and port, by that protocol, directly or through a proxy, over that family.

    `family` is None through a proxy, which chooses. `demanded`: the family was asked for by the operator, so a machine
    without it cannot judge. `says` is what the target itself says, where somebody else may answer in its place.
    """

    to: str
    port: int
    protocol: str
    proxy: Proxy | None = None
    family: int | None = None
    demanded: bool = False
    alive: Alive | None = None
    says: str | None = None

    @property
    def door(self) -> dict[str, str]:
        """What stands for this attempt in the query of a control."""
        port, family = str(self.port or ""), str(self.family or "")
        return {"to": self.to, "port": port, "protocol": self.protocol, "family": family}

    def __str__(self) -> str:
        via = f"via {self.proxy.name or self.proxy.host}" if self.proxy is not None else "direct"
        port = f" {self.port}" if self.port else ""
        family = f" IPv{self.family}" if self.family else ""
        return f"{via} {self.protocol}{port}{family} {self.to}"


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one attempt: denied by a `sign`, or a `cause`: an answer, or a reason not to judge.

    Neither: it was not applicable here (this machine has no IPv6, that name has none). `by_ours`: it is known to be a
    firewall of ours that denied.
    """

    way: Way
    sign: Sign | None = None
    cause: Cause | None = None
    detail: str = ""
    by_ours: bool = False

    @property
    def proves_alone(self) -> bool:
        """A prohibition of just anybody may come from beyond our border: from a carrier, or the target's own side."""
        return self.sign in (Sign.DENY_PAGE, Sign.SINKHOLE) or (self.sign is Sign.ICMP and self.by_ours)

    @property
    def breach(self) -> bool:
        return self.cause is not None and self.cause.verdict is Verdict.FAILED

    @property
    def applies(self) -> bool:
        return self.sign is not None or self.cause is not None

    def told(self, expected: frozenset[Sign], language: str = "en") -> str:
        """`timeout (expected)`, `ANSWERED: handshake completed`, `not applicable: …`; a sign by its key in `denied`."""
        if self.sign is not None:
            word = f"{self.sign.value} ({(EXPECTED if self.sign in expected else NOT_EXPECTED)[language]})"
        elif self.cause is not None:
            known = self.cause.code.upper() if self.breach else self.cause.code
            word = Words("RÉPOND" if self.breach else self.cause.words.fr, known)[language]
        else:
            word = NOT_APPLICABLE[language]
        return f"{word}{Words(' : ', ': ')[language]}{self.detail}" if self.detail else word


@dataclass(frozen=True, slots=True)
class ControlSeen:
    """What a control gave: passes, fails, or None: it could not be evaluated. `declared`: it is the operator's word.

    `cause` is why it did not pass, where that has one.
    """

    passes: bool | None
    detail: str = ""
    declared: bool = False
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class Controls:
    """The round's controls: the path by family (4, 6), and for each way what is known of its target's life."""

    path: Mapping[int, ControlSeen]
    alive: Mapping[Alive, ControlSeen]
