"""The kind `mssante` against a real Postfix and Dovecot as the partner, nginx as the publisher, unbound for MX."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from probes.mssante import MsSante
from probes.smtp import Smtp
from retabli.model.result import Outcome, Result
from retabli.model.settings import Mailbox
from simulator.authority import Authority, Identity
from tests.climbing import climb, settings
from tests.mail_servers import HOST
from tests.mssante_world import OURS, OWN_NAME, THEIR_NAME, THEIRS, Space, space, white_list
from tests.net.peers import closed_port
from tests.real.servers import UNBOUND_BEGINS, Dovecot, Postfix, Server, accepts, dovecot, postfix
from tests.said import where_and_why

pytestmark = [pytest.mark.real, pytest.mark.timeout(90)]

TO = f"sonde@{THEIRS}"
ENVELOPE: dict[str, Any] = {"mail_from": f"sonde@{OURS}", "rcpt_to": TO, "authorised": True}


@dataclass
class Real:
    """Everything that runs, and the files that the probe is given."""

    space: Space
    postfix: Postfix
    dovecot: Dovecot
    rogue: Identity
    revoked: Identity

    def keys(self, **keys: Any) -> dict[str, Any]:
        return self.space.keys(**({"timeout": "8s"} | keys))

    async def run(self, service: str = "mutual", *, memory: dict[str, Any] | None = None, **keys: Any) -> Result:
        probe = settings(
            MsSante, context={"mailboxes": self.mailboxes}, port=self.postfix.ports[service], **self.keys(**keys)
        )
        return await climb(probe, memory=memory)

    @property
    def mailboxes(self) -> dict[str, Mailbox]:
        keys = {"imap": HOST, "port": self.dovecot.imap, "tls": {"mode": "none"}}
        password = {"file": str(self.space.folder / "password")}
        return {
            name: Mailbox.model_validate({**keys, "name": name, "user": name, "password": password})
            for name in ("sonde", "retour")
        }


@pytest.fixture(scope="module")
def real() -> Iterator[Real]:
    with (
        tempfile.TemporaryDirectory() as name,
        dovecot({"sonde": "secret", "retour": "secret"}, extra="disable_plaintext_auth = no\n") as mailboxes,
    ):
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "rogue").mkdir()
        made = space(folder)
        (folder / "password").write_text("secret\n")
        (folder / "key").write_text("the key of these tests\n")
        rogue = Authority(folder / "rogue", "Autorité inconnue").issue("mx", subject=OWN_NAME, rsa=True)
        own_revoked = made.authority.issue("mx", subject=OWN_NAME, rsa=True)
        settings_of = services(made, folder)
        main = {
            "mydestination": f"chu.test, {THEIRS}, {OURS}",
            "local_recipient_maps": f"texthash:{folder / 'recipients'}",
            "transport_maps": f"texthash:{folder / 'transports'}",
        }
        (folder / "recipients").write_text(f"{TO} x\nretour@{OURS} x\nnotifie@{THEIRS} x\n")
        (folder / "transports").write_text(f"notifie@{THEIRS} discard:\n")
        with postfix(main, services=settings_of, lmtp=mailboxes.lmtp) as partner:
            yield Real(made, partner, mailboxes, rogue, own_revoked)


def services(made: Space, folder: Path) -> dict[str, dict[str, str]]:
    """One service of the partner's Postfix for each way in which it can be."""
    fingerprints = folder / "clients"
    fingerprints.write_text("AA:BB:CC nobody\n")
    ours = folder / "ours"
    ours.write_text(f"{fingerprint(made.own)} ours\n")
    mutual = {
        "smtpd_tls_security_level": "encrypt",
        "smtpd_tls_req_ccert": "yes",
        "smtpd_tls_CAfile": str(made.authority.ca),
        "smtpd_tls_cert_file": str(made.partner.certificate),
        "smtpd_tls_key_file": str(made.partner.key),
        "smtpd_tls_fingerprint_digest": "sha256",
    }
    asking = mutual | {"smtpd_tls_req_ccert": "no", "smtpd_tls_ask_ccert": "yes"}
    issued = {
        "expired": made.authority.issue(HOST, subject=THEIR_NAME, rsa=True, valid_from=-9, valid_until=-1),
        "not_yet_valid": made.authority.issue(HOST, subject=THEIR_NAME, rsa=True, valid_from=1),
        "name_mismatch": made.authority.issue("mx.ailleurs.test", subject=THEIR_NAME, rsa=True),
        "unlisted": made.authority.issue(HOST, subject="CN=mx.autre.test,O=Autre,C=FR", rsa=True),
        "revoked": made.authority.issue(HOST, subject=THEIR_NAME, rsa=True),
    }
    (folder / "revoked.crl").write_bytes(made.authority.revocation_list(issued["revoked"]))
    only_12 = {"smtpd_tls_mandatory_protocols": ">=TLSv1.2, <=TLSv1.2"}
    return {
        "mutual": mutual,
        "mutual_1.2": mutual | only_12,
        "one_sided": mutual | {"smtpd_tls_req_ccert": "no"},
        "no_tls": {"smtpd_tls_security_level": "none"},
        "rsa_key_exchange": mutual | only_12 | {"tls_medium_cipherlist": "AES256-GCM-SHA384:AES128-SHA"},
        "listed_clients": asking
        | {
            "relay_clientcerts": f"texthash:{fingerprints}",
            "smtpd_recipient_restrictions": "permit_tls_clientcerts, reject",
        },
        "our_client": asking
        | {"relay_clientcerts": f"texthash:{ours}", "smtpd_recipient_restrictions": "permit_tls_clientcerts, reject"},
        **{
            name: mutual | {"smtpd_tls_cert_file": str(each.certificate), "smtpd_tls_key_file": str(each.key)}
            for name, each in issued.items()
        },
    }


def fingerprint(identity: Identity) -> str:
    said = subprocess.run(
        ["openssl", "x509", "-in", str(identity.certificate), "-noout", "-fingerprint", "-sha256"],
        check=True,
        capture_output=True,
    )
    return said.stdout.decode().strip().partition("=")[2]


@pytest.fixture(autouse=True)
def good_list(real: Real) -> None:
    real.space.write_list()


@pytest.mark.parametrize(("service", "version"), [("mutual", "TLSv1.3"), ("mutual_1.2", "TLSv1.2")])
async def test_postfix_as_the_partner_is_climbed_to_its_ehlo(real: Real, service: str, version: str) -> None:
    result = await real.run(service, crl=real.space.write_crl())
    assert (result.outcome, result.whole) == (Outcome.OK, True), result
    assert where_and_why(result) == ("tls", None)
    assert result.rung == result.of == 10
    assert result.properties["tls_version"] == version
    assert result.properties["cipher"] in ("TLS_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384")


async def test_postfix_and_dovecot_deliver_a_message(real: Real) -> None:
    keys = {**ENVELOPE, "mailbox": "sonde", "key": {"file": str(real.space.folder / "key")}, "within": "20s"}
    result = await real.run(**keys)
    assert (result.outcome, result.whole) == (Outcome.OK, True), result
    assert where_and_why(result) == ("on_time", None)
    assert result.rung == result.of == 14
    assert result.properties["queue_id"] in (real.postfix.folder / "mail.log").read_text()


async def test_postfix_notifies_what_it_delivered_itself_and_not_what_it_handed_on(real: Real) -> None:
    keys = {**ENVELOPE, "mail_from": f"retour@{OURS}", "mailbox": "retour", "delivered_by": "dsn"}
    keys["key"] = {"file": str(real.space.folder / "key")}
    result = await real.run(**(keys | {"rcpt_to": f"notifie@{THEIRS}"}), within="20s")
    assert (result.outcome, result.whole) == (Outcome.OK, True), result
    assert where_and_why(result) == ("on_time", None)
    result = await real.run(**keys, within="2s")
    assert where_and_why(result) == ("delivered", "only_relayed"), (
        "what Dovecot has was only relayed, by Postfix's own word"
    )
    assert result.properties["notification"].startswith("relayed")


# Our certificate ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", ["mutual", "mutual_1.2"])
async def test_a_certificate_of_another_authority_is_refused_only_after_the_handshake(real: Real, service: str) -> None:
    result = await real.run(service, tls=real.space.tls(real.rogue))
    assert where_and_why(result) == ("tls", "client_cert_refused")
    assert "tls_version" in result.properties, "the handshake itself ended well"


async def test_a_certificate_that_postfix_does_not_list_is_refused_at_the_recipient(real: Real) -> None:
    assert where_and_why(await real.run("listed_clients", **ENVELOPE))[0] == "envelope"
    assert (await real.run("listed_clients", **ENVELOPE)).outcome is Outcome.FAILED
    assert where_and_why(await real.run("listed_clients")) == ("tls", None), "the EHLO alone does not show it"
    assert where_and_why(await real.run("our_client", **ENVELOPE)) == ("envelope", None)


async def test_an_expired_certificate_of_ours_is_ours_to_tell_and_postfix_would_refuse_it(real: Real) -> None:
    expired = real.space.authority.issue("mx", subject=OWN_NAME, rsa=True, valid_from=-9, valid_until=-1)
    assert where_and_why(await real.run(tls=real.space.tls(expired))) == ("own_certificate", "own_certificate_expired")
    probe = settings(Smtp, host=HOST, port=real.postfix.ports["mutual"], tls=real.space.tls(expired))
    result = await climb(probe)
    assert where_and_why(result) == ("tls", "client_cert_refused")
    assert result.properties["tls_version"] == "TLSv1.3", "the handshake itself ended well"


async def test_a_revoked_certificate_of_ours_is_told_before_anybody_refuses_it(real: Real) -> None:
    crl = real.space.write_crl(real.revoked)
    result = await real.run(tls=real.space.tls(real.revoked), crl=crl)
    assert where_and_why(result) == ("own_certificate", "own_certificate_revoked")


# The partner's ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "cause"),
    [
        ("expired", "cert_expired"),
        ("not_yet_valid", "cert_not_yet_valid"),
        ("name_mismatch", "cert_name_mismatch"),
        ("unlisted", "partner_certificate_unlisted"),
        ("revoked", "cert_revoked"),
        ("rsa_key_exchange", "tls_cipher"),
    ],
)
async def test_postfix_with_something_wrong_gets_its_cause(real: Real, service: str, cause: str) -> None:
    result = await real.run(service, crl=str(real.space.folder / "revoked.crl"), **ENVELOPE)
    assert where_and_why(result) == ("tls", cause)
    assert result.outcome is Outcome.FAILED


async def test_postfix_without_tls_offers_none(real: Real) -> None:
    assert where_and_why(await real.run("no_tls")) == ("starttls", "starttls_not_offered")


async def test_postfix_that_asks_for_no_certificate_is_no_partner_to_be_content_with(real: Real) -> None:
    result = await real.run("one_sided", **ENVELOPE)
    assert where_and_why(result) == ("envelope", "client_cert_not_asked")
    assert (result.outcome, result.whole) == (Outcome.OK, False)


async def test_postfix_does_not_know_a_recipient(real: Real) -> None:
    result = await real.run(**(ENVELOPE | {"rcpt_to": f"inconnu@{THEIRS}"}))
    assert where_and_why(result) == ("envelope", "unknown_recipient")


async def test_a_frozen_partner_is_told_from_one_whose_lists_are_at_fault(real: Real) -> None:
    real.postfix.freeze()
    try:
        result = await real.run(timeout="1s")
    finally:
        real.postfix.thaw()
    assert where_and_why(result) == ("greeting", "timeout")
    assert (await real.run()).outcome is Outcome.OK


async def test_a_stale_revocation_list_leaves_revocation_unjudged(real: Real) -> None:
    result = await real.run("revoked", crl=real.space.write_crl(valid_from=-9, valid_until=-2))
    assert where_and_why(result) == ("tls", "crl_stale")
    assert (result.outcome, result.whole) == (Outcome.OK, False)


# The list's publisher, and names ------------------------------------------------------------------------------------

NGINX = """
daemon off; user root; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 16; }}
http {{
  access_log {folder}/access.log; default_type application/xml; gzip on; gzip_types application/xml;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port} ssl; root {folder}/www;
    ssl_certificate {certificate}; ssl_certificate_key {key};
  }}
}}
"""


@dataclass
class Publisher:
    folder: Path
    port: int

    def publish(self, content: str) -> None:
        """As publishers do: the new file takes the old one's place at once."""
        fresh = self.folder / "www" / "fresh"
        fresh.write_text(content)
        fresh.rename(self.folder / "www" / "liste.xml")

    @property
    def statuses(self) -> list[str]:
        return [line.split('" ')[1][:3] for line in (self.folder / "access.log").read_text().splitlines()]


@contextmanager
def nginx(made: Space) -> Iterator[Publisher]:
    folder = Path(tempfile.mkdtemp(prefix="nginx-"))
    try:
        (folder / "www").mkdir()
        port = closed_port()
        (folder / "nginx.conf").write_text(
            NGINX.format(folder=folder, port=port, certificate=made.partner.certificate, key=made.partner.key)
        )
        server = Server(
            ["nginx", "-c", str(folder / "nginx.conf")], lambda: accepts(port), folder / "nginx.out", (port,)
        )
        server.start()
        try:
            yield Publisher(folder, port)
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def test_nginx_publishes_the_list_well_and_badly(real: Real) -> None:
    listed = real.space.listed | {f"d{number}.mssante.example": [f"CN=d{number},C=FR"] for number in range(8655)}
    memory: dict[str, Any] = {}
    with nginx(real.space) as publisher:
        address = f"https://127.0.0.1:{publisher.port}/liste.xml"
        keys: dict[str, Any] = {
            "white_list": {"url": address, "refresh": "0s", "tls": {"ca": str(real.space.authority.ca)}}
        }

        async def run(**more: Any) -> tuple[str | None, str | None]:
            return where_and_why(await real.run(memory=memory, **keys, **more))

        assert await run() == ("white_list", "white_list_unreachable"), "it is not there yet"
        publisher.publish(white_list(listed))
        assert await run() == ("tls", None)
        assert await run() == ("tls", None)
        assert publisher.statuses[-2:] == ["200", "304"]
        publisher.publish(white_list(listed).replace("</ListeBlanche>", ""))
        assert await run() == ("tls", "white_list_unreadable"), "the last good one is used"
        publisher.publish("<ListeBlanche>" + " " * 30_000_000)
        assert await run() == ("tls", "white_list_unreadable")
        (publisher.folder / "www" / "liste.xml").unlink()
        assert await run() == ("tls", "white_list_unreachable")
        assert await run(max_age="1h") == ("white_list", "white_list_unreachable")
        publisher.publish(white_list({OURS: [OWN_NAME]}))
        assert await run() == ("partner", "partner_unlisted")
        publisher.publish(white_list({THEIRS: [THEIR_NAME]}))
        assert await run() == ("own_domain", "own_domain_unlisted")
    assert await run() == ("own_domain", "own_domain_unlisted"), "what was known last still holds"


UNBOUND = (
    UNBOUND_BEGINS
    + """
  interface: 127.0.0.1@{port}
  do-ip6: no
  local-zone: "example." static
  local-zone: "test." static
  local-data: "{domain}. MX 10 mx1.partner.test."
  local-data: "{domain}. MX 20 mx2.partner.test."
  local-data: "mx2.partner.test. A 127.0.0.1"
  local-data: "nul.mssante.example. MX 0 ."
remote-control:
  control-enable: no
"""
)


async def test_unbound_gives_the_partner_s_exchangers(real: Real, tmp_path: Path) -> None:
    port = closed_port()
    (tmp_path / "unbound.conf").write_text(UNBOUND.format(port=port, folder=tmp_path, domain=THEIRS))
    command = ["unbound", "-d", "-c", str(tmp_path / "unbound.conf")]
    server = Server(command, lambda: accepts(port), tmp_path / "unbound.out", (port,))
    server.start()
    try:
        keys: dict[str, Any] = {"host": None, "resolver": {"nameservers": ["127.0.0.1"], "port": port}}
        result = await real.run(**keys)
        assert where_and_why(result) == ("tls", "exchanger_unavailable")
        assert (result.detail, result.properties["exchanger"]) == ("mx1.partner.test nxdomain", "mx2.partner.test")
        real.space.listed["nul.mssante.example"] = [THEIR_NAME]
        real.space.write_list()
        assert where_and_why(await real.run(partner="nul.mssante.example", **keys)) == ("resolve", "no_mail_accepted")
    finally:
        real.space.listed.pop("nul.mssante.example", None)
        server.stop()
