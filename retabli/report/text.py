"""The report in words: its three parts, as such releases have them, in French or English. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from retabli.model.states import State
from retabli.model.words import Words
from retabli.report.changes import WORKS, changes
from retabli.report.facts import Line, Situation
from retabli.report.sentences import Wording
from retabli.view.times import heading


@dataclass(frozen=True, slots=True)
class Item:
    """One flow, or one instruction: its name, and what is said of it; `state` is what it is drawn as, if anything."""

    title: str
    said: str
    state: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A part, or with `under` a list within the part before it. `nothing` stands in place of items where none are."""

    heading: str
    items: tuple[Item, ...]
    nothing: str
    under: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    language: str
    title: str
    lead: tuple[str, ...]
    sections: tuple[Section, ...]


_TITLE = Words("{site} : point de situation, {when}", "{site}: point of situation, {when}")
_CHANGED = Words("Ce qui a changé depuis {when}", "What has changed since {when}")
_WORKING = Words("Ce qui fonctionne de nouveau", "What works again")
_SECOND = Words(
    "Ce qui ne fonctionne pas encore, et ce qui reste suspendu", "What does not work yet, and what stays suspended"
)
_NOT_YET = Words("Ne fonctionne pas encore", "Does not work yet")
_UNKNOWN = Words("État inconnu", "State unknown")
_BREACHED = Words("Doit rester suspendu, et répond", "Must stay suspended, and answers")
_SHUT = Words("Reste suspendu, sur décision", "Stays suspended, on purpose")
_DO = Words("Ce que patients et personnel doivent faire", "What patients and staff must do")
_NO_CHANGE = Words("Rien n'a changé.", "Nothing has changed.")
_NOTHING_WORKS = Words("Rien pour le moment.", "Nothing for the moment.")
_ALL_WORKS = Words("Rien : tout ce qui est suivi fonctionne.", "Nothing: everything that is watched works.")
_PART_WORKS = Words("Rien, mais tout ne fonctionne pas entièrement.", "Nothing, but not everything works wholly.")
_NOTHING_SHUT = Words("Rien.", "Nothing.")
_NOTHING_TO_DO = Words("Aucune consigne particulière.", "No particular instruction.")
_ORDER = (State.DROPPED, State.DOWN, State.RECOVERING, State.UNKNOWN, *WORKS, State.BREACHED, State.CONTAINED)


def compose(situation: Situation, language: str, *, public: bool = False, before: Situation | None = None) -> Report:
    """`public`: only flows that are public, without causes, and of a closed flow only what was decided.

    `before` is an earlier situation: what has changed since then comes first.
    """
    lines = [line for line in situation.lines if line.flow.public or not public]
    opened, shut = [line for line in lines if not line.closed], [line for line in lines if line.closed]
    words = Wording(language, situation, public=public)
    works = [_item(line, words.working(line), language) for line in opened if line.state in WORKS]
    waiting = sorted((line for line in opened if line.state not in WORKS), key=lambda line: _ORDER.index(line.state))
    todo = tuple(_instructions(lines, language))
    breached = [] if public else [line for line in shut if State.BREACHED in (line.state, line.was)]
    kept = [line for line in shut if line not in breached]
    sections = [
        Section(_WORKING[language], tuple(works), _NOTHING_WORKS[language]),
        Section(_SECOND[language], (), ""),
        Section(
            _NOT_YET[language],
            tuple(_item(line, words.not_yet(line), language) for line in waiting if line.state is not State.UNKNOWN),
            _nothing_waits(opened)[language],
            under=True,
        ),
        Section(_SHUT[language], tuple(_shut(line, words) for line in kept), _NOTHING_SHUT[language], under=True),
        Section(_DO[language], todo, _NOTHING_TO_DO[language]),
    ]
    if any(line.state is State.UNKNOWN for line in waiting):
        items = tuple(_item(line, words.not_yet(line), language) for line in waiting if line.state is State.UNKNOWN)
        sections.insert(3, Section(_UNKNOWN[language], items, "", under=True))
    if breached:
        items = tuple(_shut(line, words) for line in breached)
        sections.insert(2, Section(_BREACHED[language], items, "", under=True))
    if before is not None:
        changed = tuple(Item(what, said) for what, said in changes(before, situation, language, public=public))
        since = _CHANGED[language].format(when=words.on(before.at))
        sections.insert(0, Section(since, changed, _NO_CHANGE[language]))
    title = _TITLE[language].format(site=situation.site.name, when=heading(situation.at, situation.site.zone, language))
    return Report(language, title, tuple(words.lead(opened, breached)), tuple(sections))


def _nothing_waits(opened: Sequence[Line]) -> Words:
    """In place of what does not work, where that is nothing."""
    if not opened or any(line.state not in WORKS for line in opened):
        return _NOTHING_SHUT
    return _ALL_WORKS if all(line.state is State.RESTORED for line in opened) else _PART_WORKS


def _item(line: Line, said: str, language: str) -> Item:
    return Item(line.flow.title[language], _sentence(said), line.state.value)


def _shut(line: Line, words: Wording) -> Item:
    state = "suspended" if words.public else line.state.value
    return Item(line.flow.title[words.language], _sentence(words.shut(line)), state)


def _sentence(said: str) -> str:
    return said[:1].upper() + said[1:]


def _instructions(lines: Sequence[Line], language: str) -> Iterator[Item]:
    """What people must do: the notice of each flow that does not work, or only in part, or that is suspended."""
    for line in lines:
        if line.flow.notice is not None and (line.closed or line.state is not State.RESTORED):
            yield Item(line.flow.title[language], line.flow.notice[language])
