"""What became of a token while the run that sent it awaited it."""

from dataclasses import dataclass
from enum import StrEnum

from retabli.model.ladder import Fall
from retabli.net.mail.mail_ledger import Arrival


class End(StrEnum):
    """What became of the token while its run awaited it."""

    ARRIVED = "arrived"
    BOUNCED = "bounced"
    HELD = "held"  # not there, but an older one has come late meanwhile: the relay holds
    SILENT = "silent"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Fate:
    """`detail` says more: the bounce's diagnostic, the delay that a server told, why the mailbox cannot be read."""

    end: End
    seconds: float
    detail: str = ""
    status: str = ""
    arrival: Arrival | None = None
    fault: Fall | None = None
