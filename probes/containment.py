"""A flow that must stay closed, and is proven so: every way out is denied as expected, and the controls pass."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from retabli.model.causes import Cause
from retabli.model.hosts import literal_address
from retabli.model.ladder import Ladder
from retabli.model.probe import Probe
from retabli.model.stages import Stage, stage
from retabli.net.containment.containment_causes import CAUSES, IPV6_GONE, as_unjudged
from retabli.net.containment.containment_settings import Alive, Attempt, Control, Denial, DenyPage, DnsTunnel
from retabli.net.containment.direct import Filters
from retabli.net.containment.round import NO_IPV6, Plan, Round
from retabli.net.containment.verdict import Findings
from retabli.net.containment.ways import ControlSeen, Fate, Sign, Way
from retabli.net.web.http_settings import Cidr, web_openings
from retabli.net.web.promql_causes import ENGINE_AUTH_REFUSED

ATTEMPTED = stage("attempted", fr="toutes les sorties essayées", en="every way out tried")
DENIED = stage("denied", fr="refus attendus", en="expected denials")
PATH = stage("path", fr="témoin : notre sortie fonctionne", en="control: our way out works")
ALIVE = stage("alive", fr="témoin : la cible répond ailleurs", en="control: the target answers elsewhere")

MOST = 64  # attempts of one probe: they run together, each with a socket of its own for each address
USUAL_SIGNS = frozenset(Sign) - {Sign.CUT}
SHARE = 0.85  # of the timeout: the attempts end before it, so that a silence is one and not a deadline
SHORT = 2.5  # seconds of timeout below which a lost packet is not sent again: TCP waits one second for that
TOLD = 40  # attempts that are told one by one
DAY = 86_400.0  # seconds for which an IPv6 that is gone is told


class Containment(Probe):
    """Ok means closed and proven so; failed means that something answered; anything else is unknown.

    A configured deny page, a sinkhole, and ICMP's "administratively prohibited" of one of our `firewalls` prove a way
    closed by themselves. A silence, a reset, and a prohibition by whomever prove it only while both controls pass in
    the same round: a dead link and a dead target look the same, and somebody may deny beyond our border. A completed
    TCP handshake is an answer, unless `deny_page` or `says` tell that the firewall gave it.
    """

    LADDER: ClassVar[tuple[Stage, ...]] = (ATTEMPTED, DENIED, PATH, ALIVE)
    CAUSES: ClassVar[tuple[Cause, ...]] = (*CAUSES, ENGINE_AUTH_REFUSED)
    SUMMARY: ClassVar[tuple[str, str]] = (
        "Des sorties doivent rester fermées, et la preuve en est faite : refus attendus, témoins vivants.",
        "Ways out must stay closed, and are proven so: expected denials, living controls.",
    )
    PROVES_CLOSURE: ClassVar[bool] = True

    kind: Literal["containment"]
    attempts: tuple[Attempt, ...] = Field(default=(), strict=False)
    denied: tuple[Denial, ...] = Field(
        default=(),
        strict=False,
        description="how denials look here, any other one is unknown; all but cut, unless said. cut: a handshake that "
        "is completed, then cut without a word of the target's (needs says)",
    )
    control: Control = Control()
    sinkholes: tuple[Cidr, ...] = Field(
        default=(), strict=False, description="networks in which the resolver's filter answers; 0.0.0.0 and :: always"
    )
    deny_page: DenyPage | None = Field(
        default=None, description="the page of a filter that stands in the way; a proxy has its own denied"
    )
    firewalls: tuple[Cidr, ...] = Field(
        default=(),
        strict=False,
        description="networks of our firewalls: ICMP denials count from these alone, and then by themselves; unless "
        "given from anybody but the target, while the controls pass",
    )
    dns_tunnel: DnsTunnel | None = None

    @model_validator(mode="after")
    def _check_attempts(self) -> Self:
        ways = self.ways
        if not ways and self.dns_tunnel is None:
            raise ValueError("nothing is attempted: give attempts, or dns_tunnel")
        number = sum(1 if way.proxy is not None or way.family else 2 for way in ways)
        if number > MOST:
            raise ValueError(f"{number} attempts in one probe, more than {MOST}: make several probes of them")
        return self

    @property
    def ways(self) -> tuple[Way, ...]:
        """Every attempt written out, each once."""
        found: dict[Way, None] = {}
        for attempt in self.attempts:
            for to in attempt.to:
                for protocol, port in attempt.doors:
                    for proxy in attempt.roads:
                        spoken = protocol or ("tcp" if proxy is None else "http")
                        found[Way(to, port, spoken, proxy, attempt.family, False, attempt.alive, attempt.says)] = None
        return tuple(found)

    @property
    def expected(self) -> frozenset[Sign]:
        return frozenset(Sign(word) for word in self.denied) or USUAL_SIGNS

    def openings(self) -> Iterator[tuple[str, int, str]]:
        """The controls' alone: what is attempted must never be opened."""
        for path in self.control.paths:
            yield path.to, path.port, "tcp"
        for proxy in dict.fromkeys(way.proxy for way in self.ways if way.proxy is not None):
            yield proxy.host, proxy.port, "tcp"
        for alive in self._alive_controls():
            if alive.promql is not None:
                yield from web_openings((alive.promql.url,), alive.promql.proxy)
        if self.dns_tunnel is not None and self.dns_tunnel.nameserver is not None:
            for protocol in ("udp", "tcp"):
                yield self.dns_tunnel.nameserver, self.dns_tunnel.port, protocol

    def _alive_controls(self) -> tuple[Alive, ...]:
        tunnel = self.dns_tunnel.alive if self.dns_tunnel is not None else None
        found = (self.control.alive, tunnel, *(attempt.alive for attempt in self.attempts))
        return tuple(dict.fromkeys(alive for alive in found if alive is not None))

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        if "cut" in self.denied and not all(attempt.says for attempt in self.attempts if None in attempt.roads):
            yield "denied: cut needs says on every direct attempt: else any completed handshake is an answer"

    def warnings(self) -> Iterator[str]:
        yield from super().warnings()
        if self.timeout < SHORT:
            yield f"timeout ({self.timeout:g}s) is short: a single lost packet would look like a closed door"
        yield from self._lacking_controls()
        direct = [way for way in self.ways if way.proxy is None]
        if direct and Sign.SINKHOLE in self.expected and not any(literal_address(way.to) for way in direct):
            yield "every direct attempt goes by a name: a resolver's filter alone would close them; give an address too"
        for proxy in dict.fromkeys(way.proxy for way in self.ways if way.protocol == "http"):
            if proxy is not None and proxy.denied.header is None and proxy.denied.body is None:
                yield f'proxy "{proxy.name}" is known by a status alone, which a site may say as well: give its header'

        known = [way for way in self.ways if way.proxy is not None and way.proxy.user is not None]
        if known and len(known) < len(self.ways):
            yield "a refused account of the proxy stops this probe for a while: try the other ways in one of their own"

    def _lacking_controls(self) -> Iterator[str]:
        """Where a denial that is expected would prove nothing."""
        silent = [sign.value for sign in (Sign.TIMEOUT, Sign.RESET) if sign in self.expected]
        if Sign.ICMP in self.expected and not self.firewalls:
            silent.append("icmp (without firewalls)")
        direct = [way for way in self.ways if way.proxy is None]
        doubtful = direct + [way for way in self.ways if way.proxy is not None and way.proxy.denied.reset]
        missing = ["control.path"] if direct and not self.control.paths else []
        if any((way.alive or self.control.alive) is None for way in doubtful):
            missing.append("control.alive")
        if silent and missing:
            yield f"without {' and '.join(missing)} a {' or '.join(silent)} proves nothing: it stays unknown"
        alive = self.control.alive
        doors = {(way.to, way.port, way.protocol) for way in direct if way.alive is None}
        if alive is not None and alive.promql is not None and not alive.names_the_door and len(doors) > 1:
            yield f"control.alive is one for {len(doors)} doors: a dead one among them looks closed; name $to and $port"
        if self.dns_tunnel is not None and (self.dns_tunnel.alive or self.control.alive) is None:
            yield "without dns_tunnel.alive only a sinkhole proves the tunnel shut: the domain may be dead"

    async def run(self, ladder: Ladder) -> None:
        filters = Filters(self.deny_page.sign if self.deny_page is not None else None, self.firewalls)
        plan = Plan(self.ways, self.dns_tunnel, self.control, self.resolver, self.sinkholes, filters)
        round_ = Round(plan, self.timeout * SHARE)
        with ladder.told_as(as_unjudged):  # nothing but an answer fails
            try:
                with ladder.rung(ATTEMPTED):
                    await round_.run()
                    findings = self._findings(plan, round_)
                    findings.check_attempted()
            finally:
                _tell(ladder, self._findings(plan, round_))
            with ladder.rung(DENIED):
                findings.check_denied()
            self._climb_controls(ladder, findings)
        _watch_ipv6(ladder, findings.fates)

    def _findings(self, plan: Plan, round_: Round) -> Findings:
        return Findings(
            wanted=plan.every_way,
            fates=round_.seen.fates,
            controls=round_.seen.controls,
            expected=self.expected,
            alive_of=plan.alive_of,
            path_configured=bool(self.control.paths),
        )

    def _climb_controls(self, ladder: Ladder, findings: Findings) -> None:
        """Where every denial proves itself, a control that does not pass is told, and is no rung."""
        if findings.families_in_doubt or _pass(findings.path_seen):
            with ladder.rung(PATH):
                findings.check_path()
        else:
            ladder.skip(PATH)
        if findings.in_doubt or _pass(findings.alive_seen):
            with ladder.rung(ALIVE):
                findings.check_alive()
        else:
            ladder.skip(ALIVE)


def _pass(seen: Sequence[ControlSeen | None]) -> bool:
    return bool(seen) and all(control is not None and control.passes for control in seen)


def _tell(ladder: Ladder, findings: Findings) -> None:
    """Every attempt in a line, and what the controls gave."""
    fates = findings.in_order
    for place, fate in enumerate(fates[:TOLD], 1):
        twin = any(fate.way == other.way for other in fates[: place - 1])  # another address of one name
        ladder.describe(
            f"{fate.way} ({place})" if twin else str(fate.way), fate.told(findings.expected, ladder.language)
        )
    if len(fates) > TOLD:
        ladder.describe("further_attempts", str(len(fates) - TOLD))
    _tell_control(ladder, "path", findings.path_seen)
    _tell_control(ladder, "alive", findings.alive_seen)
    declared = [seen.detail for seen in findings.alive_seen if seen.declared]
    if declared:
        ladder.describe("alive_declared", "; ".join(declared))


def _tell_control(ladder: Ladder, name: str, seen: Sequence[ControlSeen | None]) -> None:
    if not seen:
        return
    failed = any(control is None or control.passes is False for control in seen)
    word = "passes" if _pass(seen) else "fails" if failed else "not evaluated"
    ladder.describe(f"control_{name}", word)
    told = [control.detail for control in seen if control is not None and not control.passes]
    if told:
        ladder.describe(f"control_{name}_detail", "; ".join(told))


def _watch_ipv6(ladder: Ladder, fates: Sequence[Fate]) -> None:
    """A machine without IPv6 has no such way out, and that is looked at anew each round. One that had it and has it no
    more is told for a day: somebody took it away, or it will come back with a door open."""
    memory = ladder.memory
    if any(fate.way.family == 6 and fate.applies for fate in fates):
        memory["ipv6"] = True
        memory.pop("ipv6_gone", None)
    elif memory.get("ipv6") and any(fate.detail == NO_IPV6 for fate in fates):
        since = memory.setdefault("ipv6_gone", ladder.wall())
        if ladder.wall() - since < DAY:
            ladder.impair(IPV6_GONE)
            return
        del memory["ipv6"], memory["ipv6_gone"]
