"""The channel xmpp: settings, and servers that are none, or that break off. See tests/real for a real server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from retabli.alerts.channels import CHANNELS, build
from retabli.alerts.channels.channel import NotAccepted
from tests.alerts.messages import page

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def settings(tmp_path: Path, **given: Any) -> Any:
    (tmp_path / "word").write_text("hush-hush")
    keys = {"kind": "xmpp", "jid": "retabli@chat.test", "password": {"file": "word"}, "to": ["duty@chat.test"]} | given
    return CHANNELS["xmpp"].model_validate(keys, context={"folder": tmp_path})


@contextlib.asynccontextmanager
async def server(talk: Talk) -> AsyncIterator[int]:
    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await talk(reader, writer)
        writer.close()

    listening = await asyncio.start_server(served, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


async def refusal(tmp_path: Path, port: int, **given: Any) -> str:
    built = build(settings(tmp_path, host="127.0.0.1", port=port, **given))
    with pytest.raises(NotAccepted) as refused:
        await built.send(page())
    assert "hush" not in str(refused.value)
    return refused.value.reason


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"jid": "retabli"}, "no address"),
        ({"to": ["duty@chat.test/phone"]}, "no address"),
        ({"to": ["<x/>@chat.test"]}, "no address"),
        ({"to": []}, "at least 1"),
        ({"password": "clear"}, "clear"),
        ({"tls": {"mode": "none"}}, "starttls"),
        ({"rooms": []}, "Extra inputs"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        settings(tmp_path, **given)


async def test_a_server_that_closes_or_speaks_something_else_has_taken_nothing(tmp_path: Path) -> None:
    async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)

    async def speaks_smtp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 chu.test ESMTP\r\n")
        await writer.drain()
        await reader.read()

    for talk in (closes, speaks_smtp):
        async with server(talk) as port:
            said = await refusal(tmp_path, port, timeout="5s")
            assert said.startswith(("it ended the connection before it had taken the message", "no answer within 5s"))


async def test_a_server_that_says_nothing_is_left_at_the_deadline(tmp_path: Path) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with server(silent) as port:
        assert await refusal(tmp_path, port, timeout="2s") == "no answer within 2s"


async def test_an_endless_answer_ends_the_process_and_nothing_else(tmp_path: Path) -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
            b"xmlns:stream='http://etherx.jabber.org/streams' id='1' version='1.0'><a>"
        )
        while True:
            writer.write(b"x" * 2**20)
            await writer.drain()

    async with server(endless) as port:
        said = await refusal(tmp_path, port, timeout="20s")
        assert said.startswith(("the sending broke off", "no answer within", "it ended the connection", "it cannot"))


async def test_nobody_listens(tmp_path: Path) -> None:
    async with server(lambda *_: asyncio.sleep(0)) as port:
        pass
    assert (await refusal(tmp_path, port)).startswith("it cannot be reached")


async def test_a_password_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    built = build(settings(tmp_path, password={"file": "gone"}))
    with pytest.raises(NotAccepted, match="gone"):
        await built.send(page())
