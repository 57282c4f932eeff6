"""Two operators of a trusted space on loopback: an authority, their certificates, a white list, revocation lists."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from ssl import CERT_REQUIRED, PROTOCOL_TLS_SERVER, SSLContext
from typing import Any
from xml.sax.saxutils import escape

from probes.mssante import MsSante
from simulator.authority import Authority, Identity
from tests.climbing import settings
from tests.mail_servers import HOST, SmtpServer

OURS, THEIRS = "chu.mssante.example", "partenaire.mssante.example"
OWN_NAME = "CN=mx.chu.mssante.example,OU=310000000,O=CHU de test,ST=Ille-et-Vilaine (35),C=FR"
THEIR_NAME = "CN=mx.partenaire.mssante.example,OU=320000000,O=Partenaire de test,ST=Paris (75),C=FR"
ENVELOPE: dict[str, Any] = {"mail_from": f"sonde@{OURS}", "rcpt_to": f"sonde@{THEIRS}", "authorised": True}


def white_list(
    listed: Mapping[str, Sequence[str]], *, age: timedelta = timedelta(hours=6), generated: str | None = None
) -> str:
    """A list in the form of the real one; `generated` replaces its date ("" leaves it out)."""
    date = (datetime.now(UTC) - age).strftime("%Y-%m-%dT%H:%M:%SZ") if generated is None else generated
    entries = "".join(
        f"<Domaine><Nom>{domain}</Nom><Description>Synthétique</Description>"
        f"<DNCertificatOperateur>{escape(name)}</DNCertificatOperateur>"
        f"<SupportContact>support@{domain}</SupportContact><DateMAJ>2023-07-01</DateMAJ></Domaine>\n"
        for domain, names in listed.items()
        for name in names
    )
    dated = f"<DateDeGeneration>{date}</DateDeGeneration>\n" if date else ""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<ListeBlanche>\n{dated}{entries}</ListeBlanche>\n'


@dataclass
class Space:
    """The files that a probe is given, all good; a test writes over those that it wants otherwise."""

    folder: Path
    authority: Authority
    own: Identity
    partner: Identity
    listed: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.listed = {OURS: [OWN_NAME], "autre.mssante.example": ["CN=autre,C=FR"], THEIRS: [THEIR_NAME]}
        self.write_list()

    @property
    def list_file(self) -> Path:
        return self.folder / "liste.xml"

    def write_list(self, content: str | None = None, **dated: Any) -> None:
        self.list_file.write_text(white_list(self.listed, **dated) if content is None else content)

    def write_crl(self, *revoked: Identity, authority: Authority | None = None, **valid: float) -> str:
        path = self.folder / "authority.crl"
        path.write_bytes((authority or self.authority).revocation_list(*revoked, **valid))
        return str(path)

    def tls(self, own: Identity | None = None) -> dict[str, str]:
        shown = own or self.own
        return {"ca": str(self.authority.ca), "client_cert": str(shown.certificate), "client_key": str(shown.key)}

    def keys(self, **keys: Any) -> dict[str, Any]:
        usual = {"white_list": str(self.list_file), "domain": OURS, "partner": THEIRS, "host": HOST, "tls": self.tls()}
        return usual | {"timeout": "6s"} | keys

    def probe(self, port: int, *, context: Mapping[str, Any] | None = None, **keys: Any) -> MsSante:
        return settings(MsSante, context=context, port=port, **self.keys(**keys))

    def server_context(
        self, identity: Identity | None = None, *, asks: bool = True, trusts: Authority | None = None
    ) -> SSLContext:
        """A partner's context, which demands a certificate of `trusts`, or does not ask for one."""
        shown = identity or self.partner
        context = SSLContext(PROTOCOL_TLS_SERVER)
        context.load_cert_chain(shown.certificate, shown.key)
        if asks:
            context.verify_mode = CERT_REQUIRED
            context.load_verify_locations((trusts or self.authority).ca)
        return context

    def server(self, context: SSLContext | None = None, **keys: Any) -> SmtpServer:
        return SmtpServer(("8BITMIME", "SIZE 1000000", "STARTTLS"), context=context or self.server_context(), **keys)


def space(folder: Path) -> Space:
    """An authority, and the certificates of two operators; the partner's bears this machine's address too."""
    authority = Authority(folder, "Autorité de test")
    return Space(
        folder,
        authority,
        own=authority.issue("mx.chu.mssante.example", subject=OWN_NAME, rsa=True),
        partner=authority.issue(HOST, "mx1.partner.test", "mx2.partner.test", subject=THEIR_NAME, rsa=True),
    )
