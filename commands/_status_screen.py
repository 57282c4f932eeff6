"""The picture of `status`, line by line: what matters first, and as much of the rest as the screen holds."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import TypeAlias

from rich.console import Console
from rich.text import Text

from commands._paper import folded
from commands._seen import SeenFlow
from commands._status_rows import Detail, Rows
from commands._status_words import STYLES, WELL, Wording
from retabli.model.numbers import number
from retabli.model.states import State
from retabli.model.words import Words
from retabli.own_link import ID as OWN_LINK
from retabli.view.site import seen_from
from retabli.view.times import moment, span
from retabli.web.pages.headline import counted
from retabli.web.words import text

TRIED = Words("dernier essai il y a {ago}", "last tried {ago} ago")
ALL_WELL = Words("Tout est rétabli ou isolé.", "Everything is restored or contained.")
SHORT = 24  # characters of a part that is not broken
MORE = Words("… et encore {n} lignes", "… and {n} more lines")
SEVERITY = {state: place for place, state in enumerate(State)}
LEAST = Detail(why=False, notes=False, advice=False)
DETAILS = (Detail(notes=False, advice=False), Detail(notes=False), Detail())  # ever more
Details: TypeAlias = Mapping[str, Detail]  # by flow; LEAST for those that are not there


@dataclass(frozen=True, slots=True)
class Wanted:
    """`failing`: only what is not well. `whole`: everything, whatever the screen holds. `scrolls`: it can be longer."""

    failing: bool = False
    whole: bool = False
    scrolls: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    flows: tuple[SeenFlow, ...]


def groups(flows: Iterable[SeenFlow], language: str) -> list[Group]:
    """As on the page: by what the configuration calls a group, then what must stay shut, then our own link."""
    named: dict[str, list[SeenFlow]] = {}
    shut, own = [], []
    for flow in flows:
        if flow.id == OWN_LINK:
            own.append(flow)
        elif flow.closed:
            shut.append(flow)
        else:
            named.setdefault(flow.group, []).append(flow)
    ungrouped = named.pop("", [])
    found = [(name[:1].upper() + name[1:], each) for name, each in named.items()]
    found.append((text("others" if found else "restoration", language), ungrouped))
    found += [(text("closed", language), shut), (text("own", language), own)]
    return [Group(title, tuple(each)) for title, each in found if each]


class Screen:
    """One picture, on a terminal of `width` columns."""

    def __init__(self, wording: Wording, wanted: Wanted, console: Console, width: int) -> None:
        self._wording = wording
        self._wanted = wanted
        self._console = console
        self._width = width
        flows = wording.picture.flows
        self._shown = [each for each in flows if not (wanted.failing and each.state in WELL)]
        ill = (each for each in self._shown if each.state not in WELL)
        self._ill = sorted(ill, key=lambda each: SEVERITY[each.state])
        self._rows = Rows(wording, self._shown, width)

    # heads ----------------------------------------------------------------------------------------------------------

    def head(self) -> list[Text]:
        """Where and when, and the line that says it all."""
        return [*self._fold(self._place(), 0, 2), *self._fold(self.headline(), 0, 2)]

    def headline(self) -> Text:
        """As the page has it: the same parts in the same order."""
        wording, picture = self._wording, self._wording.picture
        said = Text()
        for part in picture.headline:
            said.append(wording.say(" · ") if said else "")
            shown = part.text.replace(" ", "\u00a0") if len(part.text) <= SHORT else part.text
            said.append(
                wording.say(f"{wording.mark(part.state)}\u00a0{shown}"), style=f"bold {STYLES[part.state]}".strip()
            )
            if part.proven is not None:
                ago = span((picture.now - part.proven).total_seconds(), wording.language)
                proven = " ".join((text("proven", wording.language), ago, text("proven_after", wording.language)))
                said.append(wording.say(f", {proven.strip()}".replace(" ", "\u00a0").replace("\u00a0", " ", 1)))
        return said if said or picture.flows else Text(wording.say(text("no_flow", wording.language)))

    def _place(self) -> Text:
        wording, picture = self._wording, self._wording.picture
        seen = seen_from(picture.standpoint, wording.language)
        now = picture.now.timestamp()
        said = [seen, moment(now, now, wording.zone, wording.language)]
        if picture.tried is not None and abs(picture.pace - 1.0) < 0.01:
            ago = span((picture.now - picture.tried).total_seconds(), wording.language)
            said.append(TRIED[wording.language].format(ago=ago))
        kept = (each.replace(" ", "\u00a0") for each in said if each)
        dim = (wording.say(f" · {each}") for each in kept)
        return Text.assemble((wording.say(picture.site), "bold"), *((each, "dim") for each in dim))

    # the flows ------------------------------------------------------------------------------------------------------

    def lines(self, height: int | None) -> list[Text]:
        """All that is to be shown; of too many flows first what is not well. `height` None: of any length."""
        head = self.head()
        if not self._shown:
            well = self._wording.picture.flows and self._wanted.failing
            return [*head, Text(), Text(self._wording.say(ALL_WELL[self._wording.language]))] if well else head
        room = None if height is None or self._wanted.whole else height - len(head)
        return head + self._fitting(room)

    def _fitting(self, room: int | None) -> list[Text]:
        """All of it if it fits; else what is well is counted, and of the others as much as fits, the worst first."""
        if room is None:
            return list(self._all(DETAILS[-1]))
        if len(self._shown) < room:
            for detail, airy in ((DETAILS[2], True), (DETAILS[1], True), (DETAILS[0], True), (DETAILS[0], False)):
                lines = list(self._all(detail, airy=airy))
                if len(lines) <= room:
                    return lines
        if len(self._ill) < room:
            for way in (self._summarised, self._worst_first):
                if filled := self._filled(way, room):
                    return filled
        if self._wanted.scrolls:
            return list(self._summarised({each.id: DETAILS[0] for each in self._ill}))
        return list(self._worst_first({}))

    def _filled(self, way: Callable[[Details], Iterator[Text]], room: int) -> list[Text]:
        """In that way, with as much below each flow as there is room for; nothing if there is none."""
        details: dict[str, Detail] = {}
        left = room - len(list(way(details)))
        if left < 0:
            return []
        for detail in DETAILS:
            for flow in self._ill:
                least = len(list(self._flow(flow, details.get(flow.id, LEAST))))
                more = len(list(self._flow(flow, detail))) - least
                if more <= left:
                    details[flow.id] = detail
                    left -= more
        return list(way(details))

    def _all(self, detail: Detail, *, airy: bool = True) -> Iterator[Text]:
        for place, group in enumerate(groups(self._shown, self._wording.language)):
            if airy:
                yield Text()
            yield self._rows.heads(group.title) if place == 0 else Text(self._wording.say(group.title), style="bold")
            for flow in group.flows:
                yield from self._flow(flow, detail)

    def _summarised(self, details: Details) -> Iterator[Text]:
        """What is well is counted by group; a group in which all is well is one line."""
        yield Text()
        for group in groups(self._shown, self._wording.language):
            yield from self._fold(self._counted(group), 0, 2)
            for flow in group.flows:
                if flow.state not in WELL:
                    yield from self._flow(flow, details.get(flow.id, LEAST))

    def _worst_first(self, details: Details) -> Iterator[Text]:
        """Those that are not well, whatever their group; of the others their number."""
        yield Text()
        for flow in self._ill:
            yield from self._flow(flow, details.get(flow.id, LEAST))
        well = [each for each in self._shown if each.state in WELL]
        if well:
            yield from self._fold(self._numbers(well), 0, 2)

    def _flow(self, flow: SeenFlow, detail: Detail) -> Iterator[Text]:
        for line in self._rows.row(flow):
            yield from self._fold(line, 0, 2)
        indent = self._rows.indent
        for said in self._rows.below(flow, detail):
            yield from self._fold(Text(" " * indent).append_text(said), indent, indent)

    def _counted(self, group: Group) -> Text:
        return Text(self._wording.say(f"{group.title}  "), style="bold").append_text(self._numbers(group.flows))

    def _numbers(self, flows: Sequence[SeenFlow]) -> Text:
        """`● 12 rétablis · ▼ 1 retombé`."""
        wording = self._wording
        counts = Counter(each.state for each in flows)
        parts = Text()
        for state in (each for each in State if counts[each]):
            said = counted(state, counts[state], wording.language).replace(" ", "\u00a0")
            parts.append(wording.say(" · ") if parts else "")
            parts.append(wording.say(f"{wording.mark(state)}\u00a0{said}"), style=f"not bold {STYLES[state]}".strip())
        return parts

    def cropped(self, lines: list[Text], height: int) -> list[Text]:
        """Of what does not fit, that there is more: a screen that renews itself cannot be scrolled."""
        if len(lines) <= height:
            return lines
        more = number(len(lines) - height + 1, self._wording.language)
        return [
            *lines[: height - 1],
            Text(self._wording.say(MORE[self._wording.language].format(n=more)), style="bold"),
        ]

    @property
    def zone(self) -> tzinfo:
        return self._wording.zone

    def one(self, flow: SeenFlow) -> str:
        """A flow on one line, however long."""
        return self._rows.piped(flow)

    def piped(self) -> Iterator[str]:
        """For a pipe: each flow on one line, below its group."""
        yield self._place().plain
        yield self.headline().plain
        for group in groups(self._shown, self._wording.language):
            yield ""
            yield self._wording.say(group.title)
            yield from map(self._rows.piped, group.flows)

    def _fold(self, line: Text, start: int, later: int) -> Iterator[Text]:
        yield from folded(self._console, line, self._width, start, later)
