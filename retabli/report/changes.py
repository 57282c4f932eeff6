"""What has changed between two situations, in words: what works now, what does not any more, what was decided. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from retabli.model.states import State
from retabli.model.words import Words
from retabli.report.facts import Line, Situation

WORKS = (State.RESTORED, State.DEGRADED)


@dataclass(frozen=True, slots=True)
class _Change:
    """`fits` is asked of a flow as it was (None: it was not watched) and as it is."""

    said: Words
    fits: Callable[[Line | None, Line], bool]
    public: bool = True


def changes(before: Situation, after: Situation, language: str, *, public: bool) -> Iterator[tuple[str, str]]:
    """Each kind of change that there was, and the flows that it is of: `Fonctionne maintenant`, `A ; B.`"""
    earlier = {line.flow.id: line for line in before.lines}
    left = [line for line in after.lines if line.flow.public or not public]
    separator = Words(" ; ", "; ")[language]
    for change in _CHANGES:
        if public and not change.public:
            continue
        found = [line for line in left if change.fits(earlier.get(line.flow.id), line)]
        left = [line for line in left if line not in found]
        if found:
            yield change.said[language], separator.join(line.flow.title[language] for line in found) + "."


def _known(line: Line) -> State:
    """As it was last measured."""
    return line.was if line.state is State.UNKNOWN and line.was is not None else line.state


def _suspended(was: Line | None, line: Line) -> bool:
    return line.closed and was is not None and not was.closed


def _reopened(was: Line | None, line: Line) -> bool:
    return not line.closed and was is not None and was.closed


def _works(was: Line | None, line: Line) -> bool:
    return not line.closed and line.state in WORKS and (was is None or _known(was) not in WORKS)


def _interrupted(was: Line | None, line: Line) -> bool:
    """It worked, it works, and in between it did not."""
    return not line.closed and line.state in WORKS and was is not None and line.drops > was.drops


def _dropped(was: Line | None, line: Line) -> bool:
    if line.closed or was is None:
        return False
    worked, works = _known(was) in WORKS, line.state in (*WORKS, State.UNKNOWN)
    return (worked and not works) or (line.state is State.DROPPED and line.drops > was.drops)


def _lost(was: Line | None, line: Line) -> bool:
    """Nothing is known of it any more, where something was."""
    return not line.closed and line.state is State.UNKNOWN and was is not None and was.state is not State.UNKNOWN


def _answers(was: Line | None, line: Line) -> bool:
    return not line.closed and line.state is State.RECOVERING and was is not None and _known(was) is not line.state


def _inside(french: str, english: str, state: State) -> _Change:
    """What became of a flow that must stay shut: nobody's business but ours."""

    def fits(was: Line | None, line: Line) -> bool:
        return line.closed and line.state is state and was is not None and was.closed and was.state is not state

    return _Change(Words(french, english), fits, public=False)


_CHANGES = (
    _Change(Words("N'est plus suspendu", "Not suspended any more"), _reopened),
    _Change(Words("Suspendu depuis", "Suspended since"), _suspended),
    _Change(Words("Fonctionne maintenant", "Works now"), _works),
    _Change(Words("Ne fonctionne plus", "Does not work any more"), _dropped),
    _Change(Words("Interrompu, et fonctionne de nouveau", "Interrupted, and works again"), _interrupted),
    _Change(Words("Répond de nouveau, à confirmer", "Answers again, to be confirmed"), _answers),
    _Change(Words("État devenu inconnu", "State now unknown"), _lost),
    _inside("Devait rester fermé, et répond", "Had to stay shut, and answers", State.BREACHED),
    _inside("De nouveau fermé, c'est prouvé", "Shut again, as is proven", State.CONTAINED),
    _inside("Fermeture que rien ne prouve plus", "No longer proven shut", State.UNKNOWN),
)
