"""A webhook is accepted by a 2xx answer in time and by nothing else; what it answers is bounded."""

import asyncio
import errno
import gzip
import hashlib
import hmac
import socket
import ssl
import time
import tracemalloc
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from pydantic import ValidationError

from retabli.alerts.channels import CHANNELS, build
from retabli.alerts.channels.channel import NotAccepted
from retabli.alerts.channels.webhook import Webhook, WebhookChannel, sign
from retabli.model.record import Message
from tests.alerts.hooks import SENT, endless, hangs, hangs_up, ok, receiving, says, talks_garbage, trickles

MESSAGE = Message("4f-firing", "duty", "mail-out", {"key": "4f-firing", "n": 1, "text": "Retombé", "sent_at": "before"})


def webhook(**given: Any) -> Webhook:
    settings = CHANNELS["webhook"].model_validate({"kind": "webhook"} | given, context={"folder": Path("/")})
    assert isinstance(settings, Webhook)
    return settings


async def send(url: str, **given: Any) -> None:
    channel = build(webhook(url=url, **given))
    try:
        await channel.send(MESSAGE)
    finally:
        await channel.close()


async def refusal(url: str, **given: Any) -> str:
    with pytest.raises(NotAccepted) as refused:
        await send(url, **given)
    return refused.value.reason


async def test_a_client_that_cannot_be_built_for_want_of_descriptors_is_built_at_the_next_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The attempt after it found no client, and so did every other one: the page was lost."""

    class Short(httpx.AsyncClient):
        def __init__(self, **_: Any) -> None:
            raise OSError(errno.EMFILE, "Too many open files")

    async with receiving(ok) as hook:
        channel = build(webhook(url=hook.url))
        with monkeypatch.context() as short:
            short.setattr(httpx, "AsyncClient", Short)
            for _ in range(2):
                with pytest.raises((NotAccepted, OSError), match="Too many open files"):
                    await channel.send(MESSAGE)
        await channel.send(MESSAGE)
        await channel.close()
    assert len(hook.requests) == 1


async def test_the_body_is_the_message_stamped_with_when_it_was_sent_and_the_key_stands_in_a_header_too() -> None:
    async with receiving(ok) as hook:
        channel = WebhookChannel(webhook(url=hook.url, headers={"X-Site": "chu"}), wall=lambda: 1688371200.9)
        await channel.send(MESSAGE)
        await channel.close()
    (request,) = hook.requests
    assert request.line == "POST /hook HTTP/1.1"
    assert request.json == {"key": "4f-firing", "n": 1, "text": "Retombé", "sent_at": "2023-07-03T08:00:00Z"}
    assert request.headers["idempotency-key"] == "4f-firing"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["x-site"] == "chu"
    assert "x-retabli-signature" not in request.headers


async def test_a_receiver_that_has_the_key_can_tell_our_message_from_anybody_elses(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"between us\n")
    async with receiving(ok) as hook:
        await send(hook.url, key={"file": str(tmp_path / "key")})
    (request,) = hook.requests
    stamp, signature = (part.partition("=")[2] for part in request.headers["x-retabli-signature"].split(","))
    assert abs(int(stamp) - time.time()) < 5
    assert signature == hmac.new(b"between us", stamp.encode() + b"." + request.body, hashlib.sha256).hexdigest()


def test_the_signature_is_one_that_others_compute_too() -> None:
    # printf '1688371200.{}' | openssl dgst -sha256 -hmac secret
    assert (
        sign(b"secret", b"{}", 1688371200)
        == "t=1688371200,v1=3ae83dce277d4448b79690a80831c0d16d1d1823ac7cf687b8ed6c770c6680a1"
    )


async def test_a_key_is_read_anew_for_each_message_and_one_that_is_missing_is_no_defect(tmp_path: Path) -> None:
    key = tmp_path / "key"
    async with receiving(ok) as hook:
        channel = build(webhook(url=hook.url, key={"file": str(key)}, headers={"Authorization": {"file": str(key)}}))
        with pytest.raises(NotAccepted, match=f"{key}: No such file or directory"):
            await channel.send(MESSAGE)
        key.write_text("first")
        await channel.send(MESSAGE)
        key.write_text("second")
        await channel.send(MESSAGE)
        await channel.close()
    assert [request.headers["authorization"] for request in hook.requests] == ["first", "second"]


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_any_2xx_answer_accepts(status: int) -> None:
    async with receiving(says(status)) as hook:
        await send(hook.url)
        assert len(hook.requests) == 1


async def test_a_connection_serves_for_several_messages() -> None:
    async with receiving(says(200, b"thanks")) as hook:
        channel = build(webhook(url=hook.url))
        for _ in range(5):
            await channel.send(MESSAGE)
        await channel.close()
    assert (len(hook.requests), hook.connections) == (5, 1)


async def test_a_refusal_is_told_with_what_was_said_cut_and_cleaned() -> None:
    async with receiving(says(503, b"try\r\nlater \x1b[31m" + b"x" * 5000)) as hook:
        said = await refusal(hook.url)
    assert said.startswith("answers 503: try later")
    assert len(said) <= 300
    assert said.isprintable()


@pytest.mark.parametrize(
    "said", [b"no such header: Bearer 6f5e4d3c2b", b'{"token": "6f5e4d3c2b"}', b"abc&amp;def&lt;gh"]
)
async def test_a_receiver_that_quotes_a_secret_puts_it_in_no_log_and_on_no_page(tmp_path: Path, said: bytes) -> None:
    (tmp_path / "bearer").write_text("Bearer 6f5e4d3c2b\n")
    (tmp_path / "key").write_text("abc&def<gh\n")
    headers = {"Authorization": {"file": str(tmp_path / "bearer")}}
    async with receiving(says(401, said)) as hook:
        told = await refusal(hook.url, headers=headers, key={"file": str(tmp_path / "key")})
    assert "***" in told
    assert "6f5e4d3c2b" not in told
    assert "def" not in told


async def test_a_redirect_is_never_followed() -> None:
    async with receiving(ok) as elsewhere, receiving(says(302, b"", f"Location: {elsewhere.url}")) as hook:
        said = await refusal(hook.url)
    assert said == "answers 302, a redirect, which is not followed: give the final address"
    assert elsewhere.requests == []


async def test_a_receiver_that_never_answers_is_given_up_at_the_timeout() -> None:
    async with receiving(hangs) as hook:
        began = time.monotonic()
        assert await refusal(hook.url, timeout="200ms") == "no answer within 200ms"
        assert time.monotonic() - began < 2


async def test_a_receiver_that_only_accepts_connections_is_given_up_at_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert await refusal(f"http://127.0.0.1:{port}/", timeout="200ms") == "no answer within 200ms"
        assert await refusal(f"https://127.0.0.1:{port}/", timeout="200ms") == "no answer within 200ms"


@pytest.mark.parametrize("status", [200, 500])
async def test_an_answer_of_a_gigabyte_costs_neither_memory_nor_time(status: int) -> None:
    SENT.clear()
    async with receiving(endless(status)) as hook:
        tracemalloc.start()
        began = time.monotonic()
        try:
            if status == 200:
                await send(hook.url)
            else:
                assert (await refusal(hook.url)).startswith("answers 500: xxx")
            assert tracemalloc.get_traced_memory()[1] < 8_000_000
        finally:
            tracemalloc.stop()
        assert time.monotonic() - began < 5
    assert sum(SENT) < 50_000_000  # what the sockets' buffers took, and no more


async def test_an_answer_that_would_unpack_to_a_gigabyte_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    async with receiving(says(500, bomb, "Content-Encoding: gzip")) as hook:
        tracemalloc.start()
        assert await refusal(hook.url) == "answers 500"
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 8_000_000


async def test_an_answer_that_accepts_and_never_ends_has_accepted() -> None:
    async with receiving(trickles) as hook:
        await asyncio.wait_for(send(hook.url, timeout="500ms"), 5)
        assert len(hook.requests) == 1


async def test_what_goes_wrong_on_the_way_is_told_in_words(stranger: trustme.CA, ca_file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert (await refusal(f"http://127.0.0.1:{port}/")).startswith("connection refused")
    async with receiving(hangs_up) as hook:
        assert await refusal(hook.url) == "RemoteProtocolError: Server disconnected without sending a response."
    async with receiving(talks_garbage) as hook:
        assert "RemoteProtocolError" in await refusal(hook.url)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    stranger.issue_cert("127.0.0.1").configure_cert(context)
    async with receiving(ok, tls=context) as hook:
        assert (await refusal(hook.url, tls={"ca": str(ca_file)})).startswith("unknown certificate authority")
    assert hook.requests == []


async def test_https_is_spoken_under_the_authority_and_the_name_that_the_settings_give(
    authority: trustme.CA, ca_file: Path
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("hook.chu.example").configure_cert(context)
    async with receiving(ok, tls=context) as hook:
        said = await refusal(hook.url, tls={"ca": str(ca_file)})
        assert said.startswith("the certificate bears another name")
        await send(hook.url, tls={"ca": str(ca_file), "server_name": "hook.chu.example"})
    assert len(hook.requests) == 1


async def test_a_certificate_authority_that_cannot_be_read_is_no_defect(tmp_path: Path) -> None:
    assert "no.pem: No such file" in await refusal("https://127.0.0.1:1/", tls={"ca": str(tmp_path / "no.pem")})


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    async with receiving(ok) as hook:
        await send(hook.url)
        assert len(hook.requests) == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"url": "ftp://x/"}, "is no address"),
        ({"url": "oncall.example/hook"}, "is no address"),
        ({"url": "http://user:word@x/"}, "a secret is not written in clear"),
        ({"url": "http://x/", "key": "in clear"}, "a secret is not written in clear"),
        ({"url": "http://x/", "headers": {"Idempotency-Key": "1"}}, "is set by Retabli itself"),
        ({"url": "http://x/", "headers": {"no name": "1"}}, "is no name of a header"),
        ({"url": "http://x/", "retries": 3}, "Extra inputs are not permitted"),
        ({"url": "http://x/", "tls": {"mode": "starttls"}}, "'implicit'"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        webhook(**given)
    assert said in str(refused.value)


def test_a_header_that_smells_of_a_secret_is_a_fault_and_a_clear_unsigned_road_a_warning() -> None:
    settings = webhook(url="http://x/", headers={"Authorization": "Bearer abc", "X-Team": "réseau"})
    assert list(settings.faults()) == [
        "headers.Authorization: a secret is not written in clear: name where it is, as {file: …}"
    ]
    assert list(settings.warnings()) == ["pages travel in clear and unsigned: give a key, or an https address"]
