"""The one line on top that says it all: "9 flux rétablis sur 11 · 1 retombé · internet isolé, prouvé il y a 20 s"."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from retabli.model.numbers import number as written
from retabli.model.record import FlowPicture
from retabli.model.states import STATE_WORDS, Intent, State
from retabli.model.words import Words
from retabli.own_link import ID as OWN_LINK
from retabli.view import View
from retabli.web.inert import inert
from retabli.web.instants import When, when
from retabli.web.pages.rows import latest

NAMED = 2  # closed flows are named one by one up to this many

_NUMBERS = {
    State.RESTORED: Words("{n} rétabli{s}", "{n} restored"),
    State.CONTAINED: Words("{n} isolé{s}", "{n} contained"),
    State.BREACHED: Words("{n} isolement{s} rompu{s}", "{n} breached"),
    State.DROPPED: Words("{n} retombé{s}", "{n} dropped"),
    State.DEGRADED: Words("{n} dégradé{s}", "{n} degraded"),
    State.RECOVERING: Words("{n} en reprise", "{n} recovering"),
    State.DOWN: Words("{n} interrompu{s}", "{n} down"),
    State.UNKNOWN: Words("{n} inconnu{s}", "{n} unknown"),
}
_NOT_YET = (State.DROPPED, State.DEGRADED, State.RECOVERING, State.DOWN, State.UNKNOWN)
_RESTORED = Words("{n} flux rétabli{s} sur {of}", "{n} of {of} flows restored")
_BREACH_LOST = Words("isolement rompu, puis inconnu", "breached, then unknown")
_CONTAINED = Words("{n} isolés sur {of}", "{n} of {of} contained")


@dataclass(frozen=True, slots=True)
class Part:
    """`state` colours it; `proven` is when the closure was last proven; `first` if it tells of a breach;
    `word` is a closed flow's state alone."""

    state: str
    text: str
    proven: When | None = None
    first: bool = False
    word: str = ""


@dataclass(frozen=True, slots=True)
class Headline:
    """`worst` is the state that colours the whole."""

    worst: str
    parts: tuple[Part, ...]

    @property
    def tab(self) -> str:
        """What is wrong, for the title of a tab that nobody looks at; nothing if nothing is."""
        wrong = (State.BREACHED, State.DROPPED, State.UNKNOWN, State.DEGRADED)
        return " · ".join(part.text for part in self.parts if part.state in wrong)

    @property
    def key(self) -> object:
        """Equal for what looks the same but for how long ago it was."""
        proven = (each.proven.iso if each.proven else "" for each in self.parts)
        return self.worst, tuple((each.state, each.text) for each in self.parts), tuple(proven)

    @property
    def plain(self) -> str:
        return " · ".join(part.text for part in self.parts)


def headline(pictures: Iterable[FlowPicture], view: View, language: str) -> Headline:
    shown = [picture for picture in pictures if picture.flow.id != OWN_LINK]
    opened = [picture for picture in shown if picture.flow.intent is Intent.OPEN]
    shut = [picture for picture in shown if picture.flow.intent is Intent.CLOSED]
    parts = [*_open_parts(opened, language), *_closed_parts(shut, view, language)]
    rest = sorted(parts[1:], key=lambda part: (not part.first, part.state != State.BREACHED.value))
    return Headline(_worst(shown), (*parts[:1], *rest))


def _worst(shown: list[FlowPicture]) -> str:
    order = {state: place for place, state in enumerate(State)}
    order[State.RESTORED] = order[State.CONTAINED]  # both are as they should be
    worst = min((picture.state for picture in shown), key=order.__getitem__, default=State.UNKNOWN)
    return worst.value


def _open_parts(opened: list[FlowPicture], language: str) -> list[Part]:
    if not opened:
        return []
    counts = Counter(picture.state for picture in opened)
    restored = counts[State.RESTORED]
    shown = State.RESTORED if restored else State.DOWN  # "0 restored" is nothing to be green about
    parts = [Part(shown.value, _said(_RESTORED, restored, language, of=len(opened)))]
    parts += [Part(state.value, counted(state, counts[state], language)) for state in _NOT_YET if counts[state]]
    return parts


def counted(state: State, number: int, language: str) -> str:
    """`2 retombés`, `2 dropped`."""
    return _said(_NUMBERS[state], number, language)


def _closed_parts(shut: list[FlowPicture], view: View, language: str) -> list[Part]:
    if len(shut) > NAMED:
        contained = sum(picture.state is State.CONTAINED for picture in shut)
        shown = State.CONTAINED if contained else State.UNKNOWN  # "0 contained" is nothing to be green about
        parts = [Part(shown.value, _said(_CONTAINED, contained, language, of=len(shut)))]
        order = list(State)
        bad = [picture for picture in shut if picture.state is not State.CONTAINED]
        # A breach first, then one that can no longer be measured.
        bad.sort(key=lambda each: (each.state is not State.BREACHED, not lost_breach(each), order.index(each.state)))
        breached = sum(picture.state is State.BREACHED for picture in bad)
        if breached > NAMED:
            return [*parts, Part(State.BREACHED.value, counted(State.BREACHED, breached, language))]
        return parts + [_closed_part(picture, view, language) for picture in bad[:NAMED]]
    return [_closed_part(picture, view, language) for picture in shut]


def lost_breach(picture: FlowPicture) -> bool:
    """Whether a closed flow answered when it was last measured, and nothing has proven it shut since."""
    return picture.state is State.UNKNOWN and picture.standing.state is State.BREACHED


def state_word(picture: FlowPicture, language: str) -> str:
    """`inconnu`; where a breach was seen and is no longer measured, that: unknown is then no news of an end."""
    return (_BREACH_LOST if lost_breach(picture) else STATE_WORDS[picture.state])[language]


def _closed_part(picture: FlowPicture, view: View, language: str) -> Part:
    breach = picture.state is State.BREACHED or lost_breach(picture)
    between = " " if not breach else "\u00a0: " if language == "fr" else ": "
    word = state_word(picture, language)
    said = f"{inert(picture.flow.title[language], 60)}{between}{word}"
    # In a replay days pass between two looks.
    seen = latest(picture) if picture.state is State.CONTAINED and not view.replaying else None
    proven = when(seen, view, language) if seen is not None else None
    return Part(picture.state.value, said, proven, breach, word)


def _said(words: Words, number: int, language: str, **values: int) -> str:
    shown = {name: written(value, language) for name, value in {"n": number, **values}.items()}
    return words[language].format(s="s" if number > 1 else "", **shown)
