"""The parts, wired: what `run` keeps running over a configuration, and `demo` over the simulated hospital."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence

from prometheus_client import CollectorRegistry

from commands._alerting import Alerting
from commands._keeping import Keeping, open_state
from commands._open_files import warn_of_open_files
from commands._past import KeptRuns
from commands._records import Records
from commands._service import Service
from commands._standing import standing
from commands._successor import (
    Successor,
    certificate_end,
    fingerprints_of,
    hosts_of,
    is_shortage,
    lack_of_files,
    units_of,
    warn_of_what_needs_a_restart,
    why_not,
)
from commands._systemd import Systemd
from config.configuration import Configuration
from config.faults import ConfigurationFault, Fault
from config.web_access import certificate_warnings, exposure
from retabli import __version__
from retabli.alerts.health import CHECK
from retabli.alerts.machine import LOOK
from retabli.metrics import Figures, Metrics
from retabli.model.flow import Flow
from retabli.model.record import Entry, Event
from retabli.own_link import ID as OWN_LINK
from retabli.own_link import own_link
from retabli.pipeline import Pipeline
from retabli.pipeline.seams import Outlet
from retabli.scheduler import Scheduler
from retabli.store import Remembered, StoreFailed
from retabli.supervisor import Supervisor
from retabli.view import Site, View, iso
from retabli.web import Switches, Web
from retabli.web import build as application
from retabli.web.access.access import Access
from retabli.web.access.sessions import Sessions
from retabli.web.logbook import logged
from retabli.web.seams import Reloaded

SWEEP = 1.0  # seconds between two looks at what time alone may have changed
PRUNE = 3600.0
SESSIONS = 600.0  # seconds between two looks at whether sessions were used since they were written
CERTIFICATE = 86_400.0  # … at whether our own certificate ends soon
GRACE = 5.0  # seconds that runs are given when the daemon stops
SLIP = 1.0  # seconds by which a clock that is kept right may go back
LOG_AT_HAND = 1000  # rows of the log that pages show without asking the store

log = logging.getLogger("retabli")


class Daemon:
    """One daemon over one configuration. `load` reads it again for a reload; `stamp` maps the times that are shown;
    `systemd` is told how it gets on; `settled` is called whenever a configuration has been taken up."""

    def __init__(
        self,
        configuration: Configuration,
        *,
        listen: tuple[str, int] | None = None,
        load: Callable[[], Configuration] | None = None,
        stamp: Callable[[float], float] | None = None,
        switches: Switches | None = None,
        watch_own_link: bool = True,
        systemd: Systemd | None = None,
        settled: Callable[[], None] = lambda: None,
    ) -> None:
        self.configuration = configuration
        self._load = load
        self._settled = settled
        self._service = Service(systemd or Systemd(), self._standing, lambda: self.scheduler.last_woke)
        self._service.takes_up("the state is opened")
        self._watch_own_link = watch_own_link
        self._reloading = asyncio.Lock()
        self.store = open_state(configuration)
        site = configuration.site
        self.figures = Figures(CollectorRegistry(), version=__version__, standpoint=configuration.standpoint)
        self.metrics = Metrics(self.figures, language=site.language)
        place = Site(site.name, site.language, site.zone, configuration.standpoint, site.cut_at)
        self.view = View(place, stamp=stamp) if stamp else View(place)
        self._hosts = hosts_of(configuration)
        self._alerting = Alerting(
            configuration,
            self.store,
            self.view,
            self.figures,
            woke=lambda: self.scheduler.last_woke,
            stood_still=lambda: self.scheduler.stood_still(),
            logged=self._logged_elsewhere,
        )
        self._keeping = Keeping(configuration, self.store, self.figures, self._logged_elsewhere)
        self.health = self._alerting.health
        self.machine = self._alerting.machine
        outlets: list[Outlet] = [self.metrics, self.view, self._alerting.waker, self.machine]
        self.pipeline = Pipeline(self.store, outlets, self._alerting.told)
        self.scheduler = Scheduler(self.pipeline, self.figures, language=site.language)
        self._past = KeptRuns(configuration.state)
        self._records = Records(self.view, self.store, lambda: self.configuration)
        sessions = Sessions(configuration.state.with_name(f"{configuration.state.name}.sessions"))
        self.access = Access(configuration.access, sessions, counted=self.figures.login)
        app = application(
            self.view,
            self.metrics,
            reload=self.reload if load else None,
            ready=self._not_ready,
            healthy=self.health.why_not,
            log=self.store,
            history=self._past,
            report=self._records.report,
            switches=switches,
            on_call=self.pipeline,
            hosts=self._hosts,
            access=self.access,
        )
        self._listen = listen or configuration.listen
        self._elsewhere = self._listen != configuration.listen
        self.web = Web(app, *self._listen, leaving=self.view.close, tls=configuration.tls)
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
            self._alerting.use(self._alerting.roads(self.configuration, address))
            async with self._reloading:  # who asks for a reload meanwhile has it afterwards
                await self._begin()
            supervisor = Supervisor(self.figures.part_restarted)
            supervisor.keep("web", self.web.run)
            supervisor.keep("store", self.store.wait_failed)
            self._alerting.keep_running(supervisor)
            self._keeping.keep_running(supervisor)
            supervisor.keep("scheduler", self.scheduler.run)
            supervisor.keep("log-ins", self._log_logins)
            self._service.keep_running(supervisor, self.web.up)
            self.figures.parts(supervisor.restarts)
            began(address)
            try:
                await supervisor.run_until_stopped(stop)
            finally:
                await self.scheduler.stop(GRACE)
            for entry in self.access.logins.rest():
                await self._log(entry)
            await self._log(Entry(time.time(), Event.STOP, None, {"version": __version__}))
        except StoreFailed as failure:
            await self._alerting.say_last_words(str(failure))
            raise
        finally:
            await self._alerting.close()
            await self.access.keep()
            self.access.close()
            self._past.close()
            await self.store.close()

    @property
    def can_reload(self) -> bool:
        return self._load is not None

    async def reload(self, by: str = "") -> Reloaded:
        """Read the configuration again, for an account: refused whole, with its faults as sentences, or taken whole.

        What our own machine lacks for it, or a defect, refuses it as a fault does: nobody would hear of it otherwise.
        While files cannot be opened, no fault of the configuration is believed: what is missing may well be there.

        Raises:
            StoreFailed: the state can no longer be written.
        """
        assert self._load is not None  # noqa: S101 - offered only with a way to load
        async with self._reloading:
            with self._service.reloading():
                try:
                    made = self._made_of(await asyncio.to_thread(self._load))
                    await self._take_up(made, by)
                except ConfigurationFault as refusal:
                    lack = lack_of_files()
                    if lack is None:
                        return Reloaded(await self._refuse(refusal.faults, by))
                    return Reloaded(await self._refuse([why_not(lack)], by), ours=True)
                except Exception as error:  # noqa: BLE001 - whatever it was, the old one goes on and everybody is told
                    return Reloaded(await self._refuse([why_not(error)], by, _defect(error)), ours=True)
                return await self._follow(made)

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
        self._service.takes_up("the state is taken up")
        remembered = self.store.load()
        await self.access.begin()
        self.figures.certificate(certificate_end(self.configuration))
        for _, said in exposure(self.configuration.web, self._listen) if self._elsewhere else ():
            log.warning("--listen: %s", said)
        await self._keeping.tell(self._alerting.letterhead, self.configuration.channels)
        rows = await self.store.entries(limit=LOG_AT_HAND)
        self.view.fill((logged(row) for row in reversed(rows)), await asyncio.to_thread(self._records.courses))
        self._had_way_out = OWN_LINK in remembered.standings
        flows = self._flows(self.configuration)
        self._had_way_out = OWN_LINK in flows
        opening = _opening(remembered)
        self._alerting.relapses.take_up([*rows, *opening])
        await self.pipeline.begin(
            flows,
            remembered.standings,
            remembered.units,
            fingerprints_of(flows),
            opening,
            clock_lost=remembered.last_seen is not None and time.time() < remembered.last_seen - SLIP,
            relapsed=self._alerting.relapses.why_not() is not None,
        )
        units = units_of(flows)
        warn_of_open_files(len(units))
        await self.scheduler.adopt(units)
        self.scheduler.every(SWEEP, self.pipeline.sweep, "sweep")
        self.scheduler.every(PRUNE, self._prune, "prune")
        self.scheduler.every(SESSIONS, self.access.keep, "sessions")
        self.scheduler.every(CERTIFICATE, self._look_at_certificate, "certificate")
        self.scheduler.every(CHECK, self.health.check, "health")
        self.scheduler.every(LOOK, self.machine.look, "machine")
        self.scheduler.every(LOOK, self._alerting.look_at_state, "state")
        self.figures.reloaded(successful=True, at=time.time())
        self._begun = True
        self._settled()
        self.health.begin()

    def _made_of(self, fresh: Configuration) -> Successor:
        flows = self._flows(fresh)
        return Successor(
            configuration=fresh,
            flows=flows,
            fingerprints=fingerprints_of(flows),
            units=units_of(flows),
            roads=self._alerting.roads(fresh, self._address),
            way_back=self._alerting.roads(self.configuration, self._address),
            hosts=hosts_of(fresh),
            certificate_ends=certificate_end(fresh),
        )

    def _flows(self, configuration: Configuration) -> Mapping[str, Flow]:
        link = own_link(known=self._had_way_out) if self._watch_own_link else None
        built_in = {link.id: link} if link else {}
        return {**configuration.flows, **built_in}

    async def _refuse(self, faults: Sequence[Fault], by: str, defect: Exception | None = None) -> Sequence[str]:
        self.figures.reloaded(successful=False, at=time.time())
        for fault in faults:
            log.error("not reloaded: %s", fault, exc_info=defect)
        data = {"change": "refused", "faults": len(faults), "first": str(faults[0])}
        self._service.refused(str(faults[0]))
        refused = Entry(time.time(), Event.CONFIG, None, data | _by(by))
        await self._log(refused)
        self._logged_elsewhere(refused)
        return [str(fault) for fault in faults]

    async def _take_up(self, made: Successor, by: str) -> None:
        """Tell people and judge by it from now on: both, or neither."""
        data = {"change": "reloaded", "flows": len(made.configuration.flows)} | _by(by)
        try:
            self._alerting.use(made.roads)  # first: what is told of the change goes by channels that there are
            await self.pipeline.adopt(made.flows, made.fingerprints, [Entry(time.time(), Event.CONFIG, None, data)])
        except BaseException:
            self._alerting.use(made.way_back)
            raise

    async def _follow(self, made: Successor) -> Reloaded:
        """Everything else: the change is remembered by now, and there is no way back."""
        before, fresh = self.configuration, made.configuration
        try:
            self.configuration = fresh
            self._had_way_out = OWN_LINK in made.flows
            self._hosts[:] = made.hosts
            self._admit(made)
            self._keeping.use(fresh)
            await self.scheduler.adopt(made.units)
        except Exception as error:  # noqa: BLE001 - whatever it was: what is watched now is another than what is shown
            return Reloaded(self._break_off(error), ours=True)
        warn_of_what_needs_a_restart(before, fresh)
        for warning in fresh.warnings:
            log.warning("%s", warning)
        warn_of_open_files(len(made.units))
        self.figures.reloaded(successful=True, at=time.time())
        self._settled()
        log.info("reloaded: %d flows", len(fresh.flows))
        return Reloaded()

    def _break_off(self, error: Exception) -> Sequence[str]:
        """Another reload, even of the same configuration, does what is missing."""
        self.figures.reloaded(successful=False, at=time.time())
        said = str(why_not(error))
        log.critical("not all of the configuration is taken up, reload again: %s", said, exc_info=_defect(error))
        self._service.unfinished(said)
        return [f"not all of it is taken up, reload again: {said}"]

    def _admit(self, made: Successor) -> None:
        """Who may come in now, and by which certificate."""
        self.access.adopt(made.configuration.access)
        if made.configuration.tls is not None:
            self.web.adopt(made.configuration.tls)
        self.figures.certificate(made.certificate_ends)

    async def _look_at_certificate(self) -> None:
        tls = self.configuration.web.tls
        for said in certificate_warnings(tls, time.time()) if tls is not None else ():
            log.warning("web.tls: %s", said)

    def _logged_elsewhere(self, entry: Entry) -> None:
        """What is in the log without having gone through the pipeline."""
        self.metrics.logged(entry)
        self.view.logged(entry)

    async def _log_logins(self) -> None:
        while True:
            entry = await self.access.logins.next()
            await self._log(entry)
            self._logged_elsewhere(entry)

    def _standing(self) -> str:
        return self._keeping.remarks() + standing(self.view, self.health.why_not())

    def _not_ready(self) -> str | None:
        return None if self._begun else "the state is being taken up"

    async def _prune(self) -> None:
        keep = self.configuration.keep
        await self.store.prune(time.time(), age=keep.results, number=keep.per_unit)

    async def _log(self, entry: Entry) -> None:
        await self.store.commit(standings={}, units={}, entries=[entry], messages=[])


def _by(account: str) -> dict[str, str]:
    return {"by": account} if account else {}


def _defect(error: Exception) -> Exception | None:
    """What is to be told with where it happened; that of a shortage says nothing."""
    return None if is_shortage(error) else error


def _opening(remembered: Remembered) -> list[Entry]:
    """The entries of a start: how long nobody watched, and that somebody does again."""
    now = time.time()
    entries: list[Entry] = []
    if remembered.last_seen is not None:
        blind = max(0.0, now - remembered.last_seen)
        data = {"from": iso(remembered.last_seen), "seconds": round(blind, 1), "clean_stop": remembered.clean_stop}
        if now < remembered.last_seen - SLIP:  # how long it really was nobody knows
            data["clock_behind"] = round(remembered.last_seen - now, 1)
        entries.append(Entry(now, Event.GAP, None, data))
    return [*entries, Entry(now, Event.START, None, {"version": __version__})]
