"""What the web server is given by whoever wires it; it asks nothing of anybody else."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from retabli.model.record import Incident, Silence
from retabli.model.words import Words
from retabli.store import Past


class Exposition(Protocol):
    """The metrics, for `/metrics` and `/probe`."""

    def content_type(self, accept: str) -> str: ...

    def page(self, accept: str) -> AsyncIterator[bytes]: ...

    def blackbox(self, target: str) -> str | None: ...


class HistoryUnreadable(Exception):
    """The runs that are kept cannot be read now; the message is a sentence for the daemon's log."""


class History(Protocol):
    """Reads the runs that are kept, in the words of the API's `probes[]`; `at` is a wall time. Bounded in time.

    Each raises HistoryUnreadable.
    """

    async def past(self, flow: str, *, each: int) -> Past:
        """Of each of its units at most the newest `each`, and the last ok and failed ones."""
        ...

    async def runs(self, flow: str, *, limit: int) -> Sequence[Mapping[str, Any]]:
        """The newest of all its units together, the newest first."""
        ...


class ReportWriter(Protocol):
    """Writes the point of situation, in a form of its own (`md`, `txt`, `html`; `body`: a piece of HTML for a page).

    `at` is a wall time, or None for now; `since` an earlier one: what has changed since then is told too.

    Raises:
        LookupError: nothing is known of that moment; its argument is a sentence.
        StoreError: the log cannot be read; its argument is a sentence.
    """

    async def __call__(
        self, *, language: str, form: str, public: bool, at: float | None, since: float | None = None
    ) -> str: ...


@dataclass(frozen=True, slots=True)
class Reloaded:
    """`faults` as sentences: none, and the configuration is taken; any, and the old one goes on, if they do not say
    otherwise. `ours`: they are none of the configuration's, which may be a good one.
    """

    faults: Sequence[str] = ()
    ours: bool = False


# Reads the configuration again, for this account (empty: nobody is asked who they are).
Reload = Callable[[str], Awaitable[Reloaded]]

# Why this daemon is not ready yet, or does not really work, or None: it is, and does.
Ready = Callable[[], str | None]


@dataclass(frozen=True, slots=True)
class Switch:
    """One of the demo's: what it acts on, what it can be set to (the healthy position first), and where it stands."""

    flow: str
    title: Words
    positions: Mapping[str, Words]
    position: str


class Switches(Protocol):
    """The demo's switches; a daemon over real flows has none."""

    @property
    def remark(self) -> Words:
        """What every page says on top of a world that is not the real one."""
        ...

    def all(self) -> Sequence[Switch]: ...

    async def set(self, flow: str, position: str) -> None:
        """Raises KeyError for a flow that has no switch, and for a switch that has no such position."""


class OnCall(Protocol):
    """What people who are on call say of a flow; each is a row of the log. Instants are wall times.

    Each raises LookupError for a flow that there is not, and retabli.paging.NotNow, whose message is a sentence, for
    what cannot be done as things stand.
    """

    async def acknowledge(self, flow: str, *, by: str, note: str = "", until: float | None = None) -> Incident:
        """Somebody has taken the page that is open; `until` None: for as long as it is."""
        ...

    async def silence(self, flow: str, *, until: float, by: str, why: str) -> Silence:
        """Planned work: no page goes out until then, but for a breach."""
        ...

    async def unsilence(self, flow: str, *, by: str) -> None: ...


def always_ready() -> str | None:
    return None
