"""What systemd is told of this daemon: datagrams to the socket that it names, as sd_notify(3) has them."""

import errno
import logging
import os
import socket
import weakref
from collections.abc import Mapping, MutableMapping

LONGEST_STATUS = 300  # characters: one line of `systemctl status`
_OURS = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")

log = logging.getLogger("retabli.systemd")


class Systemd:
    """Where systemd listens: a path, or `@` and a name in the abstract namespace. Nowhere: nothing is ever said.

    `watchdog` is within how many seconds a sign of life is expected, again and again; None: none is.
    """

    def __init__(self, address: str = "", watchdog: float | None = None) -> None:
        self.watchdog = watchdog
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._failed = False
        self._socket: socket.socket | None = None  # kept: without a free descriptor we would fall silent, and be ended

    @property
    def listens(self) -> bool:
        return bool(self._address)

    def say(self, *lines: str) -> bool:
        """These assignments, in one datagram, now; whether they were taken. Waits for nothing and raises nothing."""
        if not self._address:
            return False
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
                weakref.finalize(self, self._socket.close)
            self._socket.sendto("\n".join(lines).encode(errors="replace"), self._address)
        except OSError as error:
            if not self._failed and error.errno != errno.EAGAIN:  # full: it is busy, and reads later
                log.warning("systemd does not hear us: %s", error.strerror)
                self._failed = True
            return False
        self._failed = False
        return True

    def end(self, why: str) -> None:
        """We end, and this is why: systemd shows it when we are gone."""
        self.say("STOPPING=1", status(why))


def status(text: str) -> str:
    """The assignment of what `systemctl status` shows: one line, whatever is in it."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return f"STATUS={line if len(line) <= LONGEST_STATUS else line[: LONGEST_STATUS - 1] + '…'}"


def from_environment(environment: MutableMapping[str, str] = os.environ) -> Systemd:
    """As sd_watchdog_enabled(3) reads it. Its variables are taken out: none is meant for what we start."""
    found = {name: environment.pop(name, "") for name in _OURS}
    address = found["NOTIFY_SOCKET"]
    if address and address[0] not in "/@":
        log.warning("NOTIFY_SOCKET names no socket that we can speak to: systemd is told nothing")
        address = ""
    return Systemd(address, _watchdog(found))


def _watchdog(found: Mapping[str, str]) -> float | None:
    span, whose = found["WATCHDOG_USEC"], found["WATCHDOG_PID"]
    if not span.isdecimal() or int(span) == 0 or (whose and whose != str(os.getpid())):
        return None
    return int(span) / 1e6
