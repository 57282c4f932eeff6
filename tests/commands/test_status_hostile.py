"""Whoever answers at the address of `status`: one clear line, soon, and never a traceback."""

import argparse
import asyncio
import copy
import json
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from commands import _answers, status
from commands._seen import seen
from commands._status_screen import Screen, Wanted
from commands._status_words import Wording
from commands.acknowledge import main as acknowledge

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
FLOW: dict[str, Any] = {
    "id": "mail",
    "title": "Messagerie",
    "intent": "open",
    "state": "dropped",
    "standing": "dropped",
    "since": "2023-07-03T07:00:00.000Z",
    "group": "messagerie",
    "because": None,
    "drops": 1,
    "breaches": 0,
    "units": {"ok": 0, "failed": 1, "unknown": 0, "of": 1},
    "verified": {"stage": None, "rung": 3, "of": 7},
    "cause": {
        "probe": "p",
        "stage": "tls",
        "cause": "x",
        "side": "ours",
        "words": {"stage": "TLS", "advice": "Regarder"},
    },
    "page": {"opened_at": "2023-07-03T07:00:00.000Z", "channels": ["a"], "acknowledged": {"by": "J", "note": "n"}},
    "silence": {"by": "J", "why": "w", "until": "2023-07-03T09:00:00.000Z"},
    "deferred": "dropped",
    "probes": [{"id": "p", "target": None, "at": "2023-07-03T07:00:00.000Z"}],
}
PICTURE: dict[str, Any] = {
    "site": "CHU",
    "language": "fr",
    "timezone": "Europe/Paris",
    "generated_at": "2023-07-03T08:00:00.000Z",
    "standpoint": "inside",
    "pace": 1.0,
    "headline": [{"state": "dropped", "text": "1 retombé", "proven_at": None}],
    "flows": [FLOW],
}


@asynccontextmanager
async def server(talk: Talk) -> AsyncIterator[str]:
    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except OSError:
            pass  # whoever asked has gone
        finally:
            writer.close()

    listening = await asyncio.start_server(served, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


def saying(body: bytes, head: bytes = b"HTTP/1.1 200 OK\r\n") -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head + b"content-length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()

    return talk


def without_end(head: bytes, piece: bytes, pause: float = 0.0) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)

    return talk


async def run(url: str, *arguments: str) -> int:
    parser = argparse.ArgumentParser()
    status.add_arguments(parser)
    return await asyncio.to_thread(status.main, parser.parse_args(["--url", url, *arguments]))


def the_line(capsys: pytest.CaptureFixture[str]) -> str:
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.removesuffix("\n").isprintable()
    assert len(said.err) < 500
    return said.err


BODIES = {
    "no JSON": b"<html>hello</html>",
    "half of it": json.dumps(PICTURE).encode()[:-20],
    "not UTF-8": b'{"flows": ["\xff\xfe"]}',
    "another object": b'{"hello": 1}',
    "a list": b"[]",
    "nothing": b"",
    "deep": b'{"flows":' + b"[" * 100_000,
    "a number without end": b'{"flows": [], "pace": ' + b"9" * 5000 + b"}",
    "infinity": b'{"flows": [], "pace": Infinity}',
    "no state": json.dumps({**PICTURE, "flows": [{**FLOW, "state": "splendid"}]}).encode(),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
async def test_what_is_not_retabli_s_is_said_in_one_line(body: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    async with server(saying(body)) as url:
        assert await run(url) == 3
    assert the_line(capsys) == f"retabli status: {url} answers something else than Retabli's API\n"


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"HTTP/1.1 404 Not \x1b[31mFound\r\n", ""),
        (b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\n", "answers 302: is it Retabli?"),
        (b"HTTP/1.1 500 Oh\r\n", "answers 500: is it Retabli?"),
        (b"220 relay.example ESMTP\r\n", "cannot be reached"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "cannot be reached"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000 + b"\r\n", "cannot be reached"),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n", "something else than Retabli's API"),
    ],
)
async def test_another_server_is_said_in_one_line(head: bytes, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    async with server(saying(b"{}", head)) as url:
        assert await run(url) == 3
    assert said in the_line(capsys)


async def test_one_who_hangs_up_is_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)

    async with server(talk) as url:
        assert await run(url) == 3
    assert "cannot be reached" in the_line(capsys)


async def test_a_body_without_end_ends_at_its_bound(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_answers, "MOST", 4_000_000)
    tracemalloc.start()
    try:
        async with server(without_end(b"HTTP/1.1 200 OK\r\n\r\n", b" " * 65_536)) as url:
            assert await run(url) == 3
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    assert "answers without end: is it Retabli?" in the_line(capsys)


@pytest.mark.parametrize(
    ("head", "piece"),
    [(b"", b""), (b"HTTP/1.1 200 OK\r\n", b"x: y\r\n"), (b"HTTP/1.1 200 OK\r\n\r\n", b" ")],
    ids=["says nothing", "drips its headers", "drips its body"],
)
async def test_one_who_takes_his_time_is_left(
    head: bytes, piece: bytes, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_answers.exchange, "__kwdefaults__", {"timeout": 0.5})
    monkeypatch.setattr("commands._asking.look.__kwdefaults__", {"timeout": 0.5})
    began = time.monotonic()
    async with server(without_end(head, piece, 0.02)) as url:
        assert await run(url) == 3
    assert time.monotonic() - began < 5
    assert "does not answer within 0.5 s" in the_line(capsys)


async def test_acknowledge_tells_a_hostile_server_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from commands import Refused

    async with server(saying(b'{"flows":' + b"[" * 100_000)) as url:
        args = argparse.Namespace(
            url=url, flow="x", by="Jeanne", note="", until=None, json=False, user=None, password_file=None, ca=None
        )
        with pytest.raises(Refused) as refused:
            await asyncio.to_thread(acknowledge, args)
    assert refused.value.lines == (f"{url} answers something else than Retabli's API",)
    assert refused.value.code == 3


async def test_no_text_of_a_server_reaches_the_terminal_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "\x1b]0;title\x07\x1b[2J\u202e\ud800\r\n[bold]x[/bold]"

    def spoilt(value: object) -> object:
        if isinstance(value, dict):
            return {key: spoilt(each) for key, each in value.items()}
        if isinstance(value, list):
            return [spoilt(each) for each in value]
        return evil + value if isinstance(value, str) else value

    kept = {"state", "intent", "standing", "language", "timezone", "generated_at", "since", "opened_at", "until", "at"}
    picture = copy.deepcopy(PICTURE)
    for form in (picture, flow_of(picture), picture["headline"][0]):
        form.update({key: spoilt(value) for key, value in form.items() if key not in kept and key != "flows"})
    picture["headline"][0]["state"] = "dropped"
    async with server(saying(json.dumps(picture).encode())) as url:
        assert await run(url) == 1
    said = capsys.readouterr().out
    assert "[bold]x[/bold]" in said
    assert all(char.isprintable() or char == "\n" for char in said)


def flow_of(picture: dict[str, Any]) -> dict[str, Any]:
    return picture["flows"][0]  # type: ignore[no-any-return]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def places(form: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = form.items() if isinstance(form, dict) else enumerate(form) if isinstance(form, list) else ()
    return [path, *(each for key, value in below for each in places(value, (*path, key)))]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(places(PICTURE)), VALUES)
def test_whatever_stands_in_any_place_it_is_shown_or_refused(place: tuple[Any, ...], value: object) -> None:
    picture: Any = copy.deepcopy(PICTURE)
    if place:
        inner = picture
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value
    else:
        picture = value
    try:
        found = seen(picture)
    except ValueError:
        return
    console = Console(width=80)
    for signs in (True, False):
        screen = Screen(Wording(found, "fr", signs), Wanted(), console, 80)
        for line in (*(each.plain for each in screen.lines(24)), *screen.piped()):
            assert all(char.isprintable() or char in "\u00a0\u202f" for char in line)
            assert signs or line.replace("\u00a0", " ").isascii()
