"""What one run knows of its recogniser, and what its falls are called by that."""

import re

from retabli.model import causes
from retabli.model.causes import Cause
from retabli.net.connection import Connection
from retabli.net.speech.speech_causes import AUDIO_LOST
from retabli.net.web.proxy_causes import PROXY_CANNOT_CONNECT, PROXY_CANNOT_RESOLVE, PROXY_DENIED

OF_A_HOST = (PROXY_DENIED, PROXY_CANNOT_RESOLVE, PROXY_CANNOT_CONNECT)


class Meeting:
    """What one run knows of its recogniser: its host, the connection once it is reached, the token once it is had.

    `told` is what its falls are called: a host that a proxy speaks of is named, for this kind needs several; a deadline
    is the way's when what we said was sent again and again; and a token that somebody repeats is not shown.
    """

    def __init__(self, host: str) -> None:
        self.host = host
        self.connection: Connection | None = None
        self.token = ""

    def told(self, found: Cause, detail: str) -> tuple[Cause, str]:
        if self.token:  # as far as it was not cut off
            detail = re.sub(re.escape(self.token[:8]) + r"\S*", "…", detail)
        if found in OF_A_HOST:
            return found, f"{self.host}: {detail}"
        lost = self.connection.unacknowledged() if self.connection is not None and found is causes.TIMEOUT else 0
        return (AUDIO_LOST, f"{lost} packets were sent again and again") if lost else (found, detail)
