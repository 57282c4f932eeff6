"""`status --watch`: the picture kept as it is, on a screen that renews itself; for a pipe a line for each change."""

import argparse
import asyncio
import contextlib
import json
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from rich.live import Live

from commands._answers import Unreachable
from commands._asking import look
from commands._door import door
from commands._seen import Seen, SeenFlow
from commands._status_shown import Shown
from commands._status_words import WELL
from retabli.model.stamps import iso_milliseconds
from retabli.view.times import clock

EVERY = 2.0  # seconds between two looks
PATIENCE = 5.0  # seconds for one answer; after that what is shown is old
TICK = 1.0  # seconds between two pictures of the same: times pass
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
CHANGES = ("state", "standing", "since", "because", "incident", "page", "silence", "deferred", "title")
CAUSE = ("probe", "target", "stage", "cause")


class Watch:
    """Looks at a daemon every two seconds until it is ended. `lost`: why it is not heard; empty while it is."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self._door = door(args)
        self.picture: Seen | None = None
        self.lost = ""
        self._heard = 0.0
        self._news = asyncio.Event()
        self.ended = False

    async def look(self) -> None:
        """Looks for ever; whatever answers there."""
        while True:
            try:
                self.picture, _ = await look(self._door, self._args.lang, timeout=PATIENCE)
                self._heard, self.lost = time.monotonic(), ""
            except Unreachable as error:
                self.lost = str(error)
            self._news.set()
            await asyncio.sleep(EVERY)

    async def news(self, within: float | None) -> None:
        """Waits until there is something new, but no longer than so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._news.wait()
        self._news.clear()

    def end(self) -> None:
        self.ended = True
        self._news.set()

    @property
    def age(self) -> float:
        """Of what is shown, in seconds."""
        return time.monotonic() - self._heard

    def now(self) -> Seen | None:
        """The picture of this moment. Of one that is lost no time passes: it is as old as is said above it."""
        if self.picture is None or self.lost:
            return self.picture
        return replace(self.picture, now=self.picture.now + timedelta(seconds=self.age * self.picture.pace))


async def watch(args: argparse.Namespace) -> Seen | None:
    """Until it is interrupted; what was seen last, None if the daemon could not be reached then."""
    watching, shown = Watch(args), Shown(args)
    looking = asyncio.create_task(watching.look(), name="looking")
    try:
        with _interruptible(watching):
            if args.json or not shown.live:
                await _follow(watching, shown, args)
            else:
                await _renew(watching, shown)
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
    return None if watching.lost else watching.picture


@contextlib.contextmanager
def _interruptible(watching: Watch) -> Iterator[None]:
    """Ctrl-C, a closed terminal and a kill end it, so that the terminal is left as it was found."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are another's business
        return
    loop = asyncio.get_running_loop()
    for each in ENDS:
        loop.add_signal_handler(each, watching.end)
    try:
        yield
    finally:
        for each in ENDS:
            loop.remove_signal_handler(each)


async def _renew(watching: Watch, shown: Shown) -> None:
    """On the terminal's other screen: nothing flickers, and what stood there before comes back."""
    with Live(console=shown.console, screen=True, auto_refresh=False) as live:
        while not watching.ended:
            live.update(shown.frame(watching.now(), watching.lost, watching.age), refresh=True)
            await watching.news(TICK)
    shown.leave(watching.now(), watching.lost, watching.age)


async def _follow(watching: Watch, shown: Shown, args: argparse.Namespace) -> None:
    """Line by line: first everything, then each flow that changes."""
    before: dict[str, SeenFlow] | None = None
    lost = ""
    while not watching.ended:
        await watching.news(None)
        if watching.lost != lost and bool(watching.lost) != bool(lost):
            said = f"{watching.lost}; trying again" if watching.lost else "it answers again"
            sys.stderr.write(f"retabli status: {said}\n")
        lost = watching.lost
        picture = watching.picture
        if picture is None or lost or watching.ended:
            continue
        if before is None and not args.json:
            shown.once(picture)
        else:
            _changes(picture, before or {}, shown, args)
        before = {flow.id: flow for flow in picture.flows}


def _changes(picture: Seen, before: Mapping[str, SeenFlow], shown: Shown, args: argparse.Namespace) -> None:
    at = picture.now.timestamp()
    screen = shown.screen(picture)
    for flow in picture.flows:
        was = before.get(flow.id)
        if was is not None and _look(was) == _look(flow):
            continue
        if args.failing and flow.state in WELL and (was is None or was.state in WELL):
            continue
        if args.json:
            _out(json.dumps({"generated_at": iso_milliseconds(at), **flow.form}, ensure_ascii=False))
        else:
            shown.plain(f"{clock(at, screen.zone, 'en', seconds=True)}  {screen.one(flow)}")
    for id_ in before.keys() - {flow.id for flow in picture.flows}:
        if args.json:
            _out(json.dumps({"generated_at": iso_milliseconds(at), "id": id_, "gone": True}))


def _look(flow: SeenFlow) -> object:
    """What makes a change: not that it was tried once more with the same end."""
    cause: Mapping[str, Any] = flow.form.get("cause") or {}
    return [flow.form.get(key) for key in CHANGES], [cause.get(key) for key in CAUSE]


def _out(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
