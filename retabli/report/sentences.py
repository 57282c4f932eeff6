"""What is said of each flow in a report, as a sentence that may be sent on as it is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from retabli.model.causes import SIDE_WORDS
from retabli.model.states import State
from retabli.model.words import COLON, Words
from retabli.report.facts import Line, Situation
from retabli.view.times import spoken

_MEASURED = Words(
    "Ces états sont mesurés automatiquement, de bout en bout : ce ne sont pas des déclarations.",
    "These states are measured automatically, end to end: they are not declarations.",
)
_UNWATCHED = Words(
    "Attention : plus personne ne surveille depuis {when}. On ne sait rien de ce qui s'est passé ensuite.",
    "Beware: nobody has been watching since {when}. Nothing is known of what happened after that.",
)
_MUST_STAY_SHUT = Words(
    "Attention : rupture d'isolement, ce qui doit rester fermé a répondu : {titles}.",
    "Beware: a closure is breached, what must stay shut has answered: {titles}.",
)
_WORKED = Words("cela fonctionnait", "it worked")
LAST_SEEN = {
    State.RESTORED: _WORKED,
    State.DEGRADED: Words("cela fonctionnait en partie", "it worked in part"),
    State.RECOVERING: Words("cela répondait de nouveau", "it answered again"),
    State.DROPPED: Words("cela ne fonctionnait plus", "it did not work any more"),
}


@dataclass(frozen=True, slots=True)
class Wording:
    """`public`: without causes, and of a closed flow only what was decided."""

    language: str
    situation: Situation
    public: bool = False

    def lead(self, opened: Sequence[Line], breached: Sequence[Line] = ()) -> Iterator[str]:
        if self.situation.unwatched_since is not None:
            yield _UNWATCHED[self.language].format(when=self.on(self.situation.unwatched_since))
        if breached:
            titles = ", ".join(line.flow.title[self.language] for line in breached)
            yield _MUST_STAY_SHUT[self.language].format(titles=titles)
        if opened:
            yield self._count(opened)
        yield _MEASURED[self.language]

    def _count(self, opened: Sequence[Line]) -> str:
        of = len(opened)
        whole, part, unknown = (
            sum(line.state is state for line in opened) for state in (State.RESTORED, State.DEGRADED, State.UNKNOWN)
        )
        if of == 1:
            said = self._pick("Un seul système est suivi", "One system is watched")
            said += self._pick(" et fonctionne", " and works") if whole else ""
        elif whole == of:
            said = self._pick(f"Les {of} systèmes suivis fonctionnent", f"All {of} systems that are watched work")
        elif whole == 0:
            said = self._pick(
                f"Aucun des {of} systèmes suivis ne fonctionne entièrement",
                f"None of the {of} systems that are watched works wholly",
            )
        else:
            said = self._pick(
                f"{whole} des {of} systèmes suivis {'fonctionnent' if whole > 1 else 'fonctionne'}",
                f"{whole} of the {of} systems that are watched work{'' if whole > 1 else 's'}",
            )
        if part:
            said += self._pick(f", {part} en partie seulement", f", {part} only in part")
        if unknown:
            said += self._pick(
                f" ; l'état de {unknown} {'autres ' if whole else ''}n'est pas connu"
                if unknown > 1
                else " ; l'état d'un d'entre eux n'est pas connu",
                f"; the state of {unknown} is not known",
            )
        return f"{said}."

    def working(self, line: Line) -> str:
        since = self.on(line.restored_at if line.restored_at is not None else line.since)
        said = self._pick(f"fonctionne depuis {since}", f"works since {since}")
        if line.drops:
            said += self._again(line.drops)
        if line.state is State.DEGRADED:
            why = f" ({line.cause[self.language]})" if line.cause and not self.public else ""
            said += self._pick(
                f", mais en partie seulement ou trop lentement{why}", f", but only in part or too slowly{why}"
            )
        return said + self._declared(line, measured=True) + "."

    def _again(self, drops: int) -> str:
        if drops == 1:
            return self._pick(", après une nouvelle interruption", ", after one more interruption")
        return self._pick(f", après {drops} nouvelles interruptions", f", after {drops} more interruptions")

    def not_yet(self, line: Line) -> str:
        if line.state is State.UNKNOWN:
            said = self._pick(
                "état inconnu, rien ne permet de dire en ce moment si cela fonctionne",
                "state unknown, nothing tells at present whether it works",
            )
            if line.was in LAST_SEEN:
                was = LAST_SEEN[line.was][self.language]
                said += self._pick(f" (à la dernière mesure, {was})", f" (when last measured, {was})")
        elif line.state is State.RECOVERING:
            said = self._pick(
                "répond de nouveau, mais depuis trop peu de temps pour être dit rétabli",
                "answers again, but not for long enough to be called restored",
            )
        elif line.state is State.DROPPED:
            since = self.on(line.since)
            said = self._pick(f"ne fonctionne plus depuis {since}", f"has not worked any more since {since}")
        else:
            said = self._pick("ne fonctionne pas encore", "does not work yet")
        return said + self._declared(line) + "." + self._why(line)

    def shut(self, line: Line) -> str:
        decided = self._pick("suspension maintenue, sur décision", "kept suspended, on purpose")
        since = self.on(line.since)
        if self.public:
            said = decided
        elif line.state is State.CONTAINED:
            said = decided + self._pick(
                f" ; la fermeture est prouvée depuis {since}", f"; it has been proven shut since {since}"
            )
        elif line.state is State.BREACHED:
            said = self._pick(
                f"doit rester fermé, et répond depuis {since}", f"must stay shut, and answers since {since}"
            )
        elif line.was is State.BREACHED:
            said = self._pick(
                "doit rester fermé, et répondait quand il a été mesuré pour la dernière fois ; "
                "rien ne prouve depuis qu'il est fermé",
                "must stay shut, and answered when last measured; nothing has proven it shut since",
            )
        else:
            said = decided + self._pick(
                " ; rien ne prouve en ce moment que la fermeture tient", "; nothing proves at present that it is shut"
            )
        return f"{said}." + ("" if line.state is State.CONTAINED else self._why(line))

    def _why(self, line: Line) -> str:
        if line.cause is None or self.public:
            return ""
        side = f" ({SIDE_WORDS[line.side][self.language]})" if line.side else ""
        return f" Cause{COLON[self.language]}{line.cause[self.language]}{side}."

    def _declared(self, line: Line, *, measured: bool = False) -> str:
        """What people said, beside what was measured."""
        declared = line.flow.declared_since
        if declared is None or declared > self.situation.at:
            return ""
        when = self.on(declared)
        if measured:
            return self._pick(f" d'après les mesures (annoncé {when})", f" as measured (declared on {when})")
        return self._pick(f", bien qu'annoncé {when}", f", though declared on {when}")

    def on(self, at: float | None) -> str:
        """`le 3 juillet à 10 h 00`: without its year, where that is the report's own."""
        if at is None:
            return "?"
        zone = self.situation.site.zone
        said = spoken(at, zone, self.language)
        year = datetime.fromtimestamp(self.situation.at, zone).year
        return said.replace(f" {year} ", " ")

    def _pick(self, french: str, english: str) -> str:
        return french if self.language == "fr" else english
