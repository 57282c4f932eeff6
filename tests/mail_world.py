"""A small world of mail on loopback: a relay, exchangers inside and outside, a reflector, mailboxes read by IMAP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retabli.model.settings import Mailbox
from simulator.imap import Account, Folder, ImapServer
from simulator.post import Exchanger, Relay, reply_to
from simulator.serving import Serving
from simulator.smtp import Envelope, SmtpServer

OUTSIDE = "probe@outside.example"
INSIDE = "probe@chu.example"
REFLECTOR = "echo@outside.example"
KEY = b"the key of these tests"


@dataclass
class MailWorld:
    """Mail for `chu.example` lands inside, for `outside.example` outside; `relay` is what everything is handed to."""

    folder: Path
    witness: dict[str, Folder] = field(default_factory=lambda: {"INBOX": Folder(), "Junk": Folder()})
    inside: dict[str, Folder] = field(default_factory=lambda: {"INBOX": Folder(), "Junk": Folder()})

    def __post_init__(self) -> None:
        for name, content in (("key", KEY), ("password", b"secret\n"), ("wrong", b"guess\n")):
            (self.folder / name).write_bytes(content)
        self.relay = Relay("relay.chu.example", self._port_of, self._port_of)
        self.outside_mx = Exchanger(
            "mx.outside.example", {OUTSIDE: self.witness["INBOX"]}, reflectors=frozenset({REFLECTOR})
        )
        self.inside_mx = Exchanger("mx.chu.example", {INSIDE: self.inside["INBOX"]})
        self.outside_mx.reflect = self._reflect
        self.relay_server = SmtpServer("relay.chu.example", take=self.relay.take)
        self.imap_server = ImapServer(
            {"witness": Account("secret", self.witness), "inside": Account("secret", self.inside)}
        )
        self.submission = Serving(self.relay_server.talk)
        self.imap = Serving(self.imap_server.talk)
        self.exchangers = {
            "outside.example": Serving(self.outside_mx.server().talk),
            "chu.example": Serving(self.inside_mx.server().talk),
        }

    def _port_of(self, domain: str) -> int | None:
        serving = self.exchangers.get(domain)
        return serving.port if serving else None

    def _reflect(self, envelope: Envelope, reflector: str) -> None:
        self.relay.accept(reply_to(envelope, reflector))

    def mailbox(self, user: str, **more: Any) -> Mailbox:
        keys = {"name": user, "imap": "127.0.0.1", "port": self.imap.port or 993, "user": user, "tls": {"mode": "none"}}
        password = {"file": str(self.folder / "password")}
        return Mailbox.model_validate({**keys, "password": password, **more})

    @property
    def context(self) -> dict[str, Any]:
        return {"mailboxes": {"witness": self.mailbox("witness"), "inside": self.mailbox("inside")}}

    @property
    def submit(self) -> dict[str, Any]:
        return {"host": "127.0.0.1", "port": self.submission.port or 25}

    @property
    def key(self) -> dict[str, str]:
        return {"file": str(self.folder / "key")}


@asynccontextmanager
async def mail_world(folder: Path) -> AsyncIterator[MailWorld]:
    world = MailWorld(folder)
    async with AsyncExitStack() as stack:
        for serving in (world.submission, world.imap, *world.exchangers.values()):
            await stack.enter_async_context(serving)
        task = asyncio.create_task(world.relay.run())
        try:
            yield world
        finally:
            while not task.done():  # Python 3.11's wait_for, under aiosmtplib, loses a cancellation now and then
                task.cancel()
                await asyncio.wait([task], timeout=0.1)
