"""The kind `speech` over WebSocket: each cause by a service, or by something in between, that really does it."""

import asyncio
import importlib
import json
import logging
import socket
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import trustme
from blockbuster import blockbuster_ctx

from probes.speech import Speech
from retabli.model import causes
from retabli.model.causes import Cause
from retabli.model.result import Outcome, Result
from retabli.model.settings import Proxy
from retabli.net.speech import speech_causes
from retabli.net.speech.recording import SHIPPED, WORDS
from retabli.net.web import http_causes, proxy_causes, websocket_causes
from tests.climbing import climb, settings
from tests.net.peers import (
    Handler,
    closing,
    endless,
    listening_then_closing,
    reset,
    saying,
    server_context,
    serving,
    silent,
)
from tests.net.web_servers import page, proxy, site
from tests.net.websocket_servers import (
    BINARY,
    CLOSE,
    CONTINUED,
    PING,
    PONG,
    TEXT,
    Heard,
    frame,
    goodbye,
    granted,
    read_frame,
    upgrading,
)
from tests.said import fell

END = {"end": '{"eof": 1}'}
FINAL = frame(TEXT, json.dumps({"text": WORDS}))
PARTIAL = frame(TEXT, json.dumps({"partial": "this is"}))


async def recognise(port: int, *, deadline: float | None = None, scheme: str = "ws", **keys: Any) -> Result:
    given = {"url": f"{scheme}://127.0.0.1:{port}/listen?language=en", "websocket": END} | keys
    return await climb(settings(Speech, **given), deadline=deadline)


async def heard_by(peer: Handler, *, deadline: float | None = None, **keys: Any) -> Result:
    async with serving(peer) as port:
        return await recognise(port, deadline=deadline, **keys)


def said(then: Handler | bytes) -> Handler:
    """Listens to all that is said, and then says this."""
    return upgrading(then, until=b"eof")


@pytest.fixture
def secret(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "token").write_text('s3"cret')
    return {"file": str(tmp_path / "token")}


# What holds ---------------------------------------------------------------------------------------------------------


async def test_the_recording_is_spoken_in_chunks_and_its_words_are_recognised(secret: dict[str, str]) -> None:
    heard = Heard()
    result = await heard_by(
        upgrading(PARTIAL + FINAL, heard, until=b"eof"),
        token=secret,
        websocket={"start": {"rate": 16000, "key": "${token}"}, "chunk": 4000, **END},
    )
    assert result.outcome is Outcome.OK
    assert result.whole
    climbed = "resolve connect token upgrade request response licence recognised words latency"
    assert [rung.stage.id for rung in result.rungs] == climbed.split()
    assert result.of == len(result.rungs)
    assert heard.head.startswith(b"GET /listen?language=en HTTP/1.1\r\n")
    assert b'\r\nAuthorization: Bearer s3"cret\r\n' in heard.head
    assert b"permessage-deflate" not in heard.head
    assert heard.messages[0] == (TEXT, b'{"rate": 16000, "key": "s3\\"cret"}')
    assert {opcode for opcode, _ in heard.messages[1:-1]} == {BINARY}
    assert len(heard.messages[1:-1]) == -(-len(SHIPPED.read_bytes()) // 4000)
    assert heard.audio == len(SHIPPED.read_bytes())
    assert heard.messages[-1] == (TEXT, b'{"eof": 1}')


async def test_no_log_tells_the_token_however_low_its_level(
    secret: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert (await heard_by(said(FINAL), token=secret)).outcome is Outcome.OK
    assert "cret" not in caplog.text


async def test_the_samples_alone_at_the_pace_of_speech_and_an_empty_last_message() -> None:
    heard = Heard()

    async def listens(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (received := await read_frame(reader)) != (BINARY, b""):
            heard.messages.append(received)
        writer.write(FINAL)
        await reader.read()

    stream = {"chunk": 32_000, "pace": "20ms", "end": ""}
    result = await heard_by(upgrading(listens), websocket=stream, samples_only=True)
    assert result.outcome is Outcome.OK
    assert heard.audio == len(SHIPPED.read_bytes()) - 44
    assert next(rung.seconds for rung in result.rungs if rung.stage.id == "request") > 0.06


async def test_nothing_blocks_the_loop() -> None:
    importlib.import_module("websockets.client")  # reading a library from disk does, once
    with blockbuster_ctx():
        assert (await heard_by(said(FINAL))).outcome is Outcome.OK


async def test_a_subprotocol_is_asked_for_and_another_one_is_not_taken() -> None:
    def speaking(subprotocol: bytes) -> Handler:
        async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"\r\nSec-WebSocket-Protocol: speech.v1\r\n" in head
            writer.write(granted(head)[:-2] + b"Sec-WebSocket-Protocol: " + subprotocol + b"\r\n\r\n")
            writer.write(FINAL)
            await reader.read()

        return speak

    stream = {"subprotocol": "speech.v1"}
    assert (await heard_by(speaking(b"speech.v1"), websocket=stream)).outcome is Outcome.OK
    assert fell(await heard_by(speaking(b"other"), websocket=stream)) == ("upgrade", causes.GARBAGE)


async def test_an_extension_that_nobody_asked_for_is_not_taken() -> None:
    async def packs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(granted(head)[:-2] + b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n" + FINAL)
        await reader.read()

    assert fell(await heard_by(packs)) == ("upgrade", causes.GARBAGE)


async def test_final_texts_are_put_together_and_partial_ones_left_out() -> None:
    half, rest = WORDS[:30], WORDS[30:]
    spoken = [
        {"type": "partial", "text": "blah"},
        {"type": "final", "text": half},
        {"type": "partial", "text": "blah"},
        {"type": "final", "text": rest},
    ]
    frames = b"".join(frame(TEXT, json.dumps(each)) for each in spoken)
    result = await heard_by(said(frames), websocket=END | {"final_at": "type=final"}, max_error_rate=0)
    assert result.outcome is Outcome.OK
    flagged = [{"done": False, "text": "blah"}, {"done": True, "text": WORDS}]
    frames = b"".join(frame(TEXT, json.dumps(each)) for each in flagged)
    result = await heard_by(said(frames), websocket=END | {"final_at": "done"}, max_error_rate=0)
    assert result.outcome is Outcome.OK


async def test_a_text_that_was_final_before_the_last_word_was_sent_counts() -> None:
    async def hasty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(FINAL)
        while b"eof" not in (await read_frame(reader))[1]:
            pass
        await silent(reader, writer)

    result = await heard_by(upgrading(hasty))
    assert result.outcome is Outcome.OK
    assert result.properties["latency"] == "0.00 s"


async def test_pings_are_answered_and_fragments_put_together() -> None:
    pongs: list[tuple[int, bytes]] = []

    async def speaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        text = json.dumps({"text": WORDS}).encode()
        writer.write(frame(TEXT, text[:10], fin=False) + frame(PING, b"there?"))
        while (received := await read_frame(reader))[0] != PONG:
            pass
        pongs.append(received)
        writer.write(frame(CONTINUED, text[10:20], fin=False) + frame(CONTINUED, text[20:]))
        await reader.read()

    assert (await heard_by(said(speaks))).outcome is Outcome.OK
    assert pongs == [(PONG, b"there?")]


async def test_we_say_goodbye_when_all_is_heard() -> None:
    last: list[tuple[int, bytes]] = []

    async def waits(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(FINAL)
        last.append(await read_frame(reader))
        gone.set()

    gone = asyncio.Event()
    async with serving(said(waits)) as port:
        assert (await recognise(port)).outcome is Outcome.OK
        await gone.wait()
    assert last == [(CLOSE, b"\x03\xe8")]


# What is heard ------------------------------------------------------------------------------------------------------


async def test_wrong_and_empty_texts_are_told_after_the_time_in_which_more_could_come() -> None:
    wrong = await heard_by(said(frame(TEXT, '{"text": "something else"}')), max_latency="1s")
    empty = await heard_by(said(frame(TEXT, '{"text": ""}')), max_latency="100ms")
    assert fell(wrong) == ("words", speech_causes.WRONG_TEXT)
    assert "something else" in wrong.detail
    assert fell(empty) == ("recognised", speech_causes.EMPTY_TEXT)


async def test_the_rest_of_a_text_may_come_as_long_as_it_is_due() -> None:
    async def hesitates(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(TEXT, json.dumps({"text": WORDS[:30]})))
        await asyncio.sleep(1.3)
        writer.write(frame(TEXT, json.dumps({"text": WORDS[30:]})))
        await reader.read()

    in_time = await heard_by(said(hesitates), max_latency="2s")
    assert in_time.outcome is Outcome.OK
    assert in_time.whole
    assert fell(await heard_by(said(hesitates), max_latency="1s")) == ("words", speech_causes.WRONG_TEXT)


async def test_silence_in_between_is_no_empty_text() -> None:
    async def pauses(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(1.3)  # longer than what may follow a final text
        writer.write(FINAL)
        await reader.read()

    async def listens(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_frame(reader)
        writer.write(frame(TEXT, '{"text": ""}'))
        while b"eof" not in (await read_frame(reader))[1]:
            pass
        await pauses(reader, writer)

    result = await heard_by(upgrading(listens), websocket=END | {"pace": "10ms"})
    assert result.outcome is Outcome.OK


async def test_a_recogniser_that_listens_and_never_finishes_is_told_from_one_that_is_silent() -> None:
    listening = await heard_by(said(PARTIAL), deadline=0.5)
    quiet = await heard_by(said(silent), deadline=0.5)
    ended = await heard_by(said(PARTIAL + goodbye(1000)))
    without_code = await heard_by(said(frame(CLOSE)))
    assert fell(listening) == ("response", speech_causes.NO_FINAL)
    assert fell(quiet) == ("response", causes.TIMEOUT)
    assert fell(ended) == fell(without_code) == ("response", speech_causes.NO_FINAL)
    assert speech_causes.NO_FINAL.code == "no_final_text"


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        (frame(TEXT, '{"error": "model not loaded"}'), speech_causes.RECOGNISER_ERROR),
        (frame(TEXT, '{"text": 7}'), speech_causes.NO_TRANSCRIPT),
        (frame(TEXT, "hello"), causes.GARBAGE),
        (frame(BINARY, b"\xff\x00"), causes.GARBAGE),
        (frame(TEXT, b'{"text": "\xff"}'), causes.GARBAGE),
        (frame(TEXT, "[" * 100_000), causes.GARBAGE),
    ],
    ids=["error", "number", "no JSON", "binary", "not UTF-8", "deep"],
)
async def test_what_is_no_text_is_not_taken_for_one(message: bytes, cause: Cause) -> None:
    result = await heard_by(said(message))
    assert fell(result) == ("response", cause)
    assert result.outcome is Outcome.FAILED


async def test_an_end_after_the_right_words_spoils_nothing() -> None:
    async def leaves(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(FINAL + goodbye(1000))
        await writer.drain()
        reset(writer)

    async def pings_and_leaves(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(PING) * 50 + FINAL)
        await writer.drain()
        reset(writer)

    for then in (FINAL + goodbye(1011), FINAL + frame(3), leaves, pings_and_leaves):
        result = await heard_by(said(then))
        assert result.outcome is Outcome.OK, result.detail


async def test_what_is_wrong_after_a_message_is_told_even_if_nothing_follows() -> None:
    assert fell(await heard_by(said(PARTIAL + frame(3)))) == ("response", causes.GARBAGE)


# How it ends --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "cause", "outcome"),
    [
        (1001, websocket_causes.WEBSOCKET_UNAVAILABLE, Outcome.UNKNOWN),
        (1002, websocket_causes.WEBSOCKET_REFUSED, Outcome.FAILED),
        (1003, speech_causes.AUDIO_REFUSED, Outcome.FAILED),
        (1007, speech_causes.AUDIO_REFUSED, Outcome.FAILED),
        (1008, websocket_causes.WEBSOCKET_REFUSED, Outcome.FAILED),
        (1009, speech_causes.AUDIO_REFUSED, Outcome.FAILED),
        (1011, websocket_causes.WEBSOCKET_FAILED, Outcome.FAILED),
        (1012, websocket_causes.WEBSOCKET_UNAVAILABLE, Outcome.UNKNOWN),
        (1013, websocket_causes.WEBSOCKET_UNAVAILABLE, Outcome.UNKNOWN),
        (4001, websocket_causes.WEBSOCKET_REFUSED, Outcome.FAILED),
    ],
)
async def test_each_close_code_has_its_cause(code: int, cause: Cause, outcome: Outcome) -> None:
    result = await heard_by(said(PARTIAL + goodbye(code, "why")))
    assert fell(result) == ("response", cause)
    assert result.outcome is outcome
    assert f"{code} why" in result.detail


async def test_a_service_that_hangs_up_while_we_speak_is_heard() -> None:
    """Its close frame comes in the middle of the audio, and then it reads no more."""

    async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_frame(reader)
        writer.write(goodbye(1011, "overheated"))

    result = await heard_by(upgrading(hangs_up), websocket=END | {"pace": "10ms"})
    assert fell(result) == ("response", websocket_causes.WEBSOCKET_FAILED)
    assert "overheated" in result.detail


async def test_a_service_that_says_why_and_reads_no_more_is_heard_though_we_are_still_speaking(tmp_path: Path) -> None:
    (tmp_path / "long.wav").write_bytes(bytes(1_000_000))

    async def stops_reading(listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        accepted, _ = await loop.sock_accept(listener)
        with accepted:
            head = await loop.sock_recv(accepted, 1024)
            await loop.sock_sendall(accepted, granted(head))
            await asyncio.sleep(0.2)  # until every buffer in between is full
            await loop.sock_sendall(accepted, frame(PING, b"there?") + goodbye(1011, "overheated"))
            await asyncio.Event().wait()

    with socket.socket() as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)  # else loopback takes it all at once
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        peer = asyncio.create_task(stops_reading(listener))
        audio = str(tmp_path / "long.wav")
        result = await recognise(listener.getsockname()[1], audio=audio, expect_words="nothing", deadline=3.0)
        peer.cancel()
        await asyncio.gather(peer, return_exceptions=True)
    assert fell(result) == ("response", websocket_causes.WEBSOCKET_FAILED)


@pytest.mark.parametrize(
    ("peer", "sign"),
    [
        (said(goodbye(1008, "bad token")), {}),
        (said(goodbye(4401, "bad token")), {"body": "bad token"}),
        (said(frame(TEXT, '{"message": "bad token"}')), {"body": "bad token"}),
    ],
    ids=["1008", "reason", "message"],
)
async def test_a_token_may_be_refused_in_the_conversation(
    peer: Handler, sign: dict[str, str], secret: dict[str, str]
) -> None:
    result = await heard_by(peer, token=secret, refused=sign)
    assert fell(result) == ("token", speech_causes.TOKEN_REFUSED)
    assert result.cause is not None
    assert result.cause.credential
    assert "upgrade" not in [rung.stage.id for rung in result.rungs]


async def test_a_token_that_somebody_repeats_is_not_told(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a-very-secret-token")
    for then in (
        goodbye(4401, "a-very-secret-token"),
        frame(TEXT, "a-very-secret-token"),
        frame(TEXT, '{"error": "a-very-secret-token"}'),
    ):
        result = await heard_by(said(then), token={"file": str(tmp_path / "token")})
        assert result.outcome is Outcome.FAILED
        assert "…" in result.detail
        assert "secret" not in result.detail


async def test_a_licence_may_be_refused_in_the_conversation_and_before_it() -> None:
    sign = {"status": [402], "body": "no seats"}
    ended = await heard_by(said(goodbye(4003, "no seats left")), exhausted=sign)
    told = await heard_by(said(frame(TEXT, '{"state": "no seats left"}')), exhausted=sign)
    async with site(page("pay", status="402 Payment Required")) as running:
        before = await recognise(running.port, exhausted=sign)
    assert fell(ended) == fell(told) == fell(before) == ("licence", speech_causes.LICENCE_EXHAUSTED)


async def test_a_licence_service_is_asked_after_the_upgrade() -> None:
    async with site(page('{"free": 0}')) as licences:
        result = await heard_by(said(FINAL), licence={"url": licences.url(), "at": "free"})
    assert fell(result) == ("licence", speech_causes.LICENCE_EXHAUSTED)
    assert "upgrade" in [rung.stage.id for rung in result.rungs]


# The upgrade --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "fields", "cause"),
    [
        ("200 OK", (), websocket_causes.UPGRADE_BLOCKED),
        ("400 Bad Request", (), websocket_causes.UPGRADE_BLOCKED),
        ("403 Forbidden", (), websocket_causes.UPGRADE_BLOCKED),
        ("426 Upgrade Required", (), websocket_causes.UPGRADE_BLOCKED),
        ("501 Not Implemented", (), websocket_causes.UPGRADE_BLOCKED),
        ("505 HTTP Version Not Supported", (), websocket_causes.UPGRADE_BLOCKED),
        ("401 Who", (), http_causes.AUTH_REQUIRED),
        ("404 Not Found", (), http_causes.HTTP_CLIENT_ERROR),
        ("302 Found", ("Location: https://login.invalid/",), http_causes.REDIRECTED_AWAY),
        ("429 Slower", (), http_causes.RATE_LIMITED),
        ("500 Oops", (), http_causes.HTTP_SERVER_ERROR),
        ("502 Bad Gateway", (), http_causes.HTTP_SERVER_ERROR),
        ("503 Wait", ("Retry-After: 9",), http_causes.UNAVAILABLE),
        ("403 Forbidden", ("Server: cloudflare", "CF-Mitigated: challenge"), http_causes.BOT_WALL),
    ],
)
async def test_each_answer_instead_of_an_upgrade_has_its_cause(
    status: str, fields: tuple[str, ...], cause: Cause
) -> None:
    async with site(page("no", *fields, status=status)) as running:
        result = await recognise(running.port)
    assert fell(result) == ("upgrade", cause)
    assert status in result.detail


def in_between(instead: Handler | bytes) -> Handler:
    """What does this with an upgrade, and lets a plain request through."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"Upgrade: websocket" not in head:
            writer.write(page("Upgrade, please", status="426 Upgrade Required"))
        elif isinstance(instead, bytes):
            writer.write(instead)
        else:
            await instead(reader, writer)

    return converse


@pytest.mark.parametrize(
    "instead",
    [page("bad gateway", status="502 Bad Gateway"), closing, silent],
    ids=["502", "closes", "swallows"],
)
async def test_a_way_that_lets_plain_requests_through_and_no_upgrade_blocks_it(instead: Handler | bytes) -> None:
    result = await heard_by(in_between(instead), timeout="1s")
    assert fell(result) == ("upgrade", websocket_causes.UPGRADE_BLOCKED)
    assert "a plain request is answered" in result.detail


async def test_a_service_that_answers_nothing_at_all_is_not_said_to_block_upgrades() -> None:
    assert fell(await heard_by(silent, timeout="1s")) == ("upgrade", causes.TIMEOUT)
    assert fell(await heard_by(listening_then_closing)) == ("upgrade", causes.CLOSED_EARLY)


async def test_an_early_hint_before_the_upgrade_is_read_over() -> None:
    async def hints(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + granted(head) + FINAL)
        await reader.read()

    assert (await heard_by(hints)).outcome is Outcome.OK


@pytest.mark.parametrize(
    ("status", "of", "stage", "cause"),
    [
        ("401 No", "text/plain", "token", speech_causes.TOKEN_REFUSED),
        ("403 No", "text/plain", "token", speech_causes.TOKEN_REFUSED),
        ("403 No", "text/html", "upgrade", websocket_causes.UPGRADE_BLOCKED),
    ],
)
async def test_a_token_may_be_refused_with_the_upgrade(
    status: str, of: str, stage: str, cause: Cause, secret: dict[str, str]
) -> None:
    answer = page("no", status=status).replace(b"text/html", of.encode())
    async with site(answer) as running:
        result = await recognise(running.port, token=secret)
    assert fell(result) == (stage, cause)
    assert "s3" not in result.detail


# The proxy ----------------------------------------------------------------------------------------------------------


def through(url: str, **keys: Any) -> dict[str, Any]:
    return {"proxy": "main", "context": {"proxies": {"main": Proxy.model_validate({"url": url} | keys)}}}


async def test_a_conversation_survives_a_proxys_tunnel_with_tls_and_without(
    authority: trustme.CA, ca_file: Path
) -> None:
    context = server_context(authority.issue_cert("127.0.0.1"))
    async with proxy() as gate, serving(said(FINAL)) as port:
        plain = await recognise(port, **through(gate.url))
        assert plain.outcome is Outcome.OK
        assert "proxy" in [rung.stage.id for rung in plain.rungs]
        assert gate.heads[0].startswith(b"CONNECT 127.0.0.1:%d " % port)

        async def over_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await writer.start_tls(context)
            await said(FINAL)(reader, writer)

        async with serving(over_tls) as secure:
            keys = through(gate.url) | {"tls": {"ca": str(ca_file)}, "issuer": "trustme"}
            result = await recognise(secure, scheme="wss", **keys)
    assert result.outcome is Outcome.OK
    assert [rung.stage.id for rung in result.rungs][:5] == ["resolve", "connect", "proxy", "tls", "upgrade"]
    assert result.of == len(result.rungs)


async def test_a_recogniser_that_the_proxy_denies_is_named() -> None:
    denies = page("denied", "X-Squid-Error: ERR_ACCESS_DENIED 0", status="403 Forbidden")
    async with proxy(denies=denies, only="speech.invalid") as gate:
        result = await climb(settings(Speech, url="wss://speech.invalid/", **through(gate.url)))
    assert fell(result) == ("proxy", proxy_causes.PROXY_DENIED)
    assert result.detail.startswith("speech.invalid: ")


async def test_a_proxy_that_reads_along_denies_by_its_page() -> None:
    blocked = page("<h1>Blocked by policy 7</h1>", status="403 Forbidden")
    async with proxy() as gate, site(blocked) as running:
        result = await recognise(running.port, **through(gate.url, denied={"status": [], "body": "Blocked by policy"}))
    assert fell(result) == ("upgrade", proxy_causes.PROXY_DENIED)
    assert result.detail.startswith("127.0.0.1: ")


# Hostile peers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("says", "cause"),
    [
        (frame(TEXT, length=1 << 63), causes.TOO_LONG),
        (frame(TEXT, length=(1 << 64) - 1), causes.TOO_LONG),
        (frame(TEXT, length=300_000), causes.TOO_LONG),
        (frame(PING, b"x" * 126), causes.GARBAGE),
        (frame(TEXT, "{}", masked=True), causes.GARBAGE),
        (frame(3, "{}"), causes.GARBAGE),
        (frame(TEXT | 0x40, "{}"), causes.GARBAGE),
        (frame(CONTINUED, "{}"), causes.GARBAGE),
        (frame(TEXT, "{", fin=False) + frame(TEXT, "}"), causes.GARBAGE),
        (frame(PING, fin=False), causes.GARBAGE),
        (frame(CLOSE, b"\x00"), causes.GARBAGE),
        (frame(CLOSE, b"\x03\xe8\xff"), causes.GARBAGE),
        (page("x" * 100), causes.GARBAGE),
    ],
    ids=[
        "2^63",
        "2^64-1",
        "beyond bounds",
        "long ping",
        "masked",
        "reserved opcode",
        "compressed",
        "continues nothing",
        "unfinished",
        "ping in pieces",
        "close of one byte",
        "close not UTF-8",
        "HTTP",
    ],
)
async def test_frames_that_no_server_may_send_end_it(says: bytes, cause: Cause) -> None:
    result = await heard_by(said(says))
    assert fell(result) == ("response", cause)
    assert result.outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("then", "cause"),
    [
        (endless(frame(PING) * 100), causes.TOO_LONG),
        (endless(frame(PONG, b"x" * 100) * 100), causes.TOO_LONG),
        (endless(frame(PING, b"x" * 125) * 30 + frame(TEXT, "{}")), causes.TOO_LONG),
        (saying(frame(TEXT, "{", fin=False), then=endless(frame(CONTINUED, b" " * 1000, fin=False))), causes.TOO_LONG),
        (saying(frame(TEXT, "{", fin=False), then=endless(frame(CONTINUED, fin=False) * 100)), causes.TOO_LONG),
        (endless(frame(TEXT, "{}") * 100), causes.TOO_LONG),
        (endless(frame(TEXT, json.dumps({"text": "blah " * 2000}))), causes.TOO_LONG),
        (saying(b"\x81\x7f", then=endless(b"\xff" * 4096)), causes.TOO_LONG),
    ],
    ids=["pings", "pongs", "pings and messages", "fragments", "empty fragments", "messages", "texts", "lengths"],
)
async def test_endless_frames_end_within_the_deadline_and_little_memory(then: Handler, cause: Cause) -> None:
    tracemalloc.start()
    result = await heard_by(said(then), deadline=8.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert fell(result) == ("response", cause)
    assert peak < 12_000_000


@pytest.mark.parametrize(
    ("peer", "cause"),
    [
        (saying(b"HTTP/1.1 101 Switching Protocols\r\n", then=endless(b"X: y\r\n" * 50)), causes.TOO_LONG),
        (saying(b"HTTP/1.1 101 Switching Protocols\r\n", then=endless(b"x" * 4096)), causes.TOO_LONG),
        (saying(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"), causes.GARBAGE),
        (saying(b"SSH-2.0-OpenSSH_9.2\r\n"), causes.GARBAGE),
        (saying(b"\x16\x03\x01\x02\x00\x01\r\n"), causes.GARBAGE),
    ],
    ids=["fields", "field", "of another conversation", "ssh", "tls"],
)
async def test_an_upgrade_that_is_none_or_never_ends_is_refused(peer: Handler, cause: Cause) -> None:
    result = await heard_by(peer)
    assert fell(result) == ("upgrade", cause)


async def test_a_connection_that_ends_without_goodbye_is_closed_early() -> None:
    for then in (closing, saying(PARTIAL[:5], then=closing)):
        assert fell(await heard_by(said(then))) == ("response", causes.CLOSED_EARLY)


async def test_the_deadline_closes_everything_that_was_opened() -> None:
    """A peer that reads nothing and says nothing: filterwarnings turns an unclosed socket into an error."""
    for peer in (upgrading(silent), said(silent), silent):
        result = await heard_by(peer, deadline=0.3, websocket=END | {"pace": "50ms"}, timeout="5s")
        assert result.cause is causes.TIMEOUT
