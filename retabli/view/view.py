"""The picture in memory. It is shown every change, and asked by pages and API; nothing here waits for anything."""

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from retabli.model import causes
from retabli.model.causes import Cause
from retabli.model.flow import UnitName
from retabli.model.record import Entry, FlowPicture
from retabli.model.result import Result
from retabli.model.words import Words
from retabli.view.course import Course, Courses
from retabli.view.feed import Encode, Feed
from retabli.view.form import Stamp, entry_form, flow_form
from retabli.view.noted import Noted
from retabli.view.site import Site, iso

SLICE = 100  # flows put into JSON between two breaths of the loop
ENTRIES = 1000  # of the log, that are kept at hand


@dataclass(frozen=True, slots=True)
class Logged:
    entry: Entry
    number: int | None


def first_revision(wall: float) -> int:
    """More than a daemon that began earlier can have come to: it does not show a thousand changes each second."""
    return max(0, int(wall * 1000))


def _unmapped(instant: float) -> float:
    return instant


class View:
    """`stamp` maps a wall time to the one that is shown (the demo shows 2023); `wall` is the wall clock."""

    def __init__(
        self,
        site: Site,
        *,
        stamp: Stamp = _unmapped,
        wall: Callable[[], float] = time.time,
        entries: int = ENTRIES,
    ) -> None:
        self.site = site
        self.stamp = stamp
        self._wall = wall
        self.noted = Noted()
        self._pictures: dict[str, FlowPicture] = {}
        # Rises with each change that is shown. No two daemons count alike, or a page of the one before would be taken
        # for one of this, and keep what it shows.
        self.revision = first_revision(wall())
        self._revisions: dict[str, int] = {}
        self.arranged = self.revision  # the revision at which a flow last came, went, or was configured anew
        self._forms: dict[str, bytes] = {}  # each flow's JSON, until it changes
        self._entries: deque[Logged] = deque(maxlen=entries)
        self._courses = Courses()
        self._feeds: list[Feed] = []
        self._causes: dict[str, Words] = {each.code: each.words for each in causes.COMMON}
        self._stages: dict[str, Words] = {}

    # the outlet -----------------------------------------------------------------------------------------------

    def show(self, picture: FlowPicture, changed: UnitName | None, result: Result | None) -> None:
        id_ = picture.flow.id
        before = self._pictures.get(id_)
        self._pictures[id_] = picture
        self._forms.pop(id_, None)
        self.revision += 1
        self._revisions[id_] = self.revision
        self._courses.show(id_, picture.state, picture.since)
        if before is None or before.flow is not picture.flow:
            self.arranged = self.revision
            self._learn(picture)
            self.noted.keep_only(picture)
        if result is not None and result.cause is not None:
            self._causes.setdefault(result.cause.code, result.cause.words)
        urgent = before is None or before.state is not picture.state or before.flow is not picture.flow
        for feed in self._feeds:
            feed.touch(id_, urgent=urgent)
        if changed is not None and result is not None:
            self.noted.ran(changed, result, self._wall())  # last: what fell before is told again, and is counted once

    def skipped(self, picture: FlowPicture, name: UnitName) -> None:
        """Nothing that is shown changes with a skipped beat: evidence that grows stale is shown by the sweep."""

    def forget(self, flow: str) -> None:
        self._pictures.pop(flow, None)
        self._forms.pop(flow, None)
        self._revisions.pop(flow, None)
        self.revision += 1
        self.arranged = self.revision
        self._courses.forget(flow)
        self.noted.forget(flow)
        for feed in self._feeds:
            feed.touch(flow, urgent=True)

    def logged(self, entry: Entry, number: int | None = None) -> None:
        self._courses.follow(entry)
        for feed in self._feeds:
            feed.log(entry, number)
        self._entries.append(Logged(entry, number))  # last: what fell before is told again, and stands here once

    def fill(self, entries: Iterable[Logged], courses: Courses | None = None) -> None:
        """What the log held before this start: its last rows, oldest first, and all of it folded.

        Before anything is shown: courses go on from there.
        """
        self._entries = deque([*entries, *self._entries], maxlen=self._entries.maxlen)
        if courses is not None:
            self._courses = courses

    # what is read ---------------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """The instant that is shown as now."""
        return self.stamp(self._wall())

    @property
    def unstamped_now(self) -> float:
        """The wall clock."""
        return self._wall()

    @property
    def pace(self) -> float:
        """How fast shown time passes: 1.0 but in a replay."""
        wall = self._wall()
        return self.stamp(wall) - self.stamp(wall - 1.0)

    @property
    def replaying(self) -> bool:
        """Whether shown time passes at another pace than time does, so that short spans of it mean nothing."""
        return abs(self.pace - 1.0) > 0.01

    @property
    def pictures(self) -> Mapping[str, FlowPicture]:
        """Every flow, in the order in which they were first shown: the configuration's."""
        return self._pictures

    def course(self, flow: str) -> Course:
        """The states that this flow was shown in, in wall seconds."""
        return self._courses[flow]

    @property
    def origin(self) -> float:
        """Since when courses are drawn, a shown instant: the attack, or the log's first row where it is not known."""
        cut, now = self.site.cut_at, self.now
        if cut is not None and cut < now:
            return cut
        return now if self._courses.began is None else min(now, self.stamp(self._courses.began))

    def changed_since(self, revision: int) -> list[str]:
        """The flows that were shown anew after that revision."""
        return [id_ for id_, shown in self._revisions.items() if shown > revision]

    def entries(self, *, flow: str | None = None, since: float | None = None, limit: int = ENTRIES) -> Iterator[Logged]:
        """The log's last rows, newest first. `since` is a shown instant."""
        for logged in reversed(self._entries):
            if limit <= 0:
                return
            late = since is None or self.stamp(logged.entry.at) >= since
            if late and (flow is None or logged.entry.flow == flow):
                limit -= 1
                yield logged

    def cause_words(self, code: str) -> Words:
        """A cause in plain words, by its code; the code itself where no probe of this site knows it."""
        return self._causes.get(code) or Words.same(code)

    def stage_words(self, id_: str) -> Words:
        return self._stages.get(id_) or Words.same(id_)

    def feed(self, encode: Encode, *, readers: int = 1000) -> Feed:
        """A feed of what changes from now on, in an encoding of the caller's."""
        feed = Feed(encode, readers=readers)
        self._feeds.append(feed)
        return feed

    def close(self) -> None:
        for feed in self._feeds:
            feed.close()

    # as JSON --------------------------------------------------------------------------------------------------

    def form(self, id_: str, language: str | None = None) -> bytes | None:
        """One flow's JSON, its words in the site's language or another; None for a flow that is not there."""
        if language not in (None, self.site.language):
            picture = self._pictures.get(id_)
            return None if picture is None else dump(flow_form(picture, language, self.stamp))
        form = self._forms.get(id_)
        if form is None:
            picture = self._pictures.get(id_)
            if picture is None:
                return None
            form = dump(flow_form(picture, self.site.language, self.stamp))
            self._forms[id_] = form
        return form

    def heading(self) -> dict[str, Any]:
        site = self.site
        return {
            "site": site.name,
            "language": site.language,
            "timezone": str(site.zone),
            "generated_at": iso(self.now),
            "standpoint": site.standpoint,
        }

    async def forms(self, language: str | None = None, **heading: Any) -> AsyncIterator[bytes]:
        """The JSON of all flows, in pieces, below what heads it; the loop breathes between them."""
        spoken = {"language": language} if language else {}
        yield dump({**self.heading(), **spoken, **heading})[:-1] + b', "flows": ['
        ids = list(self._pictures)
        comma = b""
        for start in range(0, len(ids), SLICE):
            forms = [form for id_ in ids[start : start + SLICE] if (form := self.form(id_, language)) is not None]
            if forms:
                yield comma + b",\n".join(forms)
                comma = b",\n"
            await asyncio.sleep(0)
        yield b"]}\n"

    def entry_form(self, entry: Entry, number: int | None) -> dict[str, Any]:
        return entry_form(entry, number, self.stamp)

    # bits -----------------------------------------------------------------------------------------------------

    def _learn(self, picture: FlowPicture) -> None:
        """The words of the causes and rungs that this flow's probes can meet."""
        for probe in picture.flow.probes.values():
            own: Sequence[Cause] = type(probe).CAUSES
            self._causes.update((each.code, each.words) for each in own)
            self._stages.update((stage.id, stage.words) for stage in probe.climbs())


def dump(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode(errors="backslashreplace")
