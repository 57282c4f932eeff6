"""The kind `smtp` against a real Postfix: each fault is Postfix's own doing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from probes.smtp import Smtp
from retabli.model import stages
from retabli.model.ladder import Ladder
from retabli.model.result import Measure, Outcome, Result
from retabli.net.mail.smtp import open_session
from retabli.net.mail.smtp_replies import Step
from tests.climbing import climb, settings
from tests.mail_servers import HOST, authority, other_authority, trusting
from tests.real.servers import Dovecot, Postfix, dovecot, postfix, submission, write_identity
from tests.said import where_and_why

pytestmark = [pytest.mark.real, pytest.mark.timeout(60)]

ENVELOPE: dict[str, Any] = {"mail_from": "probe@chu.test", "rcpt_to": "probe@chu.test"}
FAULTS = ("expired", "not_yet_valid", "self_signed", "unknown_ca", "name_mismatch")


@pytest.fixture(scope="module")
def accounts() -> Iterator[Dovecot]:
    with dovecot() as server:
        yield server


@pytest.fixture(scope="module")
def relay(accounts: Dovecot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postfix]:
    """One Postfix, with a service for each way in which it can be wrong."""
    folder = tmp_path_factory.mktemp("certificates")
    authority().cert_pem.write_to_path(folder / "ca.pem")
    services: dict[str, dict[str, str]] = {"smtp": {}}
    for fault in FAULTS:
        chain, key = write_identity(folder, fault)
        services[fault] = {"smtpd_tls_cert_file": str(chain), "smtpd_tls_key_file": str(key)}
    services["no_tls"] = {"smtpd_tls_security_level": "none"}
    services["tls_only"] = {"smtpd_tls_security_level": "encrypt"}
    services["smtps"] = {"smtpd_tls_wrappermode": "yes"}
    services["mutual"] = {
        "smtpd_tls_security_level": "encrypt",
        "smtpd_tls_req_ccert": "yes",
        "smtpd_tls_CAfile": str(folder / "ca.pem"),
    }
    services["mutual_1.2"] = services["mutual"] | {"smtpd_tls_mandatory_protocols": ">=TLSv1.2, <=TLSv1.2"}
    services["sasl"] = submission(accounts)
    answers = {
        "greylisting": "450 4.7.1 Greylisted, come back later",
        "rate": "451 4.7.1 Too many messages from you",
        "blocked": "554 5.7.1 Service unavailable; Client host blocked using zen.spamhaus.org",
        "full": "552 5.2.2 Mailbox full",
    }
    for name, answer in answers.items():
        (folder / name).write_text(f"probe@chu.test {answer}\n")
        services[name] = {"smtpd_recipient_restrictions": f"check_recipient_access texthash:{folder / name}"}
    (folder / "senders").write_text("probe@chu.test REJECT not you\n")
    services["senders"] = {"smtpd_sender_restrictions": f"check_sender_access texthash:{folder / 'senders'}"}
    services["small"] = {"message_size_limit": "5"}
    services["not_us"] = {"smtpd_client_restrictions": "reject", "smtpd_delay_reject": "no"}
    with postfix({"anvil_rate_time_unit": "60s", "message_size_limit": "1000000"}, services=services) as server:
        yield server


async def run(relay: Postfix, service: str = "smtp", *, deadline: float = 8.0, **keys: Any) -> Result:
    return await climb(settings(Smtp, host=HOST, port=relay.ports[service], **keys), deadline=deadline)


async def test_postfix_takes_an_envelope_over_starttls(relay: Postfix, tmp_path: Path) -> None:
    result = await run(relay, tls=trusting(tmp_path), **ENVELOPE, refuses="made-up@chu.test")
    assert result.outcome is Outcome.OK, result
    assert result.whole
    assert result.rung == result.of == 7
    assert Measure.CERT_EARLIEST_EXPIRY in result.measures
    assert result.properties["made_up_recipient"].startswith("550 5.1.1")


async def test_postfix_takes_a_message_and_tells_its_queue_id(relay: Postfix) -> None:
    probe = settings(Smtp, host=HOST, port=relay.port, **ENVELOPE)
    ladder = Ladder((*probe.climbs(), stages.ACCEPTED))
    async with await open_session(ladder, probe.submit) as session:
        await session.envelope(ladder, "probe@chu.test", ["probe@chu.test"])
        queue_id = await session.data(ladder, b"Subject: probe\n\n.dot\n")
    assert queue_id
    assert queue_id in (relay.folder / "mail.log").read_text()


async def test_postfix_speaks_tls_from_the_first_byte(relay: Postfix, tmp_path: Path) -> None:
    assert (await run(relay, "smtps", tls=trusting(tmp_path, "implicit"), **ENVELOPE)).outcome is Outcome.OK


@pytest.mark.parametrize(
    ("service", "keys", "stage", "cause"),
    [
        ("smtp", {"rcpt_to": "probe@outside.test"}, "envelope", "relay_denied"),
        ("smtp", {"rcpt_to": "nobody@chu.test"}, "envelope", "unknown_recipient"),
        ("greylisting", {}, "envelope", "greylisted"),
        ("rate", {}, "envelope", "rate_limited"),
        ("blocked", {}, "envelope", "block_listed"),
        ("full", {}, "envelope", "mailbox_full"),
        ("senders", {}, "envelope", "sender_refused"),
        ("tls_only", {}, "envelope", "starttls_required"),
        ("not_us", {}, "greeting", "banner_refused"),
        ("smtps", {}, "greeting", "timeout"),
    ],
)
async def test_what_postfix_refuses_gets_its_cause(
    relay: Postfix, service: str, keys: dict[str, str], stage: str, cause: str
) -> None:
    assert where_and_why(await run(relay, service, deadline=3.0, **(ENVELOPE | keys))) == (stage, cause)


@pytest.mark.parametrize("fault", FAULTS)
async def test_postfix_s_bad_certificate_gets_its_cause(relay: Postfix, fault: str, tmp_path: Path) -> None:
    result = await run(relay, fault, tls=trusting(tmp_path), **ENVELOPE)
    assert where_and_why(result) == ("tls", f"cert_{fault}")
    assert Measure.CERT_EARLIEST_EXPIRY in result.measures


async def test_postfix_without_tls_is_told_from_one_that_is_filtered(relay: Postfix, tmp_path: Path) -> None:
    assert where_and_why(await run(relay, "no_tls", tls=trusting(tmp_path))) == ("starttls", "starttls_not_offered")


@pytest.mark.parametrize(("service", "version"), [("mutual", "TLSv1.3"), ("mutual_1.2", "TLSv1.2")])
async def test_postfix_refuses_a_missing_client_certificate_only_after_the_handshake(
    relay: Postfix, service: str, version: str, tmp_path: Path
) -> None:
    result = await run(relay, service, tls=trusting(tmp_path), **ENVELOPE)
    assert result.properties["tls_version"] == version, "the handshake itself ended well"
    assert where_and_why(result) == ("tls", "client_cert_missing")


async def test_postfix_refuses_a_client_certificate_of_an_authority_it_does_not_know(
    relay: Postfix, tmp_path: Path
) -> None:
    result = await run(relay, "mutual", tls=trusting(tmp_path, client=other_authority()), **ENVELOPE)
    assert where_and_why(result) == ("tls", "client_cert_refused")


async def test_postfix_takes_a_client_certificate_that_it_knows(relay: Postfix, tmp_path: Path) -> None:
    result = await run(relay, "mutual", tls=trusting(tmp_path, client=authority()), **ENVELOPE)
    assert result.outcome is Outcome.OK, result


@pytest.mark.parametrize(("password", "cause"), [("secret", None), ("wrong", "auth_refused")])
async def test_postfix_asks_dovecot_about_a_password(
    relay: Postfix, password: str, cause: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSWORD", password)
    keys: dict[str, Any] = {"tls": trusting(tmp_path), "user": "probe", "password": {"env": "PASSWORD"}}
    assert where_and_why(await run(relay, "sasl", **keys)) == ("auth", cause)


async def test_postfix_offers_no_login_in_clear(relay: Postfix, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "secret")
    result = await run(relay, "sasl", user="probe", password={"env": "PASSWORD"})
    assert where_and_why(result) == ("auth", "auth_not_offered")


async def test_a_message_beyond_postfix_s_limit_is_too_big(relay: Postfix) -> None:
    probe = settings(Smtp, host=HOST, port=relay.ports["small"], **ENVELOPE)
    ladder = Ladder(probe.climbs())
    async with await open_session(ladder, probe.submit) as session:
        reply = await session.ask(b"MAIL FROM:<probe@chu.test> SIZE=1000")
    assert session.cause_of(reply, Step.MAIL).code == "too_big"


async def test_a_stopped_postfix_is_told_from_a_frozen_one() -> None:
    with postfix() as server:
        server.freeze()
        frozen = await run(server, deadline=0.5, **ENVELOPE)
        server.stop()
        stopped = await run(server, **ENVELOPE)
        server.start()
        again = await run(server, **ENVELOPE)
    assert where_and_why(frozen) == ("greeting", "timeout")
    assert where_and_why(stopped) == ("connect", "refused")
    assert again.outcome is Outcome.OK
