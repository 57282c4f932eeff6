"""The hospital's switchboard, as far as SIP's OPTIONS asks of it: over UDP and TCP, at one number."""

import asyncio
import re

from simulator.serving import Serving

ATTEMPTS = 20  # at finding a port that is free for UDP and TCP
KEPT = re.compile(rb"^(via|v|from|f|to|t|call-id|i|cseq):.*\r\n", re.IGNORECASE | re.MULTILINE)
STATUSES = {
    "answers": b"200 OK",
    "overloaded": b"503 Service Unavailable\r\nRetry-After: 30",
    "error": b"500 Server Internal Error",
    "refuses": b"403 Forbidden",
}


class Switchboard(asyncio.DatagramProtocol):
    """`position`: "answers", "overloaded" (503 with Retry-After), "error" (500), "refuses" (403) or "silent"."""

    def __init__(self) -> None:
        self.position = "answers"
        self.port = 0
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp = Serving(self._talk)

    async def open(self) -> None:
        """Listen at one number: the kernel's choice for UDP, until it is free for TCP too.

        Raises:
            OSError: none was in so many attempts.
        """
        loop = asyncio.get_running_loop()
        for left in reversed(range(ATTEMPTS)):
            self._udp, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
            self._tcp.port = self.port = self._udp.get_extra_info("sockname")[1]
            try:
                await self._tcp.open()
            except OSError:
                self._udp.close()
                if not left:
                    raise
            else:
                return

    async def close(self) -> None:
        if self._udp is not None:
            self._udp.close()
        await self._tcp.close()

    async def __aenter__(self) -> "Switchboard":
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._answer(data)
        if answer is not None and self._udp is not None:
            self._udp.sendto(answer, addr)

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
