"""The parts, wired: what `run` keeps running over a configuration, and `demo` over the simulated hospital."""

import asyncio
import logging
import resource
import signal
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry

from config.configuration import Configuration, fingerprint
from config.faults import ConfigurationFault
from retabli import __version__
from retabli.alerts.channels import build
from retabli.alerts.health import CHECK, Health
from retabli.alerts.heartbeat import Pulse, beating_channels
from retabli.alerts.last_words import say
from retabli.alerts.message import Letterhead
from retabli.alerts.outbox.drain import Drain
from retabli.alerts.outbox.gathering import Gathering
from retabli.alerts.outbox.keeper import Keeper
from retabli.alerts.teller import Teller
from retabli.metrics import Figures, Metrics
from retabli.model.flow import Flow, UnitName
from retabli.model.record import Entry, Event, FlowPicture, Message
from retabli.model.result import Result
from retabli.model.states import State
from retabli.own_link import ID as OWN_LINK
from retabli.own_link import own_link
from retabli.paging import Following, Notice
from retabli.pipeline import Pipeline
from retabli.report import Situation, body, compose, from_view, replay, written
from retabli.scheduler import Scheduler
from retabli.store import Reader, Remembered, Store, StoreFailed
from retabli.supervisor import Supervisor
from retabli.view import Logged, Site, View, iso
from retabli.web import Switches, Web
from retabli.web import build as application

SWEEP = 1.0  # seconds between two looks at what time alone may have changed
PRUNE = 3600.0
GRACE = 5.0  # seconds that runs are given when the daemon stops
LOG_AT_HAND = 1000  # rows of the log that pages show without asking the store

log = logging.getLogger("retabli")


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


class Daemon:
    """One daemon over one configuration. `load` reads it again for a reload; `stamp` maps the times that are shown."""

    def __init__(
        self,
        configuration: Configuration,
        *,
        listen: tuple[str, int] | None = None,
        load: Callable[[], Configuration] | None = None,
        stamp: Callable[[float], float] | None = None,
        switches: Switches | None = None,
        watch_own_link: bool = True,
    ) -> None:
        self.configuration = configuration
        self._load = load
        self._watch_own_link = watch_own_link
        self._reloading = asyncio.Lock()
        self.store = Store.open(configuration.state)
        site = configuration.site
        self.figures = Figures(CollectorRegistry(), version=__version__, standpoint=configuration.standpoint)
        self.metrics = Metrics(self.figures, language=site.language)
        place = Site(site.name, site.language, site.zone, configuration.standpoint, site.cut_at)
        self.view = View(place, stamp=stamp) if stamp else View(place)
        self._hosts = _hosts(configuration)
        self._waker = Waker()
        self._teller = teller(configuration, "")
        self.pipeline = Pipeline(self.store, [self.metrics, self.view, self._waker], Told(lambda: self._teller))
        self.scheduler = Scheduler(self.pipeline, self.figures, language=site.language)
        channels = self._channels()
        self._drain = Drain(
            self.store, channels, Counted(self.figures), self._gathering(), logged=self._logged_elsewhere
        )
        self._keeper = Keeper(self.store, self.view, Counted(self.figures), channels)
        self.health = Health(self.store, lambda: self.scheduler.last_woke, self._drain)
        self._pulse = Pulse(self.health.why_not, self._states, self.figures)
        self._waker.wake = self._drain.wake
        app = application(
            self.view,
            self.metrics,
            reload=self.reload if load else None,
            ready=self._not_ready,
            healthy=self.health.why_not,
            log=self._read_log,
            report=self._report,
            switches=switches,
            on_call=self.pipeline,
            hosts=self._hosts,
        )
        self._listen = listen or configuration.listen
        self.web = Web(app, *self._listen, leaving=self.view.close)
        self._begun = False
        self._had_way_out = False
        self._address = ""

    async def run(self, stop: asyncio.Event, *, began: Callable[[str], None] = lambda _: None) -> None:
        """Until `stop` is set. `began` is told the address of the pages once probing has begun.

        Raises:
            Fatal: the state can no longer be written.
            OSError: the address cannot be listened on.
        """
        try:
            address = self._bind()
            self._address = address
            self._teller = teller(self.configuration, address)
            self._use_channels()
            self._take_pulse()
            async with self._reloading:  # who asks for a reload meanwhile has it afterwards
                await self._begin()
            supervisor = Supervisor(self.figures.part_restarted)
            supervisor.keep("web", self.web.run)
            supervisor.keep("store", self.store.wait_failed)
            supervisor.keep("drain", self._drain.run)
            supervisor.keep("keeper", self._keeper.run)
            supervisor.keep("heartbeat", self._pulse.run)
            supervisor.keep("scheduler", self.scheduler.run)
            self.figures.parts(supervisor.restarts)
            began(address)
            try:
                await supervisor.run_until_stopped(stop)
            finally:
                await self.scheduler.stop(GRACE)
            await self._log(Entry(time.time(), Event.STOP, None, {"version": __version__}))
        except StoreFailed as failure:
            await say(self._drain.channels, self._teller.letterhead, str(failure), at=time.time())
            raise
        finally:
            await self._pulse.close()
            await self._drain.close()
            await self.store.close()

    @property
    def can_reload(self) -> bool:
        return self._load is not None

    async def reload(self) -> Sequence[str]:
        """Read the configuration again: refused whole, with its faults as sentences, or taken whole."""
        assert self._load is not None  # noqa: S101 - offered only with a way to load
        async with self._reloading:
            try:
                fresh = await asyncio.to_thread(self._load)
            except ConfigurationFault as refusal:
                self.figures.reloaded(successful=False, at=time.time())
                for fault in refusal.faults:
                    log.error("not reloaded: %s", fault)
                return [str(fault) for fault in refusal.faults]
            before, self.configuration = self.configuration, fresh
            _warn_of_what_needs_a_restart(before, fresh)
            self._teller = teller(fresh, self._address)
            self._hosts[:] = _hosts(fresh)
            self._use_channels()  # with the teller: no message goes by a channel that one of them lacks
            self._take_pulse()
            flows = self._flows()
            entry = Entry(time.time(), Event.CONFIG, None, {"change": "reloaded", "flows": len(fresh.flows)})
            await self.pipeline.adopt(flows, _fingerprints(flows), [entry])
            await self.scheduler.adopt(_units(flows))
            self.figures.reloaded(successful=True, at=time.time())
            log.info("reloaded: %d flows", len(fresh.flows))
            return []

    # bits -----------------------------------------------------------------------------------------------------

    def _bind(self) -> str:
        host, port = self._listen
        try:
            return self.web.bind()
        except OSError as error:
            said = error.strerror or str(error)
            raise OSError(
                f"cannot listen on {host}:{port}: {said}; name another address by web.listen or --listen"
            ) from error

    async def _begin(self) -> None:
        remembered = self.store.load()
        rows = await self.store.entries(limit=LOG_AT_HAND)
        self.view.fill(_logged(row) for row in reversed(rows))
        self._had_way_out = OWN_LINK in remembered.standings
        flows = self._flows()
        await self.pipeline.begin(
            flows, remembered.standings, remembered.units, _fingerprints(flows), _opening(remembered)
        )
        await self.scheduler.adopt(_units(flows))
        self.scheduler.every(SWEEP, self.pipeline.sweep, "sweep")
        self.scheduler.every(PRUNE, self._prune, "prune")
        self.scheduler.every(CHECK, self.health.check, "health")
        self.figures.reloaded(successful=True, at=time.time())
        self._begun = True
        self.health.begin()

    def _flows(self) -> Mapping[str, Flow]:
        link = own_link(known=self._had_way_out) if self._watch_own_link else None
        self._had_way_out = link is not None
        built_in = {link.id: link} if link else {}
        return {**self.configuration.flows, **built_in}

    def _channels(self) -> dict[str, Any]:
        self.figures.channels(self.configuration.channels)
        return {name: build(settings) for name, settings in self.configuration.channels.items()}

    def _use_channels(self) -> None:
        """The keeper has the very channels that the drain has: the drain closes those of before."""
        channels = self._channels()
        self._drain.use(channels, self._gathering())
        self._keeper.use(channels)

    def _gathering(self) -> Gathering:
        return Gathering(self._teller.letterhead, self.view.cause_words)

    def _take_pulse(self) -> None:
        """Heartbeats go by channels of their own: what the drain closes at a reload cuts none off."""
        configuration = self.configuration
        names = beating_channels(configuration.heartbeat, tuple(configuration.channels))
        self.figures.heartbeats(names)
        channels = {name: build(configuration.channels[name]) for name in names}
        self._pulse.use(configuration.heartbeat, channels, self._teller.letterhead)

    def _states(self) -> Mapping[State, int]:
        shown = [picture.state for picture in self.view.pictures.values()]
        return {state: shown.count(state) for state in State}

    def _logged_elsewhere(self, entry: Entry) -> None:
        """The drain's entries are in the log without having gone through the pipeline."""
        self.metrics.logged(entry)
        self.view.logged(entry)

    def _not_ready(self) -> str | None:
        return None if self._begun else "the state is being taken up"

    async def _read_log(self, *, since: float | None, flow: str | None, limit: int) -> Sequence[Logged]:
        return [_logged(row) for row in await self.store.entries(since=since, flow=flow, limit=limit)]

    async def _report(self, *, language: str, form: str, public: bool, at: float | None) -> str:
        """As it is now, from what is shown; as it was, from the whole log, read beside the loop."""
        if at is None:
            situation = from_view(self.view)
        elif at > time.time():
            raise LookupError("that moment is in the future, of which nothing is known")
        else:
            situation = await asyncio.to_thread(self._situation, at)
        report = compose(situation, language, public=public)
        return str(body(report)) if form == "body" else written(report, form)

    def _situation(self, at: float) -> Situation:
        with Reader(self.configuration.state) as reader:
            return replay(reader.each(), self.configuration.flows, self.view.site, at)

    async def _prune(self) -> None:
        keep = self.configuration.keep
        await self.store.prune(time.time(), age=keep.results, number=keep.per_unit)

    async def _log(self, entry: Entry) -> None:
        await self.store.commit(standings={}, units={}, entries=[entry], messages=[])


def _hosts(configuration: Configuration) -> list[str]:
    """The name by which people reach the pages, where the configuration says it."""
    name = urlsplit(configuration.url or "").hostname
    return [name] if name else []


def teller(configuration: Configuration, address: str) -> Teller:
    """`address` is where the pages are, for a configuration that does not say how people reach them."""
    site = configuration.site
    letterhead = Letterhead(site.name, configuration.standpoint, site.language, site.zone, configuration.url or address)
    channels = {name: settings.travels_on for name, settings in configuration.channels.items()}
    return Teller(letterhead, channels, configuration.routes)


def _opening(remembered: Remembered) -> list[Entry]:
    """The entries of a start: how long nobody watched, and that somebody does again."""
    now = time.time()
    entries: list[Entry] = []
    if remembered.last_seen is not None:
        blind = max(0.0, now - remembered.last_seen)
        data = {"from": iso(remembered.last_seen), "seconds": round(blind, 1), "clean_stop": remembered.clean_stop}
        entries.append(Entry(now, Event.GAP, None, data))
    return [*entries, Entry(now, Event.START, None, {"version": __version__})]


def _fingerprints(flows: Mapping[str, Flow]) -> dict[str, str]:
    return {id_: fingerprint(flow) for id_, flow in flows.items()}


def _units(flows: Mapping[str, Flow]) -> dict[UnitName, tuple[Any, Any]]:
    return {name: (probe, flow.policy) for flow in flows.values() for name, probe in flow.units()}


_EVENTS = {event.value: event for event in Event}


def _logged(row: Any) -> Logged:
    """A row that a later version wrote, of a kind that this one does not know, is shown by its name."""
    return Logged(Entry(row.at, _EVENTS.get(row.event, row.event), row.flow, row.data), row.number)


def _warn_of_what_needs_a_restart(before: Configuration, after: Configuration) -> None:
    for name in ("site", "standpoint", "state", "listen"):
        if getattr(before, name) != getattr(after, name):
            log.warning("%s changed: that needs a restart, everything else is taken up now", name)


def raise_open_files() -> None:
    """As many open files as we may have: the usual soft limit, 1024, is less than what is probed at once."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # a kernel with a lower limit of its own
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def serve(daemon: Daemon, stop: asyncio.Event, began: Callable[[str], None]) -> Coroutine[Any, Any, None]:
    """`daemon.run`, stopped by SIGTERM and SIGINT; SIGHUP reloads. To be awaited in the main thread."""
    raise_open_files()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    reloads: set[asyncio.Task[Sequence[str]]] = set()

    def reload() -> None:
        reloads.add(task := loop.create_task(daemon.reload(), name="reload"))
        task.add_done_callback(reloads.discard)

    if daemon.can_reload:
        loop.add_signal_handler(signal.SIGHUP, reload)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # what came before we could hear it comes now
    return daemon.run(stop, began=began)
