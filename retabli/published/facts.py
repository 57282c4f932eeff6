"""What anybody may know of each flow: whether it works, since when, and what to do meanwhile. Nothing else is taken in.

No host, no owner, no cause, no probe and no standpoint can be told by what is made of these: they are not here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from retabli.model.flow import Flow
from retabli.model.states import Intent, State
from retabli.own_link import ID as OWN_LINK
from retabli.published.typeset import typeset
from retabli.view import Site

SUSPENDED = "suspended"
WORKING = (State.RESTORED, State.DEGRADED)
_ORDER = (State.DROPPED, State.UNKNOWN, State.DOWN, State.RECOVERING, State.DEGRADED, State.RESTORED)


@dataclass(frozen=True, slots=True)
class PublicFlow:
    """`state` is a State's value, or `suspended`; `since` is a shown instant, where there is one to be told."""

    title: str
    state: str
    since: float | None
    notice: str


@dataclass(frozen=True, slots=True)
class Bulletin:
    """What is said in one language. `at` is a shown instant; `made` the wall time at which it was made.

    `unwatched_since`: nobody was looking any more, each state is then unknown.
    """

    site: Site
    language: str
    at: float
    made: float
    flows: tuple[PublicFlow, ...]
    unwatched_since: float | None = None

    @property
    def name(self) -> str:
        return typeset(self.site.name, self.language, 200)


def bulletin(flow: Flow, state: State, language: str, *, since: float | None) -> PublicFlow | None:
    """One flow as anybody may know it; None for one that is not public.

    Of a flow that is shut, only what was decided is told: a breach is nobody's business but ours.
    """
    if not flow.public or flow.id == OWN_LINK:
        return None
    closed = flow.intent is Intent.CLOSED
    if not closed and state not in _ORDER:  # of a flow that was shut a moment ago
        state = State.UNKNOWN
    told = flow.notice is not None and (closed or state is not State.RESTORED)
    return PublicFlow(
        title=typeset(flow.title[language], language, 200),
        state=SUSPENDED if closed else state.value,
        since=since if state in (*WORKING, State.DROPPED) and not closed else None,
        notice=typeset(flow.notice[language], language, 600) if flow.notice is not None and told else "",
    )


def overall(flows: Sequence[PublicFlow]) -> tuple[int, int, str]:
    """How many work wholly, of how many that are meant to, and the worst state among them (unknown for none)."""
    states = [State(each.state) for each in flows if each.state != SUSPENDED]
    worst = min(states, key=_ORDER.index, default=State.UNKNOWN)
    return sum(state is State.RESTORED for state in states), len(states), worst.value
