"""Pages through a real Postfix into Dovecot's mailboxes: what people read, who is told again, and what a cut costs."""

import email
import email.policy
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from retabli.alerts.channels import CHANNELS, build, receivers
from retabli.alerts.channels.channel import NotAccepted
from retabli.alerts.channels.mail import SmtpChannel
from retabli.model.record import Message
from tests.alerts.messages import PAGE, grouped, page
from tests.mail_servers import HOST, authority, trusting
from tests.real.servers import Dovecot, Postfix, dovecot, postfix, submission

pytestmark = [pytest.mark.real, pytest.mark.timeout(60)]

DUTY, SECOND, GREY = "duty@chu.test", "second@chu.test", "grey@chu.test"
ACCOUNTS = {"duty": "hush", "second": "hush", "grey": "hush"}


@pytest.fixture(scope="module")
def boxes() -> Iterator[Dovecot]:
    with dovecot(ACCOUNTS) as server:
        yield server


@pytest.fixture(scope="module")
def relay(boxes: Dovecot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postfix]:
    folder = tmp_path_factory.mktemp("mail-channel")
    authority().cert_pem.write_to_path(folder / "ca.pem")
    (folder / "grey").write_text(f"{GREY} 450 4.7.1 Greylisted, come back later\n")
    services = {
        "smtp": {},
        "sasl": submission(boxes),
        "grey": {"smtpd_recipient_restrictions": f"check_recipient_access texthash:{folder / 'grey'}"},
        "small": {"message_size_limit": "300"},
        "mutual": {
            "smtpd_tls_security_level": "encrypt",
            "smtpd_tls_req_ccert": "yes",
            "smtpd_tls_CAfile": str(folder / "ca.pem"),
        },
    }
    settings = {"message_size_limit": "1000000"}
    with postfix(settings, services=services, recipients=tuple(ACCOUNTS), lmtp=boxes.lmtp) as server:
        yield server


def channel(relay: Postfix, service: str = "smtp", **given: object) -> SmtpChannel:
    keys = {"kind": "smtp", "host": HOST, "port": relay.ports[service], "to": [DUTY], "mail_from": DUTY} | given
    settings = CHANNELS["smtp"].model_validate(keys, context={"folder": Path("/")})
    assert not list(settings.faults())
    built = build(settings)
    assert isinstance(built, SmtpChannel)
    return built


async def refusal(built: SmtpChannel, message: Message | None = None) -> str:
    with pytest.raises(NotAccepted) as refused:
        await built.send(message or page())
    return refused.value.reason


def delivered(boxes: Dovecot, name: str, key: str) -> list[EmailMessage]:
    found = [email.message_from_bytes(raw, policy=email.policy.default) for raw in _raw(boxes, name)]
    return [mail for mail in found if isinstance(mail, EmailMessage) and mail["X-Retabli-Key"] == key]


def _raw(boxes: Dovecot, name: str) -> list[bytes]:
    return [path.read_bytes() for path in (boxes.folder / "mail" / name / "Maildir").glob("*/*") if path.is_file()]


def awaited(boxes: Dovecot, name: str, key: str) -> EmailMessage:
    """The one mail with that key in that mailbox, once Postfix has delivered it."""
    boxes._await(lambda: bool(delivered(boxes, name, key)), f"{key} was not delivered to {name}")
    (mail,) = delivered(boxes, name, key)
    return mail


async def test_a_page_its_reminder_and_its_resolve_are_read_as_one_conversation(boxes: Dovecot, relay: Postfix) -> None:
    built = channel(relay, to=[DUTY, SECOND])
    for message in (page(), page("reminder", key="4f2a-reminder1"), page("resolved"), grouped()):
        await built.send(message)
    for name in ("duty", "second"):
        firing = awaited(boxes, name, "4f2a-firing")
        assert firing["Subject"] == PAGE["summary"]
        assert firing.get_content().replace("\r\n", "\n").rstrip() == PAGE["text"]
        for key in ("4f2a-reminder1", "4f2a-resolved"):
            assert awaited(boxes, name, key)["References"] == firing["Message-ID"]
        assert awaited(boxes, name, "storm-7")["References"].split()[0] == firing["Message-ID"]


async def test_it_logs_in_over_starttls_and_a_wrong_password_is_told(
    boxes: Dovecot, relay: Postfix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSWORD", "hush")
    login = {"user": "duty", "password": {"env": "PASSWORD"}, "tls": trusting(tmp_path)}
    await channel(relay, "sasl", **login).send(page(key="login"))
    assert awaited(boxes, "duty", "login")
    assert "554 5.7.1" in await refusal(channel(relay, "sasl", tls=trusting(tmp_path)))
    monkeypatch.setenv("PASSWORD", "wrong-password")
    reason = await refusal(channel(relay, "sasl", **login))
    assert "535 5.7.8" in reason
    assert "wrong-password" not in reason


async def test_a_client_certificate_is_shown_where_the_relay_wants_one(
    boxes: Dovecot, relay: Postfix, tmp_path: Path
) -> None:
    await channel(relay, "mutual", tls=trusting(tmp_path, client=authority())).send(page(key="mutual"))
    assert awaited(boxes, "duty", "mutual")
    assert await refusal(channel(relay, "mutual", tls=trusting(tmp_path)))


async def test_greylisting_delays_only_whom_it_meets(boxes: Dovecot, relay: Postfix) -> None:
    built = channel(relay, "grey", to=[DUTY, GREY])
    message = page(key="greylisted")
    for _ in range(2):
        assert "450 4.7.1" in await refusal(built, message)
    awaited(boxes, "duty", "greylisted")
    later = channel(relay, to=[DUTY, GREY])  # where it is not greylisted any more
    later.receivers = built.receivers
    await later.send(message)
    awaited(boxes, "grey", "greylisted")
    assert len(delivered(boxes, "duty", "greylisted")) == 1


async def test_an_address_that_is_not_there_keeps_the_page_from_nobody_else(
    boxes: Dovecot, relay: Postfix, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, receivers.__name__):
        await channel(relay, to=["nobody@chu.test", DUTY]).send(page(key="mistyped"))
    awaited(boxes, "duty", "mistyped")
    assert "nobody@chu.test" in caplog.text
    assert "NOT given to everybody" in caplog.text


async def test_what_postfix_refuses_is_told(relay: Postfix) -> None:
    assert "454 4.7.1" in await refusal(channel(relay, to=["duty@outside.test"]))
    assert "300" in await refusal(channel(relay, "small"))


async def test_a_relay_that_is_frozen_or_stopped_gets_the_page_once_it_is_back(boxes: Dovecot, relay: Postfix) -> None:
    built, message = channel(relay, timeout="1s"), page(key="outage")
    relay.stop()
    assert "refused" in await refusal(built, message)
    relay.start()
    relay.freeze()
    try:
        assert (await refusal(built, message)).startswith("no answer within 1s")
    finally:
        relay.thaw()
    await channel(relay).send(message)
    awaited(boxes, "duty", "outage")


ELSEWHERE = "192.0.2.7"
SEND = """
import asyncio, json, os, sys
from tests import mail_servers
from tests.alerts.messages import page
from retabli.alerts.channels.channel import NotAccepted
from retabli.alerts.channels.mail import Smtp

mail_servers.HOST = sys.argv[1]
os.environ["PASSWORD"] = "hush-hush"
keys = {"kind": "smtp", "to": ["duty@chu.test"], "mail_from": "a@chu.test", "host": sys.argv[1]}
keys |= {"user": "a", "password": {"env": "PASSWORD"}}

async def main():
    server = mail_servers.SmtpServer(("AUTH PLAIN",), accounts={"a": "hush-hush"})
    async with server.listening() as port:
        channel = Smtp.model_validate(keys | {"port": port}).build()
        try:
            await channel.send(page())
            reason = None
        except NotAccepted as refused:
            reason = refused.reason
    print(json.dumps({"reason": reason, "commands": server.commands}))

asyncio.run(main())
"""


def test_a_password_is_never_sent_in_clear_to_another_machine() -> None:
    namespace = f"rl-{os.getpid()}-page"
    subprocess.run(["ip", "netns", "add", namespace], check=True)
    try:
        inside = ["ip", "netns", "exec", namespace]
        subprocess.run([*inside, "ip", "link", "set", "lo", "up"], check=True)
        subprocess.run([*inside, "ip", "addr", "add", f"{ELSEWHERE}/32", "dev", "lo"], check=True)
        command = [*inside, sys.executable, "-c", SEND, ELSEWHERE]
        done = subprocess.run(command, cwd=Path(__file__).parents[2], check=True, capture_output=True, text=True)
    finally:
        subprocess.run(["ip", "netns", "del", namespace], check=True)
    seen = json.loads(done.stdout)
    assert "clear" in seen["reason"]
    assert "hush-hush" not in seen["reason"]
    assert not any(command.startswith(("AUTH", "MAIL")) for command in seen["commands"])
