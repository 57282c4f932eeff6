"""The positive controls of a round: we can get out of this place, and the very target answers somebody else now."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

from retabli.model.ladder import Fall, detail_of
from retabli.model.settings import Resolver
from retabli.net.attempts import connect
from retabli.net.containment.containment_settings import Alive, Path
from retabli.net.containment.ways import ControlSeen
from retabli.net.nameservers import Patience
from retabli.net.resolve import resolve
from retabli.net.web import promql
from retabli.net.web.promql_causes import ENGINE_UNREACHABLE, UNEXPECTED_VALUE

FAMILIES: tuple[Literal[4, 6], ...] = (4, 6)
AT_ONCE = 16  # queries that an engine is asked at the same time
TOLD = 3  # samples that are told in words
NOT_ASKED = "not asked: the account was just refused"


async def look_at_path(paths: Sequence[Path], resolver: Resolver | None, until: float) -> dict[int, ControlSeen]:
    """The path by family: it passes when one of the places takes our connection over that family.

    A family that none of them has is not in the result: nothing is known of it.
    """
    tried = [(path, family) for path in paths for family in FAMILIES]
    seen = await asyncio.gather(*(_reach(path, family, resolver, until) for path, family in tried))
    found: dict[int, ControlSeen] = {}
    for (_, family), control in zip(tried, seen, strict=True):
        if control is not None and not (family in found and found[family].passes):
            found[family] = control
    return found


async def _reach(path: Path, family: Literal[4, 6], resolver: Resolver | None, until: float) -> ControlSeen | None:
    where = f"{path.to}:{path.port} over IPv{family}"
    try:
        async with asyncio.timeout_at(until):
            left = max(0.1, until - asyncio.get_running_loop().time())
            answer = await resolve(path.to, resolver=resolver, family=family, patience=Patience(left / 2))
            connection = await connect(answer.addresses, path.port)
    except TimeoutError:
        return ControlSeen(False, f"{where}: no answer in time")
    except Fall as fall:
        if fall.cause.code in ("no_data", "nxdomain"):
            return None
        return ControlSeen(False, f"{where}: {fall.detail or fall.cause.code}")
    connection.abort()
    return ControlSeen(True, where)


async def look_at_alive(controls: Iterable[Alive], resolver: Resolver | None, until: float) -> dict[Alive, ControlSeen]:
    """Each of these once, all together; of those that an account asks for, one first: a refused one is shown once."""
    places = asyncio.Semaphore(AT_ONCE)
    found: dict[Alive, ControlSeen] = {}

    async def look(alive: Alive) -> ControlSeen:
        async with places:
            found[alive] = await _alive(alive, resolver, until)
        return found[alive]

    async def ask_for(alike: Sequence[Alive]) -> None:
        first = await look(alike[0])
        if first.cause is not None and first.cause.credential:
            found.update((each, replace(first, detail=NOT_ASKED)) for each in alike[1:])
        else:
            await asyncio.gather(*map(look, alike[1:]))

    by_account: dict[object, list[Alive]] = {}
    for alive in dict.fromkeys(controls):
        by_account.setdefault(_account(alive), []).append(alive)
    await asyncio.gather(*map(ask_for, by_account.values()))
    return found


def _account(alive: Alive) -> object:
    """By which account it is asked for; the control itself where nobody is asked to say who they are."""
    query = alive.promql
    if query is None or (query.user is None and query.bearer is None and (query.proxy is None or not query.proxy.user)):
        return alive
    return query.url, query.user, query.bearer, query.proxy


async def _alive(alive: Alive, resolver: Resolver | None, until: float) -> ControlSeen:
    if alive.promql is None:
        said = alive.declared if isinstance(alive.declared, str) else "the operator's word"
        return ControlSeen(True, said, declared=True)
    try:
        async with asyncio.timeout_at(until):
            answer = await promql.ask(alive.promql, resolver=resolver)
        promql.judge(answer, alive.promql.expect)
    except TimeoutError:
        return ControlSeen(None, "the metrics engine does not answer in time", cause=ENGINE_UNREACHABLE)
    except Fall as fall:
        known = fall.cause is UNEXPECTED_VALUE
        return ControlSeen(False if known else None, f"{fall.cause.code}: {fall.detail}".rstrip(": "), cause=fall.cause)
    except OSError as error:
        return ControlSeen(None, detail_of(error), cause=ENGINE_UNREACHABLE)
    return ControlSeen(True, "; ".join(str(sample) for sample in answer.samples[:TOLD]))
