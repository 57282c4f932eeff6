"""What `status` says of a flow, in words and signs: as the page does, cut to no width yet."""

from dataclasses import dataclass
from datetime import tzinfo

from rich.text import Text

from commands import _on_call
from commands._asking import local
from commands._ink import in_ascii
from commands._seen import Seen, SeenFlow
from retabli.model.states import STATE_WORDS, State
from retabli.view.times import moment, span
from retabli.web.words import INTENTS, text

STYLES = {
    State.BREACHED: "bold magenta",
    State.DROPPED: "bold red",
    State.UNKNOWN: "bold blue",
    State.DEGRADED: "yellow",
    State.DOWN: "",
    State.RECOVERING: "cyan",
    State.RESTORED: "green",
    State.CONTAINED: "green",
}
MARKS = dict(zip(STYLES, "✖▼?◆□↑●■", strict=True))
ASCII_MARKS = dict(zip(STYLES, "X!?~o^+=", strict=True))
WELL = (State.RESTORED, State.CONTAINED)
URGENT = (State.DROPPED, State.BREACHED)
BAR = 10  # cells


@dataclass(frozen=True, slots=True)
class Wording:
    """How it is said of one picture: in which language, with our signs or in ASCII."""

    picture: Seen
    language: str
    signs: bool

    def say(self, said: str) -> str:
        return said if self.signs else in_ascii(said)

    def mark(self, state: State) -> str:
        return (MARKS if self.signs else ASCII_MARKS)[state]

    def title(self, flow: SeenFlow) -> str:
        return self.say(flow.title)

    @property
    def zone(self) -> tzinfo:
        return self.picture.zone or local(self.picture.now)

    def state(self, state: State) -> str:
        return self.say(f"{self.mark(state)} {STATE_WORDS[state][self.language]}")

    def since(self, flow: SeenFlow) -> str:
        if flow.since is None:
            return ""
        return span((self.picture.now - flow.since).total_seconds(), self.language)

    def date(self, flow: SeenFlow) -> str:
        if flow.since is None:
            return ""
        return self.say(moment(flow.since.timestamp(), self.picture.now.timestamp(), self.zone, self.language))

    def rung(self, flow: SeenFlow) -> str:
        return self.say(INTENTS["closed"][self.language]) if flow.closed else f"{flow.rung}/{flow.of}"

    def bar(self, flow: SeenFlow) -> Text:
        """How far up the ladder it holds; empty only if nothing of it does, full only if all does."""
        if flow.closed or not flow.of:
            return Text(" " * BAR)
        held = BAR if flow.rung >= flow.of else max(BAR * flow.rung // flow.of, min(flow.rung, 1))
        full, empty = ("━", "·") if self.signs else ("#", ".")
        return Text.assemble((full * held, STYLES[flow.state]), (empty * (BAR - held), "dim"))

    def why(self, flow: SeenFlow) -> str:
        """What explains it: the flow it depends on, else the rung that does not hold."""
        colon = text("colon", self.language)
        if flow.because:
            parent = self.picture.titles.get(flow.because, flow.because)
            return self.say(f"{text('because', self.language)}{colon} {parent}")
        if flow.why is None or flow.state is State.CONTAINED:
            return ""
        said = f"{colon} ".join(filter(None, (flow.why.stage, flow.why.cause)))
        return self.say(f"{said} ({flow.why.side})" if flow.why.side else said)

    def notes(self, flow: SeenFlow) -> list[str]:
        """What more the page says: the last proof, how many probes hold, how often it has dropped."""
        language, colon, notes = self.language, text("colon", self.language), []
        if flow.was is not None and flow.was not in (State.UNKNOWN, State.DOWN):
            notes.append(f"{text('last_standing', language)}{colon} {STATE_WORDS[flow.was][language]}")
        if flow.units > 1 and flow.ok < flow.units:
            key = "targets_ok" if flow.targets else "probes_ok"
            said = text(key, language, ok=flow.ok, of=flow.units, s="s" if flow.ok > 1 else "")
            notes.append(said)
        if flow.drops:
            notes.append(text("drops_once" if flow.drops == 1 else "drops", language, n=flow.drops))
        if flow.breaches:
            notes.append(text("breaches_once" if flow.breaches == 1 else "breaches", language, n=flow.breaches))
        return [self.say(each) for each in notes]

    def advice(self, flow: SeenFlow) -> str:
        return self.say(f"→ {flow.why.advice}") if flow.why and flow.why.advice and flow.state in URGENT else ""

    def on_call(self, flow: SeenFlow) -> list[str]:
        picture = self.picture
        said = _on_call.lines(flow.form, picture.titles, picture.now, self.zone, self.language)
        return [self.say(each) for each in said]
