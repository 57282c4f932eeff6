"""What open pages and other programs are told as it happens: changes gathered, said once, and heard by many.

A reader that is too slow loses what it missed and is told so: memory never grows with it.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from types import TracebackType

from retabli.model.record import Entry

PAUSE = 0.5  # seconds during which routine changes are gathered
HASTE = 0.02  # the same, for a change of state
SLICE = 40  # flows encoded in one go: what a stall of the loop may cost
WAITING = 256 * 1024  # bytes that may wait for one reader
ENTRIES = 100  # of the log, that may wait to be said
KEEP_ALIVE = 15.0  # seconds
RESYNC = b"event: resync\ndata: {}\n\n"

Encode = Callable[[Sequence[str], Sequence[tuple[Entry, int | None]]], bytes]


class Subscription:
    """One reader. `async for chunk in subscription.chunks()` until it leaves; use it in a `with`."""

    def __init__(self, feed: "Feed") -> None:
        self._feed = feed
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._news = asyncio.Event()
        self._closed = False

    def __enter__(self) -> "Subscription":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._feed.leave(self)

    def give(self, chunk: bytes) -> None:
        if self._size + len(chunk) > WAITING:
            self._waiting.clear()
            self._size, chunk = 0, RESYNC
        self._waiting.append(chunk)
        self._size += len(chunk)
        self._news.set()

    def close(self) -> None:
        self._closed = True
        self._news.set()

    async def chunks(self, keep_alive: float = KEEP_ALIVE) -> AsyncIterator[bytes]:
        """What happens, as server-sent events; a comment each `keep_alive` seconds of silence."""
        while not self._closed:
            try:
                async with asyncio.timeout(keep_alive):
                    await self._news.wait()
            except TimeoutError:
                yield b": nothing new\n\n"
                continue
            self._news.clear()
            while self._waiting:
                chunk = self._waiting.popleft()
                self._size -= len(chunk)
                yield chunk


class Feed:
    """`encode` is called with the flows that changed and the entries that were logged; its bytes go to every reader."""

    def __init__(self, encode: Encode, *, readers: int = 1000) -> None:
        self._encode = encode
        self._limit = readers
        self._readers: set[Subscription] = set()
        self._changed: dict[str, None] = {}
        self._logged: deque[tuple[Entry, int | None]] = deque(maxlen=ENTRIES)
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def __len__(self) -> int:
        return len(self._readers)

    @property
    def full(self) -> bool:
        """Whether no other reader is to be let in: memory and sockets are finite."""
        return self._closed or len(self._readers) >= self._limit

    def subscribe(self) -> Subscription:
        """A reader of what happens from now."""
        reader = Subscription(self)
        if self._closed:
            reader.close()
        self._readers.add(reader)
        return reader

    def leave(self, reader: Subscription) -> None:
        self._readers.discard(reader)

    def close(self) -> None:
        """Send every reader away: the server stops."""
        self._closed = True
        for reader in self._readers:
            reader.close()

    def touch(self, flow: str, *, urgent: bool) -> None:
        if self._readers:
            self._changed[flow] = None
            self._plan(HASTE if urgent else PAUSE)

    def log(self, entry: Entry, number: int | None) -> None:
        if self._readers:
            self._logged.append((entry, number))
            self._plan(HASTE)

    def _plan(self, pause: float) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + pause
        if self._timer is not None:
            if self._timer.when() <= due:
                return
            self._timer.cancel()
        self._timer = loop.call_at(due, self._say)

    def _say(self) -> None:
        self._timer = None
        changed = list(self._changed)[:SLICE]
        for flow in changed:
            del self._changed[flow]
        logged = list(self._logged)
        self._logged.clear()
        if self._changed:
            self._plan(HASTE)
        if not self._readers:
            return
        chunk = RESYNC  # what cannot be said is not withheld: whoever shows it finds out, and shows nothing old as new
        try:
            chunk = self._encode(changed, logged)
        finally:
            if chunk:
                for reader in self._readers:
                    reader.give(chunk)
