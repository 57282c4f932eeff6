"""A service that turns speech into text: a fixed recording must come back as its words, over HTTP or WebSocket."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import ClassVar, Literal

import httpx
from pydantic import Field

from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.ladder import Fall, Ladder, Rename
from retabli.model.numbers import decimal
from retabli.model.probe import Probe
from retabli.model.settings import Duration, File, ProxyRef, SecretRef, Tls
from retabli.model.stages import Stage
from retabli.model.words import Words
from retabli.net.connection import Connection
from retabli.net.disk import disk
from retabli.net.speech import speech_causes
from retabli.net.speech.meeting import Meeting
from retabli.net.speech.posted import post, text_of_answer, written
from retabli.net.speech.recording import SHIPPED, Recording, read_recording
from retabli.net.speech.recording import WORDS as SHIPPED_WORDS
from retabli.net.speech.services import given_token, judge_hosts, judge_licence, own_token
from retabli.net.speech.speech_causes import (
    EMPTY_TEXT,
    HOSTS,
    LATENCY,
    LICENCE,
    NO_TRANSCRIPT,
    RECOGNISED,
    RECOGNITION_SLOW,
    TOKEN,
    UPGRADE,
    WORDS,
    WRONG_TEXT,
)
from retabli.net.speech.speech_settings import (
    HERE,
    FormFields,
    HostAddress,
    Licence,
    RecogniserAddress,
    Sign,
    Stream,
    TokenAs,
    TokenService,
    Upload,
    host_of,
    web_address,
    with_token,
)
from retabli.net.speech.streamed import Ear, Speaking, converse, upgrade
from retabli.net.speech.transcripts import SHOWN, Reading
from retabli.net.speech.words import LONGEST, MOST_EXPECTED, error_rate, words_of
from retabli.net.web import http_causes, proxy_causes, websocket_causes
from retabli.net.web.http import Ask, Fields, open_site
from retabli.net.web.http_settings import FieldValue, tls_mode_faults, web_openings
from retabli.net.web.json_paths import JsonPath
from retabli.net.web.proxy_causes import as_passed_on
from retabli.net.web.websocket import WebSocket

TextOf = Callable[[], str | None]  # what was recognised, read when it is judged


class Speech(Probe):
    """The token is asked for once the recogniser is reached, and presented with the request, or in the first message.

    A licence service that cannot be asked proves nothing of the licence: recognition is tried all the same.
    """

    LADDER: ClassVar[tuple[Stage, ...]] = (
        HOSTS,
        stages.RESOLVE,
        stages.CONNECT,
        stages.PROXY,
        stages.TLS,
        TOKEN,
        UPGRADE,
        LICENCE,
        stages.REQUEST,
        stages.RESPONSE,
        RECOGNISED,
        WORDS,
        LATENCY,
    )
    CAUSES: ClassVar[tuple[Cause, ...]] = (
        causes.AUTH_REFUSED,
        *http_causes.CAUSES,
        *proxy_causes.CAUSES,
        *websocket_causes.CAUSES,
        *speech_causes.CAUSES,
    )
    SUMMARY: ClassVar[tuple[str, str]] = (
        "Un service de reconnaissance vocale rend les mots d'un enregistrement fixe.",
        "A speech recogniser gives back the words of a fixed recording.",
    )
    EVERY: ClassVar[str | None] = "1m"  # each run takes a licence, and a few seconds of a machine that listens

    kind: Literal["speech"]
    url: RecogniserAddress = Field(description="http(s): the recording is posted; ws(s): it is spoken over WebSocket")
    audio: File | None = Field(default=None, description="a recording; else the one that is shipped (English, WAV)")
    expect_words: str | None = Field(default=None, max_length=LONGEST, description="what is said in it")
    max_error_rate: float = Field(
        default=0.2, ge=0, lt=1, description="words put in, left out or mistaken, per word that was said"
    )
    max_latency: Duration = Field(default=5.0, description="from the last byte of audio to the text, else not whole")
    hosts: tuple[HostAddress, ...] = Field(
        default=(), strict=False, description="other hosts that it needs: looked at as far as TLS"
    )
    token: SecretRef | None = Field(default=None, description="a token, or key, of our own")
    token_service: TokenService | None = Field(default=None, description="else, who gives one")
    token_as: TokenAs | None = Field(
        default=f"Authorization: Bearer {HERE}", description="the header that presents it; null: none does"
    )
    licence: Licence | None = Field(default=None, description="who tells whether the licence holds")
    exhausted: Sign = Field(default=Sign(status=(402,)), description="how it says that the licence is exhausted")
    refused: Sign = Field(default=Sign(status=(401,)), description="how it says that it refuses our token")
    text_at: JsonPath = Field(default="text", description="where the text stands in a JSON answer or message")
    error_at: JsonPath | None = Field(default="error", description="where it tells of an error")
    upload: Upload = "raw"
    field: FieldValue = Field(default="audio", description="the file's name in a multipart form")
    fields: FormFields = Field(default={}, description="what else a multipart form holds")
    content_type: FieldValue = "audio/wav"
    samples_only: bool = Field(default=False, description="send the samples without the header of their WAV file")
    websocket: Stream = Stream()
    issuer: str | None = Field(default=None, min_length=1, description="a part of the certificate's issuer")
    proxy: ProxyRef | None = None
    tls: Tls = Tls()

    @property
    def _streams(self) -> bool:
        return self.url.lower().startswith("ws")

    @property
    def _presents(self) -> bool:
        """Whether a token is shown to the recogniser."""
        return self.token is not None or self.token_service is not None

    @property
    def _expected(self) -> tuple[str, ...]:
        return words_of(SHIPPED_WORDS if self.expect_words is None else self.expect_words)

    def climbs(self) -> tuple[Stage, ...]:
        plain = httpx.URL(web_address(self.url)).scheme == "http"
        left_out = [
            (HOSTS, not self.hosts),
            (stages.PROXY, self.proxy is None or (plain and not self._streams)),
            (stages.TLS, plain),
            (TOKEN, not self._presents),
            (UPGRADE, not self._streams),
        ]
        return tuple(rung for rung in self.LADDER if (rung, True) not in left_out)

    def openings(self) -> Iterator[tuple[str, int, str]]:
        yield from web_openings(self._addresses(), self.proxy)

    def _addresses(self) -> Iterator[str]:
        yield web_address(self.url)
        yield from self.hosts
        if self.token_service is not None:
            yield self.token_service.url
        if self.licence is not None:
            yield self.licence.url

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        yield from tls_mode_faults(self.tls)
        if (self.audio is None) != (self.expect_words is None):
            yield "audio and expect_words belong together: a recording, and what is said in it"
        yield from self._recording_faults()
        if not self._expected:
            yield "expect_words holds no word"
        if len(self._expected) > MOST_EXPECTED:
            yield f"expect_words holds more than {MOST_EXPECTED} words"
        if self.token is not None and self.token_service is not None:
            yield "token and token_service exclude each other"
        for name, service in (("token_service", self.token_service), ("licence", self.licence)):
            if service is not None and (service.user is None) != (service.password is None):
                yield f"{name}: user and password belong together"
        if not self._presents and HERE in (self.websocket.start or ""):
            yield f"websocket.start wants a token ({HERE}), and none is given"
        if self._streams and self.upload != "raw":
            yield "upload means nothing over WebSocket"
        if not self._streams and self.websocket != Stream():
            yield "websocket means nothing here: url begins with neither ws:// nor wss://"
        if self.fields and self.upload != "multipart":
            yield "fields mean nothing without upload: multipart"

    def _recording(self) -> Recording:
        return read_recording(self.audio or SHIPPED, samples_only=self.samples_only)

    def _recording_faults(self) -> Iterator[str]:
        try:
            recording = self._recording()
        except Fall as fall:
            yield f"audio: {fall.detail}"
            return
        spoken = len(recording.audio) // self.websocket.chunk * self.websocket.pace
        if spoken >= self.timeout:
            yield f"at that pace the recording takes {spoken:g}s, longer than timeout ({self.timeout:g}s)"

    def warnings(self) -> Iterator[str]:
        yield from super().warnings()
        clear = [host_of(url) for url in self._addresses() if url.lower().startswith("http:")]
        if self._presents and clear:
            yield f"a secret may be sent in clear: {', '.join(dict.fromkeys(clear))} is reached without TLS"
        if self.max_latency >= self.timeout:
            yield f"max_latency ({self.max_latency:g}s) is never told: timeout ({self.timeout:g}s) comes first"
        if self._presents and self.token_as is None and HERE not in (self.websocket.start or ""):
            yield "the token is presented nowhere: neither by token_as nor in websocket.start"

    # Climbing -------------------------------------------------------------------------------------------------------

    async def run(self, ladder: Ladder) -> None:
        recording = await disk().within(self.timeout / 2, self._recording)
        if self.hosts:
            with ladder.rung(HOSTS):
                await judge_hosts(self.hosts, self._ask(), self.timeout / 2)
        meeting = Meeting(host_of(self.url))
        with ladder.told_as(meeting.told):
            text_of, seconds = await (self._stream if self._streams else self._post)(ladder, recording, meeting)
            self._judge(ladder, text_of, seconds)

    def _judge(self, ladder: Ladder, text_of: TextOf, seconds: float) -> None:
        with ladder.rung(RECOGNISED):
            text = text_of()
            if text is None:
                raise Fall(NO_TRANSCRIPT, f"nothing at {self.text_at}")
            heard = words_of(text)
            if not heard:
                raise Fall(EMPTY_TEXT)
        rate = error_rate(self._expected, heard)
        ladder.describe("error_rate", f"{rate:.2f}")
        ladder.describe("latency", f"{seconds:.2f} s")
        with ladder.rung(WORDS):
            if rate > self.max_error_rate:
                found, most = (decimal(each, 2, ladder.language) for each in (rate, self.max_error_rate))
                shown, words = text[:SHOWN], f"{len(heard)}/{len(self._expected)}"
                said = Words(
                    f"taux d'erreur {found}, {most} au plus ; {words} mots : « {shown} »",
                    f'word error rate {found}, at most {most}; {words} words: "{shown}"',
                )
                raise Fall(WRONG_TEXT, said[ladder.language])
        with ladder.rung(LATENCY):
            if seconds > self.max_latency:
                took, limit = (f"{decimal(each, 2, ladder.language)} s" for each in (seconds, self.max_latency))
                said = Words(f"{took}, {limit} au plus", f"{took}, at most {limit}")
                ladder.impair(RECOGNITION_SLOW, said[ladder.language])

    async def _token(self, ladder: Ladder) -> str:
        """The token, "" where there is none to present."""
        if not self._presents:
            return ""
        with ladder.rung(TOKEN):
            if self.token_service is not None:
                return await given_token(self.token_service, self._ask(), self.timeout / 2)
            return own_token(self.token) if self.token is not None else ""

    def _fields(self, token: str) -> Fields:
        """The header fields that present us."""
        if not token or self.token_as is None:
            return ()
        name, _, pattern = self.token_as.partition(":")
        return ((name, pattern.strip().replace(HERE, token)),)

    async def _check_licence(self, ladder: Ladder) -> None:
        if self.licence is None:
            return
        with ladder.rung(LICENCE):
            await judge_licence(ladder, self.licence, self._ask(), self.timeout / 4)

    async def _post(self, ladder: Ladder, recording: Recording, meeting: Meeting) -> tuple[TextOf, float]:
        content_type, body = written(recording, self.upload, self.content_type, self.field, self.fields)
        ask = replace(self._ask(), headers=(("Content-Type", content_type),), body=body)

        async def opened(connection: Connection) -> Fields:
            meeting.connection = connection
            meeting.token = await self._token(ladder)
            await self._check_licence(ladder)
            return self._fields(meeting.token)

        fetched, seconds = await post(ladder, self.url, ask, self._reading(), opened)
        self._hold_licence(ladder)
        return lambda: text_of_answer(fetched, self._reading()), seconds

    async def _stream(self, ladder: Ladder, recording: Recording, meeting: Meeting) -> tuple[TextOf, float]:
        url = web_address(self.url)
        connection = meeting.connection = await open_site(ladder, url, replace(self._ask(), tunnel=True))
        try:
            token = meeting.token = await self._token(ladder)
            socket = WebSocket(connection, self.url, self.websocket.subprotocol)
            with ladder.told_as(self._passed_on()):
                with ladder.rung(UPGRADE):
                    fields = (("User-Agent", self._ask().user_agent), *self._fields(token))
                    await upgrade(socket, fields, url, self._ask(), self._reading(), self.timeout / 2)
                await self._check_licence(ladder)
                ear = Ear(self._reading(), self.websocket.final_at, self._is_enough, ladder.clock)
                speaking = self._speaking(recording, token)
                seconds = await converse(ladder, socket, speaking, ear, presented=self._presents, due=self.max_latency)
        except BaseException:
            connection.abort()
            raise
        self._hold_licence(ladder)
        await socket.close()
        return lambda: ear.text, seconds

    def _hold_licence(self, ladder: Ladder) -> None:
        """Nobody was asked, and the answer that came does not say that it is exhausted."""
        if self.licence is None:
            with ladder.rung(LICENCE):
                pass

    def _is_enough(self, text: str) -> bool:
        return error_rate(self._expected, words_of(text)) <= self.max_error_rate

    def _speaking(self, recording: Recording, token: str) -> Speaking:
        stream = self.websocket
        return Speaking(with_token(stream.start, token), recording.audio, stream.end, stream.chunk, stream.pace)

    def _reading(self) -> Reading:
        return Reading(self.text_at, self.error_at, self.refused, self.exhausted, self._presents)

    def _passed_on(self) -> Rename:
        if self.proxy is None:
            return lambda found, detail: (found, detail)
        return as_passed_on(self.proxy, lambda: False)

    def _ask(self) -> Ask:
        return Ask(tls=self.tls, proxy=self.proxy, resolver=self.resolver, issuer=self.issuer)
