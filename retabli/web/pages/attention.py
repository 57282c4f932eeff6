"""What needs to be looked at, on top of the page: the worst first, each a link to its row. Nothing, if nothing does."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from retabli.model.record import FlowPicture
from retabli.model.states import Criticality, State
from retabli.view import View
from retabli.web.inert import inert
from retabli.web.instants import When, when
from retabli.web.pages.headline import counted, lost_breach, state_word
from retabli.web.words import text

SHOWN = 8  # flows that are named
MOST = 200  # … and all of them, the rest when it is unfolded
DEEPEST = 16  # flows that explain one another, one after the other
_WORST = (State.BREACHED, State.DROPPED, State.UNKNOWN, State.DEGRADED)
_CRITICAL = tuple(Criticality)


@dataclass(frozen=True, slots=True)
class Item:
    """`explains` says how many of the others it accounts for."""

    id: str
    state: str
    word: str
    title: str
    since: When
    explains: str = ""


@dataclass(frozen=True, slots=True)
class Attention:
    """`more` says how many `rest` are, by state: those that are named only when it is unfolded."""

    items: tuple[Item, ...]
    rest: tuple[Item, ...]
    more: str

    @property
    def key(self) -> object:
        """Equal for what looks the same but for how long ago it was."""
        shown = (*self.items, *self.rest)
        return tuple(
            (each.id, each.state, each.word, each.title, each.since.iso, each.explains) for each in shown
        ), self.more


def attention(pictures: Iterable[FlowPicture], view: View, language: str) -> Attention:
    wanted = sorted((each for each in pictures if each.state in _WORST), key=_order)
    states = [each.state for each in wanted[SHOWN:]]
    counts = " · ".join(counted(state, states.count(state), language) for state in _WORST if state in states)
    by_id = {each.flow.id: each for each in wanted}
    roots = Counter(_root(each, by_id) for each in wanted)
    said = text("attention_one_more" if len(states) == 1 else "attention_more", language, n=len(states))
    return Attention(
        items=tuple(_item(each, roots, view, language) for each in wanted[:SHOWN]),
        rest=tuple(_item(each, roots, view, language) for each in wanted[SHOWN:MOST]),
        more=f"{said}{text('colon', language)} {counts}",
    )


def _order(picture: FlowPicture) -> tuple[int, bool, int]:
    """By state; what another flow explains comes after what explains it. A breach that is no longer measured stays
    among the breaches, whatever explains that."""
    flow, standing = picture.flow, picture.standing
    if lost_breach(picture):
        return _WORST.index(State.BREACHED), True, _CRITICAL.index(flow.criticality)
    return _WORST.index(picture.state), standing.because is not None, _CRITICAL.index(flow.criticality)


def _root(picture: FlowPicture, wanted: Mapping[str, FlowPicture]) -> str:
    """The flow at the end of what explains this one, among those to be looked at; itself, if nothing does. A breach is
    explained by nothing, though that it is no longer measured may be."""
    if lost_breach(picture):
        return picture.flow.id
    for _ in range(DEEPEST):
        parent = wanted.get(picture.standing.because or "")
        if parent is None:
            break
        picture = parent
    return picture.flow.id


def _item(picture: FlowPicture, roots: Mapping[str, int], view: View, language: str) -> Item:
    state, others = picture.state, roots.get(picture.flow.id, 0) - 1  # it is its own root too
    explains = text("explains_one" if others == 1 else "explains", language, n=others) if others > 0 else ""
    return Item(
        id=picture.flow.id,
        state=state.value,
        word=state_word(picture, language),
        title=inert(picture.flow.title[language], 80),
        since=when(picture.since, view, language),
        explains=explains,
    )
