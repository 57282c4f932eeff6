"""However few open files are left when somebody is first told, it is told once there are some, and none is kept."""

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from retabli.alerts.channels import CHANNELS, build
from retabli.alerts.channels.channel import NotAccepted
from tests.alerts.hooks import ok, receiving
from tests.alerts.messages import page
from tests.faults.short_of_files import Came, twice
from tests.mail_servers import SmtpServer, server_context, trusting

Keys = dict[str, Any]
MOST = 12  # descriptors that are left: more than a first message takes


@contextlib.asynccontextmanager
async def webhook(folder: Path) -> AsyncIterator[Keys]:
    async with receiving(ok) as hook:
        yield {"url": hook.url.replace("127.0.0.1", "localhost")}


@contextlib.asynccontextmanager
async def webhook_tls(folder: Path) -> AsyncIterator[Keys]:
    async with receiving(ok, tls=server_context()) as hook:
        yield {"url": hook.url, "tls": trusting(folder, "implicit")}


@contextlib.asynccontextmanager
async def alertmanager(folder: Path) -> AsyncIterator[Keys]:
    async with receiving(ok) as member, receiving(ok) as another:
        yield {"urls": [each.url.removesuffix("/hook") for each in (member, another)]}


@contextlib.asynccontextmanager
async def mail(folder: Path) -> AsyncIterator[Keys]:
    async with SmtpServer().listening() as port:
        keys = {"host": "localhost", "port": port, "to": ["duty@chu.test"], "mail_from": "retabli@chu.test"}
        yield keys


@contextlib.asynccontextmanager
async def mail_tls(folder: Path) -> AsyncIterator[Keys]:
    server = SmtpServer(("STARTTLS",), context=server_context())
    async with server.listening() as port:
        keys = {"host": "127.0.0.1", "port": port, "to": ["duty@chu.test"], "mail_from": "retabli@chu.test"}
        yield keys | {"tls": trusting(folder)}


@contextlib.asynccontextmanager
async def command(folder: Path) -> AsyncIterator[Keys]:
    yield {"command": ["/bin/true"]}


@contextlib.asynccontextmanager
async def apprise(folder: Path) -> AsyncIterator[Keys]:
    async with receiving(ok) as hook:
        (folder / "url").write_text(f"json://127.0.0.1:{hook.port}")
        yield {"urls": [{"file": str(folder / "url")}]}


RECEIVERS = {
    "webhook": webhook,
    "webhook over TLS": webhook_tls,
    "alertmanager": alertmanager,
    "smtp": mail,
    "smtp over TLS": mail_tls,
    "exec": command,
    "apprise": apprise,
}

SLOW = {"apprise": pytest.mark.timeout(120)}  # each of two dozen processes imports the library anew


async def told(keys: Keys, folder: Path, left: int) -> Came:
    """By a channel of its own, whose first message it is."""
    channel = build(CHANNELS[keys["kind"]].model_validate(keys, context={"folder": folder}))

    async def once() -> str:
        try:
            await channel.send(page())
        except (NotAccepted, OSError) as refused:  # all that may leave a channel
            return f"not accepted: {refused}"
        return "accepted"

    return await twice(left, once, channel.close)


@pytest.mark.parametrize("name", [pytest.param(name, marks=SLOW.get(name, ())) for name in RECEIVERS])
async def test_what_could_not_be_told_is_told_by_the_next_attempt(name: str, tmp_path: Path) -> None:
    receiver: Callable[[Path], AbstractAsyncContextManager[Keys]] = RECEIVERS[name]
    async with receiver(tmp_path) as keys:
        came = [await told({"kind": name.split()[0], "timeout": "5s"} | keys, tmp_path, left) for left in range(MOST)]
    assert {each.after for each in came} == {"accepted"}
    assert [each.open for each in came] == [[]] * MOST
    assert "Too many open files" in came[0].within
    assert came[-1].within == "accepted"
