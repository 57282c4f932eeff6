"""What the soak probes, in a process of its own: ports of several protocols, some of which fall when they are told to.

`python -m bench.soak_targets` prints them as JSON and obeys `stop N` and `start N` until its standard input is closed.
"""

import asyncio
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from subprocess import PIPE, Popen

import dns.flags
import dns.message
import dns.rrset

KINDS = ("tcp", "http", "smtp", "dns")
FALLING = 12  # ports that fall now and then
PORTS = 20


@dataclass(frozen=True, slots=True)
class Port:
    number: int
    kind: str
    port: int

    @property
    def falls(self) -> bool:
        return self.number < FALLING

    def probe(self) -> str:
        """As the configuration has it."""
        if self.kind == "http":
            return f'{{kind: http, url: "http://127.0.0.1:{self.port}/"}}'
        if self.kind == "dns":
            return f"{{kind: dns, name: chu.example, resolver: {{nameservers: [127.0.0.1], port: {self.port}}}}}"
        return f"{{kind: {self.kind}, host: 127.0.0.1, port: {self.port}}}"


@contextmanager
def serving() -> Iterator[tuple[Sequence[Port], Callable[[str], None]]]:
    """The ports, and who tells one of them to stop or to start."""
    with Popen([sys.executable, "-m", "bench.soak_targets"], stdin=PIPE, stdout=PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        orders = process.stdin

        def tell(order: str) -> None:
            orders.write(f"{order}\n")
            orders.flush()

        try:
            yield [Port(**each) for each in json.loads(process.stdout.readline())], tell
        finally:
            orders.close()


# the process -------------------------------------------------------------------------------------------------------


async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
        )
        await writer.drain()
    except (OSError, EOFError):
        pass
    finally:
        writer.close()


async def smtp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        writer.write(b"220 relay.chu.example ESMTP\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            writer.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 relay.chu.example\r\n")
            if verb == b"QUIT":
                break
    except OSError:
        pass
    finally:
        writer.close()


class Names(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        answer.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", "192.0.2.7"))
        self._transport.sendto(answer.to_wire(), addr)  # type: ignore[attr-defined]


TALKS = {"tcp": accept, "http": http, "smtp": smtp}
Closing = Callable[[], None]


async def open_port(kind: str, port: int = 0) -> tuple[Closing, int]:
    if kind == "dns":
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(Names, local_addr=("127.0.0.1", port))
        return transport.close, transport.get_extra_info("sockname")[1]
    server = await asyncio.start_server(TALKS[kind], "127.0.0.1", port, backlog=512)
    return server.close, server.sockets[0].getsockname()[1]


async def main() -> None:
    ports: list[Port] = []
    closing: dict[int, Closing] = {}
    for number in range(PORTS):
        kind = KINDS[number % len(KINDS)]
        closing[number], port = await open_port(kind)
        ports.append(Port(number, kind, port))
    print(json.dumps([asdict(port) for port in ports]), flush=True)
    while order := await asyncio.to_thread(sys.stdin.readline):
        verb, _, number = order.strip().partition(" ")
        chosen = ports[int(number)]
        if verb == "stop":
            closing[chosen.number]()
        else:
            closing[chosen.number], _ = await open_port(chosen.kind, chosen.port)


if __name__ == "__main__":
    asyncio.run(main())
