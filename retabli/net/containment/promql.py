"""Asks a Prometheus-compatible engine for the value of an expression now."""

import json
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlencode

from retabli.model import causes, stages
from retabli.model.ladder import Fall, Ladder
from retabli.model.settings import Resolver
from retabli.net.web import http

Ask = Callable[[str, str], Awaitable[Sequence[float]]]


def asking(resolver: Resolver | None) -> Ask:
    async def ask(url: str, query: str) -> Sequence[float]:
        aside = Ladder((stages.RESOLVE, stages.CONNECT, stages.REQUEST, stages.RESPONSE))
        where = f"{url.rstrip('/')}/api/v1/query?{urlencode({'query': query})}"
        try:
            fetched = await http.fetch(aside, where, http.Ask(resolver=resolver, most=262_144))
        except (Fall, OSError) as error:
            fallen = aside.fallen
            raise Fall(fallen.cause if fallen and fallen.cause else causes.TIMEOUT, str(error)) from error
        return values_of(fetched.body)

    return ask


def values_of(body: bytes) -> Sequence[float]:
    """The values of an instant vector or scalar (Prometheus HTTP API, "Instant queries").

    Raises:
        Fall: `garbage`.
    """
    try:
        said = json.loads(body)
        if said["status"] != "success":
            raise Fall(causes.GARBAGE, str(said.get("error", "")))
        data = said["data"]
        if data["resultType"] == "scalar":
            return (float(data["result"][1]),)
        return tuple(float(series["value"][1]) for series in data["result"])
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise Fall(causes.GARBAGE, "no answer of a Prometheus engine") from error
