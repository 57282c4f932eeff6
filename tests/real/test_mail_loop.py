"""The kinds of mail over a real Postfix and a real Dovecot: each fault is theirs."""

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from probes.mail_beacon import MailBeacon
from probes.mail_in import MailIn
from probes.mail_loop import MailLoop
from retabli.model.result import Result
from retabli.model.settings import Mailbox
from tests.climbing import climb, settings
from tests.mail_servers import HOST, authority
from tests.real.servers import Dovecot, Postfix, dovecot, postfix, submission, write_identity
from tests.said import counts, told

pytestmark = [pytest.mark.real, pytest.mark.timeout(90)]

OUTSIDE, INSIDE = "probe@chu.test", "inside@chu.test"


@pytest.fixture(scope="module")
def boxes() -> Iterator[Dovecot]:
    with dovecot(dict.fromkeys(("probe", "inside", "crowded"), "secret")) as server:
        yield server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("settings")
    authority().cert_pem.write_to_path(made / "ca.pem")
    for name, content in (("key", b"the key"), ("password", b"secret\n"), ("wrong", b"guess\n")):
        (made / name).write_bytes(content)
    return made


@pytest.fixture(scope="module")
def relay(boxes: Dovecot, folder: Path) -> Iterator[Postfix]:
    """A relay with an account, one with an expired certificate, and one whose mail is held in the queue."""
    account = submission(boxes)
    chain, key = write_identity(folder, "expired")
    services = {
        "submission": account,
        "expired": {"smtpd_tls_cert_file": str(chain), "smtpd_tls_key_file": str(key)},
        "hold": {"smtpd_client_restrictions": "static:HOLD"},
        "plain": {},
    }
    names = ("probe", "inside", "crowded", "ghost")  # of whom Dovecot does not know the last
    with postfix(services=services, recipients=names, lmtp=boxes.lmtp) as server:
        yield server


class Site:
    """The settings of a site that has this relay and these mailboxes."""

    def __init__(self, relay: Postfix, boxes: Dovecot, folder: Path) -> None:
        self.relay, self.boxes, self.folder = relay, boxes, folder
        self.memory: dict[str, Any] = {}

    def submit(self, service: str = "submission", **more: Any) -> dict[str, Any]:
        tls = {"mode": "starttls", "ca": str(self.folder / "ca.pem")}
        account = {"user": "probe", "password": {"file": str(self.folder / "password")}}
        keys = {"host": HOST, "port": self.relay.ports[service], "tls": tls}
        return {**keys, **(account if service == "submission" else {}), **more}

    def mailbox(self, user: str, **more: Any) -> Mailbox:
        keys: dict[str, Any] = {
            "name": user,
            "imap": HOST,
            "port": self.boxes.imaps,
            "tls": {"mode": "implicit", "ca": str(self.folder / "ca.pem")},
            "user": user,
            "password": {"file": str(self.folder / "password")},
        }
        return Mailbox.model_validate(keys | more, context={"folder": Path()})

    async def loop(self, **keys: Any) -> Result:
        given: dict[str, Any] = {
            "submit": self.submit(),
            "mail_from": INSIDE,
            "rcpt_to": OUTSIDE,
            "mailbox": self.mailbox("probe"),
            "key": {"file": str(self.folder / "key")},
            "within": "20s",
            "timeout": "8s",
        }
        return await climb(settings(MailLoop, **(given | keys)), memory=self.memory)


@pytest.fixture
def site(relay: Postfix, boxes: Dovecot, folder: Path) -> Site:
    return Site(relay, boxes, folder)


@asynccontextmanager
async def stripping(port: int) -> AsyncIterator[int]:
    """A firewall that inspects SMTP before the relay: it passes everything on, but for STARTTLS."""
    tasks: set[asyncio.Task[None]] = set()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(line.replace(b"STARTTLS", b"XXXXXXXX"))
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def inspect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(HOST, port)
        for way in (pass_on(reader, inner_writer), pass_on(inner_reader, writer)):
            tasks.add(asyncio.create_task(way))

    server = await asyncio.start_server(inspect, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


# mail_loop ---------------------------------------------------------------------------------------------------------


async def test_the_full_ladder_is_climbed_and_nothing_is_left_behind(site: Site) -> None:
    for number in (1, 2, 3):
        result = await site.loop()
        assert told(result) == ("ok", "on_time", None), result.detail
        assert [rung.stage.id for rung in result.rungs] == [
            *("resolve", "connect", "greeting", "ehlo", "starttls", "tls", "auth"),
            *("envelope", "accepted", "delivered", "clean", "on_time"),
        ]
        assert result.rung == result.of == 12
        assert counts(result) == {"sent": 1, "received": 1}
        assert len(result.properties["queue_id"]) > 5
        assert site.memory["mail"]["next"] == number + 1
    maildir = site.boxes.folder / "mail/probe/Maildir"
    assert [file for where in ("new", "cur") for file in (maildir / where).iterdir()] == []


async def test_a_stopped_relay_refuses_the_connection(site: Site) -> None:
    site.relay.stop()
    try:
        assert told(await site.loop()) == ("failed", "connect", "refused")
    finally:
        site.relay.start()


async def test_a_listener_that_never_answers_is_a_timeout_at_the_greeting(site: Site) -> None:
    with socket.create_server((HOST, 0)) as silent:
        submit = site.submit(port=silent.getsockname()[1])
        result = await site.loop(submit=submit, timeout="700ms")
    assert told(result) == ("failed", "greeting", "timeout")


async def test_a_firewall_that_strips_starttls_is_told(site: Site) -> None:
    async with stripping(site.relay.ports["submission"]) as port:
        result = await site.loop(submit=site.submit(port=port))
    assert told(result) == ("failed", "starttls", "starttls_stripped")


async def test_an_expired_certificate_is_told(site: Site) -> None:
    assert told(await site.loop(submit=site.submit("expired"))) == ("failed", "tls", "cert_expired")


async def test_a_wrong_password_of_the_relay_is_told(site: Site) -> None:
    submit = site.submit(password={"file": str(site.folder / "wrong")})
    result = await site.loop(submit=submit)
    assert told(result) == ("failed", "auth", "auth_refused")
    assert result.cause is not None
    assert result.cause.credential


async def test_a_wrong_password_of_the_mailbox_leaves_the_arrival_unjudged(site: Site) -> None:
    wrong = site.mailbox("probe", password={"file": str(site.folder / "wrong")})
    result = await site.loop(mailbox=wrong)
    assert told(result) == ("unknown", "delivered", "mailbox_auth_refused")
    assert counts(result) == {"sent": 1}


async def test_a_frozen_mailbox_server_leaves_the_arrival_unjudged(site: Site) -> None:
    site.boxes.freeze()
    try:
        result = await site.loop(submit=site.submit("plain"), timeout="2s", within="1s")
    finally:
        site.boxes.thaw()
    assert told(result) == ("unknown", "delivered", "mailbox_unreadable")


async def test_a_held_queue_is_late_and_its_release_shows_a_relay_that_holds(site: Site) -> None:
    held = site.submit("hold")
    first = await site.loop(submit=held, within="3s")
    assert told(first) == ("failed", "delivered", "late")

    second = asyncio.create_task(site.loop(submit=held, within="3s"))
    await asyncio.sleep(1.0)  # it is sent, and the mailbox was looked at since
    _release(site.relay, first.properties["queue_id"])
    result = await second
    assert told(result) == ("ok", "accepted", "relay_holding")
    assert counts(result) == {"sent": 1, "late": 1}

    _release(site.relay, result.properties["queue_id"])
    third = await site.loop()
    assert told(third) == ("ok", "on_time", None)


def _release(relay: Postfix, queue_id: str) -> None:
    subprocess.run(["postsuper", "-c", str(relay.folder), "-H", queue_id], check=True, capture_output=True)
    relay.flush()


async def test_a_bounce_of_postfix_is_read_with_its_status(site: Site) -> None:
    result = await site.loop(rcpt_to="ghost@chu.test", bounces=site.mailbox("inside"))
    assert told(result) == ("failed", "delivered", "bounced")
    assert result.detail.startswith("5.1.1 unknown recipient: ")
    assert "ghost" in result.detail
    assert counts(result) == {"sent": 1, "bounced": 1}


async def test_a_mailbox_with_ten_thousand_messages_is_read_in_seconds(site: Site) -> None:
    await site.loop(rcpt_to="crowded@chu.test", mailbox=site.mailbox("crowded"))  # makes the mailbox
    new = site.boxes.folder / "mail/crowded/Maildir/new"
    for number in range(10_000):
        (new / f"1688371200.M{number}P1.test").write_bytes(b"Subject: somebody's\r\n\r\nx\r\n")
    shutil.chown(new, "nobody", "nogroup")
    for file in new.iterdir():
        os.chown(file, new.stat().st_uid, new.stat().st_gid)
    await site.loop(rcpt_to="crowded@chu.test", mailbox=site.mailbox("crowded"), within="1s")  # they are numbered now
    site.memory.clear()
    result = await site.loop(rcpt_to="crowded@chu.test", mailbox=site.mailbox("crowded"))
    assert told(result) == ("ok", "on_time", None)
    assert result.properties["passed_over"].startswith("98")
    again = await site.loop(rcpt_to="crowded@chu.test", mailbox=site.mailbox("crowded"))
    assert told(again) == ("ok", "on_time", None)
    assert "passed_over" not in again.properties
    assert again.seconds < 5


# mail_beacon and mail_in ---------------------------------------------------------------------------------------------


async def test_a_beacon_is_sent_by_postfix_and_watched_arrive_in_dovecot(site: Site) -> None:
    key = {"file": str(site.folder / "key")}
    submit = site.submit()
    sender = settings(MailBeacon, submit=submit, mail_from=OUTSIDE, rcpt_to=INSIDE, copy_to=OUTSIDE, key=key)
    watcher = settings(
        MailIn, from_="beacon", mailbox=site.mailbox("inside"), witness=site.mailbox("probe"), key=key, within="1s"
    )
    assert told(await climb(watcher, memory=site.memory)) == ("unknown", "delivered", "no_beacon")
    assert told(await climb(sender)) == ("ok", "accepted", None)
    async with asyncio.timeout(10):
        while told(result := await climb(watcher, memory=site.memory))[0] != "ok":
            await asyncio.sleep(0.1)
    assert told(result) == ("ok", "on_time", None)

    missing = settings(
        MailBeacon, submit=submit, mail_from=OUTSIDE, rcpt_to="nobody@chu.test", copy_to=OUTSIDE, key=key
    )
    assert told(await climb(missing))[:2] == ("failed", "envelope")
    async with asyncio.timeout(10):
        while told(result := await climb(watcher, memory=site.memory))[0] == "ok":
            await asyncio.sleep(0.2)
    assert told(result) == ("failed", "delivered", "not_delivered")


async def test_an_account_outside_proves_the_way_in(site: Site) -> None:
    probe = settings(
        MailIn,
        from_="account",
        submit=site.submit(),
        mail_from=OUTSIDE,
        rcpt_to=INSIDE,
        mailbox=site.mailbox("inside"),
        key={"file": str(site.folder / "key")},
        within="20s",
    )
    result = await climb(probe)
    assert told(result) == ("ok", "on_time", None)
    assert result.rung == result.of == 13
