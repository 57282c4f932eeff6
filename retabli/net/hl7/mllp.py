"""The minimal lower layer protocol: HL7 messages in blocks over a connection (HL7 v2 Transport: MLLP, release 1).

A block is `<VT> content <FS><CR>`. What a peer sends is bounded, and an answer that fails is told apart by how.
"""

import re

from retabli.model import causes
from retabli.model.causes import Cause
from retabli.model.ladder import Fall
from retabli.net.connection import Connection
from retabli.net.hl7.hl7_causes import BAD_FRAME, SILENT, TLS_WANTED

VT, FS, CR = b"\x0b", b"\x1c", b"\r"
ACK, NAK = b"\x06", b"\x15"  # the content of a block by which release 2 confirms or refuses storage
LONGEST = 65_536  # bytes of one block
BETWEEN = (b"\r", b"\n")  # some engines put line ends between blocks; anything else there is an error
MOST_BETWEEN = 64
# How other services begin: all that is ever told of what came instead of a block, which could hold a patient.
OTHERS = re.compile(rb"[0-9]{3}[ -]|HTTP/|SSH-|\+OK|\* OK|<\?xml|<html", re.IGNORECASE)
TLS_ALERT = b"\x15\x03"  # how a TLS server answers a client in clear (RFC 8446, section 5.1)


def block(content: bytes) -> bytes:
    return VT + content + FS + CR


class Mllp:
    """Blocks over one connection. `heard`: bytes that have come."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.heard = 0
        self._blocks = 0
        self._between = 0
        self._held = bytearray()

    async def send(self, content: bytes) -> None:
        await self.connection.send(block(content))

    async def receive(self) -> bytes:
        """The content of the next block.

        Raises:
            Fall: `bad_frame`, `too_long`, `tls_wanted`; `closed_early` when the peer has left between two blocks.
        """
        seen = 0
        while (content := self._taken(seen)) is None:
            seen = max(0, len(self._held) - 1)
            await self._more()
        self._blocks += 1
        return content

    def _taken(self, seen: int) -> bytes | None:
        """The next block, when all of it is there; no FS stands before `seen`."""
        held = self._held
        if held[:1] in BETWEEN:
            self._between += len(held) - len(held.lstrip(b"\r\n"))
            self._held = held = held.lstrip(b"\r\n")
            if self._between > MOST_BETWEEN:
                raise Fall(BAD_FRAME, "line ends without end")
        if not held:
            return None
        if held == TLS_ALERT[:1]:
            return None  # its second byte tells
        if held[:1] != VT:
            raise self._unframed()
        end = held.find(FS, seen)
        if end >= 0 and len(held) > end + 1:
            if held[end + 1 : end + 2] != CR:
                raise Fall(BAD_FRAME, "FS is not followed by CR")
            content = bytes(held[1:end])
            del held[: end + 2]
            return content
        if len(held) > LONGEST:
            raise Fall(causes.TOO_LONG, f"a block of more than {LONGEST} bytes")
        return None

    async def _more(self) -> None:
        data = await self.connection.receive(LONGEST)
        if data:
            self.heard += len(data)
            self._held += data
            return
        if self._held:
            raise Fall(BAD_FRAME, f"closed in the middle of a block, after {len(self._held)} bytes")
        raise Fall(causes.CLOSED_EARLY, "accepted, then closed" if not self.heard else "closed after a block")

    def _unframed(self) -> Fall:
        if self._held.startswith(TLS_ALERT):
            return Fall(TLS_WANTED)
        if self._held.startswith(b"MSH"):
            return Fall(BAD_FRAME, "HL7 without the VT before it")
        other = OTHERS.match(self._held)
        return Fall(BAD_FRAME, f"it begins with {bytes(other[0])!r} instead of VT" if other else "it begins without VT")

    def overdue(self) -> tuple[Cause, str]:
        """What it means that the time is over now, while an answer is awaited."""
        if self._held:
            ended = self._held[-1:] == FS
            return BAD_FRAME, "no CR after FS" if ended else f"a block that does not end, after {len(self._held)} bytes"
        if self.connection.unacknowledged(resent=0):
            return causes.TIMEOUT, "connected, but what we sent is lost on the way: its host does not confirm it"
        return SILENT, "" if not self._blocks else f"silent after {self._blocks} blocks"
