"""What stands beyond the border, in one process inside a network namespace: `python -m tests.real.outside WORDS`.

`tcp:PORT` and `udp:PORT` are listeners of a canary, over IPv4 and IPv6, that say CANARY. `witness:PORT:HOST:PORT` is a
metrics engine that answers every query by whether it can reach that host and port itself, now. `page:PORT` is a
filter's page of denial, `tlspage:PORT` the same inside TLS of its own making.
"""

import asyncio
import contextlib
import json
import ssl
import sys
import time
from typing import Any, cast
from urllib.parse import parse_qs

import trustme

WORD = b"CANARY\n"


async def canary(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(WORD)
    with contextlib.suppress(OSError):
        await writer.drain()
    writer.close()


async def deny(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, EOFError):
        await reader.readuntil(b"\r\n\r\n")
        page = b"<h1>Blocked by hospital policy</h1>"
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\n\r\n" % len(page) + page)
        await writer.drain()
    writer.close()


def intercepting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("canary.outside.example").configure_cert(context)
    return context


class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._transport.sendto(WORD, addr)


class Witness:
    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:"))
        form = parse_qs((await reader.readexactly(length)).decode())
        age_asked = "time" in form
        value = f"{time.time():.3f}" if age_asked else str(int(await self._reaches()))
        series = [{"metric": {"job": "canary"}, "value": [round(time.time(), 3), value]}]
        body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": series}}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    async def _reaches(self) -> bool:
        with contextlib.suppress(OSError):
            async with asyncio.timeout(0.5):
                _, other = await asyncio.open_connection(self.host, self.port)
            other.close()
            return True
        return False


async def main(words: list[str]) -> None:
    loop = asyncio.get_running_loop()
    for word in words:
        what, number, *rest = word.split(":")
        if what == "tcp":
            await asyncio.start_server(canary, None, int(number))
        elif what == "page":
            await asyncio.start_server(deny, None, int(number))
        elif what == "tlspage":
            await asyncio.start_server(deny, None, int(number), ssl=intercepting())
        elif what == "udp":
            await loop.create_datagram_endpoint(Echo, local_addr=("::", int(number)))  # IPv4 comes mapped
        else:
            await asyncio.start_server(Witness(rest[0], int(rest[1])).talk, None, int(number))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


asyncio.run(main(sys.argv[1:]))
