"""The rows of `status`: each flow in as many columns as there is room for, and what is to be said below it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from commands._seen import SeenFlow
from commands._status_words import BAR, STYLES, WELL, Wording
from retabli.model.states import STATE_WORDS
from retabli.model.words import Words

GAP = "  "
TABLE = 60  # columns from which a flow is one line of a table; else it is two lines
BELOW = 72  # … what is said below a flow begins below its title
NAMED = 100  # … its name in the configuration has a place
DATED = 120  # … the instant stands beside how long ago it was

RUNG, SINCE = Words("échelon", "rung"), Words("depuis", "for")


@dataclass(frozen=True, slots=True)
class Detail:
    """How much is said below a flow: as much as the screen has room for."""

    why: bool = True
    notes: bool = True
    advice: bool = True


class Rows:
    """Of these flows, in lines of at most `width` columns."""

    def __init__(self, wording: Wording, flows: Sequence[SeenFlow], width: int) -> None:
        self._wording = wording
        self._width = width

        def widest(said: Callable[[SeenFlow], str]) -> int:
            return max((cell_len(said(each)) for each in flows), default=0)

        self._state = widest(lambda each: wording.state(each.state))
        self._rung = widest(wording.rung)
        self._since = max(widest(wording.since), len(SINCE[wording.language]) if self.table else 0)
        self._whole_title, self._whole_id = widest(wording.title), widest(lambda each: each.id)
        room = width - 2 - self._state - self._rung - self._since - 3 * len(GAP)
        # None of these takes anything away from a title.
        self._bar, room = self._taken(BAR, room, from_=TABLE)
        self._id, room = self._taken(self._whole_id, room, from_=NAMED)
        self._date, room = self._taken(widest(wording.date), room, from_=DATED)
        self._title = min(self._whole_title, max(room, 1))

    @property
    def table(self) -> bool:
        return self._width >= TABLE

    @property
    def indent(self) -> int:
        """Where what is said below a flow begins."""
        return 2 + self._state + len(GAP) if self._width >= BELOW else 4 if self.table else 2

    def row(self, flow: SeenFlow) -> Iterator[Text]:
        """The flow's own line; two, where the screen is narrow."""
        if self.table:
            yield self._line(flow)
            return
        wording, style = self._wording, STYLES[flow.state]
        yield Text.assemble((wording.mark(flow.state), style), " ", (wording.title(flow), "bold"))
        word = wording.say(STATE_WORDS[flow.state][wording.language])
        more = [each for each in (wording.rung(flow), wording.since(flow)) if each]
        yield Text.assemble("  ", (word, style), *(wording.say(f" · {each}") for each in more))

    def below(self, flow: SeenFlow, detail: Detail) -> Iterator[Text]:
        """Lines of any length."""
        wording = self._wording
        if detail.why and (why := wording.why(flow)):
            yield Text(why)
        if detail.notes and flow.state not in WELL and (notes := wording.notes(flow)):
            kept = (each.replace(" ", "\u00a0") for each in notes)
            yield Text(wording.say(" · ").join(kept), style="dim")
        for said in wording.on_call(flow):
            yield Text(said, style="bold")
        if detail.advice and (advice := wording.advice(flow)):
            yield Text(advice)

    def piped(self, flow: SeenFlow) -> str:
        """All of a flow on one line, however long: for other programs, and for those who search."""
        wording = self._wording
        cells = (
            _cell(wording.state(flow.state), self._state),
            _cell(flow.id, self._whole_id),
            _cell(wording.title(flow), self._whole_title),
            wording.rung(flow).rjust(self._rung),
            wording.since(flow).rjust(self._since),
        )
        more = filter(None, (wording.why(flow), *wording.notes(flow), *wording.on_call(flow)))
        return f"{GAP.join(cells)}{GAP}{wording.say(' · ').join(more)}".rstrip()

    def heads(self, title: str) -> Text:
        """A heading, with the names of the columns for which it leaves room."""
        wording = self._wording
        line = Text(wording.say(title), style="bold")
        if not self.table:
            return line
        optional = sum(each + len(GAP) for each in (self._id, self._bar) if each)
        rung = wording.say(RUNG[wording.language])
        since = wording.say(SINCE[wording.language]).rjust(self._since)
        end = 2 + self._state + self._title + optional + self._rung + 2 * len(GAP)
        if line.cell_len + len(rung) < end:
            line.append(" " * (end - line.cell_len - len(rung)))
            line.append(f"{rung}{GAP}{since}", style="not bold dim")
        return line

    def _line(self, flow: SeenFlow) -> Text:
        wording = self._wording
        line = Text.assemble("  ", (_cell(wording.state(flow.state), self._state), STYLES[flow.state]), GAP)
        line.append(_cell(wording.title(flow), self._title, wording.say("…")))
        if self._id:
            line.append(GAP).append(_cell(flow.id, self._id), style="dim")
        if self._bar:
            line.append(GAP).append_text(wording.bar(flow))
        line.append(GAP).append(wording.rung(flow).rjust(self._rung), style="dim" if flow.closed else "")
        line.append(GAP).append(wording.since(flow).rjust(self._since))
        if self._date:
            line.append(GAP).append(wording.date(flow).rjust(self._date), style="dim")
        line.rstrip()
        return line

    def _taken(self, wanted: int, room: int, *, from_: int) -> tuple[int, int]:
        """A further column's width, 0 if there is no room for it beside whole titles, and the room that is left."""
        if self._width < from_ or room < self._whole_title + wanted + len(GAP):
            return 0, room
        return wanted, room - wanted - len(GAP)


def _cell(said: str, width: int, end: str = "…") -> str:
    """Filled up to that width, or cut to it."""
    if cell_len(said) <= width:
        return said + " " * (width - cell_len(said))
    cut = Text(said)
    cut.truncate(max(width - len(end), 0))
    return _cell(cut.plain + end[:width], width, "")
