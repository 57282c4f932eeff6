"""The hospital's switchboard, as far as SIP's OPTIONS asks of it: over UDP and TCP, at one number."""

import asyncio
import re

from simulator.serving import TwoWays

KEPT = re.compile(rb"^(via|v|from|f|to|t|call-id|i|cseq):.*\r\n", re.IGNORECASE | re.MULTILINE)
STATUSES = {
    "answers": b"200 OK",
    "overloaded": b"503 Service Unavailable\r\nRetry-After: 30",
    "error": b"500 Server Internal Error",
    "refuses": b"403 Forbidden",
}


class Switchboard:
    """`position`: "answers", "overloaded" (503 with Retry-After), "error" (500), "refuses" (403) or "silent"."""

    def __init__(self) -> None:
        self.position = "answers"
        self.serving = TwoWays(self._talk, self._answer)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            answer = self._answer(await reader.readuntil(b"\r\n\r\n"))
            if answer is None:
                await asyncio.sleep(3600)
                return
            writer.write(answer)
            await writer.drain()

    def _answer(self, request: bytes) -> bytes | None:
        """What the switchboard says; None when it says nothing. It repeats what tells whose answer it is."""
        if self.position == "silent" or not request.endswith(b"\r\n\r\n"):
            return None
        status = STATUSES[self.position] if request.startswith(b"OPTIONS ") else b"405 Method Not Allowed"
        kept = b"".join(match[0] for match in KEPT.finditer(request))
        return b"SIP/2.0 " + status + b"\r\n" + kept + b"Allow: OPTIONS\r\nContent-Length: 0\r\n\r\n"
