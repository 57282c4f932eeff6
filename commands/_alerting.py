"""What tells people, wired: the teller, the outbox's drain, the keeper of receivers, the heartbeat, the last words."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from config.configuration import Configuration
from retabli.alerts.channels import build
from retabli.alerts.channels.channel import Channel
from retabli.alerts.health import Health
from retabli.alerts.heartbeat import Heartbeat, Pulse, beating_channels
from retabli.alerts.last_words import say
from retabli.alerts.machine import Machine
from retabli.alerts.message import Letterhead
from retabli.alerts.outbox.drain import Drain
from retabli.alerts.outbox.gathering import Gathering
from retabli.alerts.outbox.keeper import Keeper
from retabli.alerts.relapses import Relapses
from retabli.alerts.teller import Teller
from retabli.alerts.unwritten import Unwritten
from retabli.metrics import Figures
from retabli.model.flow import UnitName
from retabli.model.record import Entry, Event, FlowPicture, Message
from retabli.model.result import Result
from retabli.model.states import State
from retabli.paging import Following, Notice
from retabli.store import Store
from retabli.supervisor import Supervisor
from retabli.view import View


@dataclass(slots=True)
class Waker:
    """Wakes the drain when the log says that there is something to tell."""

    wake: Callable[[], None] = field(default=lambda: None)

    def show(self, picture: FlowPicture, changed: UnitName | None, result: Result | None) -> None: ...

    def skipped(self, picture: FlowPicture, name: UnitName) -> None: ...

    def forget(self, flow: str) -> None: ...

    def logged(self, entry: Entry) -> None:
        if entry.event in (Event.PAGE, Event.RESOLVE):  # reminders and escalations are rows of a page too
            self.wake()


@dataclass(frozen=True, slots=True)
class Counted:
    """The drain's counts, as metrics."""

    figures: Figures

    def sent(self, channel: str) -> None:
        self.figures.alert_sent(channel)

    def failed(self, channel: str) -> None:
        self.figures.alert_failed(channel)

    def pending(self, channel: str, messages: int) -> None:
        self.figures.alerts_pending(channel, messages)

    def failing(self, channel: str, failing: bool) -> None:
        self.figures.alerts_failing(channel, failing=failing)


@dataclass(frozen=True, slots=True)
class Told:
    """The teller of now: a reload gives another one."""

    now: Callable[[], Teller]

    def warns(self, picture: FlowPicture, at: float) -> bool:
        return self.now().warns(picture, at)

    def follow(self, picture: FlowPicture, *, now: float, at: float, stands: Callable[[str], bool]) -> Following:
        return self.now().follow(picture, now=now, at=at, stands=stands)

    def resolve(self, picture: FlowPicture, notice: Notice, at: float) -> Sequence[Message]:
        return self.now().resolve(picture, notice, at)


@dataclass(frozen=True, slots=True)
class Roads:
    """By what one configuration tells people, made whole before any of it is used. Nothing is connected yet.

    `beating` are channels of its heartbeat alone: what the drain closes at a reload cuts none off.
    """

    teller: Teller
    gathering: Gathering
    channels: Mapping[str, Channel]
    heartbeat: Heartbeat | None
    beating: Mapping[str, Channel]


class Alerting:
    """One configuration after another. `waker` and `told` are for the pipeline: who is to be woken, and asked.

    `woke` is when the scheduler last gave a sign, `stood_still` whether it gave too few of late; `logged` is told of
    what is in the log without the pipeline.
    """

    def __init__(
        self,
        configuration: Configuration,
        store: Store,
        view: View,
        figures: Figures,
        *,
        woke: Callable[[], float | None],
        stood_still: Callable[[], str | None],
        logged: Callable[[Entry], None],
    ) -> None:
        self._view = view
        self._figures = figures
        roads = self.roads(configuration, "")
        self._teller = roads.teller
        figures.channels(roads.channels)
        self._drain = Drain(store, roads.channels, Counted(figures), roads.gathering, logged=logged)
        self._keeper = Keeper(store, view, Counted(figures), roads.channels)
        self.machine = Machine(figures.short)
        self._unwritten = Unwritten(store, figures.unwritten, time.time, logged)
        self.health = Health(store, woke, self._drain, lambda: self.machine.why_not() or stood_still())
        self.relapses = Relapses()
        self._pulse = Pulse(lambda: self.health.why_not() or self.relapses.why_not(), self._states, figures)
        self.waker = Waker(self._drain.wake)
        self.told = Told(lambda: self._teller)

    def roads(self, configuration: Configuration, address: str) -> Roads:
        """All that a configuration needs to tell people; `address` is where the pages are."""
        told = teller(configuration, address)
        beating = beating_channels(configuration.heartbeat, tuple(configuration.channels))
        return Roads(
            told,
            Gathering(told.letterhead, self._view.cause_words),
            {name: build(settings) for name, settings in configuration.channels.items()},
            configuration.heartbeat,
            {name: build(configuration.channels[name]) for name in beating},
        )

    def use(self, roads: Roads) -> None:
        """Go on by these, which nobody has used yet: what is under way ends on those of before, which are then closed.

        With the teller the channels: no message goes by one that either of them lacks.
        """
        self._teller = roads.teller
        self._figures.channels(roads.channels)
        self._drain.use(roads.channels, roads.gathering)
        self._keeper.use(roads.channels)  # the very channels that the drain has, which closes those of before
        self._figures.heartbeats(roads.beating)
        self._pulse.use(roads.heartbeat, roads.beating, roads.teller.letterhead)

    def keep_running(self, supervisor: Supervisor) -> None:
        supervisor.keep("drain", self._drain.run)
        supervisor.keep("keeper", self._keeper.run)
        supervisor.keep("heartbeat", self._pulse.run)

    @property
    def letterhead(self) -> Letterhead:
        return self._teller.letterhead

    async def look_at_state(self) -> None:
        """A duty: tell everybody if the state is not written for long.

        Raises:
            StoreFailed: it can no longer be written at all.
        """
        if await self._unwritten.look(self._teller.letterhead, tuple(self._drain.channels)):
            self._drain.wake()

    async def say_last_words(self, why: str) -> None:
        await say(self._drain.channels, self.letterhead, why, at=time.time())

    async def close(self) -> None:
        await self._pulse.close()
        await self._drain.close()

    # bits -----------------------------------------------------------------------------------------------------

    def _states(self) -> Mapping[State, int]:
        shown = [picture.state for picture in self._view.pictures.values()]
        return {state: shown.count(state) for state in State}


def teller(configuration: Configuration, address: str) -> Teller:
    """`address` is where the pages are, for a configuration that does not say how people reach them."""
    site = configuration.site
    letterhead = Letterhead(site.name, configuration.standpoint, site.language, site.zone, configuration.url or address)
    channels = {name: settings.travels_on for name, settings in configuration.channels.items()}
    return Teller(letterhead, channels, configuration.routes)
