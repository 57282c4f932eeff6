"""The kind `tcp`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import dns.rcode

from probes.tcp import Tcp
from retabli.model import causes, stages
from retabli.model.result import Measure, Outcome
from tests.climbing import climb, settings
from tests.net.name_server import mute, name_server, rcode
from tests.net.peers import closed_port, serving, silent
from tests.net.test_connect import full_backlog


async def test_an_open_port_is_ok_and_its_address_told() -> None:
    async with serving(silent) as port:
        result = await climb(settings(Tcp, host="127.0.0.1", port=port))
    assert (result.outcome, result.stage, result.rung, result.of) == (Outcome.OK, stages.CONNECT, 2, 2)
    assert result.measures[Measure.IP_PROTOCOL] == 4
    assert result.properties["address"] == "127.0.0.1"


async def test_a_refused_connection_is_told_from_a_silent_one() -> None:
    refused = await climb(settings(Tcp, host="127.0.0.1", port=closed_port()))
    async with full_backlog() as port:
        silent = await climb(settings(Tcp, host="127.0.0.1", port=port, timeout="100ms"))
    assert (refused.stage, refused.cause) == (stages.CONNECT, causes.REFUSED)
    assert (silent.stage, silent.cause) == (stages.CONNECT, causes.TIMEOUT)


async def test_the_resolver_of_the_settings_is_asked_and_its_failures_told_apart() -> None:
    async with serving(silent) as port:
        for fault, cause in ((rcode(dns.rcode.SERVFAIL), causes.SERVFAIL), (mute, causes.DNS_TIMEOUT)):
            async with name_server(fault=fault) as server:
                chosen = {"nameservers": ["127.0.0.1"], "port": server.port}
                result = await climb(settings(Tcp, host="host.test", port=port, resolver=chosen, timeout="200ms"))
            assert (result.outcome, result.stage, result.cause) == (Outcome.FAILED, stages.RESOLVE, cause)
        async with name_server({("host.test", "A"): ["127.0.0.1"]}) as server:
            chosen = {"nameservers": ["127.0.0.1"], "port": server.port}
            assert (await climb(settings(Tcp, host="host.test", port=port, resolver=chosen))).outcome is Outcome.OK


@asynccontextmanager
async def counting() -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that keeps what it was sent."""
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read())

    async with serving(listen) as port:
        yield port, heard


async def test_nothing_is_sent_and_the_connection_is_closed_properly() -> None:
    async with counting() as (port, heard):
        assert (await climb(settings(Tcp, host="127.0.0.1", port=port))).outcome is Outcome.OK
        async with asyncio.timeout(2):
            while not heard:
                await asyncio.sleep(0)
    assert heard == [b""]


def test_the_opening_it_needs_is_its_host_and_port() -> None:
    assert list(settings(Tcp, host="mail.test", port=25).openings()) == [("mail.test", 25, "tcp")]
