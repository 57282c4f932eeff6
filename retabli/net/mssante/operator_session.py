"""An SMTP session with a partner's operator: found by MX, over mutual TLS, with the certificate that the list names."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509

from retabli.model import stages
from retabli.model.causes import Side
from retabli.model.ladder import Fall, Ladder
from retabli.model.settings import Resolver, Secret, Submit, Tls
from retabli.net.connection import Connection
from retabli.net.mail import smtp
from retabli.net.mail.exchangers import exchangers_of
from retabli.net.mssante.distinguished_names import name_of, parse_name, same_name
from retabli.net.mssante.mssante_causes import (
    CLIENT_CERT_NOT_ASKED,
    EXCHANGER_UNAVAILABLE,
    NO_MAIL_ACCEPTED,
    PARTNER_CERTIFICATE_UNLISTED,
    UNJUDGED,
    only_impaired,
)

# What may be agreed on within the space under TLS 1.2 (ECO.1.1.3 of its référentiel), and under TLS 1.3, which knows no
# key exchange that is not ephemeral, the same encryption.
SUITES = (
    "TLS_AES_256_GCM_SHA384",
    "TLS_AES_128_GCM_SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-SHA384",
    "ECDHE-RSA-AES128-SHA256",
)
# A server that falls on one of these has not taken the conversation up: the next exchanger is tried (RFC 5321, 5.1).
UNTAKEN = (stages.RESOLVE, stages.CONNECT, stages.GREETING)


@dataclass(frozen=True, slots=True)
class Partner:
    """Whom to reach, and how. `host`: instead of the domain's MX. `names` are those that the white list gives.

    `patience`: seconds for all of its exchangers together, of which each but the last has an equal share.
    """

    domain: str
    host: str | None
    port: int
    names: tuple[str, ...]
    tls: Tls
    user: str | None
    password: Secret | None
    resolver: Resolver | None
    patience: float


async def open_operator_session(ladder: Ladder, partner: Partner) -> smtp.SmtpSession:
    """A session over mutual TLS; climbs RESOLVE to TLS, and AUTH with an account.

    That a server does not ask for our certificate, that one of several is down, and that revocation cannot be judged
    are impairments; the certificate itself is OpenSSL's to judge, and its name is held against the white list.

    Raises:
        Fall: of the last exchanger that was tried; `no_mail_accepted`, `partner_certificate_unlisted`.
    """
    hosts = await _hosts(ladder, partner)
    missed: list[str] = []
    for host in hosts:
        last = host == hosts[-1]
        try:
            async with asyncio.timeout(None if last else partner.patience / len(hosts)):
                session = await _open(ladder, partner, host)
        except (Fall, OSError):  # a TimeoutError is one
            fallen = ladder.fallen
            if last or fallen is None or fallen.cause is None or fallen.stage not in UNTAKEN:
                raise
            if fallen.cause.side is Side.PROBE:
                raise
            missed.append(f"{host} {fallen.cause.code}")
            ladder.describe("failed_exchangers", ", ".join(missed))
            continue
        if missed:
            ladder.impair(EXCHANGER_UNAVAILABLE, ", ".join(missed))
        ladder.describe("exchanger", host)
        return session
    raise AssertionError("the last exchanger gives a session or a fall")


async def _hosts(ladder: Ladder, partner: Partner) -> tuple[str, ...]:
    if partner.host is not None:
        return (partner.host,)
    with ladder.rung(stages.RESOLVE):
        hosts = await exchangers_of(partner.domain, partner.resolver)
        if not hosts:
            raise Fall(NO_MAIL_ACCEPTED, partner.domain)
    return hosts


async def _open(ladder: Ladder, partner: Partner, host: str) -> smtp.SmtpSession:
    def judge(connection: Connection) -> None:
        judge_partner(ladder, connection, partner.names)

    submit = Submit(host=host, port=partner.port, tls=partner.tls, user=partner.user, password=partner.password)
    try:
        return await smtp.open_session(ladder, submit, resolver=partner.resolver, judge=judge)
    except Fall as fall:
        if fall.cause not in UNJUDGED or not partner.tls.crl:
            raise
        ladder.impair(only_impaired(fall.cause), fall.detail)
    without = submit.model_copy(update={"tls": partner.tls.model_copy(update={"crl": ()})})
    return await smtp.open_session(ladder, without, resolver=partner.resolver, judge=judge)


def judge_partner(ladder: Ladder, connection: Connection, names: Sequence[str]) -> None:
    """Whether this is the operator that the list names, and asks who we are; before anything is said to it.

    Raises:
        Fall: `partner_certificate_unlisted`.
    """
    if not is_listed(connection.peer_certificate or b"", names):
        shown = connection.tls.chain.subject if connection.tls and connection.tls.chain else "a certificate"
        raise Fall(PARTNER_CERTIFICATE_UNLISTED, f"shown: {shown}; listed: {' | '.join(names)}")
    # Where the chain was not seen, neither would the request for our certificate have been.
    if connection.tls is not None and connection.tls.chain is not None and not connection.tls.client_certificate_asked:
        ladder.impair(CLIENT_CERT_NOT_ASKED)


def is_listed(certificate: bytes, names: Sequence[str]) -> bool:
    """Whether a certificate (DER) bears one of these written names."""
    try:
        own = name_of(x509.load_der_x509_certificate(certificate).subject)
    except (ValueError, TypeError, x509.InvalidVersion):  # odd enough that nobody could have written its name on a list
        return False
    return any(parsed is not None and same_name(own, parsed) for parsed in map(parse_name, names))
