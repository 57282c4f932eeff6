"""The simulated trusted space, as seen by clients that are not ours, and by the probe that watches it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiosmtplib
import httpx
import pytest

from probes.mssante import MsSante
from retabli.model.settings import Mailbox
from simulator.imap import Account, Folder, ImapServer
from simulator.mssante import Operators
from simulator.serving import Serving
from tests.climbing import climb, settings

TO, FROM = "sonde@partenaire.mssante.example", "sonde@chu.mssante.example"
MESSAGE = f"From: <{FROM}>\r\nSubject: one\r\nMessage-ID: <one@chu.example>\r\n".encode()


@dataclass
class Running:
    operators: Operators
    partner: Serving
    white_list: Serving
    imap: Serving
    folder: Path

    def probe(self, **keys: Any) -> MsSante:
        own, ca = self.operators.own, str(self.operators.authority.ca)
        usual: dict[str, Any] = {
            "white_list": {"url": f"https://127.0.0.1:{self.white_list.port}/", "tls": {"ca": ca}, "refresh": "0s"},
            "domain": "chu.mssante.example",
            "partner": "partenaire.mssante.example",
            "host": "127.0.0.1",
            "port": self.partner.port,
            "tls": {"ca": ca, "client_cert": str(own.certificate), "client_key": str(own.key)},
            "crl": str(self.operators.revocation_list),
            "authorised": True,
            "mail_from": FROM,
            "rcpt_to": TO,
        }
        return settings(MsSante, context={"mailboxes": self.mailboxes}, **(usual | keys))

    @property
    def mailboxes(self) -> dict[str, Mailbox]:
        keys: dict[str, Any] = {"imap": "127.0.0.1", "port": self.imap.port, "tls": {"mode": "none"}}
        password = {"file": str(self.folder / "password")}
        return {
            name: Mailbox.model_validate({**keys, "name": name, "user": name, "password": password})
            for name in ("theirs", "ours")
        }


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    theirs, ours = Folder(), Folder()
    operators = Operators(tmp_path / "mssante", boxes={TO: theirs}, returns=ours)
    accounts = {"theirs": Account("secret", {"INBOX": theirs}), "ours": Account("secret", {"INBOX": ours})}
    (tmp_path / "password").write_text("secret\n")
    (tmp_path / "key").write_text("the key of these tests\n")
    servings = (
        Serving(operators.partner.talk),
        Serving(operators.white_list.talk, tls=operators.white_list_tls),
        Serving(ImapServer(accounts).talk),
    )
    async with AsyncExitStack() as stack:
        for serving in servings:
            await stack.enter_async_context(serving)
        yield Running(operators, *servings, tmp_path)


async def test_only_whoever_shows_a_certificate_of_the_space_may_hand_over_mail(running: Running) -> None:
    own = running.operators.own
    for shown in (True, False):
        context = ssl.create_default_context(cafile=running.operators.authority.ca)
        if shown:
            context.load_cert_chain(own.certificate, own.key)
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=running.partner.port, tls_context=context, timeout=5)
        if shown:
            async with client:
                _, reply = await client.sendmail(FROM, [TO], MESSAGE + b"\r\nbody\r\n")
            assert "delivered" in reply
        else:
            with pytest.raises(aiosmtplib.SMTPException):
                async with client:
                    await client.sendmail(FROM, [TO], MESSAGE + b"\r\nbody\r\n")
    assert len(running.operators.partner.boxes[TO].messages) == 1


async def test_the_list_is_published_over_tls_good_or_as_it_is_told(running: Running) -> None:
    context = await asyncio.to_thread(ssl.create_default_context, cafile=str(running.operators.authority.ca))
    async with httpx.AsyncClient(verify=context, trust_env=False) as client:
        url = f"https://127.0.0.1:{running.white_list.port}/"
        assert (await client.get(url)).text.endswith("</ListeBlanche>\n")
        running.operators.white_list.position = "broken"
        assert "</ListeBlanche>" not in (await client.get(url)).text


async def test_a_message_is_delivered_and_answered(running: Running) -> None:
    keys: dict[str, Any] = {"mailbox": "theirs", "bounces": "ours", "key": {"file": str(running.folder / "key")}}
    result = await climb(running.probe(**keys, mdn=True, within="5s"))
    assert (result.outcome.value, result.whole) == ("ok", True), result
    assert result.rung == result.of == 15
    assert not running.operators.partner.boxes[TO].messages, "ours is removed"
    assert not running.operators.partner.returns.messages


@pytest.mark.parametrize(
    ("site", "position", "stage", "cause"),
    [
        ("partner", "open", "envelope", None),
        ("partner", "refuses", "envelope", "not_authorised"),
        ("partner", "unlisted", "tls", "partner_certificate_unlisted"),
        ("partner", "one_sided", "envelope", "client_cert_not_asked"),
        ("partner", "no_tls", "starttls", "starttls_not_offered"),
        ("white_list", "good", "envelope", None),
        ("white_list", "broken", "white_list", "white_list_unreadable"),
        ("white_list", "without_us", "own_domain", "own_domain_unlisted"),
        ("white_list", "stale", "white_list", "white_list_stale"),
    ],
)
async def test_each_position_is_what_the_probe_sees(
    running: Running, site: str, position: str, stage: str, cause: str | None
) -> None:
    getattr(running.operators, site).position = position
    result = await climb(running.probe())
    assert result.stage is not None
    assert (result.stage.id, result.cause.code if result.cause else None) == (stage, cause)
