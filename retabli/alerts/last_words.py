"""The last words of a daemon that can no longer remember: said directly on every channel, once, before it ends."""

import asyncio
import hashlib
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from retabli.alerts.channels.channel import Channel, is_refusal
from retabli.alerts.message import Letterhead
from retabli.alerts.own_page import compose
from retabli.model.record import Message
from retabli.model.result import clean
from retabli.model.words import Words

PATIENCE = 8.0  # seconds in all: whoever starts the daemon again must not wait for a receiver that hangs
HOUR = 3600  # seconds in which the words have one key: a daemon that is started again and again floods nobody

REASON = "state_unwritable"

log = logging.getLogger(__name__)

HEADING = Words(
    "Retabli ne peut plus écrire son état et s'arrête\u00a0: plus rien n'est surveillé",
    "Retabli can no longer write its state and stops: nothing is watched any more",
)
ADVICE = Words(
    "À faire d'abord\u00a0: faire de la place ou réparer le disque qui porte l'état, puis démarrer Retabli de nouveau"
    "\u00a0; ce qui attendait d'être dit le sera alors.",
    "Do first: make room on the disk that holds the state, or repair it, then start Retabli again; what waited to be "
    "told is told then.",
)


async def say(
    channels: Mapping[str, Channel], letterhead: Letterhead, why: str, *, at: float, patience: float = PATIENCE
) -> tuple[str, ...]:
    """Once to every channel; who accepted. Returns within `patience` seconds, whatever the channels do."""
    body = words(letterhead, why, at)
    tasks = {
        asyncio.create_task(channel.send(Message(body["key"], name, "*last-words", body))): name
        for name, channel in channels.items()
    }
    if not tasks:
        return ()
    done, going = await asyncio.wait(tasks, timeout=patience)
    for task in going:
        task.cancel()
        log.error("channel %s did not take the last words within %g s", tasks[task], patience)
    if going:
        await asyncio.wait(going, timeout=1.0)
    accepted = []
    for task in done:
        error = None if task.cancelled() else task.exception()
        if error is None:
            accepted.append(tasks[task])
        elif is_refusal(error):
            log.error("channel %s did not take the last words: %s", tasks[task], clean(str(error)))
        else:
            log.error("channel %s has a defect", tasks[task], exc_info=error)
    return tuple(accepted)


def words(letterhead: Letterhead, why: str, at: float) -> dict[str, Any]:
    """The message as a webhook receives it; `at` in wall seconds."""
    language = letterhead.language
    hour = f"{letterhead.site} {letterhead.standpoint} {int(at // HOUR)}"
    return compose(
        replace(letterhead, url=""),  # whoever followed a link would find nobody there
        incident=f"stopped-{hashlib.sha256(hour.encode()).hexdigest()[:20]}",
        status="firing",
        reason=REASON,
        title="Retabli",
        since=at,
        now=at,
        criticality="vital",
        detail=why,
        heading=HEADING[language],
        lines=(f"Raison\u00a0: {why}" if language == "fr" else f"Reason: {why}", ADVICE[language]),
    )
