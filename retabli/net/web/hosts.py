"""Looks at hosts that something else depends on: as far as it shows whether we may go there, beside its ladder."""

import asyncio
from collections.abc import Sequence

from retabli.model import causes, stages
from retabli.model.ladder import Fall, Ladder, cause_of, detail_of
from retabli.net.web.http import Ask, reach
from retabli.net.web.proxy_causes import PROXY_DENIED

DENIALS = (PROXY_DENIED, causes.SINKHOLE, causes.ADMIN_PROHIBITED)
AT_ONCE = 4  # hosts looked at together
RUNGS = (stages.RESOLVE, stages.CONNECT, stages.PROXY, stages.TLS, stages.REQUEST, stages.RESPONSE)


async def look_at(urls: Sequence[str], ask: Ask, *, patience: float | None = None) -> list[tuple[str, Fall]]:
    """Those of the addresses that cannot be reached, in their order, each with why. `patience`: seconds for each;
    without it one that is silent is ended by the run's deadline, and not told by its name."""
    places = asyncio.Semaphore(AT_ONCE)
    falls = await asyncio.gather(*(_look_at(url, ask, places, patience) for url in urls))
    return [(url, fall) for url, fall in zip(urls, falls, strict=True) if fall is not None]


async def _look_at(url: str, ask: Ask, places: asyncio.Semaphore, patience: float | None) -> Fall | None:
    async with places:
        aside = Ladder(RUNGS)  # its rungs are not those of what depends on it
        try:
            async with asyncio.timeout(patience):
                await reach(aside, url, ask)
        except (Fall, OSError) as error:
            return fall_of(aside, error)
    return None


def fall_of(aside: Ladder, error: Fall | OSError) -> Fall:
    """What left a ladder of its own, with the cause that this ladder gave it.

    Raises:
        Fall, OSError: the error itself, when the ladder knows no cause for it: a defect of ours must show.
    """
    fallen = aside.fallen
    if fallen is not None and fallen.cause is not None:
        return Fall(fallen.cause, fallen.detail or str(error))
    cause = cause_of(error)  # it fell between two rungs
    if cause is None:
        raise error
    return Fall(cause, detail_of(error))
