"""One round: every way out is tried at the same time, and the controls with them; the first answer ends it.

An answer is not kept waiting for silences: a breach is told within moments, and its second try with it.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from retabli.model import causes
from retabli.model.hosts import literal_address
from retabli.model.ladder import Fall
from retabli.model.settings import Proxy, Resolver
from retabli.net.attempts import has_source, sockaddr
from retabli.net.containment import direct, dns_tunnel, through_proxy
from retabli.net.containment.containment_causes import NAME_MISSING, NO_WAY_OUT, PROXY_ACCOUNT, RESOLVER_FAILED
from retabli.net.containment.containment_settings import Alive, Control, DnsTunnel
from retabli.net.containment.controls import look_at_alive, look_at_path
from retabli.net.containment.denials import FALLS
from retabli.net.containment.direct import Filters
from retabli.net.containment.sinkholes import Network, sunk
from retabli.net.containment.ways import Controls, Fate, Sign, Way
from retabli.net.nameservers import Patience
from retabli.net.resolve import resolve

MOST_ADDRESSES = 4  # of one name and family: a firewall may have forgotten one of several
GRACE = 0.15  # seconds that the other attempts still have once one was answered: more that is open may show
AGAIN = 0.1  # of the round's time: how long its end may last, when the path is looked at again
LEAST = 0.5  # of the time: how long a target must have been waited for, for its silence to prove anything
FIRST = 0.4  # of the time: how long a proxy's account is tried alone

NO_IPV6 = "this machine has no IPv6 way out"
NO_ADDRESS = "the name has no such address"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a round tries. `ways` are without a family where both are to be tried."""

    ways: tuple[Way, ...]
    tunnel: DnsTunnel | None
    control: Control
    resolver: Resolver | None
    sinkholes: tuple[Network, ...]
    filters: Filters

    @property
    def every_way(self) -> tuple[Way, ...]:
        return self.ways if self.tunnel is None else (*self.ways, dns_tunnel.way_of(self.tunnel))

    def alive_of(self, way: Way) -> Alive | None:
        alive = way.alive or self.control.alive
        return alive.of(way.door) if alive is not None else None


@dataclass(slots=True)
class Seen:
    """What a round has seen so far."""

    fates: list[Fate] = field(default_factory=list)
    controls: Controls = field(default_factory=lambda: Controls({}, {}))


class Round:
    """`run` fills `seen`, which keeps what was seen also when the round is cut short."""

    def __init__(self, plan: Plan, seconds: float) -> None:
        self.seen = Seen()
        self._plan = plan
        self._seconds = seconds
        self._until = asyncio.get_running_loop().time() + seconds
        self._answered = asyncio.Event()
        self._names: dict[tuple[str, int], asyncio.Task[tuple[str, ...]]] = {}

    async def run(self) -> None:
        """Until everything is known, or shortly after the first answer."""
        work = asyncio.create_task(self._everything(), name="containment round")
        answer = asyncio.create_task(self._answered.wait(), name="containment answer")
        try:
            await asyncio.wait({work, answer}, return_when=asyncio.FIRST_COMPLETED)
            if self._answered.is_set():
                await asyncio.wait({work}, timeout=GRACE)
            else:
                work.result()  # a defect of ours must show
        finally:
            names = list(self._names.values())
            for task in (work, answer, *names):
                task.cancel()
            await asyncio.gather(work, answer, *names, return_exceptions=True)

    async def _everything(self) -> None:
        plan = self._plan
        proxies = dict.fromkeys(way.proxy for way in plan.ways if way.proxy is not None)
        jobs: list[Awaitable[None]] = [
            self._controls(),
            *(self._direct(way) for way in plan.ways if way.proxy is None),
            *(self._by_proxy(proxy, [way for way in plan.ways if way.proxy == proxy]) for proxy in proxies),
        ]
        if plan.tunnel is not None:
            jobs.append(self._tunnel(plan.tunnel))
        await together(jobs)
        if any(fate.sign is Sign.TIMEOUT and fate.way.family for fate in self.seen.fates):
            await self._look_at_path_again()

    def _take(self, fate: Fate) -> Fate:
        self.seen.fates.append(fate)
        if fate.breach:
            self._answered.set()
        return fate

    async def _controls(self) -> None:
        plan = self._plan
        wanted = {plan.alive_of(each) for way in plan.every_way for each in over_families(way)}
        path, alive = await asyncio.gather(
            look_at_path(plan.control.paths, plan.resolver, self._until),
            look_at_alive((each for each in wanted if each is not None), plan.resolver, self._until),
        )
        self.seen.controls = Controls(path, alive)

    async def _look_at_path_again(self) -> None:
        """A link that died after the first look makes silences of its own."""
        now = asyncio.get_running_loop().time()
        again = await look_at_path(self._plan.control.paths, self._plan.resolver, now + self._seconds * AGAIN)
        first = self.seen.controls
        path = {
            family: seen if seen.passes is False else again.get(family, seen) for family, seen in first.path.items()
        }
        self.seen.controls = replace(first, path=path)

    # Directly -------------------------------------------------------------------------------------------------------

    async def _direct(self, way: Way) -> None:
        """Over one family, or both. What none of them applies to could not be tried at all."""
        families = families_of(way)
        found: list[list[Fate]] = [[] for _ in families]

        async def over(place: int, family: Literal[4, 6]) -> None:
            found[place] = await self._over(replace(way, family=family, demanded=len(families) == 1))

        await together([over(place, family) for place, family in enumerate(families)])
        fates = [fate for each in found for fate in each]
        if any(fate.applies for fate in fates):
            return
        self.seen.fates[:] = [fate for fate in self.seen.fates if fate not in fates]
        nameless = all(fate.detail == NO_ADDRESS for fate in fates)
        told = ", ".join(f"IPv{fate.way.family}: {fate.detail}" for fate in fates)
        self._take(Fate(way, cause=NAME_MISSING if nameless else NO_WAY_OUT, detail=told))

    async def _over(self, way: Way) -> list[Fate]:
        try:
            addresses = await self._addresses(way)
        except Fall as fall:
            if fall.cause is causes.NXDOMAIN and not way.demanded and await self._has_other_family(way):
                fall = Fall(causes.NO_DATA)  # some resolvers say so of a name that has addresses of one family alone
            return [self._take(self._unresolved(way, fall))]
        found: list[Fate] = []

        async def go(address: str) -> None:
            fate = await self._to(way, address)
            many = len(addresses) > 1 and fate.applies
            found.append(self._take(replace(fate, detail=f"{address} {fate.detail}".strip()) if many else fate))

        await together([go(address) for address in addresses[:MOST_ADDRESSES]])
        if len(addresses) > MOST_ADDRESSES:
            found.append(self._take(Fate(way, detail=f"{len(addresses) - MOST_ADDRESSES} further addresses not tried")))
        return found

    async def _to(self, way: Way, address: str) -> Fate:
        if literal_address(way.to) is None and sunk(address, self._plan.sinkholes):
            return Fate(way, Sign.SINKHOLE, detail=f"the resolver gives {address}")
        if way.family == 6 and not way.demanded and not has_source(*sockaddr(address, way.port or 1)):
            return Fate(way, detail=NO_IPV6)
        left = self._until - asyncio.get_running_loop().time()
        fate = await direct.attempt(way, address, self._until, self._plan.filters)
        if fate.sign is Sign.TIMEOUT and left < self._seconds * LEAST:
            told = f"its name was resolved so late that it was waited for {max(0.0, left):.1f} s only"
            return Fate(way, cause=RESOLVER_FAILED, detail=told)
        return fate

    async def _addresses(self, way: Way) -> tuple[str, ...]:
        """Each name is resolved once a round and family, however many ports it is tried on."""
        key = (way.to, way.family or 4)
        if key not in self._names:
            self._names[key] = asyncio.create_task(self._resolve(way))
        return await asyncio.shield(self._names[key])

    async def _has_other_family(self, way: Way) -> bool:
        try:
            return bool(await self._addresses(replace(way, family=4 if way.family == 6 else 6)))
        except Fall:
            return False

    async def _resolve(self, way: Way) -> tuple[str, ...]:
        family: Literal[4, 6] = 6 if way.family == 6 else 4
        patience = Patience(self._seconds * 0.4)
        return (await resolve(way.to, resolver=self._plan.resolver, family=family, patience=patience)).addresses

    def _unresolved(self, way: Way, fall: Fall) -> Fate:
        if fall.cause is causes.SINKHOLE:
            return Fate(way, Sign.SINKHOLE, detail=f"the resolver gives {fall.detail}")
        if fall.cause is causes.NO_DATA and not way.demanded:
            return Fate(way, detail=NO_ADDRESS)
        if fall.cause in (causes.NXDOMAIN, causes.NO_DATA):
            return Fate(way, cause=NAME_MISSING, detail=f"{fall.cause.code} {fall.detail}".strip())
        local = fall.cause in (causes.LOCAL_RESOURCES, causes.LOCAL_PERMISSION)
        cause = FALLS[fall.cause] if local else RESOLVER_FAILED
        return Fate(way, cause=cause, detail=f"{fall.cause.code} {fall.detail}".strip())

    # Through a proxy, and by names ------------------------------------------------------------------------------------

    async def _by_proxy(self, proxy: Proxy, ways: Sequence[Way]) -> None:
        """All together; where the proxy knows us by an account, one first: a refused one is not tried again."""
        resolver, until = self._plan.resolver, self._until

        async def go(way: Way) -> Fate:
            return self._take(await through_proxy.attempt(way, resolver, until))

        if proxy.user is None:
            await together([go(way) for way in ways])
            return
        first = asyncio.create_task(go(ways[0]), name="containment proxy account")
        try:
            await asyncio.wait({first}, timeout=self._seconds * FIRST)
            if first.done() and first.result().cause is PROXY_ACCOUNT:
                for way in ways[1:]:
                    self._take(Fate(way, cause=PROXY_ACCOUNT, detail="not tried: the account was just refused"))
                return
            await together([go(way) for way in ways[1:]])
            await first
        finally:
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)

    async def _tunnel(self, tunnel: DnsTunnel) -> None:
        self._take(await dns_tunnel.attempt(tunnel, self._plan.resolver, self._seconds * 0.9, self._plan.sinkholes))


def over_families(way: Way) -> tuple[Way, ...]:
    if way.family is not None or way.proxy is not None or way.protocol == dns_tunnel.PROTOCOL:
        return (way,)
    return tuple(replace(way, family=family) for family in families_of(way))


def families_of(way: Way) -> tuple[Literal[4, 6], ...]:
    """The family that is asked for, or that an address has; else both."""
    literal = literal_address(way.to)
    wanted = way.family or (literal and (6 if ":" in literal else 4))
    return (4, 6) if wanted is None else (6,) if wanted == 6 else (4,)


async def together(jobs: Iterable[Awaitable[object]]) -> None:
    """All at the same time. A defect in one is raised when the others have ended: it must hide no answer."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for each in ended:
        if isinstance(each, BaseException):
            raise each
