"""What parts of the configuration have wrong together: each check notes every fault it finds, with its path."""

from collections.abc import Iterator, Mapping
from typing import Any

from config.draft import Draft
from config.faults import Findings, names, section
from config.sections import OWN_LINK, READ_ONLY, STATE
from config.yaml_lines import Steps
from retabli.alerts import routes
from retabli.model.flow import Require
from retabli.model.probe import Probe
from retabli.model.settings import Proxy, did_you_mean
from retabli.model.states import Criticality

Parents = Mapping[str, tuple[str, ...]]


def check(draft: Draft, tree: Mapping[str, Any], findings: Findings) -> None:
    """Everything but files and secrets."""
    _check_written(draft, findings)
    known = tuple(names(section(tree, "flows")))
    parents = written_parents(tree)
    _check_parents(parents, known, findings)
    _check_cycles(parents, findings)
    _check_channels(draft, tree, known, findings)
    _check_last_roads(draft, parents, findings)
    for flow, sound in draft.probes.items():
        whole = flow in draft.flows and len(sound) == len(section(section(section(tree, "flows"), flow), "probes"))
        _check_probes(draft, flow, sound, findings)
        if whole:
            _check_units(draft, flow, sound, findings)
            _check_closure(draft, flow, sound, findings)
        _check_proxies(draft, flow, sound, parents, findings)


def _check_written(draft: Draft, findings: Findings) -> None:
    """What the daemon writes, where a service may not."""
    if draft.place is not None and READ_ONLY in draft.place.state.parents:
        said = f"{draft.place.state}: a service may write nothing below {READ_ONLY}; leave this out, and it is {STATE}"
        findings.warn(("state",), said)
    folder = draft.copies.folder if draft.copies is not None else None
    if folder is not None and READ_ONLY in folder.parents:
        said = f"{folder}: a service may write nothing below {READ_ONLY}; leave this out, and they are beside the state"
        findings.warn(("copies", "folder"), said)


# Parents ----------------------------------------------------------------------------------------------------------


def written_parents(tree: Mapping[str, Any]) -> Parents:
    """Each flow's `depends_on`, as far as it can be read: also of a flow that has faults elsewhere."""
    found = {}
    for name in names(section(tree, "flows")):
        written = section(section(tree, "flows"), name).get("depends_on")
        found[name] = tuple(each for each in written if isinstance(each, str)) if isinstance(written, list) else ()
    return found


def _check_parents(parents: Parents, known: tuple[str, ...], findings: Findings) -> None:
    for flow, above in parents.items():
        for number, parent in enumerate(above):
            at = ("flows", flow, "depends_on", number)
            if parent == OWN_LINK:
                findings.fault(at, f"{OWN_LINK} is above every flow already: leave it out")
            elif parent not in known:
                findings.fault(at, f'no flow is called "{parent}"{did_you_mean(parent, known)}')


def _check_cycles(parents: Parents, findings: Findings) -> None:
    """Each cycle once, at the flow of it that is described first."""
    done: set[str] = set()
    for start in parents:
        if start in done:
            continue
        trail: list[str] = []
        roads: list[Iterator[str]] = [iter((start,))]
        while roads:
            flow = next(roads[-1], None)
            if flow is None:
                roads.pop()
                if trail:
                    done.add(trail.pop())
            elif flow in trail:
                cycle = trail[trail.index(flow) :]
                road = " → ".join([*cycle, flow])
                findings.fault(("flows", cycle[0], "depends_on"), f"these flows depend on one another: {road}")
            elif flow not in done:
                trail.append(flow)
                roads.append(iter(parents.get(flow, ())))


def above(flow: str, parents: Parents) -> set[str]:
    """The flow and all it depends on, all the way up."""
    found: set[str] = set()
    waiting = [flow]
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting.extend(parents.get(each, ()))
    return found


# Alerts -----------------------------------------------------------------------------------------------------------


def _check_channels(draft: Draft, tree: Mapping[str, Any], known: tuple[str, ...], findings: Findings) -> None:
    described = tuple(names(section(section(tree, "alerts"), "channels")))
    _check_routes(section(tree, "alerts").get("routes"), described, findings)
    written = section(tree, "alerts").get("routes")
    whole = len(draft.routes) == len(written if isinstance(written, list) else ())  # else their places are not these
    for number, route in enumerate(draft.routes if whole else ()):
        if route.escalate is not None and set(route.escalate.to) <= set(route.to):
            said = "calls nobody new: name a channel that `to` does not have"
            findings.warn(("alerts", "routes", number, "escalate"), said)
    _check_owners(draft, whole, findings)
    _check_unused(draft, findings)
    _check_heartbeat(section(tree, "alerts"), described, findings)
    if not described:
        findings.warn(("alerts",), "no channel is described: a flow that drops is shown, and nobody is told")
    for name, channel in draft.channels.items():
        at = ("alerts", "channels", name)
        for sentence in channel.faults():
            findings.fault(at, sentence)
        for sentence in channel.warnings():
            findings.warn(at, sentence)
        for number, flow in enumerate(channel.travels_on):
            if flow not in known:
                findings.fault((*at, "travels_on", number), f'no flow is called "{flow}"{did_you_mean(flow, known)}')


def _check_routes(written: object, described: tuple[str, ...], findings: Findings) -> None:
    """Channels that are not there: also in a route that has other faults."""
    for number, route in enumerate(written if isinstance(written, list) else ()):
        if not isinstance(route, dict):
            continue
        at: Steps = ("alerts", "routes", number)
        further = route.get("escalate")
        for steps, to in (
            ((*at, "to"), route.get("to")),
            ((*at, "escalate", "to"), further.get("to") if isinstance(further, dict) else None),
        ):
            for place, channel in enumerate(to if isinstance(to, list) else ()):
                if isinstance(channel, str) and channel not in described:
                    said = f'no channel is called "{channel}"{did_you_mean(channel, described)}'
                    findings.fault((*steps, place), said)


def _check_owners(draft: Draft, whole: bool, findings: Findings) -> None:
    """A route that asks for an owner whom no flow names takes nothing, and nobody would notice."""
    owners = {flow.owner for flow in draft.flows.values() if flow.owner}
    for number, route in enumerate(draft.routes if whole else ()):
        for place, owner in enumerate(route.owner):
            if owner not in owners:
                said = f'no flow has the owner "{owner}"{did_you_mean(owner, owners)}: this takes nothing'
                findings.warn(("alerts", "routes", number, "owner", place), said)


def _check_unused(draft: Draft, findings: Findings) -> None:
    """A channel that no route names is told only what no route takes: rarely what was meant."""
    if not draft.routes:
        return
    named = {channel for route in draft.routes for channel in route.channels()}
    beat = draft.heartbeat.to if draft.heartbeat is not None else ()
    for name in draft.channels:
        if name not in named and name not in beat:
            said = "no route names it: it is told only what no route takes, and what every channel is told"
            findings.warn(("alerts", "channels", name), said)


def _check_heartbeat(alerts: Mapping[str, Any], described: tuple[str, ...], findings: Findings) -> None:
    """Channels that are not there: also in a heartbeat that has other faults."""
    to = section(alerts, "heartbeat").get("to")
    for place, channel in enumerate([to] if isinstance(to, str) else to if isinstance(to, list) else ()):
        if isinstance(channel, str) and channel not in described:
            at: Steps = ("alerts", "heartbeat", "to")
            said = f'no channel is called "{channel}"{did_you_mean(channel, described)}'
            findings.fault(at if isinstance(to, str) else (*at, place), said)


def _check_last_roads(draft: Draft, parents: Parents, findings: Findings) -> None:
    """A flow whose page would travel on that very flow, and on no other road."""
    carried = {
        name: {flow for start in channel.travels_on for flow in above(start, parents)}
        for name, channel in draft.channels.items()
    }
    if not any(carried.values()):
        return
    for flow in parents:
        for told in (
            told for about in _pages(draft, flow) for told in routes.fewest(draft.routes, tuple(carried), about)
        ):
            if told and all(flow in carried[name] for name in told):
                by = " and ".join(f'"{name}"' for name in told)
                findings.fault(("flows", flow), f"its only page would travel on this very flow: by the channel {by}")
                break


def _pages(draft: Draft, flow: str) -> Iterator[routes.About]:
    """What this flow may be paged for."""
    settings = draft.flows.get(flow)  # missing where it has faults of its own
    if settings is None:
        yield routes.About("dropped")
        return
    criticality = Criticality(settings.criticality)
    closed = settings.intent == "closed"
    yield routes.About("breached" if closed else "dropped", criticality, settings.owner)
    if closed or criticality in (Criticality.VITAL, Criticality.HIGH):
        yield routes.About("unknown", criticality, settings.owner)


# Flows and probes -------------------------------------------------------------------------------------------------


def _check_probes(draft: Draft, flow: str, sound: Mapping[str, Probe], findings: Findings) -> None:
    for name, probe in sound.items():
        at: Steps = ("flows", flow, "probes", name)
        for key in ("every", "timeout"):
            if getattr(probe, key) <= 0:
                findings.fault((*at, key), "must be more than 0s")
        if draft.stand_ins and any(id(value) in draft.stand_ins for _, value in probe):
            continue  # it names what has faults of its own
        for sentence in probe.faults():
            findings.fault(at, sentence)
        for sentence in probe.warnings():
            findings.warn(at, sentence)


def _check_units(draft: Draft, flow: str, sound: Mapping[str, Probe], findings: Findings) -> None:
    units = sum(len(probe.targets_of()) for probe in sound.values() if probe.counts)
    if not units:
        findings.fault(("flows", flow, "probes"), "none of its probes counts: nothing could ever restore it")
        return
    try:
        Require(draft.flows[flow].require).of(units)
    except ValueError as error:
        findings.fault(("flows", flow, "require"), str(error).removeprefix("require: "))


def _check_closure(draft: Draft, flow: str, sound: Mapping[str, Probe], findings: Findings) -> None:
    """Only a kind with controls of its own can prove a flow closed; and what proves that proves no open flow."""
    closed = draft.flows[flow].intent == "closed"
    counted = {name: probe for name, probe in sound.items() if probe.counts}
    if closed and not any(probe.PROVES_CLOSURE for probe in counted.values()):
        kinds = ", ".join(sorted({probe.kind for probe in counted.values()}))
        said = (
            f"a probe of kind {kinds} sees a closed flow answer, and never proves that it is closed: it stays unknown"
        )
        findings.warn(("flows", flow), said)
    for name, probe in counted.items():
        if probe.PROVES_CLOSURE and not closed:
            said = f"a probe of kind {probe.kind} proves a flow closed: in an open flow it would restore what is cut"
            findings.fault(("flows", flow, "probes", name), said)


def _check_proxies(draft: Draft, flow: str, sound: Mapping[str, Probe], parents: Parents, findings: Findings) -> None:
    """A proxy that fails takes all that goes through it along: one page, if a flow above them watches it."""
    watched: set[tuple[str, int]] | None = None
    for name, probe in sound.items():
        proxy = getattr(probe, "proxy", None)
        if not isinstance(proxy, Proxy) or id(proxy) in draft.stand_ins:
            continue
        if watched is None:
            watched = _watched(draft, above(flow, parents) - {flow})
        if (proxy.host, proxy.port) not in watched:
            said = f'no flow it depends on watches the proxy "{proxy.name}": each flow behind it would page by itself'
            findings.warn(("flows", flow, "probes", name, "proxy"), said)


def _watched(draft: Draft, flows: set[str]) -> set[tuple[str, int]]:
    found: set[tuple[str, int]] = set()
    for flow in flows:
        for probe in draft.probes.get(flow, {}).values():
            found.update((host, port) for host, port, _ in probe.openings())
    return found
