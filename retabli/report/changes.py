"""What has changed between two situations, in words: what works now, what does not any more, what was decided. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from retabli.model.states import State
from retabli.model.words import Words
from retabli.report.facts import Gone, Line, Situation
from retabli.report.sentences import LAST_SEEN

WORKS = (State.RESTORED, State.DEGRADED)


@dataclass(frozen=True, slots=True)
class _Change:
    """`fits` is asked of a flow as it was (None: it was not watched) and as it is.

    A flow is told once, by the first change that fits; `beside`: whatever else is told of it.
    """

    said: Words
    fits: Callable[[Line | None, Line], bool]
    public: bool = True
    beside: bool = False


def changes(before: Situation, after: Situation, language: str, *, public: bool) -> Iterator[tuple[str, str]]:
    """Each kind of change that there was, and the flows that it is of: `Fonctionne maintenant`, `A ; B.`"""
    earlier = {line.flow.id: line for line in before.lines if line.watched}
    told = [line for line in after.lines if line.watched and (line.flow.public or not public)]
    left = list(told)
    separator = Words(" ; ", "; ")[language]
    for change in _CHANGES:
        if public and not change.public:
            continue
        among = told if change.beside else left
        found = [line for line in among if change.fits(earlier.get(line.flow.id), line)]
        if not change.beside:
            left = [line for line in left if line not in found]
        if found:
            yield change.said[language], separator.join(line.flow.title[language] for line in found) + "."
    gone = [each for each in after.gone if each.at > before.at]
    if gone and not public:  # nobody knows any more whether it was a public one
        titles = {line.flow.id: line.flow.title[language] for line in (*before.lines, *after.lines)}
        yield (
            _GONE[language],
            separator.join(_left(each, titles.get(each.id, each.id), language) for each in gone) + ".",
        )


def _left(gone: Gone, title: str, language: str) -> str:
    """`labs (when last measured, it did not work any more)`: what does not work is not settled by looking away."""
    if gone.state is None:
        said = (_WAS_SHUT if gone.closed else _NEVER)[language]
    else:
        said = _LAST_MEASURED[language].format(was=(LAST_SEEN | _LAST_SEEN_TOO)[gone.state][language])
    return f"{title} ({said})"


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
    if line.closed:
        return False
    if was is None:
        return line.state is State.DROPPED
    worked, works = _known(was) in WORKS, line.state in (*WORKS, State.UNKNOWN)
    return (worked and not works) or (line.state is State.DROPPED and line.drops > was.drops)


def _lost(was: Line | None, line: Line) -> bool:
    """Nothing is known of it any more, where something was."""
    return not line.closed and line.state is State.UNKNOWN and was is not None and was.state is not State.UNKNOWN


def _had_dropped(was: Line | None, line: Line) -> bool:
    """It worked, and did not in between; whether it does now is not known."""
    return not line.closed and line.state is State.UNKNOWN and was is not None and line.drops > was.drops


def _new(was: Line | None, line: Line) -> bool:
    return was is None


def _answers(was: Line | None, line: Line) -> bool:
    return not line.closed and line.state is State.RECOVERING and was is not None and _known(was) is not line.state


def _breaches(was: Line | None, line: Line) -> int:
    """How often it answered since then though it had to stay shut; one that lasted then is not counted."""
    return line.breaches - (was.breaches if was is not None else 0)


def _answers_again(was: Line | None, line: Line) -> bool:
    shut_before = was is None or (was.closed and (was.state is not State.BREACHED or _breaches(was, line) > 0))
    return line.closed and line.state is State.BREACHED and shut_before


def _answered(was: Line | None, line: Line) -> bool:
    """It was shut, it is shut, and in between it was not."""
    return line.closed and line.state is State.CONTAINED and _breaches(was, line) > 0


def _had_answered(was: Line | None, line: Line) -> bool:
    """The same, of one that is not meant to be shut any more, or of which nothing proves it now."""
    return (not line.closed or line.state is State.UNKNOWN) and _breaches(was, line) > 0


def _inside(french: str, english: str, state: State) -> _Change:
    """What became of a flow that must stay shut: nobody's business but ours."""

    def fits(was: Line | None, line: Line) -> bool:
        return line.closed and line.state is state and was is not None and was.closed and was.state is not state

    return _Change(Words(french, english), fits, public=False)


_GONE = Words("N'est plus suivi", "No longer watched")
_LAST_MEASURED = Words("à la dernière mesure, {was}", "when last measured, {was}")
_NEVER = Words("rien n'en était connu", "nothing was known of it")
_WAS_SHUT = Words("devait rester fermé, sans que rien ne le prouve", "had to stay shut, and nothing proved it")
_LAST_SEEN_TOO = {
    State.DOWN: Words("cela ne fonctionnait pas", "it did not work"),
    State.CONTAINED: Words("c'était fermé, comme il le fallait", "it was shut, as it had to be"),
    State.BREACHED: Words("cela répondait, et devait rester fermé", "it answered, and had to stay shut"),
}
_CHANGES = (
    _Change(Words("N'est plus suspendu", "Not suspended any more"), _reopened),
    _Change(Words("Suspendu depuis", "Suspended since"), _suspended),
    _Change(Words("Fonctionne maintenant", "Works now"), _works),
    _Change(Words("Ne fonctionne plus", "Does not work any more"), _dropped),
    _Change(Words("Interrompu, et fonctionne de nouveau", "Interrupted, and works again"), _interrupted),
    _Change(Words("Répond de nouveau, à confirmer", "Answers again, to be confirmed"), _answers),
    _Change(Words("État devenu inconnu", "State now unknown"), _lost),
    _Change(Words("Devait rester fermé, et répond", "Had to stay shut, and answers"), _answers_again, public=False),
    _Change(
        Words("A répondu entre-temps, et fermé à nouveau", "Answered meanwhile, and shut again"),
        _answered,
        public=False,
        beside=True,
    ),
    _Change(
        Words("A répondu alors qu'il devait rester fermé", "Answered while it had to stay shut"),
        _had_answered,
        public=False,
        beside=True,
    ),
    _Change(Words("Interrompu entre-temps", "Interrupted meanwhile"), _had_dropped, beside=True),
    _Change(Words("Suivi désormais", "Watched from now on"), _new),
    _inside("De nouveau fermé, c'est prouvé", "Shut again, as is proven", State.CONTAINED),
    _inside("Fermeture que rien ne prouve plus", "No longer proven shut", State.UNKNOWN),
)
