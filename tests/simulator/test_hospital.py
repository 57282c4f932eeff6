"""The simulated world does what the real one does, as seen by clients that are not ours."""

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import aiosmtplib
import dns.asyncquery
import dns.message
import dns.rcode
import httpx
import pytest
import yaml
from imapclient import IMAPClient

from simulator.authority import Authority
from simulator.configuration import write
from simulator.hospital import Hospital
from simulator.imap import Folder
from simulator.names import Names
from simulator.serving import Serving
from simulator.systems.ground import PROBE_IN, PROBE_OUT
from simulator.systems.mail import REFLECTOR
from simulator.systems.web import DIRECTORY, SITES

MESSAGE = (
    b"From: <probe@chu.example>\r\nSubject: one\r\nMessage-ID: <one@chu.example>\r\nX-Mark: 17\r\n\r\n.dot\r\nbody\r\n"
)


@pytest.fixture
async def hospital(tmp_path: Path) -> AsyncIterator[Hospital]:
    async with Hospital(tmp_path) as hospital:
        yield hospital


async def arrival(folder: Folder) -> bytes:
    event = asyncio.Event()
    leave = folder.watch(event)
    if not folder.messages:
        await asyncio.wait_for(event.wait(), 10)
    leave()
    return folder.messages[-1].raw


async def send(hospital: Hospital, *, recipient: str = PROBE_OUT, via: str = "relay") -> str:
    _, reply = await aiosmtplib.send(
        MESSAGE,
        sender=PROBE_IN if via == "relay" else PROBE_OUT,
        recipients=[recipient],
        hostname="127.0.0.1",
        port=hospital.port(via),
        start_tls=True,
        validate_certs=False,
        username="probe" if via == "submission" else None,
        password=hospital.ground.password if via == "submission" else None,
    )
    return reply


async def test_a_message_goes_through_the_relay_to_the_mailbox_outside_unchanged(hospital: Hospital) -> None:
    assert "queued as" in await send(hospital)
    raw = await arrival(hospital.mail.outside)
    assert b"X-Mark: 17" in raw
    assert raw.endswith(b"\r\n\r\n.dot\r\nbody\r\n")


async def test_a_held_relay_accepts_and_delivers_only_after_it_is_opened(hospital: Hospital) -> None:
    hospital.switches["mail-out"].set("held")
    await send(hospital)
    assert not hospital.mail.outside.messages
    hospital.switches["mail-out"].heal()
    await arrival(hospital.mail.outside)


async def test_what_the_hospital_refuses_comes_back_as_a_delivery_status_notification(hospital: Hospital) -> None:
    hospital.switches["mail-in"].set("refused")
    await send(hospital, via="submission", recipient=PROBE_IN)
    raw = await arrival(hospital.mail.outside)
    assert b"report-type=delivery-status" in raw
    assert b"Status: 5.7.1" in raw
    assert b"X-Mark: 17" in raw


async def test_the_reflector_answers_into_the_hospital(hospital: Hospital) -> None:
    await send(hospital, recipient=REFLECTOR)
    raw = await arrival(hospital.mail.inside)
    assert b"Subject: Re: one" in raw
    assert b"In-Reply-To: <one@chu.example>" in raw


async def test_a_wrong_password_and_a_stranger_are_refused(hospital: Hospital) -> None:
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=hospital.port("submission"), validate_certs=False)
    async with client:
        with pytest.raises(aiosmtplib.SMTPAuthenticationError):
            await client.login("probe", "wrong")
        with pytest.raises(aiosmtplib.SMTPSenderRefused):
            await client.mail(PROBE_OUT)


async def test_an_imap_client_that_is_not_ours_reads_searches_deletes(hospital: Hospital) -> None:
    for number in range(3):
        hospital.mail.outside.append(MESSAGE.replace(b"17", str(number).encode()))
    hospital.mail.outside.append(b"Subject: a stranger's\r\n\r\nkeep\r\n")

    def read() -> None:
        context = ssl.create_default_context(cafile=hospital.ground.authority.ca)
        context.check_hostname = False
        with IMAPClient("127.0.0.1", hospital.port("imap_out"), ssl_context=context) as client:
            client.login("probe", hospital.ground.password)
            assert client.select_folder("INBOX")[b"EXISTS"] == 4
            assert client.search(["HEADER", "X-Mark", "1"]) == [2]
            fetched = client.fetch([2], ["BODY.PEEK[HEADER.FIELDS (X-MARK)]", "RFC822.SIZE", "FLAGS"])[2]
            assert fetched[b"BODY[HEADER.FIELDS (X-MARK)]"] == b"X-Mark: 1\r\n\r\n"
            client.delete_messages([2])
            client.uid_expunge([2])
            assert client.search() == [1, 3, 4]
            client.idle()
            hospital.mail.outside.messages.append(hospital.mail.outside.messages[0])
            client.idle_done()

    await asyncio.to_thread(read)


async def test_names_exist_or_not_and_the_resolver_fails_on_demand(hospital: Hospital) -> None:
    async def ask(name: str) -> dns.message.Message:
        query = dns.message.make_query(name, "A")
        return await dns.asyncquery.udp(query, "127.0.0.1", port=hospital.port("names"), timeout=5)

    assert "127.0.0.1" in (await ask("relay.chu.example")).answer[0].to_text()
    assert (await ask("nowhere.example")).rcode() == dns.rcode.NXDOMAIN
    hospital.switches["resolver"].set("servfail")
    assert (await ask("relay.chu.example")).rcode() == dns.rcode.SERVFAIL


async def test_the_proxy_lets_through_what_is_allowed_and_marks_what_it_denies(hospital: Hospital) -> None:
    context = ssl.create_default_context(cafile=hospital.ground.authority.ca)
    proxy = f"http://127.0.0.1:{hospital.port('proxy')}"
    async with httpx.AsyncClient(proxy=proxy, verify=context, trust_env=False) as client:
        for name, (_, marker) in SITES.items():
            assert marker in (await client.get(f"https://{name}/")).text
        with pytest.raises(httpx.ProxyError, match="403"):
            await client.get("https://not-listed.example/")
        hospital.switches["appointments"].set("empty")
        assert "rendez-vous par" not in (await client.get(f"https://{DIRECTORY}/")).text


def test_certificates_are_for_their_names_and_their_time(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    identity = authority.issue("a.example", "127.0.0.1", valid_from=-10, valid_until=-1)
    assert identity.key.stat().st_mode & 0o077 == 0
    assert identity.certificate.read_text().startswith("-----BEGIN CERTIFICATE")


async def test_the_configuration_is_written_with_its_secrets_readable_by_their_owner_only(hospital: Hospital) -> None:
    path = write(hospital)
    assert hospital.ground.password not in path.read_text()
    assert (path.parent / "password").stat().st_mode & 0o077 == 0


async def test_a_server_that_is_stopped_refuses_and_nobody_else_is_given_its_port(hospital: Hospital) -> None:
    serving = hospital.serving["acquirer"]
    for _ in range(2):
        await serving.stop()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", serving.port)
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", serving.port))
        await serving.open()
        _, writer = await asyncio.open_connection("127.0.0.1", serving.port)
        writer.close()
        await writer.wait_closed()


async def test_in_each_language_the_whole_configuration_is_in_it(hospital: Hospital) -> None:
    for language, group, owner in (("fr", "Messagerie", "Équipe messagerie"), ("en", "Mail", "Mail team")):
        flow = yaml.safe_load(write(hospital, language=language).read_text())["flows"]["mail-out"]
        assert (flow["group"], flow["owner"]) == (group, owner)


async def test_a_port_that_is_free_for_udp_only_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    refused: list[int] = []
    opened = Serving.open

    async def reluctant(self: Serving) -> None:
        if len(refused) < 2:
            refused.append(self.port)
            raise OSError(errno.EADDRINUSE, "taken")
        await opened(self)

    monkeypatch.setattr(Serving, "open", reluctant)
    names = Names({"a.example": {"A": ("127.0.0.1",)}})
    await names.serving.open()
    query = dns.message.make_query("a.example", "A")
    for ask in (dns.asyncquery.udp, dns.asyncquery.tcp):
        assert (await ask(query, "127.0.0.1", port=names.serving.port, timeout=5)).answer
    await names.serving.close()
    assert len(refused) == 2
