"""Who is told what of each flow, in a few words, as `check` prints it: what one wants to read before one trusts it."""

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from retabli.alerts.routes import PAGES, Route
from retabli.model.settings import format_duration
from retabli.model.states import Criticality, Intent

if TYPE_CHECKING:
    from config.configuration import Configuration
    from retabli.model.flow import Flow

WIDTH = 80
HEAD = "  on call  "


def plan_lines(flow: "Flow", configuration: "Configuration") -> Iterator[str]:
    """One line a way: the state, the channels, when, how often again, and who is called then. Nothing without one."""
    if not configuration.channels:
        return
    told: dict[str, list[str]] = {}
    for reason in reasons(flow):
        for said in ways(configuration.routes, reason, flow):
            told.setdefault(said, []).append(reason)
    head = HEAD
    for said, states in told.items():
        yield from textwrap.wrap(
            f"{', '.join(states)}: {said}",
            width=WIDTH,
            initial_indent=head,
            subsequent_indent=" " * (len(HEAD) + 2),
            break_long_words=False,
            break_on_hyphens=False,
        )
        head = " " * len(HEAD)


def reasons(flow: "Flow") -> Iterator[str]:
    """What can be told of this flow. That nothing is known of it pages only where it matters."""
    closed = flow.intent is Intent.CLOSED
    yield "breached" if closed else "dropped"
    if closed or flow.criticality is not Criticality.NORMAL:
        yield "unknown"
    if not closed:
        yield "degraded"


def ways(routes: tuple[Route, ...], reason: str, flow: "Flow") -> Iterator[str]:
    """A page that no route takes, at some hour or for some cause, goes to every channel."""
    taking = [route for route in routes if asks_for(route, reason, flow)]
    yield from (way(route) for route in taking)
    if reason not in PAGES:
        return
    if not taking:
        yield "every channel"
    elif all(route.side or route.hours for route in taking):
        yield "every channel otherwise"


def asks_for(route: Route, reason: str, flow: "Flow") -> bool:
    return (
        reason in route.states
        and (not route.criticality or flow.criticality.value in route.criticality)
        and (not route.owner or flow.owner in route.owner)
    )


def way(route: Route) -> str:
    said = ", ".join(route.to)
    asked = [
        *(["side " + " or ".join(route.side)] if route.side else []),
        *(route.hours.entries if route.hours else ()),
    ]
    if asked:
        said += f" ({', '.join(asked)})"
    if route.remind:
        said += f", again every {format_duration(route.remind)}"
    if route.escalate:
        said += f", after {format_duration(route.escalate.after)} also {', '.join(route.escalate.to)}"
    return said
