"""Who keeps the loop from turning: looked for by a thread of its own, since the loop itself cannot look."""

import asyncio
import gc
import logging
import selectors
import sys
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from retabli.model.probe import Probe

LOOK = 0.1  # seconds between two looks of the thread
LATE = 0.25  # seconds without a sign of the loop after which it looks at what the loop does
SAMPLES = 1000  # looks that one stall is given at most

LONG = 1.0  # seconds of a stall that is worth a line of the log
QUIET = 600.0  # seconds in which the same culprit gets no second one
SPAN = 60.0  # seconds that are looked back on …
MUCH = 15.0  # … and how many of them the loop may have stood still in a daemon that calls itself well

MACHINE = "machine"  # nobody in this process: it was frozen, or got no processor
COLLECTOR = "collector"  # Python's own, of cyclic garbage: whose turn it was in has nothing to do with it
OTHER = "other"


@dataclass(frozen=True, slots=True)
class Culprit:
    """`kind` is a probe's kind, the name of a part of the daemon, `machine` or `collector`; `task` is the unit or the
    part, `place` the innermost line of code."""

    kind: str
    task: str = ""
    place: str = ""

    def __str__(self) -> str:
        if self.kind == MACHINE:
            return "by the machine, which gave it no time"
        if self.kind == COLLECTOR:
            return "by Python's collector of garbage"
        if self == UNSEEN:
            return "by someone unseen, for want of a thread to look"
        return f"in {self.task or 'no task'} ({self.kind}), at {self.place}"


NOBODY = Culprit(MACHINE)
GARBAGE = Culprit(COLLECTOR)
UNSEEN = Culprit(OTHER)

log = logging.getLogger("retabli.loop")


class Culprits:
    """`turned` is the loop's sign, ten times a second; it costs nothing. Between signs a thread looks for who is late.

    The thread needs Python's own lock: code that keeps even that is seen in the moment in which it lets it go. Where
    the thread itself came late, and this process used no processor meanwhile, it was frozen. Where no thread can be
    had, all else goes on: stalls are measured without it, and are nobody's.
    """

    def __init__(self) -> None:
        self._turned = time.monotonic()
        self._seen: Counter[Culprit] = Counter()
        self._collects = 0.0  # when the collection under way began
        self._collected = 0.0  # seconds of collections since the last sign
        self._over: threading.Event | None = None  # set at the end; None: nobody is looked for
        self._thread: threading.Thread | None = None
        self._lacked = False  # the thread, and that was said

    def begin(self) -> None:
        """Watch the running loop, from its own thread."""
        self._over = threading.Event()
        gc.callbacks.append(self._collecting)
        self.look_on()

    def look_on(self) -> None:
        """See that the thread is there, from `begin` until `end`. To be called each second: a shortage passes."""
        if self._over is None or (self._thread is not None and self._thread.is_alive()):
            return
        self._thread = None
        self._turned = time.monotonic()
        arguments = (asyncio.get_running_loop(), threading.get_ident(), self._over)
        try:
            thread = threading.Thread(target=self._watch, args=arguments, name="culprits", daemon=True)
            thread.start()
        except Exception as error:  # noqa: BLE001 - RuntimeError (can't start new thread), MemoryError, or another
            if not self._lacked:
                self._lacked = True
                said = str(error) or type(error).__name__
                log.warning("who keeps the loop from turning is not looked for until a thread can be had: %s", said)
            return
        self._thread, self._lacked = thread, False

    def end(self) -> None:
        """Never waits: the thread ends by itself."""
        if self._over is not None:
            self._over.set()
        self._over = self._thread = None
        if self._collecting in gc.callbacks:
            gc.callbacks.remove(self._collecting)

    def turned(self) -> Culprit:
        """The loop turns; who kept it from that since the last sign, as far as was seen."""
        self._turned = time.monotonic()
        seen, self._seen = self._seen, Counter()
        collected, self._collected = self._collected, 0.0
        if collected > LATE:
            return GARBAGE
        if not seen:
            return UNSEEN if self._thread is None else NOBODY
        return seen.most_common(1)[0][0]

    def _collecting(self, phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            self._collects = time.monotonic()
        else:
            self._collected += time.monotonic() - self._collects

    def _watch(self, loop: asyncio.AbstractEventLoop, thread: int, over: threading.Event) -> None:
        began, used = time.monotonic(), time.process_time()
        while not over.wait(LOOK):
            was, began = began, time.monotonic()
            before, used = used, time.process_time()
            seen, late = self._seen, began - was - LOOK
            if late > LATE and used - before < late / 2:
                seen[NOBODY] += round(late / LOOK)
            elif began - self._turned > LATE and seen.total() < SAMPLES:
                frame = sys._current_frames().get(thread)  # noqa: SLF001 - documented, and what it is for
                if frame is not None:
                    seen[_culprit(loop, frame)] += 1


class Standstills:
    """The stalls of late, and by whom: counted, logged once for each culprit in a while, and told to who asks.

    `count` is told each one, by its culprit's kind, in seconds. Times are the loop's clock.
    """

    def __init__(self, count: Callable[[str, float], None]) -> None:
        self._count = count
        self._lately: deque[tuple[float, float, Culprit]] = deque(maxlen=SAMPLES)
        self._quiet: dict[tuple[str, str], float] = {}  # until when, by kind and task

    def note(self, seconds: float, culprit: Culprit) -> None:
        """The loop has just turned again, after so long."""
        now = asyncio.get_running_loop().time()
        self._count(culprit.kind, seconds)
        self._lately.append((now, seconds, culprit))
        who = culprit.kind, culprit.task
        if seconds >= LONG and self._quiet.get(who, now) <= now:
            self._quiet[who] = now + QUIET
            log.warning("everything stood still for %.1f s: %s", seconds, culprit)

    def much(self) -> str | None:
        """How long of the last minute it stood still, and mostly by whom, if that is much; else None."""
        if not self._lately:
            return None
        since = asyncio.get_running_loop().time() - SPAN
        seconds: defaultdict[Culprit, float] = defaultdict(float)
        for when, stalled, culprit in self._lately:
            if when > since:
                seconds[culprit] += stalled
        if sum(seconds.values()) < MUCH:
            return None
        total, worst = sum(seconds.values()), max(seconds, key=lambda culprit: seconds[culprit])
        return f"everything stood still for {total:.0f} of the last {SPAN:.0f} s, mostly {worst}"


def _culprit(loop: asyncio.AbstractEventLoop, innermost: FrameType) -> Culprit:
    if innermost.f_code.co_filename == selectors.__file__:
        return NOBODY  # it waits for something to do, and would turn if it were let
    task = asyncio.current_task(loop)
    name = "" if task is None else task.get_name()
    place = f"{Path(innermost.f_code.co_filename).name}:{innermost.f_lineno} {innermost.f_code.co_name}"
    for frame in _outwards(innermost):
        if isinstance(found := frame.f_locals.get("self"), Probe):
            return Culprit(str(found.kind), name, place)
    return Culprit(OTHER if not name or name.startswith("Task-") else name, name, place)


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back
