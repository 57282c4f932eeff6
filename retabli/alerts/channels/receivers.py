"""One message to several receivers of one channel: who has it is not given it again, and one does not hold up the rest.

A message that nobody took is tried again for ever, as on any channel. Once somebody took it:
- a receiver that refused it for good is not asked again, and the message counts as accepted without it;
- one that refused it for now is asked again for PATIENCE, alone; then the message counts as accepted without it,
  because the next one of that flow, which may be its resolve, waits behind this one for everybody.
Whoever was not told is named in the log as an error. A test page is accepted by all receivers or not at all.

What was taken is remembered in memory: after a restart all are given it again, under the same key.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from retabli.alerts.channels.channel import NotAccepted
from retabli.model.record import Message
from retabli.model.words import Words

PATIENCE = 600.0  # seconds; greylisting lasts five minutes in most places
MOST = 1000  # messages that are remembered

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one receiver did not take it. `for_good`: asking it again would change nothing."""

    words: Words
    for_good: bool = False


@dataclass(slots=True)
class _Given:
    """What became of one message: `since` on the monotonic clock."""

    since: float
    took: set[str] = field(default_factory=set)
    refused: dict[str, Refusal] = field(default_factory=dict)  # for good


class Receivers:
    """`names` are those of one channel: addresses, or what stands for one that is a secret."""

    def __init__(self, names: Sequence[str], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._names = tuple(dict.fromkeys(names))
        self._clock = clock
        self._given: OrderedDict[str, _Given] = OrderedDict()

    def left(self, message: Message) -> tuple[str, ...]:
        """Who is still to be given this message."""
        given = self._given.get(message.key)
        if given is None:
            return self._names
        return tuple(name for name in self._names if name not in given.took and name not in given.refused)

    def took(self, message: Message, name: str) -> None:
        """It is known already that this one took it, whatever becomes of the attempt."""
        given = self._given.get(message.key) or _Given(self._clock())
        given.took.add(name)
        self._remember(message.key, given)

    def settle(self, message: Message, asked: Sequence[str], refused: Mapping[str, Refusal]) -> None:
        """One attempt has ended: who was asked, and who of them refused it.

        Raises:
            NotAccepted: it is to be tried again.
        """
        given = self._given.pop(message.key, None) or _Given(self._clock())
        given.took.update(name for name in asked if name not in refused)
        every = {**given.refused, **refused}
        if not every:
            return
        if message.body.get("status") == "test" or not given.took:
            raise NotAccepted(_told(every, alone=len(every) == len(self._names)))
        later = {name: refusal for name, refusal in refused.items() if not refusal.for_good}
        if later and self._clock() - given.since < PATIENCE:
            given.refused = {name: refusal for name, refusal in every.items() if refusal.for_good}
            self._remember(message.key, given)
            raise NotAccepted(_told(later))
        log.error("channel %s: %s was NOT given to everybody: %s", message.channel, message.key, _told(every).en)

    def _remember(self, key: str, given: _Given) -> None:
        self._given[key] = given
        while len(self._given) > MOST:
            self._given.popitem(last=False)


def _told(refused: Mapping[str, Refusal], *, alone: bool = False) -> Words:
    """Who refused, and why, each reason once. `alone`: all of them did, so that one reason needs no names."""
    reasons: dict[Words, list[str]] = {}
    for name, refusal in refused.items():
        reasons.setdefault(refusal.words, []).append(name)
    if alone and len(reasons) == 1:
        return next(iter(reasons))
    french = " ; ".join(f"{', '.join(names)} : {words.fr}" for words, names in reasons.items())
    return Words(french, "; ".join(f"{', '.join(names)}: {words.en}" for words, names in reasons.items()))
