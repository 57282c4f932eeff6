"""A state that is not written for long, so that what happens is only in memory: everybody is told, and told the end."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from retabli.alerts.last_words import REASON
from retabli.alerts.message import Letterhead
from retabli.alerts.own_page import STATE_LANE, compose
from retabli.model.record import Entry, Event, Message
from retabli.model.stamps import iso, stamp
from retabli.model.words import Words
from retabli.view.times import spoken

LOOK = 1.0  # seconds between two looks
LONG = 30.0  # seconds after which it is told: somebody who deletes a file is quicker, and a disk that hiccups too

log = logging.getLogger(__name__)


class State(Protocol):
    """What is asked of the store."""

    @property
    def trouble(self) -> str | None: ...

    async def commit(
        self, *, standings: dict[str, Any], units: dict[Any, Any], entries: Sequence[Entry], messages: Sequence[Message]
    ) -> None: ...


class Unwritten:
    """`count` is told whether the state is unwritten now, `logged` what stands in the log without the pipeline."""

    def __init__(
        self,
        state: State,
        count: Callable[[bool], None],
        wall: Callable[[], float],
        logged: Callable[[Entry], None],
    ) -> None:
        self._state = state
        self._count = count
        self._wall = wall
        self._logged = logged
        self._since: tuple[float, float] | None = None  # on the loop's clock and on the wall clock
        self._why = ""
        self._told: tuple[str, ...] | None = None  # the channels to which it was told; there may be none

    async def look(self, letterhead: Letterhead, channels: Sequence[str]) -> bool:
        """To be called each second. Whether there is something new to be sent.

        Raises:
            StoreFailed: the state can no longer be written at all.
        """
        why, now = self._state.trouble, asyncio.get_running_loop().time()
        self._count(why is not None)
        if why is not None and self._since is None:
            self._since = now, self._wall()
        if self._since is None:
            return False
        if why is not None:
            self._why = why
            if self._told is not None or now - self._since[0] < LONG:
                return False
            await self._tell("firing", Event.PAGE, letterhead, channels)
            self._told = tuple(channels)
            return True
        told = self._told is not None
        if self._told is not None:
            await self._tell("resolved", Event.RESOLVE, letterhead, self._told)
        self._since, self._told = None, None
        return told

    async def _tell(self, status: str, event: Event, letterhead: Letterhead, channels: Sequence[str]) -> None:
        assert self._since is not None  # noqa: S101 - it is told while it lasts, or as it ends
        body = words(letterhead, status, self._why, self._since[1], self._wall())
        data = {"incident": body["incident"], "reason": REASON, "channels": list(channels)}
        if event is Event.PAGE:
            data |= {"since": iso(self._since[1]), "error": self._why}
        entry = Entry(self._wall(), event, None, data)
        messages = [Message(str(body["key"]), channel, STATE_LANE, body) for channel in channels]
        await self._state.commit(standings={}, units={}, entries=[entry], messages=messages)
        self._logged(entry)


HEADING = {
    "firing": Words(
        "Retabli ne peut pas écrire son état\u00a0: il continue de mémoire",
        "Retabli cannot write its state: it goes on in memory",
    ),
    "resolved": Words("Retabli écrit de nouveau son état", "Retabli writes its state again"),
}
MEANS = Words(
    "Les flux sont surveillés et les alertes partent\u00a0; un arrêt ou une panne maintenant ferait oublier ce qui "
    "s'est passé depuis.",
    "Flows are watched and pages go out; a stop or a crash now would forget what has happened since.",
)
ADVICE = Words(
    "À faire d'abord\u00a0: faire de la place ou réparer le disque qui porte l'état, sans arrêter Retabli\u00a0; il "
    "écrit tout dès qu'il le peut.",
    "Do first: make room on the disk that holds the state, or repair it, without stopping Retabli; it writes "
    "everything as soon as it can.",
)


def words(letterhead: Letterhead, status: str, why: str, since: float, now: float) -> dict[str, Any]:
    """The message as a webhook receives it; `since` and `now` in wall seconds."""
    language, firing = letterhead.language, status == "firing"
    when = spoken(since, letterhead.zone, language)
    began = Words(f"Depuis {when}\u00a0: {why}", f"Since {when}: {why}")
    ended = Words(
        f"C'était impossible depuis {when}\u00a0; rien de ce qui s'est passé ne manque au journal.",
        f"It could not since {when}; nothing of what happened is missing in the log.",
    )
    return compose(
        letterhead,
        incident=f"state-{stamp(since)}",
        status=status,
        reason=REASON,
        title="Retabli",
        since=since,
        now=now,
        criticality="vital",
        detail=why if firing else "",
        heading=HEADING[status][language],
        lines=tuple(each[language] for each in ((began, MEANS, ADVICE) if firing else (ended,))),
    )
