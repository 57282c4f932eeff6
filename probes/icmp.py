"""A host that must answer a ping."""

import asyncio
from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from retabli.model import causes, stages
from retabli.model.hosts import Host
from retabli.model.ladder import Fall, Ladder, cause_of, detail_of
from retabli.model.probe import Probe
from retabli.model.result import Measure
from retabli.model.stages import Stage, stage
from retabli.net.attempts import interleaved, sockaddr, told, verdict
from retabli.net.icmp_errors import IcmpCame, listen_for_errors
from retabli.net.ping import echo, ping_socket
from retabli.net.resolve import resolve

ECHO = stage("echo", fr="écho ICMP", en="ICMP echo")


class Icmp(Probe):
    """Three echo requests within the timeout; the first answer wins. Of a host with both families one is enough.

    Uses the kernel's unprivileged ping sockets, else raw ones. An answer proves a host, not a service; one from another
    address proves nothing of this host.
    """

    LADDER: ClassVar[tuple[Stage, ...]] = (stages.RESOLVE, ECHO)
    SUMMARY: ClassVar[tuple[str, str]] = ("Une machine répond au ping.", "A host answers a ping.")

    kind: Literal["icmp"]
    host: Host = Field(description="name or address; IPv4 and IPv6 are tried together")

    @property
    def brief(self) -> bool:
        return True

    def openings(self) -> Iterator[tuple[str, int, str]]:
        yield self.host, 0, "icmp"

    async def run(self, ladder: Ladder) -> None:
        with ladder.rung(stages.RESOLVE):
            answer = await resolve(self.host, resolver=self.resolver)
        ladder.measure(Measure.DNS_LOOKUP, answer.seconds)
        ladder.measure(Measure.ICMP_RESOLVE, answer.seconds)
        fates: dict[str, Fall] = {}
        began = ladder.clock()
        try:
            with ladder.rung(ECHO):
                address, seconds = await self._first(interleaved(answer.addresses)[:2], fates)
        finally:
            if fates:
                ladder.describe("failed_addresses", told(fates))
        ladder.describe("address", address)
        ladder.measure(Measure.IP_PROTOCOL, 6 if ":" in address else 4)
        ladder.measure(Measure.ICMP_RTT, seconds)
        ladder.measure(Measure.ICMP_SETUP, max(0.0, ladder.ended - began - seconds))

    async def _first(self, addresses: list[str], fates: dict[str, Fall]) -> tuple[str, float]:
        pings = {asyncio.create_task(_ping(address, self.timeout * 0.3)): address for address in addresses}
        try:
            pending = set(pings)
            while pending:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for ping in done:
                    try:
                        return pings[ping], ping.result()
                    except Fall as fall:
                        fates[pings[ping]] = fall
            raise verdict(fates)
        finally:
            for ping in pings:
                ping.cancel()
            await asyncio.gather(*pings, return_exceptions=True)


async def _ping(address: str, rhythm: float) -> float:
    """The seconds to the first answer to any of three requests, sent `rhythm` seconds apart."""
    family, where = sockaddr(address, 0)
    with ping_socket(family) as sock:
        try:
            listen_for_errors(sock)
            return await echo(sock, where, rhythm)
        except IcmpCame as error:
            raise Fall(error.icmp.cause, str(error.icmp)) from error
        except OSError as error:
            raise Fall(cause_of(error) or causes.UNREACHABLE, detail_of(error)) from error
