"""Why a rung did not hold. The common causes stand here; a kind declares those that only it can meet.

A cause has a *side*, by which on-call is routed, and a *verdict*: what it says about the flow.
"""

from dataclasses import dataclass
from enum import StrEnum

from retabli.model.words import Words


class Side(StrEnum):
    OURS = "ours"
    NETWORK = "network"
    PARTNER_DOWN = "partner_down"
    PARTNER_REFUSES = "partner_refuses"
    CONTENT = "content"
    PROBE = "probe"


SIDE_WORDS = {
    Side.OURS: Words("chez nous", "on our side"),
    Side.NETWORK: Words("réseau", "network"),
    Side.PARTNER_DOWN: Words("partenaire en panne", "partner down"),
    Side.PARTNER_REFUSES: Words("partenaire qui refuse", "partner refuses"),
    Side.CONTENT: Words("contenu", "content"),
    Side.PROBE: Words("sonde", "probe"),
}


class Verdict(StrEnum):
    """What a cause lets us say. TEMPORARY is unknown within the probe's `temporary` budget, and failed after it."""

    FAILED = "failed"
    TEMPORARY = "temporary"
    UNKNOWN = "unknown"
    IMPAIRED = "impaired"  # the flow works, but not wholly: never a reason for a fall


@dataclass(frozen=True, slots=True)
class Cause:
    """`code` is the cause's name in metrics, the API and the log; `look` is what to look at first.

    `credential`: a login was refused; it is never tried again by a confirmation (accounts lock).
    `proves`: False for an answer that shows life but no success, so that it does not count for `rise`.
    """

    code: str
    side: Side
    words: Words
    verdict: Verdict = Verdict.FAILED
    look: Words | None = None
    credential: bool = False
    proves: bool = True

    def __str__(self) -> str:
        return self.code

    def advice(self, language: str) -> str:
        """What to look at first, in plain words: the cause's own advice, else its verdict's or its side's."""
        return (self.look or (WAIT if self.verdict is Verdict.TEMPORARY else LOOK[self.side]))[language]


LOOK = {
    Side.OURS: Words(
        "Regarder chez nous : pare-feu, résolveur, proxy, certificat, mot de passe, horloge.",
        "Look on our side: firewall, resolver, proxy, certificate, password, clock.",
    ),
    Side.NETWORK: Words(
        "Regarder le chemin : routage, pare-feu intermédiaires, lien de l'opérateur.",
        "Look at the path: routing, firewalls in between, the carrier's link.",
    ),
    Side.PARTNER_DOWN: Words(
        "Joindre le partenaire : son service ne répond pas.", "Call the partner: their service does not answer."
    ),
    Side.PARTNER_REFUSES: Words(
        "Joindre le partenaire : il nous refuse ; demander les garanties qu'il attend.",
        "Call the partner: they refuse us; ask which assurances they want.",
    ),
    Side.CONTENT: Words(
        "Le transport fonctionne : regarder le contenu, l'application ou sa configuration.",
        "The transport works: look at the content, the application or its settings.",
    ),
    Side.PROBE: Words(
        "La sonde elle-même est en défaut : lire le journal de Retabli.",
        "The probe itself is at fault: read Retabli's own log.",
    ),
}

WAIT = Words(
    "Réponse provisoire : la sonde réessaie. Si elle dure, joindre qui répond ainsi.",
    "A temporary answer: the probe tries again. If it lasts, call whoever answers so.",
)


def cause(
    code: str,
    side: Side,
    *,
    fr: str,
    en: str,
    verdict: Verdict = Verdict.FAILED,
    look: Words | None = None,
    credential: bool = False,
    proves: bool = True,
) -> Cause:
    return Cause(code, side, Words(fr, en), verdict, look, credential, proves)


# Names
_NAME = Words(
    "Vérifier le nom dans la configuration, puis auprès de qui le tient ; un résolveur qui filtre répond aussi ainsi.",
    "Check the name in the configuration, then with whoever keeps it; a resolver that filters answers so too.",
)
NXDOMAIN = cause("nxdomain", Side.PARTNER_DOWN, fr="le nom n'existe pas", en="the name does not exist", look=_NAME)
NO_DATA = cause("no_data", Side.PARTNER_DOWN, fr="le nom n'a pas d'adresse", en="the name has no address", look=_NAME)
SERVFAIL = cause("servfail", Side.OURS, fr="le résolveur répond SERVFAIL", en="the resolver answers SERVFAIL")
DNS_REFUSED = cause("dns_refused", Side.OURS, fr="le résolveur refuse de répondre", en="the resolver refuses to answer")
DNS_TIMEOUT = cause("dns_timeout", Side.OURS, fr="le résolveur ne répond pas", en="the resolver does not answer")
DNS_GARBAGE = cause(
    "dns_garbage", Side.OURS, fr="le résolveur répond n'importe quoi", en="the resolver answers garbage"
)
SINKHOLE = cause(
    "sinkhole",
    Side.OURS,
    fr="le résolveur donne une adresse qui ne mène nulle part (filtrage)",
    en="the resolver gives an address that leads nowhere (filtering)",
)

# Connections
REFUSED = cause("refused", Side.PARTNER_DOWN, fr="connexion refusée", en="connection refused")
TIMEOUT = cause("timeout", Side.NETWORK, fr="aucune réponse dans le délai", en="no answer in time")
UNREACHABLE = cause("unreachable", Side.NETWORK, fr="hôte ou réseau injoignable", en="host or network unreachable")
ADMIN_PROHIBITED = cause(
    "admin_prohibited",
    Side.OURS,
    fr="interdit par un pare-feu (ICMP)",
    en="prohibited by a firewall (ICMP)",
)
RESET = cause("reset", Side.NETWORK, fr="connexion réinitialisée", en="connection reset")
CLOSED_EARLY = cause("closed_early", Side.PARTNER_DOWN, fr="connexion fermée trop tôt", en="connection closed early")
GARBAGE = cause(
    "garbage", Side.PARTNER_DOWN, fr="réponse qui n'est pas du protocole", en="an answer that is not of the protocol"
)
TOO_LONG = cause("too_long", Side.PARTNER_DOWN, fr="réponse démesurée", en="an answer beyond all bounds")

# TLS; the certificate's verdict is OpenSSL's
_CERTIFICATE = Words(
    "Faire renouveler ou corriger le certificat du serveur ; comparer son émetteur avec l'autorité attendue (`ca`).",
    "Have the server's certificate renewed or mended; compare its issuer with the authority that is expected (`ca`).",
)
_HANDSHAKE = Words(
    "Comparer ce que TLS permet de part et d'autre (versions, chiffrements), et les équipements qui l'inspectent.",
    "Compare what TLS allows on either side (versions, ciphers), and what inspects it on the way.",
)
_CLIENT_CERTIFICATE = Words(
    "Comparer notre certificat client (échéance, émetteur) avec ce que le partenaire attend.",
    "Compare our client certificate (expiry, issuer) with what the partner expects.",
)
TLS_HANDSHAKE = cause(
    "tls_handshake", Side.PARTNER_DOWN, fr="la négociation TLS échoue", en="the TLS handshake fails", look=_HANDSHAKE
)
NOT_TLS = cause(
    "not_tls", Side.PARTNER_DOWN, fr="la réponse n'est pas du TLS", en="the answer is not TLS", look=_HANDSHAKE
)
TLS_VERSION = cause(
    "tls_version",
    Side.PARTNER_DOWN,
    fr="aucune version de TLS en commun",
    en="no TLS version in common",
    look=_HANDSHAKE,
)
TLS_CIPHER = cause(
    "tls_cipher", Side.PARTNER_DOWN, fr="aucun chiffrement en commun", en="no cipher in common", look=_HANDSHAKE
)
CIPHER_NOT_ALLOWED = cause(
    "cipher_not_allowed",
    Side.PARTNER_DOWN,
    fr="le serveur choisit un chiffrement qui n'est pas permis",
    en="the server chooses a cipher that is not allowed",
    look=_HANDSHAKE,
)
CERT_EXPIRED = cause(
    "cert_expired", Side.PARTNER_DOWN, fr="certificat expiré", en="certificate expired", look=_CERTIFICATE
)
CERT_NOT_YET_VALID = cause(
    "cert_not_yet_valid",
    Side.PARTNER_DOWN,
    fr="certificat pas encore valable (ou notre horloge)",
    en="certificate not yet valid (or our clock)",
    look=_CERTIFICATE,
)
CERT_UNKNOWN_CA = cause(
    "cert_unknown_ca",
    Side.PARTNER_DOWN,
    fr="autorité de certification inconnue",
    en="unknown certificate authority",
    look=_CERTIFICATE,
)
CERT_SELF_SIGNED = cause(
    "cert_self_signed", Side.PARTNER_DOWN, fr="certificat auto-signé", en="self-signed certificate", look=_CERTIFICATE
)
CERT_NAME_MISMATCH = cause(
    "cert_name_mismatch",
    Side.PARTNER_DOWN,
    fr="le certificat porte un autre nom",
    en="the certificate bears another name",
    look=_CERTIFICATE,
)
CERT_REVOKED = cause(
    "cert_revoked", Side.PARTNER_DOWN, fr="certificat révoqué", en="certificate revoked", look=_CERTIFICATE
)
_REVOCATION = Words(
    "Renouveler la liste de révocation (`crl`) : celle de l'autorité qui a émis le certificat, à jour.",
    "Renew the revocation list (`crl`): that of the authority which issued the certificate, up to date.",
)
CRL_STALE = cause(
    "crl_stale",
    Side.OURS,
    fr="notre liste de révocation est périmée : la révocation n'est pas jugée",
    en="our revocation list is out of date: revocation is not judged",
    verdict=Verdict.UNKNOWN,
    look=_REVOCATION,
)
REVOCATION_UNKNOWN = cause(
    "revocation_unknown",
    Side.OURS,
    fr="aucune liste de révocation valable ne couvre ce certificat",
    en="no valid revocation list covers this certificate",
    verdict=Verdict.UNKNOWN,
    look=_REVOCATION,
)
CERT_INVALID = cause(
    "cert_invalid", Side.PARTNER_DOWN, fr="certificat non valable", en="invalid certificate", look=_CERTIFICATE
)
CLIENT_CERT_MISSING = cause(
    "client_cert_missing",
    Side.OURS,
    fr="un certificat client est exigé et nous n'en présentons pas",
    en="a client certificate is demanded and we present none",
    look=_CLIENT_CERTIFICATE,
)
CLIENT_CERT_REFUSED = cause(
    "client_cert_refused",
    Side.PARTNER_REFUSES,
    fr="notre certificat client est refusé",
    en="our client certificate is refused",
    look=_CLIENT_CERTIFICATE,
)

# Ourselves
AUTH_REFUSED = cause(
    "auth_refused",
    Side.OURS,
    fr="identifiants refusés",
    en="credentials refused",
    credential=True,
    look=Words(
        "Vérifier le compte de sonde et son mot de passe ou sa clé (réinitialisés après l'attaque ?).",
        "Check the probe's account and its password or key (reset after the attack?).",
    ),
)
AUTH_REQUIRED = cause(
    "auth_required",
    Side.OURS,
    fr="une authentification est exigée, et nous n'en avons pas",
    en="authentication is demanded, and we have none",
    look=Words(
        "Donner un compte à cette sonde, ou faire autoriser notre adresse.",
        "Give this probe an account, or have our address allowed.",
    ),
)
RATE_LIMITED = cause(
    "rate_limited",
    Side.PARTNER_REFUSES,
    fr="on nous demande de ralentir",
    en="we are asked to slow down",
    verdict=Verdict.TEMPORARY,
    look=Words(
        "Espacer cette sonde (`every`), ou faire lever la limite de débit pour notre adresse.",
        "Probe less often (`every`), or have the rate limit lifted for our address.",
    ),
)
SECRET_UNREADABLE = cause(
    "secret_unreadable",
    Side.PROBE,
    fr="un secret de la configuration est illisible",
    en="a secret of the configuration cannot be read",
    verdict=Verdict.UNKNOWN,
)
FILE_UNREADABLE = cause(
    "file_unreadable",
    Side.PROBE,
    fr="un fichier de la configuration est illisible",
    en="a file of the configuration cannot be read",
    verdict=Verdict.UNKNOWN,
)
LOCAL_RESOURCES = cause(
    "local_resources",
    Side.PROBE,
    fr="notre machine manque de descripteurs, de ports ou de mémoire",
    en="our machine lacks descriptors, ports or memory",
    verdict=Verdict.UNKNOWN,
)
LOCAL_PERMISSION = cause(
    "local_permission",
    Side.PROBE,
    fr="notre machine nous interdit cet envoi",
    en="our own machine forbids this",
    verdict=Verdict.UNKNOWN,
)
LOCAL_STALL = cause(
    "local_stall",
    Side.PROBE,
    fr="notre machine est restée figée pendant l'essai",
    en="our machine stood still during the run",
    verdict=Verdict.UNKNOWN,
)
PROBE_DEFECT = cause(
    "probe_defect",
    Side.PROBE,
    fr="défaut de la sonde",
    en="defect of the probe",
    verdict=Verdict.UNKNOWN,
)

COMMON: tuple[Cause, ...] = tuple(value for value in dict(globals()).values() if isinstance(value, Cause))
