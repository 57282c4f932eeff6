"""Why an SMTP conversation did not go on: the causes that every kind which speaks SMTP may meet."""

from dataclasses import replace

from retabli.model import causes
from retabli.model.causes import Cause, Side, Verdict, cause
from retabli.model.words import Words
from retabli.net.mail.session_causes import AUTH_UNAVAILABLE as AUTH_UNAVAILABLE
from retabli.net.mail.session_causes import CREDENTIALS_IN_CLEAR as CREDENTIALS_IN_CLEAR
from retabli.net.mail.session_causes import NO_BANNER as NO_BANNER
from retabli.net.mail.session_causes import STARTTLS_INJECTED as STARTTLS_INJECTED
from retabli.net.mail.session_causes import STARTTLS_NOT_OFFERED as STARTTLS_NOT_OFFERED
from retabli.net.mail.session_causes import STARTTLS_REFUSED as STARTTLS_REFUSED
from retabli.net.mail.session_causes import STARTTLS_STRIPPED as STARTTLS_STRIPPED
from retabli.net.mail.session_causes import STARTTLS_UNAVAILABLE as STARTTLS_UNAVAILABLE

# The greeting
NOT_SMTP = cause(
    "not_smtp", Side.PARTNER_DOWN, fr="ce qui répond ne parle pas SMTP", en="what answers does not speak SMTP"
)
BANNER_BUSY = cause(
    "banner_busy",
    Side.PARTNER_DOWN,
    fr="le serveur se dit occupé (421)",
    en="the server says it is busy (421)",
    verdict=Verdict.TEMPORARY,
)
BANNER_REFUSED = cause(
    "banner_refused",
    Side.PARTNER_REFUSES,
    fr="le serveur nous refuse dès l'accueil (554)",
    en="the server refuses us at the greeting (554)",
)

# STARTTLS
STARTTLS_REQUIRED = cause(
    "starttls_required",
    Side.OURS,
    fr="le serveur exige TLS et notre configuration n'en fait pas",
    en="the server demands TLS and our configuration uses none",
    look=Words("Mettre « tls: {mode: starttls} » sur cette sonde.", "Put `tls: {mode: starttls}` on this probe."),
)

# Authentication; a refused login is the common `auth_refused`
AUTH_NOT_OFFERED = cause(
    "auth_not_offered",
    Side.PARTNER_DOWN,
    fr="aucun mécanisme d'authentification utilisable",
    en="no usable authentication mechanism",
)
AUTH_REQUIRED = causes.AUTH_REQUIRED

# The envelope and the message
RELAY_DENIED = cause(
    "relay_denied",
    Side.PARTNER_REFUSES,
    fr="le serveur refuse de relayer vers ce domaine",
    en="the server refuses to relay to that domain",
    look=Words(
        "Vérifier que le relais autorise notre adresse, et qu'il connaît toujours ce domaine.",
        "Check that the relay allows our address, and that it still knows that domain.",
    ),
)
UNKNOWN_RECIPIENT = cause(
    "unknown_recipient",
    Side.CONTENT,
    fr="destinataire inconnu",
    en="unknown recipient",
    look=Words(
        "Vérifier l'adresse ; si toutes sont refusées, l'annuaire du serveur est absent ou vide.",
        "Check the address; if all are refused, the server's directory is missing or empty.",
    ),
)
GREYLISTED = cause(
    "greylisted",
    Side.PARTNER_REFUSES,
    fr="liste grise : à représenter plus tard",
    en="greylisted: to be tried again later",
    verdict=Verdict.TEMPORARY,
)
RATE_LIMITED = causes.RATE_LIMITED
BLOCK_LISTED = cause(
    "block_listed",
    Side.PARTNER_REFUSES,
    fr="notre adresse est sur une liste de blocage",
    en="our address is on a block list",
    look=Words(
        "Chercher notre adresse publique sur la liste citée et demander son retrait.",
        "Look our public address up on the list that is named, and ask for its removal.",
    ),
)
SENDER_REFUSED = cause("sender_refused", Side.PARTNER_REFUSES, fr="expéditeur refusé", en="sender refused")
SENDER_UNPROVEN = cause(
    "sender_unproven",
    Side.OURS,
    fr="SPF, DKIM ou DMARC ne prouvent pas notre domaine",
    en="SPF, DKIM or DMARC do not prove our domain",
    look=Words(
        "Comparer l'adresse de sortie avec notre enregistrement SPF, et la clé DKIM du relais avec le DNS.",
        "Compare the outgoing address with our SPF record, and the relay's DKIM key with the DNS.",
    ),
)
MAILBOX_FULL = cause("mailbox_full", Side.CONTENT, fr="boîte pleine", en="mailbox full")
TOO_BIG = cause("too_big", Side.CONTENT, fr="message trop gros pour le serveur", en="message too big for the server")
NOT_AUTHORISED = cause(
    "not_authorised",
    Side.PARTNER_REFUSES,
    fr="le serveur ne nous autorise pas (5.7)",
    en="the server does not authorise us (5.7)",
)
MESSAGE_REFUSED = cause(
    "message_refused",
    Side.CONTENT,
    fr="message refusé après son envoi (contenu ou règle)",
    en="message refused after it was sent (content or policy)",
)
ADDRESS_UNSUPPORTED = cause(
    "address_unsupported",
    Side.PARTNER_DOWN,
    fr="le serveur n'accepte pas les adresses internationales (SMTPUTF8)",
    en="the server does not take international addresses (SMTPUTF8)",
)
DSN_NOT_OFFERED = cause(
    "dsn_not_offered",
    Side.PARTNER_DOWN,
    fr="le serveur ne notifie pas la remise (DSN) : elle ne peut être constatée ainsi",
    en="the server does not notify delivery (DSN): it cannot be seen that way",
    verdict=Verdict.UNKNOWN,
    look=Words(
        "Lire la boîte du destinataire à la place (`delivered_by: mailbox`), ou demander DSN au partenaire.",
        "Read the recipient's mailbox instead (`delivered_by: mailbox`), or ask the partner for DSN.",
    ),
)
TEMPORARY_FAILURE = cause(
    "temporary_failure",
    Side.PARTNER_DOWN,
    fr="échec temporaire (4xx)",
    en="temporary failure (4xx)",
    verdict=Verdict.TEMPORARY,
)
PERMANENT_FAILURE = cause(
    "permanent_failure", Side.PARTNER_REFUSES, fr="refus définitif (5xx)", en="permanent refusal (5xx)"
)

CAUSES: tuple[Cause, ...] = (
    *(value for value in tuple(globals().values()) if isinstance(value, Cause)),
    causes.AUTH_REFUSED,
    causes.CLIENT_CERT_MISSING,
    causes.CLIENT_CERT_REFUSED,
)


def softened(found: Cause) -> Cause:
    """The same cause as a temporary one: what a 4xx means, whatever its text says (RFC 5321, section 4.2.1)."""
    return found if found.verdict is not Verdict.FAILED else replace(found, verdict=Verdict.TEMPORARY)
