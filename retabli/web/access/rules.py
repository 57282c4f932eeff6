"""What each address needs: one table, and what is not in it is not served."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.routing import BaseRoute, Match, Route

from retabli.web.access.policy import Role

READING = ("GET", "HEAD", "OPTIONS", "TRACE")


@dataclass(frozen=True, slots=True)
class Rule:
    """The role that reading needs (None: everybody may), and the one that a change needs. `lasting`: it never ends."""

    read: Role | None
    change: Role | None = Role.ADMIN
    lasting: bool = False

    def need(self, method: str) -> Role | None:
        return self.read if method in READING else self.change


OPEN = Rule(None)
SEEN = Rule(Role.VIEW)

RULES: Mapping[str, Rule] = {
    # Everybody: of public flows alone, and of no host. A badge of a flow that is not public asks who wants it.
    "/public": OPEN,
    "/public/feed.atom": OPEN,
    "/public/badge.svg": OPEN,
    "/badge/{flow}.svg": OPEN,
    "/static/{name}": OPEN,
    "/-/healthy": OPEN,
    "/-/ready": OPEN,
    "/login": Rule(None, None),
    "/logout": Rule(None, None),
    # Who may see.
    "/": SEEN,
    "/flows/{id}": SEEN,
    "/log": SEEN,
    "/report": SEEN,
    "/feed.atom": SEEN,
    "/badge.svg": SEEN,
    "/live": Rule(Role.VIEW, lasting=True),
    "/metrics": SEEN,
    "/probe": SEEN,
    "/api/v1/flows": SEEN,
    "/api/v1/flows/{id}": SEEN,
    "/api/v1/flows/{id}/history": SEEN,
    "/api/v1/log": SEEN,
    "/api/v1/stream": Rule(Role.VIEW, lasting=True),
    "/api/v1/openapi.json": SEEN,
    # Who may act.
    **{
        f"{prefix}/{doing}": Rule(Role.VIEW, Role.ACT)
        for prefix in ("/flows/{id}", "/api/v1/flows/{id}")
        for doing in ("acknowledge", "silence", "unsilence")
    },
    # Who runs the daemon.
    "/-/reload": Rule(Role.VIEW, Role.ADMIN),
    "/demo/switch": Rule(Role.VIEW, Role.ADMIN),
}


class Rules:
    """Over the routes of an application.

    Raises:
        LookupError: an address has no rule.
    """

    def __init__(self, routes: Sequence[BaseRoute], rules: Mapping[str, Rule] = RULES) -> None:
        self._routes = tuple(routes)
        self._rules = rules
        for route in self._routes:
            if not isinstance(route, Route) or route.path not in rules:
                raise LookupError(f"no rule says who may use {getattr(route, 'path', route)}")

    def of(self, scope: Any) -> Rule:
        """By the route that is going to answer, found as the router finds it; what is no address needs `view`."""
        partly: Route | None = None
        for route in self._routes:
            match, _ = route.matches(scope)
            if match is Match.FULL and isinstance(route, Route):
                return self._rules[route.path]
            if match is Match.PARTIAL and partly is None and isinstance(route, Route):
                partly = route
        return self._rules[partly.path] if partly is not None else SEEN
