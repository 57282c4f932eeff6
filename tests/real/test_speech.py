"""The kind `speech` against a recogniser that really listens, through Squid and behind nginx."""

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from probes.speech import Speech
from retabli.model import causes
from retabli.model.result import Outcome, Result
from retabli.model.settings import Proxy
from retabli.net.speech import speech_causes
from retabli.net.web import http_causes, proxy_causes, websocket_causes
from tests.climbing import climb, settings
from tests.net.peers import closed_port
from tests.real.servers import Server
from tests.real.speech_servers import Recogniser, before, recogniser, samples, spoken
from tests.real.test_firewalls import Namespace
from tests.real.web_servers import Squid, names, squid
from tests.said import fell

MISSING = [name for name in ("squid", "unbound", "nginx", "flite") if shutil.which(name) is None]
pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(120),  # every climb listens to seconds of speech
    pytest.mark.skipif(bool(MISSING), reason=f"{MISSING} not installed"),
]

HOSTS = ("speech.example", "licences.example", "games.example")
STREAM = {"start": {"config": {"rate": 16000}}, "end": {"eof": 1}}


@pytest.fixture(scope="module")
def listening() -> Iterator[Recogniser]:
    with recogniser() as running:
        yield running


@pytest.fixture(scope="module")
def secure(listening: Recogniser, authority: trustme.CA) -> Iterator[int]:
    with before(listening, authority, "127.0.0.1", *HOSTS) as port:
        yield port


@pytest.fixture(scope="module")
def gate() -> Iterator[Squid]:
    with names(dict.fromkeys(HOSTS, "127.0.0.1")) as address, squid(address, *HOSTS[:2]) as running:
        yield running


async def post(url: str, **keys: Any) -> Result:
    return await climb(settings(Speech, **{"url": url, "timeout": "30s"} | keys))


async def stream(url: str, **keys: Any) -> Result:
    return await post(url, websocket=STREAM, samples_only=True, **keys)


def through(gate: Squid, ca_file: Path, **keys: Any) -> dict[str, Any]:
    main = Proxy.model_validate({"url": gate.url})
    return {"proxy": "main", "tls": {"ca": str(ca_file)}, "context": {"proxies": {"main": main}}} | keys


async def test_the_shipped_recording_is_recognised_word_for_word(listening: Recogniser) -> None:
    streamed = await stream(listening.websocket)
    posted = await post(listening.url)
    form = await post(listening.url, upload="multipart")
    for result in (streamed, posted, form):
        assert result.outcome is Outcome.OK, result.detail
        assert result.properties["error_rate"] == "0.00"


async def test_other_words_are_wrong_and_silence_and_noise_are_not_heard_as_the_words(
    listening: Recogniser, tmp_path: Path
) -> None:
    other = spoken("please close the window before you leave the room", tmp_path / "other.wav")
    silence = samples(tmp_path / "silence.wav", bytes(2 * 16_000 * 3))
    noise = samples(tmp_path / "noise.wav", random.Random(7).randbytes(2 * 16_000 * 3))  # noqa: S311 - no secret
    words = "this is only a test recording of the hospital please throw it away"
    for road, url in ((post, listening.url), (stream, listening.websocket)):
        wrong = await road(url, audio=str(other), expect_words=words)
        assert fell(wrong) == ("words", speech_causes.WRONG_TEXT)
        assert "close the window" in wrong.detail
        right = await road(url, audio=str(other), expect_words="please close the window before you leave the room")
        assert right.outcome is Outcome.OK
        unheard = await road(url, audio=str(silence), expect_words=words)
        assert fell(unheard) == ("recognised", speech_causes.EMPTY_TEXT)
        noisy = await road(url, audio=str(noise), expect_words=words)
        assert noisy.cause in (speech_causes.EMPTY_TEXT, speech_causes.WRONG_TEXT)


async def test_what_is_no_recording_is_refused(listening: Recogniser, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("these are only letters")
    result = await post(listening.url, audio=str(tmp_path / "text.wav"), expect_words="letters")
    assert fell(result) == ("response", speech_causes.AUDIO_REFUSED)
    assert "no WAV file" in result.detail


async def test_tokens_and_licences_of_a_real_service(listening: Recogniser, tmp_path: Path) -> None:
    for name, held in (("right", "secret"), ("wrong", "guess"), ("stale", "old")):
        (tmp_path / name).write_text(held)
    given: dict[str, Any] = {"context": {"folder": tmp_path}}
    service = {"url": f"{listening.url}/token", "user": "probe", "password": {"file": "right"}}
    for road, url in ((post, listening.url), (stream, listening.websocket)):
        fresh = await road(f"{url}/guarded", token_service=service, **given)
        stale = await road(f"{url}/guarded", token={"file": "stale"}, **given)
        none = await road(f"{url}/guarded", **given)
        stranger = await road(f"{url}/guarded", token_service=service | {"password": {"file": "wrong"}}, **given)
        left = await road(url, licence={"url": f"{listening.url}/licences", "at": "licences"})
        gone = await road(url, licence={"url": f"{listening.url}/none", "at": "licences"})
        assert fresh.outcome is left.outcome is Outcome.OK
        assert fell(stale) == ("token", speech_causes.TOKEN_REFUSED)
        assert none.cause is causes.AUTH_REQUIRED
        assert fell(stranger) == ("token", causes.AUTH_REFUSED)
        assert fell(gone) == ("licence", speech_causes.LICENCE_EXHAUSTED)


async def test_through_squid_a_conversation_survives_and_the_denied_host_is_named(
    gate: Squid, secure: int, ca_file: Path
) -> None:
    keys = through(gate, ca_file)
    hosts = {"hosts": [f"licences.example:{secure}"]}
    streamed = await stream(f"wss://speech.example:{secure}/upgraded", **keys, **hosts)
    posted = await post(f"https://speech.example:{secure}/", **keys, **hosts)
    assert streamed.outcome is posted.outcome is Outcome.OK, (streamed.detail, posted.detail)
    assert [rung.stage.id for rung in streamed.rungs] == [
        *("hosts", "resolve", "connect", "proxy", "tls", "upgrade"),
        *("request", "response", "licence", "recognised", "words", "latency"),
    ]
    hosts = {"hosts": [f"licences.example:{secure}", f"games.example:{secure}"]}
    denied = await stream(f"wss://speech.example:{secure}/upgraded", **keys, **hosts)
    assert fell(denied) == ("hosts", speech_causes.HOST_DENIED)
    assert denied.detail.startswith("games.example: proxy_denied")
    itself = await stream(f"wss://games.example:{secure}/upgraded", **keys)
    assert fell(itself) == ("proxy", proxy_causes.PROXY_DENIED)
    assert itself.detail.startswith("games.example: ")


async def test_in_clear_through_squid_the_way_is_the_same(gate: Squid, listening: Recogniser, ca_file: Path) -> None:
    keys = through(gate, ca_file)
    posted = await post(f"http://speech.example:{listening.posted}/", **keys)
    streamed = await stream(f"ws://speech.example:{listening.streamed}/", **keys)
    assert posted.outcome is streamed.outcome is Outcome.OK, (posted.detail, streamed.detail)
    denied = await post(f"http://games.example:{listening.posted}/", **keys)
    assert fell(denied) == ("response", proxy_causes.PROXY_DENIED)
    assert denied.detail.startswith("games.example: ")


async def test_squid_tells_of_a_dead_recogniser(gate: Squid, ca_file: Path) -> None:
    dead = await stream(f"wss://speech.example:{closed_port()}/", **through(gate, ca_file))
    assert fell(dead) == ("proxy", proxy_causes.PROXY_CANNOT_CONNECT)
    assert dead.detail.startswith("speech.example: ")


async def test_a_reverse_proxy_that_does_not_hand_the_upgrade_on_blocks_it(secure: int, ca_file: Path) -> None:
    tls = {"ca": str(ca_file)}
    assert (await stream(f"wss://127.0.0.1:{secure}/upgraded", tls=tls)).outcome is Outcome.OK
    stripped = await stream(f"wss://127.0.0.1:{secure}/stripped", tls=tls)
    outdated = await stream(f"wss://127.0.0.1:{secure}/outdated", tls=tls)
    stopped = await stream(f"wss://127.0.0.1:{secure}/stopped", tls=tls)
    assert fell(stripped) == fell(outdated) == ("upgrade", websocket_causes.UPGRADE_BLOCKED)
    assert "426" in stripped.detail
    assert "505" in outdated.detail
    assert fell(stopped) == ("upgrade", http_causes.HTTP_SERVER_ERROR)
    assert "502" in stopped.detail


async def test_nginx_refuses_a_recording_that_is_too_large_and_passes_on_a_dead_recogniser(
    secure: int, ca_file: Path
) -> None:
    tls = {"ca": str(ca_file)}
    large = await post(f"https://127.0.0.1:{secure}/small", tls=tls)
    dead = await post(f"https://127.0.0.1:{secure}/stopped", tls=tls)
    assert fell(large) == ("response", speech_causes.AUDIO_REFUSED)
    assert "413" in large.detail
    assert fell(dead) == ("response", http_causes.HTTP_SERVER_ERROR)


async def test_an_issuer_that_is_not_the_expected_one_reads_along(secure: int, ca_file: Path) -> None:
    keys = {"tls": {"ca": str(ca_file)}, "issuer": "Public Authority"}
    for result in (
        await post(f"https://127.0.0.1:{secure}/", **keys),
        await stream(f"wss://127.0.0.1:{secure}/upgraded", **keys),
    ):
        assert fell(result) == ("tls", http_causes.TLS_INTERCEPTED)


async def test_a_recogniser_that_hangs_and_one_that_is_stopped() -> None:
    with recogniser() as running:
        running.server.freeze()
        for result in (
            await post(running.url, timeout="1s"),
            await stream(running.websocket, timeout="3s"),
        ):
            assert result.cause is causes.TIMEOUT
            assert result.outcome is Outcome.FAILED
        running.server.thaw()
        assert (await post(running.url)).outcome is Outcome.OK
    for result in (await post(running.url), await stream(running.websocket)):
        assert fell(result) == ("connect", causes.REFUSED)


# The way there, in a network of its own ------------------------------------------------------------------------------


@pytest.fixture
def secluded(tmp_path: Path) -> Iterator[tuple[Namespace, int, int]]:
    """A network with a recogniser in it, and the ports of that."""
    name = f"retabli-speech-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    namespace = Namespace(name)
    namespace.run("ip", "link", "set", "lo", "up")
    command = ["ip", "netns", "exec", name, sys.executable, "-m", "tests.real.recogniser", "8001", "8002"]
    server = Server(command, lambda: namespace.run("ss", "-Hltn").count("LISTEN") == 2, tmp_path / "log")
    try:
        server.start()
        yield namespace, 8001, 8002
    finally:
        server.stop()
        subprocess.run(["ip", "netns", "del", name], check=True)


def test_a_way_that_loses_large_packets_is_told_from_a_recogniser_that_does_not_answer(
    secluded: tuple[Namespace, int, int],
) -> None:
    """A black hole: connections are made and small messages pass, as behind a VPN whose MTU nobody is told of."""
    namespace, posted, streamed = secluded
    asked: list[dict[str, Any]] = [
        {"url": f"http://127.0.0.1:{posted}/"},
        {"url": f"ws://127.0.0.1:{streamed}/", "websocket": STREAM, "samples_only": True},
    ]
    for keys in asked:
        assert namespace.climb("speech", **keys)["outcome"] == "ok"
    namespace.refuse(f"tcp dport {{ {posted}, {streamed} }} ip length > 600 drop")
    for keys in asked:
        seen = namespace.climb("speech", timeout="3s", **keys)
        assert (seen["stage"], seen["cause"], seen["side"]) == ("response", "audio_lost", "network"), seen
