"""The report in words: its parts, as such releases have them, in French or English. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from retabli.model.causes import SIDE_WORDS
from retabli.model.states import STATE_WORDS, State
from retabli.model.words import Words
from retabli.report.facts import Line, Situation
from retabli.view.times import heading, spoken

WORKS = (State.RESTORED, State.DEGRADED)


@dataclass(frozen=True, slots=True)
class Item:
    """One flow, or one instruction: its name, and what is said of it."""

    title: str
    said: str


@dataclass(frozen=True, slots=True)
class Section:
    """`nothing` stands in place of the items when there are none."""

    heading: str
    items: tuple[Item, ...]
    nothing: str


@dataclass(frozen=True, slots=True)
class Report:
    language: str
    title: str
    lead: tuple[str, ...]
    sections: tuple[Section, ...]


_TITLE = Words("{site} : point de situation, {when}", "{site}: point of situation, {when}")
_COUNT = Words("{n} flux rétablis sur {of}.", "{n} of {of} flows restored.")
_COUNT_ONE = Words("{n} flux rétabli sur {of}.", "{n} of {of} flows restored.")
_MEASURED = Words(
    "Chaque état est mesuré de bout en bout par Retabli, et non déclaré.",
    "Each state is measured end to end by Retabli, not declared.",
)
_UNWATCHED = Words(
    "Attention : plus personne ne surveille depuis {when}. Rien de ce qui suit n'est su pour la suite.",
    "Beware: nobody has been watching since {when}. Nothing below is known for the time after.",
)
_WORKING = Words("Ce qui fonctionne de nouveau", "What works again")
_NOT_YET = Words("Ce qui ne fonctionne pas encore", "What does not work yet")
_SHUT = Words("Ce qui reste suspendu, sur décision", "What stays suspended, on purpose")
_DO = Words("Ce qu'il faut faire", "What to do meanwhile")
_NOTHING_WORKS = Words("Rien pour le moment.", "Nothing for the moment.")
_ALL_WORKS = Words("Rien : tout fonctionne.", "Nothing: everything works.")
_NOTHING_SHUT = Words("Rien.", "Nothing.")
_NOTHING_TO_DO = Words("Aucune consigne particulière.", "No particular instruction.")


def compose(situation: Situation, language: str, *, public: bool = False) -> Report:
    """`public`: only flows that are public, without causes, and of a closed flow only what was decided."""
    lines = [line for line in situation.lines if line.flow.public or not public]
    opened, shut = [line for line in lines if not line.closed], [line for line in lines if line.closed]
    zone = situation.site.zone
    words = _Wording(language, situation)
    working = tuple(words.working(line) for line in opened if line.state in WORKS)
    waiting = sorted((line for line in opened if line.state not in WORKS), key=lambda line: _ORDER.index(line.state))
    sections = (
        Section(_WORKING[language], working, _NOTHING_WORKS[language]),
        Section(
            _NOT_YET[language],
            tuple(words.not_yet(line, public=public) for line in waiting),
            _ALL_WORKS[language] if opened else _NOTHING_SHUT[language],
        ),
        Section(_SHUT[language], tuple(words.shut(line, public=public) for line in shut), _NOTHING_SHUT[language]),
        Section(_DO[language], tuple(_instructions(lines, language)), _NOTHING_TO_DO[language]),
    )
    title = _TITLE[language].format(site=situation.site.name, when=heading(situation.at, zone, language))
    return Report(language, title, tuple(words.lead(opened)), sections)


_ORDER = (State.DROPPED, State.DOWN, State.RECOVERING, State.UNKNOWN, *WORKS, State.BREACHED, State.CONTAINED)


def _instructions(lines: Sequence[Line], language: str) -> Iterator[Item]:
    """What people must do: the notice of each flow that does not work, or that is suspended."""
    for line in lines:
        if line.flow.notice is not None and line.state not in WORKS:
            yield Item(line.flow.title[language], line.flow.notice[language])


@dataclass(frozen=True, slots=True)
class _Wording:
    language: str
    situation: Situation

    def lead(self, opened: Sequence[Line]) -> Iterator[str]:
        if self.situation.unwatched_since is not None:
            yield _UNWATCHED[self.language].format(when=self._on(self.situation.unwatched_since))
        if opened:
            restored = sum(line.state is State.RESTORED for line in opened)
            count = _COUNT if restored > 1 else _COUNT_ONE
            yield count[self.language].format(n=restored, of=len(opened))
        yield _MEASURED[self.language]

    def working(self, line: Line) -> Item:
        since = line.restored_at if line.restored_at is not None else line.since
        said = self._pick(f"rétabli depuis {self._on(since)}", f"restored since {self._on(since)}")
        if line.state is State.DEGRADED:
            why = f" ({line.cause[self.language]})" if line.cause else ""
            said += self._pick(f", mais en partie ou trop lentement{why}", f", but in part or too slowly{why}")
        if line.drops:
            times = "" if line.drops == 1 else self._pick(f" {line.drops} fois", f" {line.drops} times")
            said += self._pick(f" ; retombé{times} auparavant", f"; had dropped{times} before")
        return Item(line.flow.title[self.language], said + self._declared(line))

    def not_yet(self, line: Line, *, public: bool) -> Item:
        state = STATE_WORDS[line.state][self.language]
        if line.state is State.UNKNOWN:
            said = self._pick("état inconnu", "state unknown")
            if line.was is not None:
                was = STATE_WORDS[line.was][self.language]
                said += self._pick(f" (dernier état mesuré : {was})", f" (last measured: {was})")
        elif line.state is State.RECOVERING:
            said = self._pick("répond de nouveau, pas encore assez longtemps", "answers again, not long enough yet")
        elif line.state is State.DROPPED:
            said = self._pick(f"{state} {self._on(line.since)}", f"{state} on {self._on(line.since)}")
        else:
            said = state
        return Item(line.flow.title[self.language], said + ("" if public else self._why(line)) + self._declared(line))

    def shut(self, line: Line, *, public: bool) -> Item:
        title = line.flow.title[self.language]
        if public:
            return Item(title, self._pick("suspendu sur décision", "suspended on purpose"))
        since = self._on(line.since)
        if line.state is State.CONTAINED:
            said = self._pick(f"fermé, et prouvé tel depuis {since}", f"shut, and proven so since {since}")
        elif line.state is State.BREACHED:
            said = self._pick(
                f"doit rester fermé, et répond depuis {since}", f"must stay shut, and answers since {since}"
            )
        else:
            said = self._pick(
                "doit rester fermé ; rien ne prouve en ce moment qu'il l'est",
                "must stay shut; nothing proves at present that it is",
            )
        return Item(title, said + ("" if line.state is State.CONTAINED else self._why(line)))

    def _why(self, line: Line) -> str:
        if line.cause is None:
            return ""
        colon = self._pick(" : ", ": ")
        where = f"{line.stage[self.language]}{colon}" if line.stage else ""
        side = f" ({SIDE_WORDS[line.side][self.language]})" if line.side else ""
        return f"{self._pick(' ; ', '; ')}{where}{line.cause[self.language]}{side}"

    def _declared(self, line: Line) -> str:
        """What people said, beside what was measured."""
        declared = line.flow.declared_since
        if declared is None or declared > self.situation.at:
            return ""
        return self._pick(f" ; annoncé {self._on(declared)}", f"; declared {self._on(declared)}")

    def _on(self, at: float | None) -> str:
        return "?" if at is None else spoken(at, self.situation.site.zone, self.language)

    def _pick(self, french: str, english: str) -> str:
        return french if self.language == "fr" else english
