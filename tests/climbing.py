"""How tests run one probe: settings as the loader makes them, and one climb as the runner of probes does it."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from retabli.model.ladder import Ladder
from retabli.model.probe import Probe
from retabli.model.result import Result
from tests import reached

P = TypeVar("P", bound=Probe)


def settings(kind_class: type[P], *, context: Mapping[str, Any] | None = None, **keys: Any) -> P:
    """A probe of that kind from keys as YAML gives them: durations as text, lists, mappings.

    `context` is merged over the loader's (`folder`, `proxies`, `mailboxes`, `resolver`).
    `from_=…` gives `from`.
    """
    kind = kind_class.model_fields["kind"].annotation.__args__[0]  # type: ignore[union-attr]
    given = {"kind": kind} | {name.rstrip("_"): value for name, value in keys.items()}
    surroundings = {"folder": Path(), "proxies": {}, "mailboxes": {}, "resolver": None, **(context or {})}
    return kind_class.model_validate(given, context=surroundings)


async def climb(
    probe: Probe,
    *,
    target: str | None = None,
    memory: dict[str, Any] | None = None,
    deadline: float | None = None,
    confirming: bool = False,
) -> Result:
    """One run of the probe under its deadline (or another, in seconds), as a Result; nothing leaves it.

    Noted among the causes that are reached.
    """
    result = await run(probe, target=target, memory=memory, deadline=deadline, confirming=confirming)
    reached.note(probe.kind, result)
    return result


async def run(
    probe: Probe,
    *,
    target: str | None = None,
    memory: dict[str, Any] | None = None,
    deadline: float | None = None,
    confirming: bool = False,
) -> Result:
    """The same, not noted: that takes an open file, which there may not be."""
    ladder = Ladder(probe.climbs(), target=target, memory=memory)
    started = ladder.clock()
    error: BaseException | None = None
    try:
        async with asyncio.timeout(probe.deadline if deadline is None else deadline):
            await probe.run(ladder)
    except Exception as left:  # noqa: BLE001 - whatever leaves a probe is judged by its ladder
        error = left
    return ladder.finish(beat=started, started=started, error=error, slow=probe.slow, confirming=confirming)
