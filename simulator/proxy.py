"""The hospital's filtering proxy: an allow list, CONNECT only, deny pages marked as Squid marks them."""

import asyncio
import contextlib
from collections.abc import Mapping


class FilteringProxy:
    """`routes` says at which loopback port each host really is; `allowed` are the hosts that may be reached."""

    def __init__(self, routes: Mapping[str, int], allowed: set[str]) -> None:
        self.routes = routes
        self.allowed = allowed

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, _, rest = head.decode("latin-1").partition(" ")
        host = rest.split(" ")[0].removeprefix("http://").split("/")[0].partition(":")[0].lower()
        if host not in self.allowed or method != "CONNECT":
            await _refuse(writer, 403, "ERR_ACCESS_DENIED")
            return
        if host not in self.routes:
            await _refuse(writer, 503, "ERR_DNS_FAIL")
            return
        try:
            there = await asyncio.open_connection("127.0.0.1", self.routes[host])
        except OSError:
            await _refuse(writer, 503, "ERR_CONNECT_FAIL 111")
            return
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await writer.drain()
        await _relay(reader, writer, *there)


async def _refuse(writer: asyncio.StreamWriter, status: int, error: str) -> None:
    page = f"<!doctype html><title>{status}</title><p>{error}</p>".encode()
    head = f"HTTP/1.1 {status} Refused\r\nX-Squid-Error: {error}\r\nContent-Length: {len(page)}\r\n"
    writer.write(head.encode() + b"Connection: close\r\n\r\n" + page)
    await writer.drain()


async def _relay(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    there_reader: asyncio.StreamReader,
    there_writer: asyncio.StreamWriter,
) -> None:
    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
            if sink.can_write_eof():
                sink.write_eof()

    try:
        await asyncio.gather(pump(reader, there_writer), pump(there_reader, writer))
    finally:
        there_writer.close()
