"""All live flows of one configuration: which hang on which, and when time alone may change one of them."""

import heapq
import itertools
from collections.abc import Iterator, Mapping, Sequence

from retabli.model.flow import Flow
from retabli.model.states import State
from retabli.own_link import ID as OWN_LINK
from retabli.paging import Parent
from retabli.pipeline.live import LiveFlow

NEVER = float("inf")


class LiveFlows:
    """Our own way out, where there is one, is the parent of every other flow."""

    def __init__(self, live: Mapping[str, LiveFlow]) -> None:
        self._live = live
        self._children = _children(live)
        self._looks: list[tuple[float, int, str]] = []  # a heap: (when, ticket, flow)
        self._tickets = itertools.count()

    def __contains__(self, id_: str) -> bool:
        return id_ in self._live

    def __getitem__(self, id_: str) -> LiveFlow:
        return self._live[id_]

    def __iter__(self) -> Iterator[LiveFlow]:
        return iter(self._live.values())

    def get(self, id_: str) -> LiveFlow | None:
        return self._live.get(id_)

    # which hang on which --------------------------------------------------------------------------------------

    def children(self, id_: str) -> Sequence[str]:
        return self._children.get(id_, ())

    def parents(self, flow: Flow) -> dict[str, Parent]:
        built_in = (OWN_LINK,) if OWN_LINK in self._live and flow.id != OWN_LINK else ()
        named = tuple(parent for parent in flow.parents if parent in self._live)
        return {parent: self.as_parent(parent) for parent in built_in + named}

    def as_parent(self, id_: str) -> Parent:
        live = self._live[id_]
        return Parent(live.standing, live.doubted)

    def stands(self, id_: str) -> bool:
        """Whether messages that travel on this flow get through, as far as is known: it stands, and all above it."""
        waiting, seen = [id_], set[str]()
        while waiting:
            live = self._live.get(each := waiting.pop())
            if live is None or each in seen:
                continue
            seen.add(each)
            if live.doubted or live.standing.shown not in (State.RESTORED, State.DEGRADED):
                return False
            waiting += live.flow.parents
        return True

    # when to look again ---------------------------------------------------------------------------------------

    def queue(self, live: LiveFlow) -> None:
        """Have this flow come due when time alone can change it."""
        due = live.next_look()
        if due < live.queued_for:
            heapq.heappush(self._looks, (due, next(self._tickets), live.flow.id))
            live.queued_for = due

    def due(self, now: float) -> LiveFlow | None:
        """The next flow that time alone may have changed before `now`; None when there is none left."""
        while self._looks and self._looks[0][0] < now:
            when, _, id_ = heapq.heappop(self._looks)
            live = self._live[id_]
            if live.queued_for != when:
                continue  # it is queued for another time
            live.queued_for = NEVER
            if live.next_look() < now:
                return live
            self.queue(live)
        return None


def _children(live: Mapping[str, LiveFlow]) -> dict[str, list[str]]:
    children: dict[str, list[str]] = {}
    for each in live.values():
        for parent in each.flow.parents:
            children.setdefault(parent, []).append(each.flow.id)
    if OWN_LINK in live:
        children[OWN_LINK] = [id_ for id_ in live if id_ != OWN_LINK]
    return children
