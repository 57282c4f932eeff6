"""The kind `speech` over HTTP: each cause by a service that really does it."""

import asyncio
import json
import os
import socket
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import trustme
from blockbuster import blockbuster_ctx
from pydantic import ValidationError

from probes.speech import Speech
from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.result import Outcome, Result
from retabli.model.settings import Proxy
from retabli.net.speech import speech_causes
from retabli.net.speech.recording import SHIPPED, WORDS
from retabli.net.web import http_causes, proxy_causes
from tests.climbing import climb, settings
from tests.net.peers import (
    Handler,
    closed_port,
    closing,
    endless,
    saying,
    server_context,
    serving,
    silent,
    trickling,
)
from tests.net.web_servers import Answer, page, proxy, redirect, site
from tests.said import fell

LISTENS = page(json.dumps({"text": WORDS}))


def answer(document: object, *fields: str, status: str = "200 OK") -> bytes:
    return page(json.dumps(document), *fields, status=status)


def plainly(page: bytes) -> bytes:
    """Not as a page for people."""
    return page.replace(b"text/html", b"text/plain")


async def recognise(url: str, *, deadline: float | None = None, **keys: Any) -> Result:
    return await climb(settings(Speech, url=url, **keys), deadline=deadline)


async def answered(answers: Answer | Mapping[str, Answer], *, deadline: float | None = None, **keys: Any) -> Result:
    async with site(answers) as running:
        return await recognise(running.url(), deadline=deadline, **keys)


@pytest.fixture
def secret(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "token").write_text("s3cret\n")
    return {"file": str(tmp_path / "token")}


async def test_a_recording_on_a_disk_that_hangs_says_nothing_of_the_recogniser(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "recording.wav")
    audio: dict[str, Any] = {"audio": str(tmp_path / "recording.wav"), "expect_words": "one two"}
    async with site(LISTENS) as running:
        result = await recognise(running.url(), timeout="500ms", **audio)
    os.close(os.open(tmp_path / "recording.wav", os.O_RDWR | os.O_NONBLOCK))  # whoever reads it is let go
    assert (result.outcome, result.cause) == (Outcome.UNKNOWN, causes.FILE_UNREADABLE), result


# What holds ---------------------------------------------------------------------------------------------------------


async def test_the_shipped_recording_is_posted_and_its_words_are_recognised() -> None:
    async with site(LISTENS) as running:
        result = await recognise(running.url("/v1/listen?language=en"))
    assert result.outcome is Outcome.OK
    assert result.whole
    climbed = "resolve connect request response licence recognised words latency"
    assert [rung.stage.id for rung in result.rungs] == climbed.split()
    assert result.of == len(result.rungs)
    assert result.properties["error_rate"] == "0.00"
    head, _, body = running.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/listen?language=en HTTP/1.1")
    assert b"Content-Type: audio/wav" in head
    assert b"Authorization" not in head
    assert body == SHIPPED.read_bytes()


async def test_a_form_holds_the_recording_as_a_file_and_the_fields_that_are_wanted() -> None:
    async with site(LISTENS) as running:
        result = await recognise(running.url(), upload="multipart", field="speech", fields={"language": "en"})
    assert result.outcome is Outcome.OK
    head, _, body = running.requests[0].partition(b"\r\n\r\n")
    assert b"Content-Type: multipart/form-data; boundary=" in head
    assert b'name="speech"; filename="recording.wav"\r\nContent-Type: audio/wav' in body
    assert b'name="language"\r\n\r\nen\r\n' in body
    assert SHIPPED.read_bytes() in body


async def test_another_recording_and_another_place_of_its_text(tmp_path: Path) -> None:
    (tmp_path / "ours.wav").write_bytes(SHIPPED.read_bytes())
    found = {"results": [{"transcript": "L’hôpital est"}, {"transcript": "OUVERT."}]}
    result = await answered(
        answer(found),
        audio="ours.wav",
        expect_words="l'hôpital est ouvert",
        text_at="results.*.transcript",
        samples_only=True,
        max_error_rate=0,
        context={"folder": tmp_path},
    )
    assert result.outcome is Outcome.OK


async def test_nothing_blocks_the_loop_while_the_recording_is_read() -> None:
    with blockbuster_ctx():
        result = await answered(LISTENS, samples_only=True)
    assert result.outcome is Outcome.OK


# What is heard ------------------------------------------------------------------------------------------------------


async def test_a_few_wrong_words_pass_and_more_do_not_and_the_rate_is_told() -> None:
    two_wrong = WORDS.replace("hospital", "hostel").replace("throw", "blow")
    result = await answered(answer({"text": two_wrong}))
    assert result.outcome is Outcome.OK
    assert result.properties["error_rate"] == "0.15"
    result = await answered(answer({"text": two_wrong}), max_error_rate=0.1)
    assert fell(result) == ("words", speech_causes.WRONG_TEXT)
    assert result.outcome is Outcome.FAILED
    assert "word error rate 0.15, at most 0.10" in result.detail
    assert "hostel" in result.detail


async def test_another_text_altogether_is_wrong_however_long() -> None:
    result = await answered(answer({"text": "blah " * 10_000}))
    assert fell(result) == ("words", speech_causes.WRONG_TEXT)


@pytest.mark.parametrize("text", ["", "  ", "…"])
async def test_silence_heard_is_an_empty_text(text: str) -> None:
    assert fell(await answered(answer({"text": text}))) == ("recognised", speech_causes.EMPTY_TEXT)


@pytest.mark.parametrize(
    "answers",
    [
        answer({"words": WORDS}),
        answer({"text": None}),
        answer([WORDS]),
        answer({"text": {"is": WORDS}}),
        page("<h1>Blocked by policy</h1>"),
        page("[" * 100_000),
        page(json.dumps({"text": WORDS, "filler": "x" * 300_000})),
        page(b'{"text": "\xff\xfe"}'),
    ],
    ids=["elsewhere", "null", "list", "object", "page", "deep", "long", "not text"],
)
async def test_what_is_no_transcript_is_not_taken_for_one(answers: bytes) -> None:
    result = await answered(answers)
    assert fell(result) == ("recognised", speech_causes.NO_TRANSCRIPT)
    assert result.outcome is Outcome.FAILED


async def test_a_recogniser_that_tells_of_an_error_of_its_own_is_down() -> None:
    result = await answered(answer({"error": {"code": 17, "message": "model not loaded"}}))
    assert fell(result) == ("recognised", speech_causes.RECOGNISER_ERROR)
    assert "model not loaded" in result.detail
    assert (await answered(answer({"error": None, "text": WORDS}))).outcome is Outcome.OK


async def test_a_slow_recogniser_works_and_not_wholly() -> None:
    result = await answered(LISTENS, max_latency="0s")
    assert result.outcome is Outcome.OK
    assert not result.whole
    assert result.cause is speech_causes.RECOGNITION_SLOW


# Refusals -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "fields", "cause", "outcome"),
    [
        ("400 Bad Request", (), speech_causes.AUDIO_REFUSED, Outcome.FAILED),
        ("413 Too Large", (), speech_causes.AUDIO_REFUSED, Outcome.FAILED),
        ("415 Unsupported", (), speech_causes.AUDIO_REFUSED, Outcome.FAILED),
        ("422 Unprocessable", (), speech_causes.AUDIO_REFUSED, Outcome.FAILED),
        ("401 Who", (), http_causes.AUTH_REQUIRED, Outcome.FAILED),
        ("403 Forbidden", (), http_causes.HTTP_CLIENT_ERROR, Outcome.FAILED),
        ("404 Not Found", (), http_causes.HTTP_CLIENT_ERROR, Outcome.FAILED),
        ("429 Slower", (), http_causes.RATE_LIMITED, Outcome.UNKNOWN),
        ("500 Oops", (), http_causes.HTTP_SERVER_ERROR, Outcome.FAILED),
        ("503 Maintenance", ("Retry-After: 120",), http_causes.UNAVAILABLE, Outcome.UNKNOWN),
        ("302 Found", ("Location: /login",), http_causes.REDIRECTED_AWAY, Outcome.FAILED),
        ("304 Not Modified", (), http_causes.UNEXPECTED_STATUS, Outcome.FAILED),
    ],
)
async def test_each_refusal_has_its_cause(status: str, fields: tuple[str, ...], cause: Cause, outcome: Outcome) -> None:
    result = await answered(plainly(page("no", *fields, status=status)))
    assert fell(result) == ("response", cause)
    assert result.outcome is outcome
    assert status in result.detail


async def test_a_redirect_is_never_followed_with_the_recording_and_the_token(secret: dict[str, str]) -> None:
    async with site(LISTENS) as elsewhere:
        async with site(redirect(elsewhere.url(), status="307 Temporary")) as running:
            result = await recognise(running.url(), token=secret)
    assert result.cause is http_causes.REDIRECTED_AWAY
    assert elsewhere.url() in result.detail
    assert not elsewhere.requests
    async with site({"/": redirect("/there", status="307 Temporary"), "/there": LISTENS}) as running:
        assert (await recognise(running.url(), token=secret)).cause is http_causes.REDIRECTED_AWAY


async def test_a_service_that_hangs_up_in_the_middle_of_the_recording_is_heard_if_it_said_why(tmp_path: Path) -> None:
    (tmp_path / "long.wav").write_bytes(bytes(1_000_000))

    async def hang_up(listener: socket.socket, said: bytes) -> None:
        loop = asyncio.get_running_loop()
        accepted, _ = await loop.sock_accept(listener)
        with accepted:
            await loop.sock_recv(accepted, 1024)
            await loop.sock_sendall(accepted, said)
            await asyncio.sleep(0.1)  # the rest waits in buffers on either side, and is never read: a reset

    for said, fallen in (
        (page("too large", status="413 Too Large"), ("response", speech_causes.AUDIO_REFUSED)),
        (b"", ("response", causes.RESET)),
    ):
        with socket.socket() as listener:
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)  # else loopback takes it all at once
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            listener.setblocking(False)
            refusing = asyncio.create_task(hang_up(listener, said))
            url, audio = f"http://127.0.0.1:{listener.getsockname()[1]}/", str(tmp_path / "long.wav")
            result = await recognise(url, audio=audio, expect_words="nothing")
            await refusing
        assert fell(result) == fallen


def having_read(then: Handler) -> Handler:
    """Reads the whole request first."""

    async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]))
        await then(reader, writer)

    return read


@pytest.mark.parametrize(
    ("peer", "stage", "cause"),
    [
        (silent, "response", causes.TIMEOUT),
        (having_read(closing), "response", causes.CLOSED_EARLY),
        (having_read(endless(b"HTTP/1.1 200 OK\r\n" * 100)), "response", causes.GARBAGE),
        (having_read(saying(b"HTTP/1.1 200 OK\r\n", then=endless(b"X: y\r\n" * 100))), "response", causes.TOO_LONG),
        (having_read(saying(b"HTTP/1.1 200 OK\r\n", then=endless(b"x" * 4096))), "response", causes.TOO_LONG),
        (having_read(trickling(LISTENS, 0.05)), "response", causes.TIMEOUT),
    ],
    ids=["silent", "closing", "endless status", "endless fields", "endless field", "trickle"],
)
async def test_a_peer_that_is_no_service_ends_within_the_deadline(peer: Handler, stage: str, cause: Cause) -> None:
    async with serving(peer) as port:
        result = await recognise(f"http://127.0.0.1:{port}/", deadline=0.5)
    assert fell(result) == (stage, cause)
    assert result.outcome is Outcome.FAILED


async def test_an_endless_answer_takes_little_memory() -> None:
    async def floods(reader: Any, writer: Any) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n{")
        await endless(b" " * 65_536)(reader, writer)

    tracemalloc.start()
    async with serving(floods) as port:
        result = await recognise(f"http://127.0.0.1:{port}/")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert result.cause is speech_causes.NO_TRANSCRIPT
    assert peak < 8_000_000


async def test_a_closed_port_is_refused() -> None:
    result = await recognise(f"http://127.0.0.1:{closed_port()}/")
    assert fell(result) == ("connect", causes.REFUSED)


# The token ----------------------------------------------------------------------------------------------------------


async def test_a_token_of_our_own_is_presented_as_the_settings_say(secret: dict[str, str]) -> None:
    async with site(LISTENS) as running:
        for token_as in ("Authorization: Bearer ${token}", "X-Api-Key: ${token}"):
            result = await recognise(running.url(), token=secret, token_as=token_as)
            assert result.outcome is Outcome.OK
            assert stages.RESPONSE in [rung.stage for rung in result.rungs]
    assert b"\r\nAuthorization: Bearer s3cret\r\n" in running.requests[0]
    assert b"\r\nX-Api-Key: s3cret\r\n" in running.requests[1]


@pytest.mark.parametrize(
    "answers",
    [
        page("no", status="401 No"),
        plainly(page("no", status="403 No")),
        answer({"error": "token expired"}),
    ],
    ids=["401", "403", "by its body"],
)
async def test_a_refused_token_falls_on_its_own_rung_and_is_never_tried_again(
    answers: bytes, secret: dict[str, str]
) -> None:
    result = await answered(answers, token=secret, refused={"status": [401], "body": "token expired"})
    assert fell(result) == ("token", speech_causes.TOKEN_REFUSED)
    assert result.cause is not None
    assert result.cause.credential
    assert [rung.stage.id for rung in result.rungs] == ["resolve", "connect", "token"]
    assert "s3cret" not in result.detail


@pytest.mark.parametrize(
    "answers",
    [
        page("no such token: a-very-secret-token", status="401 No"),
        answer({"error": f"{'x' * 100} a-very-secret-token is unknown"}),
        answer({"text": "a-very-secret-token"}),
        answer({"text": ["a-very-secret-token"]}),
        plainly(page("a-very-secret-token?", status="400 No")),
        page("a-very-secret-token"),
    ],
    ids=["401", "error, cut", "text", "list", "400", "no JSON"],
)
async def test_a_token_that_somebody_repeats_is_not_told(answers: bytes, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a-very-secret-token")
    result = await answered(answers, token={"file": str(tmp_path / "token")})
    assert result.outcome is Outcome.FAILED
    assert "…" in result.detail
    assert "secret" not in result.detail
    assert not [value for value in result.properties.values() if "secret" in value]


async def test_a_page_is_not_the_recognisers_and_says_nothing_of_the_token(secret: dict[str, str]) -> None:
    for status in ("403 Forbidden", "400 No required SSL certificate was sent"):
        result = await answered(page("<h1>Blocked</h1>", status=status), token=secret)
        assert fell(result) == ("response", http_causes.HTTP_CLIENT_ERROR)


async def test_a_token_service_is_asked_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("pässword")
    async with site({"/token": answer({"access_token": "fresh"}), "/": LISTENS}) as running:
        result = await recognise(
            running.url(),
            token_service={"url": running.url("/token"), "user": "probe", "password": {"file": "password"}},
            context={"folder": tmp_path},
        )
    assert result.outcome is Outcome.OK
    climbed = "resolve connect token request response licence recognised words latency"
    assert [rung.stage.id for rung in result.rungs] == climbed.split()
    asked, posted = running.requests
    assert asked.startswith(b"POST /token ")
    assert b"\r\nAuthorization: Basic cHJvYmU6cMOkc3N3b3Jk\r\n" in asked
    assert asked.endswith(b"\r\n\r\ngrant_type=client_credentials")
    assert b"\r\nAuthorization: Bearer fresh\r\n" in posted


@pytest.mark.parametrize(
    ("answers", "cause"),
    [
        (page('{"error": "invalid_client"}', status="400 Bad Request"), causes.AUTH_REFUSED),
        (page("no", status="401 No"), causes.AUTH_REFUSED),
        (page("no", status="403 No"), causes.AUTH_REFUSED),
        (page("no", status="400 Bad Request"), http_causes.HTTP_CLIENT_ERROR),
        (page("no", status="500 Oops"), http_causes.HTTP_SERVER_ERROR),
        (page("no", "Retry-After: 9", status="503 Wait"), http_causes.UNAVAILABLE),
        (page("raw-t0ken"), speech_causes.NO_TOKEN),
        (answer({"access_token": ""}), speech_causes.NO_TOKEN),
        (answer({"access_token": 7}), speech_causes.NO_TOKEN),
        (answer({"access_token": "t\r\nX: y"}), speech_causes.NO_TOKEN),
        (answer({"access_token": "t" * 20_000}), speech_causes.NO_TOKEN),
        (answer({"token": "t"}), speech_causes.NO_TOKEN),
    ],
    ids=["invalid client", "401", "403", "400", "500", "503", "raw", "empty", "number", "two lines", "long", "none"],
)
async def test_a_token_service_that_gives_none_says_why(answers: bytes, cause: Cause, secret: dict[str, str]) -> None:
    async with site({"/token": answers, "/": LISTENS}) as running:
        result = await recognise(running.url(), token_service={"url": running.url("/token"), "body": secret})
    assert fell(result) == ("token", cause)
    assert result.detail.startswith("127.0.0.1: ")
    assert "t0ken" not in result.detail
    assert len(running.requests) == 1  # and the recording was sent to nobody


async def test_an_account_is_never_sent_to_where_a_redirect_leads(secret: dict[str, str]) -> None:
    moved = {"/here": redirect("/there", status="307 Moved"), "/there": answer({"access_token": "t", "free": 1})}
    async with site({**moved, "/": LISTENS}) as running:
        account = {"url": running.url("/here"), "user": "probe", "password": secret}
        service = await recognise(running.url(), token_service=account)
        licence = await recognise(running.url(), licence=account | {"at": "free"})
    assert fell(service) == ("token", http_causes.UNEXPECTED_STATUS)
    assert licence.cause is speech_causes.LICENCE_UNKNOWN
    assert not [request for request in running.requests if b" /there " in request]


async def test_a_token_service_that_is_down_and_a_secret_that_is_missing_fall_on_the_token(tmp_path: Path) -> None:
    down = await answered(LISTENS, token_service={"url": f"http://localhost:{closed_port()}/"})
    missing = await answered(LISTENS, token={"file": str(tmp_path / "none")})
    (tmp_path / "odd").write_text("töken")
    odd = await answered(LISTENS, token={"file": str(tmp_path / "odd")})
    assert fell(down) == ("token", causes.REFUSED)
    assert down.detail.startswith("localhost: ")
    assert fell(missing) == fell(odd) == ("token", causes.SECRET_UNREADABLE)
    assert missing.outcome is Outcome.UNKNOWN


# The licence --------------------------------------------------------------------------------------------------------


async def test_an_answer_that_tells_of_an_exhausted_licence_falls_on_its_rung() -> None:
    for answers, sign in (
        (page("pay", status="402 Payment Required"), {}),
        (page("no", status="409 Conflict"), {"exhausted": {"status": [409]}}),
        (answer({"state": "NO SEATS LEFT"}), {"exhausted": {"body": "(?i)no seats"}}),
    ):
        result = await answered(answers, **sign)
        assert fell(result) == ("licence", speech_causes.LICENCE_EXHAUSTED)
        assert result.outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("state", "value", "holds"),
    [
        (3, None, True),
        (0, None, False),
        (-1, None, False),
        (True, None, True),
        (False, None, False),
        ("valid", None, False),
        ("valid", "^valid$", True),
        ("expired", "^valid$", False),
    ],
)
async def test_a_licence_service_says_whether_the_licence_holds(state: object, value: str | None, holds: bool) -> None:
    async with site({"/licence": answer({"seats": {"free": state}}), "/": LISTENS}) as running:
        licence = {"url": running.url("/licence"), "at": "seats.free", "value": value}
        result = await recognise(running.url(), licence=licence)
    if holds:
        assert result.outcome is Outcome.OK
        assert result.whole
    else:
        assert fell(result) == ("licence", speech_causes.LICENCE_EXHAUSTED)
        assert len(running.requests) == 1


@pytest.mark.parametrize(
    "answers",
    [
        page("no", status="500 Oops"),
        page("no JSON"),
        answer({"seats": 1}),
        answer({"free": [1]}),
        page("", status="401 No"),
    ],
    ids=["500", "no JSON", "elsewhere", "list", "401"],
)
async def test_a_licence_that_cannot_be_read_keeps_nobody_from_being_heard(answers: bytes) -> None:
    async with site({"/licence": answers, "/": LISTENS}) as running:
        result = await recognise(running.url(), licence={"url": running.url("/licence"), "at": "free"})
    assert result.outcome is Outcome.OK
    assert not result.whole
    assert result.cause is speech_causes.LICENCE_UNKNOWN


async def test_an_account_that_the_licence_service_refuses_is_not_tried_on_and_on(secret: dict[str, str]) -> None:
    async with site({"/licence": page("no", status="401 No"), "/": LISTENS}) as running:
        licence = {"url": running.url("/licence"), "at": "free", "user": "probe", "password": secret}
        result = await recognise(running.url(), licence=licence)
    assert fell(result) == ("licence", speech_causes.LICENCE_ACCOUNT_REFUSED)
    assert result.outcome is Outcome.UNKNOWN
    assert result.cause is not None
    assert result.cause.credential


async def test_a_secret_of_ours_that_is_missing_says_nothing_of_the_licence() -> None:
    async with site({"/licence": answer({"free": 1}), "/": LISTENS}) as running:
        licence = {"url": running.url("/licence"), "at": "free", "user": "probe", "password": {"env": "NOT_THERE"}}
        result = await recognise(running.url(), licence=licence)
    assert fell(result) == ("licence", causes.SECRET_UNREADABLE)
    assert result.outcome is Outcome.UNKNOWN


# The way there ------------------------------------------------------------------------------------------------------


DENIES = page("denied", "X-Squid-Error: ERR_ACCESS_DENIED 0", status="403 Forbidden")


def through(url: str, **keys: Any) -> dict[str, Any]:
    return {"proxy": "main", "context": {"proxies": {"main": Proxy.model_validate({"url": url} | keys)}}}


async def test_of_all_the_hosts_that_it_needs_the_one_that_is_denied_is_named(
    authority: trustme.CA, ca_file: Path
) -> None:
    context = server_context(authority.issue_cert("localhost", "127.0.0.1"))
    async with site(LISTENS, tls=context) as running, proxy(denies=DENIES, only="licences.invalid") as gate:
        hosts = [
            f"localhost:{running.port}",
            f"https://127.0.0.1:{running.port}/x",
            "licences.invalid",
            "nowhere.invalid",
        ]
        denied = await recognise(running.url(), hosts=hosts, tls={"ca": str(ca_file)}, **through(gate.url))
        reached = await recognise(running.url(), hosts=hosts[:2], tls={"ca": str(ca_file)}, **through(gate.url))
    assert fell(denied) == ("hosts", speech_causes.HOST_DENIED)
    assert denied.detail.startswith("licences.invalid: proxy_denied")
    assert [rung.stage.id for rung in reached.rungs][:5] == ["hosts", "resolve", "connect", "proxy", "tls"]
    assert reached.outcome is Outcome.OK
    assert reached.of == len(reached.rungs)


async def test_a_host_that_it_needs_and_that_is_down_is_named() -> None:
    result = await answered(LISTENS, hosts=[f"http://localhost:{closed_port()}/"])
    assert fell(result) == ("hosts", speech_causes.HOST_UNREACHABLE)
    assert result.detail.startswith("localhost: refused")


async def test_of_hosts_that_are_silent_the_first_is_named_and_in_time(secret: dict[str, str]) -> None:
    async with serving(silent) as port, site(LISTENS) as running:
        dumb = f"https://localhost:{port}/"
        hosts = await recognise(running.url(), hosts=[running.url(), *[dumb] * 7], timeout="1s")
        service = await recognise(running.url(), token_service={"url": dumb}, timeout="1s")
        licence = await recognise(running.url(), licence={"url": dumb, "at": "free"}, timeout="1s")
    assert fell(hosts) == ("hosts", speech_causes.HOST_UNREACHABLE)
    assert hosts.detail.startswith("localhost: timeout")
    assert fell(service) == ("token", causes.TIMEOUT)
    assert service.detail.startswith("localhost: ")
    assert licence.outcome is Outcome.OK
    assert licence.cause is speech_causes.LICENCE_UNKNOWN


async def test_a_proxy_that_is_down_leaves_it_unknown() -> None:
    gone = f"http://127.0.0.1:{closed_port()}"
    result = await recognise("https://speech.invalid/", hosts=["licences.invalid"], **through(gone))
    assert fell(result) == ("hosts", proxy_causes.PROXY_DOWN)
    assert result.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(("scheme", "stage"), [("https", "proxy"), ("http", "response")])
async def test_the_recogniser_itself_denied_is_named_too(scheme: str, stage: str, secret: dict[str, str]) -> None:
    async with proxy(denies=DENIES, only="speech.invalid") as gate:
        result = await recognise(f"{scheme}://speech.invalid/", token=secret, **through(gate.url))
    assert fell(result) == (stage, proxy_causes.PROXY_DENIED)
    assert result.detail.startswith("speech.invalid: ")


async def test_a_token_service_that_the_proxy_denies_is_named_on_the_tokens_rung() -> None:
    async with site(LISTENS) as running, proxy(denies=DENIES, only="tokens.invalid") as gate:
        result = await recognise(running.url(), token_service={"url": "https://tokens.invalid/"}, **through(gate.url))
    assert fell(result) == ("token", speech_causes.HOST_DENIED)
    assert result.detail.startswith("tokens.invalid: ")


async def test_somebody_who_reads_along_is_told_by_the_issuer(authority: trustme.CA, ca_file: Path) -> None:
    async with site(LISTENS, tls=server_context(authority.issue_cert("127.0.0.1"))) as running:
        known = await recognise(running.url(), tls={"ca": str(ca_file)}, issuer="trustme")
        other = await recognise(running.url(), tls={"ca": str(ca_file)}, issuer="Public Authority")
        unknown = await recognise(running.url())
    assert known.outcome is Outcome.OK
    assert fell(other) == ("tls", http_causes.TLS_INTERCEPTED)
    assert fell(unknown) == ("tls", causes.CERT_UNKNOWN_CA)
    assert len(running.requests) == 1


async def test_a_recording_that_cannot_be_read_is_our_fault(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "words").write_text("not a recording")
    (tmp_path / "large").write_bytes(bytes(1_000_001))
    for name, only in (("none", False), ("empty", False), ("large", False), ("words", True)):
        result = await answered(LISTENS, audio=str(tmp_path / name), expect_words="x", samples_only=only)
        assert result.cause is causes.FILE_UNREADABLE
        assert result.outcome is Outcome.UNKNOWN
        assert name in result.detail


# Settings -----------------------------------------------------------------------------------------------------------


def faults(**keys: Any) -> str:
    return "; ".join(settings(Speech, **{"url": "https://speech.example/"} | keys).faults())


def test_what_does_not_go_together_is_a_fault() -> None:
    assert faults() == ""
    assert "belong together" in faults(audio="x.wav")
    assert "belong together" in faults(expect_words="x")
    assert "audio: x.wav: No such file" in faults(audio="x.wav", expect_words="x")
    paced = {"url": "wss://speech.example/", "websocket": {"chunk": 3200, "pace": "100ms"}}
    assert "at that pace the recording takes 4.3s, longer than timeout (4s)" in faults(**paced, timeout="4s")
    assert faults(**paced) == ""
    assert "no word" in faults(audio="x.wav", expect_words="…")
    assert "more than 200" in faults(audio="x.wav", expect_words="x " * 201)
    assert "tls.mode" in faults(tls={"mode": "starttls"})
    assert "websocket means nothing" in faults(websocket={"end": ""})
    assert "upload means nothing" in faults(url="wss://speech.example/", upload="multipart")
    assert "fields mean nothing" in faults(fields={"a": "b"})
    assert "exclude each other" in faults(token={"env": "X"}, token_service={"url": "https://t.example/"})
    assert "token_service: user and" in faults(token_service={"url": "https://t.example/", "user": "probe"})
    assert "licence: user and" in faults(licence={"url": "https://l.example/", "at": "x", "password": {"env": "X"}})
    assert "wants a token" in faults(url="wss://speech.example/", websocket={"start": {"key": "${token}"}})


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"url": "ftp://speech.example/"}, "begins with neither"),
        ({"url": "wss://speech.example/#x"}, "fragment"),
        ({"upload": "multipart", "fields": {"x": "y" * 1001}}, "at most 1000"),
        ({"url": "wss://user:pw@speech.example/"}, "an account does not belong"),
        ({"text_at": "a b"}, "no path into JSON"),
        ({"token": "s3cret"}, "not written in clear"),
        ({"token_service": {"url": "nowhere"}}, "no web address"),
        ({"token_as": "Bearer ${token}"}, "no header with a token"),
        ({"token_as": "Authorization: Bearer"}, "no header with a token"),
        ({"token_as": "Connection: ${token}"}, "not for a configuration to set"),
        ({"max_error_rate": 1.0}, "less than 1"),
        ({"exhausted": {"body": "("}}, "no regular expression"),
        ({"websocket": {"subprotocol": "a b"}}, "pattern"),
        ({"websocket": {"final_at": "=1"}}, "no path into JSON"),
    ],
)
def test_each_mistake_in_a_key_has_its_sentence(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        settings(Speech, **{"url": "https://speech.example/"} | keys)


def test_warnings_say_where_a_token_goes_in_clear_or_nowhere() -> None:
    clear = settings(Speech, url="http://speech.example/", token={"env": "X"})
    assert "without TLS" in "; ".join(clear.warnings())
    nowhere = settings(Speech, url="https://speech.example/", token={"env": "X"}, token_as=None)
    assert "presented nowhere" in "; ".join(nowhere.warnings())
    assert not list(settings(Speech, url="https://speech.example/", token={"env": "X"}).warnings())


def test_a_latency_that_is_never_told_is_warned_of() -> None:
    late = settings(Speech, url="https://speech.example/", max_latency="10s", timeout="10s")
    assert "comes first" in "; ".join(late.warnings())


def test_the_ladder_has_the_rungs_that_these_settings_climb() -> None:
    def rungs(url: str, **keys: Any) -> str:
        return " ".join(stage.id for stage in settings(Speech, url=url, **keys).climbs())

    end = "licence request response recognised words latency"
    gate = through("http://gate.example:3128")
    assert rungs("http://s.example/") == f"resolve connect {end}"
    assert rungs("https://s.example/", **gate) == f"resolve connect proxy tls {end}"
    assert rungs("http://s.example/", **gate) == f"resolve connect {end}"
    assert rungs("ws://s.example/", **gate) == f"resolve connect proxy upgrade {end}"
    assert rungs("wss://s.example/", hosts=["l.example"], token={"env": "X"}) == (
        f"hosts resolve connect tls token upgrade {end}"
    )


def test_openings_name_every_host_or_the_proxy_alone() -> None:
    keys: dict[str, Any] = {
        "url": "wss://s.example:8443/",
        "hosts": ["cdn.example"],
        "token_service": {"url": "https://t.example/"},
        "licence": {"url": "http://l.example/", "at": "free"},
    }
    named = {
        ("s.example", 8443, "tcp"),
        ("cdn.example", 443, "tcp"),
        ("t.example", 443, "tcp"),
        ("l.example", 80, "tcp"),
    }
    assert set(settings(Speech, **keys).openings()) == named
    gate = through("http://gate.example:3128")
    assert list(settings(Speech, **keys, **gate).openings()) == [("gate.example", 3128, "tcp")]


def test_every_secret_is_known_however_deep() -> None:
    probe = settings(
        Speech,
        url="https://s.example/",
        token_service={"url": "https://t.example/", "password": {"env": "A"}, "body": {"env": "B"}},
        licence={"url": "https://l.example/", "at": "free", "password": {"env": "C"}},
    )
    assert {secret.env for secret in probe.secrets()} == {"A", "B", "C"}
