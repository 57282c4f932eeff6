"""What keeps the state, wired: the copies that are taken of it, and that one of them took its place."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from config.configuration import Configuration
from retabli.alerts.message import Letterhead
from retabli.alerts.restored import telling
from retabli.metrics import Figures
from retabli.model.record import Entry
from retabli.pipeline.remembering import Clocks, load_record, load_standing
from retabli.store import Remembered, Store
from retabli.store.copier import Copier, Rhythm
from retabli.supervisor import Supervisor


def open_state(configuration: Configuration) -> Store:
    """
    Raises:
        StoreError: it cannot be opened.
    """
    return Store.open(configuration.state, copies=configuration.copies.folder, readable=_readable)


def _readable(remembered: Remembered) -> None:
    """
    Raises:
        ValueError, TypeError, LookupError: the pipeline cannot take that up.
    """
    clocks = Clocks(time.monotonic(), time.time())
    for values in remembered.standings.values():
        load_standing(values, clocks)
    for record, _ in remembered.units.values():
        load_record(record, clocks)


class Keeping:
    """`logged` is told of what is in the log without the pipeline."""

    def __init__(
        self, configuration: Configuration, store: Store, figures: Figures, logged: Callable[[Entry], None]
    ) -> None:
        self._store = store
        self._figures = figures
        self._logged = logged
        self._copier = Copier(store, _rhythm(configuration), figures)
        self._restored = store.load().restored

    def use(self, configuration: Configuration) -> None:
        self._copier.rhythm = _rhythm(configuration)

    def keep_running(self, supervisor: Supervisor) -> None:
        supervisor.keep("copies", self._copier.run)

    async def tell(self, letterhead: Letterhead, channels: Mapping[str, Any]) -> None:
        """That the state was restored, if it was: once, whatever ends the daemon meanwhile.

        Raises:
            StoreFailed: it could not be written.
        """
        if self._restored is None:
            return
        self._figures.state_restored(self._restored.at)
        told = telling(self._restored, letterhead, tuple(channels), time.time())
        await self._store.tell_restored(told.entry, told.messages)
        self._logged(told.entry)

    def remarks(self) -> str:
        """What an operator must know of it, in the status line, although the daemon works; or nothing."""
        said = []
        if self._restored is not None:
            said.append(f"the state was restored from the copy {self._restored.copy} ({self._restored.why})")
        if self._copier.trouble is not None:
            said.append(f"no copy of the state is taken: {self._copier.trouble}")
        if self._copier.fault is not None:
            said.append(f"the log is broken: {self._copier.fault}")
        return "".join(f"{each} · " for each in said)


def _rhythm(configuration: Configuration) -> Rhythm:
    copies = configuration.copies
    return Rhythm(copies.every, copies.hourly, copies.daily)
