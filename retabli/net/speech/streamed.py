"""The recording spoken over WebSocket, chunk by chunk, and the texts that come back until they are final."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.ladder import Fall, Ladder
from retabli.net.speech.speech_causes import AUDIO_REFUSED, NO_FINAL, TOKEN, TOKEN_REFUSED
from retabli.net.speech.transcripts import SHOWN, Reading, is_final, is_page
from retabli.net.speech.words import LONGEST
from retabli.net.web.http import Ask, Fields
from retabli.net.web.http_messages import field
from retabli.net.web.json_paths import read_json
from retabli.net.web.proxy_causes import judge_forwarded
from retabli.net.web.upgrade import ask_upgrade, fall_of_refusal
from retabli.net.web.websocket import GONE, Ended, WebSocket, fall_of_end

SETTLE = 1.0  # seconds without another final text, after which what came is all: once it was due
MOST_MESSAGES = 5_000
UNWANTED_AUDIO = (1003, 1007, 1009)  # unsupported, invalid, too big (RFC 6455, 7.4.1)


@dataclass(frozen=True, slots=True)
class Speaking:
    """What is said, in order: a first message, chunks of audio, a last message; `pace` seconds between chunks."""

    start: str | None
    audio: bytes
    end: str | None
    chunk: int
    pace: float

    async def say(self, socket: WebSocket) -> None:
        if self.start is not None:
            await socket.send(self.start)
        for place in range(0, len(self.audio), self.chunk):
            if place and self.pace:
                await asyncio.sleep(self.pace)
            await socket.send(self.audio[place : place + self.chunk])
        if self.end is not None:
            await socket.send(self.end or b"")


class Ear:
    """Hears what comes, until the peer ends. `enough` says whether a text is all that was waited for."""

    def __init__(
        self,
        reading: Reading,
        final_at: str | None,
        enough: Callable[[str], bool],
        clock: Callable[[], float],
    ) -> None:
        self._reading = reading
        self._final_at = final_at
        self._enough = enough
        self._clock = clock
        self._messages = 0
        self._finals: list[str] = []
        self.news = asyncio.Event()
        self.ended: Ended | None = None
        self.heard_at = 0.0  # by the clock: when the last final text came

    @property
    def heard(self) -> bool:
        """Whether anything at all came."""
        return self._messages > 0

    @property
    def text(self) -> str | None:
        """The final texts together; None while there is none."""
        return " ".join(each for each in self._finals if each) if self._finals else None

    @property
    def has_all(self) -> bool:
        return self.text is not None and self._enough(self.text)

    async def listen(self, socket: WebSocket) -> None:
        """Hear until the peer ends; whatever ends it is news.

        Raises:
            Fall: the recogniser refuses us or tells of an error; its frames or messages are not what they should be.
        """
        try:
            while self.ended is None:
                message = await socket.receive()
                if isinstance(message, Ended):
                    self._raise_refusal(message.reason)
                    self.ended = message
                else:
                    self._take(message)
        finally:
            self.news.set()

    def _take(self, message: str | bytes) -> None:
        self._messages += 1
        if self._messages > MOST_MESSAGES:
            raise Fall(causes.TOO_LONG, f"more than {MOST_MESSAGES} messages")
        self._raise_refusal(message if isinstance(message, str) else "")
        document = read_json(message)
        text = self._reading.text(document)
        if text is None or not is_final(document, self._final_at):
            return
        self._finals.append(text)
        if sum(map(len, self._finals)) > LONGEST:
            raise Fall(causes.TOO_LONG, f"texts of more than {LONGEST} characters")
        self.heard_at = self._clock()
        self.news.set()

    def _raise_refusal(self, text: str) -> None:
        refusal = self._reading.refusal(None, text)
        if refusal is not None:
            raise refusal


async def converse(
    ladder: Ladder, socket: WebSocket, speaking: Speaking, ear: Ear, *, presented: bool, due: float
) -> float:
    """Climb REQUEST (everything is said) and RESPONSE (a final text has come, which `ear` then holds); the seconds
    from the one to the other. A text that falls short may be completed by others for `due` seconds.

    Raises:
        Fall: `no_final_text`, `audio_refused`, `token_refused`; what the peer's end means; and as `Ear.listen`.
    """
    listening = asyncio.create_task(ear.listen(socket), name="speech listening")
    saying = asyncio.create_task(speaking.say(socket), name="speech saying")
    try:
        with ladder.rung(stages.REQUEST):
            await asyncio.wait({listening, saying}, return_when=asyncio.FIRST_COMPLETED)
            if saying.done():
                with contextlib.suppress(*GONE):  # why is for the ear to hear
                    saying.result()
        said_at = ladder.clock()
        with ladder.told_as(_as_unfinished(ear)), ladder.rung(stages.RESPONSE):
            await _until_final(ladder, ear, listening, said_at, due)
            if not ear.has_all:
                _judge_end(ear, listening, presented)
    finally:
        for task in (listening, saying):
            task.cancel()
        await asyncio.gather(listening, saying, return_exceptions=True)
    return max(0.0, ear.heard_at - said_at)


async def _until_final(ladder: Ladder, ear: Ear, listening: asyncio.Task[None], said_at: float, due: float) -> None:
    """Until all that was waited for is heard, or what was due is over and nothing follows the last final text."""
    while not listening.done() and not ear.has_all:
        ear.news.clear()
        final = ear.heard_at >= said_at
        left = max(ear.heard_at + SETTLE, said_at + due) - ladder.clock() if final else None
        try:
            async with asyncio.timeout(left):
                await ear.news.wait()
        except TimeoutError:
            return


def _judge_end(ear: Ear, listening: asyncio.Task[None], presented: bool) -> None:
    """Not all was heard: because the peer ended, or because no more came."""
    if listening.done():
        listening.result()
    ended = ear.ended
    if ended is not None and (fall := fall_of_end(ended)) is not None:
        if ended.code in UNWANTED_AUDIO:
            raise Fall(AUDIO_REFUSED, str(ended))
        if ended.code == 1008 and presented and not ear.heard:
            raise Fall(TOKEN_REFUSED, str(ended), rung=TOKEN)
        raise fall
    if ear.text is None:
        raise Fall(NO_FINAL, str(ended) if ended is not None else "")


def _as_unfinished(ear: Ear) -> Callable[[Cause, str], tuple[Cause, str]]:
    """A deadline, once anything was heard: the way is open, and it is the recogniser that does not finish."""

    def rename(found: Cause, detail: str) -> tuple[Cause, str]:
        if found is causes.TIMEOUT and ear.heard:
            return NO_FINAL, f'not in time; so far: "{(ear.text or "")[:SHOWN]}"'
        return found, detail

    return rename


async def upgrade(socket: WebSocket, fields: Fields, url: str, ask: Ask, reading: Reading, patience: float) -> None:
    """Have the conversation begin; `url` as http or https. `patience` in seconds.

    Raises:
        Fall: `token_refused`, `licence_exhausted`, a proxy's denial; `upgrade_blocked` and whatever else was answered.
        OSError: the connection is gone.
    """
    answer = await ask_upgrade(socket, fields, url, ask, patience)
    if answer is None:
        return
    head = answer.head
    if ask.proxy is not None:
        judge_forwarded(ask.proxy, head, answer.page, tunnelled=True, presented=False)
    refusal = reading.refusal(head.status, answer.page.decode("utf-8", "replace"))
    if refusal is not None:
        raise refusal
    if head.status == 403 and reading.presented and not is_page(field(head.fields, "Content-Type")):
        raise Fall(TOKEN_REFUSED, f"{head.status} {head.reason}", rung=TOKEN)
    raise await fall_of_refusal(answer, url, ask)
