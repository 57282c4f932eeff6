"""How the kinds of mail come to an SMTP, IMAP or POP server, each to the other half of a mail world that is well."""

import asyncio
from functools import cache, partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from probes.apicrypt import Apicrypt
from probes.imap import Imap
from probes.mail_beacon import MailBeacon
from probes.mail_in import MailIn
from probes.mail_loop import MailLoop
from probes.smtp import Smtp
from retabli.model.settings import Mailbox
from simulator.imap import Folder
from simulator.serving import Serving
from simulator.smtp import Envelope
from simulator.smtp import SmtpServer as TrustServer
from tests.climbing import climb, settings
from tests.hostile.grounds import HERE, PASSWORD, Grounds, Ready
from tests.hostile.ways import Way
from tests.mail_servers import ImapServer, SmtpServer
from tests.mail_world import INSIDE, OUTSIDE, MailWorld, mail_world
from tests.mssante_world import ENVELOPE, Space, space
from tests.pop_server import PopServer

ACCOUNTS = {"probe": PASSWORD}


async def smtp(grounds: Grounds, *, mode: str = "none") -> Ready:
    offers = ("8BITMIME", "SIZE 1000000", "AUTH PLAIN LOGIN", *(("STARTTLS",) if mode == "starttls" else ()))
    server = SmtpServer(offers, accounts=ACCOUNTS, context=grounds.identity(), implicit=mode == "implicit")
    well = await grounds.stack.enter_async_context(server.listening())
    tls = {"mode": "none"} if mode == "none" else grounds.trust(mode)
    keys: dict[str, Any] = {
        "mail_from": INSIDE,
        "rcpt_to": OUTSIDE,
        "tls": tls,
        "timeout": grounds.timeout,
        **grounds.account,
    }
    return Ready(lambda port: settings(Smtp, host=HERE, port=port, **keys), well)


async def imap(grounds: Grounds, *, mode: str = "none") -> Ready:
    server = ImapServer(accounts=ACCOUNTS, context=grounds.identity(), implicit=mode == "implicit")
    well = await grounds.stack.enter_async_context(server.listening())
    tls = {"mode": "none"} if mode == "none" else grounds.trust(mode)

    def probe(port: int) -> Imap:
        given = {"imap": HERE, "port": port, "tls": tls, **grounds.account}
        boxes = {"mailboxes": {"witness": Mailbox.model_validate(given)}}
        expect = {"search": ["UNSEEN"], "at_least": 1}
        return settings(Imap, context=boxes, mailbox="witness", expect=expect, timeout=grounds.timeout)

    return Ready(probe, well)


async def _world(grounds: Grounds) -> MailWorld:
    return await grounds.stack.enter_async_context(mail_world(grounds.folder))


def _round(grounds: Grounds, world: MailWorld) -> dict[str, Any]:
    times = {"within": grounds.timeout, "lost_after": "1h", "timeout": grounds.timeout}
    return {"mail_from": INSIDE, "rcpt_to": OUTSIDE, "mailbox": "witness", "key": world.key, **times}


async def loop(grounds: Grounds) -> Ready:
    world = await _world(grounds)
    keys = _round(grounds, world)

    def probe(port: int) -> MailLoop:
        return settings(MailLoop, context=world.context, submit={"host": HERE, "port": port}, **keys)

    return Ready(probe, world.submission.port)


async def loop_mailbox(grounds: Grounds) -> Ready:
    world = await _world(grounds)
    keys = _round(grounds, world)

    def probe(port: int) -> MailLoop:
        boxes = {"mailboxes": {"witness": world.mailbox("witness", port=port)}}
        return settings(MailLoop, context=boxes, submit=world.submit, **keys)

    return Ready(probe, world.imap.port)


async def beacon(grounds: Grounds) -> Ready:
    world = await _world(grounds)
    keys: dict[str, Any] = {
        "mail_from": OUTSIDE,
        "rcpt_to": INSIDE,
        "copy_to": OUTSIDE,
        "key": world.key,
        "timeout": grounds.timeout,
    }
    return Ready(lambda port: settings(MailBeacon, submit={"host": HERE, "port": port}, **keys), world.submission.port)


async def mail_in(grounds: Grounds, *, hostile: str = "inside") -> Ready:
    """A beacon lies in the mailbox and at the witness. Where the witness is met, it lies there alone: whatever a
    hostile witness does, the entrance must not be called closed."""
    world = await _world(grounds)
    send = settings(MailBeacon, submit=world.submit, mail_from=OUTSIDE, rcpt_to=INSIDE, copy_to=OUTSIDE, key=world.key)
    await climb(send)
    async with asyncio.timeout(5):
        while not (world.inside["INBOX"].messages and world.witness["INBOX"].messages):
            await asyncio.sleep(0.01)
    if hostile == "witness":
        world.inside["INBOX"].messages.clear()

    def probe(port: int) -> MailIn:
        boxes = {
            name: world.mailbox(name, port=port if name == hostile else world.imap.port)
            for name in ("inside", "witness")
        }
        keys: dict[str, Any] = {"from_": "beacon", "mailbox": "inside", "witness": "witness", "key": world.key}
        return settings(MailIn, context={"mailboxes": boxes}, timeout=grounds.timeout, every="10s", **keys)

    return Ready(probe, world.imap.port)


async def apicrypt(grounds: Grounds, *, hostile: str = "submit") -> Ready:
    maildrop, inbox = PopServer(accounts=ACCOUNTS), Folder()

    async def take(envelope: Envelope) -> str:
        inbox.append(envelope.message)
        stored = inbox.messages[-1]
        maildrop.messages[f"uid{stored.uid}"] = stored.raw
        return "250 2.0.0 Ok: queued as 4F1A2B3C"

    trust = TrustServer("trust.example", take, accounts=ACCOUNTS)
    submission = await grounds.stack.enter_async_context(Serving(trust.talk))
    pop = await grounds.stack.enter_async_context(maildrop.listening())
    clear = {"host": HERE, "tls": {"mode": "none"}, **grounds.account}
    times: dict[str, Any] = {"within": grounds.timeout, "timeout": grounds.timeout}

    def probe(port: int) -> Apicrypt:
        given = {"submit": clear | {"port": submission.port}, "pop": clear | {"port": pop}}
        given[hostile] = clear | {"port": port}
        addresses: dict[str, Any] = {"mail_from": "probe@chu.example", "rcpt_to": "probe@trust.example"}
        return settings(Apicrypt, key=grounds.secret("key"), **given, **addresses, **times)

    return Ready(probe, submission.port if hostile == "submit" else pop)


@cache
def _operators() -> Space:
    """Made once: their keys are RSA, and take long. Nothing writes there."""
    return space(Path(mkdtemp(prefix="operators")))


async def mssante(grounds: Grounds) -> Ready:
    world = _operators()
    well = await grounds.stack.enter_async_context(world.server().listening())
    return Ready(lambda port: world.probe(port, **ENVELOPE, timeout=grounds.timeout), well)


WAYS = (
    Way("smtp", "smtp", "smtp", smtp, 5, "they"),
    Way("smtp_starttls", "smtp", "smtp", partial(smtp, mode="starttls"), 8, "they"),
    Way("smtp_tls", "smtp", "smtp", partial(smtp, mode="implicit"), 6, "we", tls=True),
    Way("imap", "imap", "imap", imap, 6, "they"),
    Way("imap_starttls", "imap", "imap", partial(imap, mode="starttls"), 8, "they"),
    Way("imap_tls", "imap", "imap", partial(imap, mode="implicit"), 7, "we", tls=True),
    Way("mail_loop", "mail_loop", "smtp", loop, 6, "they"),
    Way("mail_loop_mailbox", "mail_loop", "imap", loop_mailbox, 6, "they"),
    Way("mail_beacon", "mail_beacon", "smtp", beacon, 6, "they"),
    Way("mail_in", "mail_in", "imap", mail_in, 6, "they"),
    Way("mail_in_witness", "mail_in", "imap", partial(mail_in, hostile="witness"), 6, "they"),
    Way("apicrypt", "apicrypt", "smtp", apicrypt, 7, "they"),
    Way("apicrypt_pop", "apicrypt", "pop", partial(apicrypt, hostile="pop"), 6, "they"),
    Way("mssante", "mssante", "smtp", mssante, 7, "they"),
)
