"""The causes that SMTP and IMAP conversations share: a missing banner, STARTTLS, a password that is held back."""

from retabli.model.causes import Side, Verdict, cause
from retabli.model.words import Words

NO_BANNER = cause(
    "no_banner",
    Side.PARTNER_DOWN,
    fr="connexion acceptée puis fermée sans bannière",
    en="connection accepted, then closed without a banner",
    look=Words(
        "Un filtre d'adresses ou un service en panne derrière un port ouvert : joindre le partenaire.",
        "An address filter, or a broken service behind an open port: call the partner.",
    ),
)
STARTTLS_NOT_OFFERED = cause(
    "starttls_not_offered", Side.PARTNER_DOWN, fr="STARTTLS n'est pas proposé", en="STARTTLS is not offered"
)
STARTTLS_STRIPPED = cause(
    "starttls_stripped",
    Side.OURS,
    fr="un équipement du chemin efface STARTTLS (XXXXXXXX)",
    en="something on the path strips STARTTLS (XXXXXXXX)",
    look=Words(
        "Un pare-feu inspecte SMTP et réécrit STARTTLS : y désactiver l'inspection ESMTP pour ce flux.",
        "A firewall inspects SMTP and rewrites STARTTLS: turn its ESMTP inspection off for this flow.",
    ),
)
STARTTLS_REFUSED = cause(
    "starttls_refused",
    Side.PARTNER_REFUSES,
    fr="STARTTLS est proposé puis refusé",
    en="STARTTLS is offered, then refused",
)
STARTTLS_UNAVAILABLE = cause(
    "starttls_unavailable",
    Side.PARTNER_DOWN,
    fr="TLS momentanément indisponible (454)",
    en="TLS not available for now (454)",
    verdict=Verdict.TEMPORARY,
)
STARTTLS_INJECTED = cause(
    "starttls_injected",
    Side.NETWORK,
    fr="des données en clair suivent la réponse à STARTTLS : injection possible",
    en="clear text follows the answer to STARTTLS: possible injection",
)
AUTH_UNAVAILABLE = cause(
    "auth_unavailable",
    Side.PARTNER_DOWN,
    fr="authentification momentanément indisponible",
    en="authentication not available for now",
    verdict=Verdict.TEMPORARY,
)
CREDENTIALS_IN_CLEAR = cause(
    "credentials_in_clear",
    Side.PROBE,
    fr="le mot de passe partirait en clair : il n'est pas envoyé",
    en="the password would travel in clear: it is not sent",
    verdict=Verdict.UNKNOWN,
    look=Words("Mettre TLS sur cette connexion (starttls ou implicit).", "Use TLS there (starttls or implicit)."),
)
