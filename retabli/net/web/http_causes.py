"""Why a web site's answer is not the one that was wanted: the causes that every kind over HTTP shares."""

from retabli.model import causes
from retabli.model.causes import Side, Verdict, cause
from retabli.model.words import Words

_FOLLOW = Words(
    "Voir où mène la redirection, et corriger l'adresse surveillée si le site a déménagé.",
    "See where the redirect leads, and correct the watched address if the site has moved.",
)
AUTH_REQUIRED = causes.AUTH_REQUIRED
HTTP_CLIENT_ERROR = cause(
    "http_client_error",
    Side.PARTNER_REFUSES,
    fr="le site refuse la requête (4xx)",
    en="the site refuses the request (4xx)",
    look=Words(
        "Selon le statut : 404 ou 410, il n'y a plus rien à cette adresse, la corriger ; 403, demander pourquoi.",
        "By the status: 404 or 410, nothing is at that address any more, correct it; 403, ask why we are refused.",
    ),
)
HTTP_SERVER_ERROR = cause(
    "http_server_error", Side.PARTNER_DOWN, fr="le site est en erreur (5xx)", en="the site fails (5xx)"
)
RATE_LIMITED = causes.RATE_LIMITED
UNAVAILABLE = cause(
    "unavailable",
    Side.PARTNER_DOWN,
    fr="le site se dit momentanément indisponible (503)",
    en="the site says it is unavailable for now (503)",
    verdict=Verdict.TEMPORARY,
)
UNEXPECTED_STATUS = cause(
    "unexpected_status",
    Side.CONTENT,
    fr="le site répond par un autre statut que celui attendu",
    en="the site answers with another status than expected",
)
REDIRECTED_AWAY = cause(
    "redirected_away",
    Side.CONTENT,
    fr="le site renvoie ailleurs",
    en="the site redirects elsewhere",
    look=_FOLLOW,
)
TOO_MANY_REDIRECTS = cause(
    "too_many_redirects",
    Side.PARTNER_DOWN,
    fr="le site renvoie d'adresse en adresse sans fin",
    en="the site redirects without end",
)
TEXT_MISSING = cause(
    "text_missing", Side.CONTENT, fr="le texte attendu manque dans la page", en="the expected text is not on the page"
)
TEXT_FORBIDDEN = cause(
    "text_forbidden",
    Side.CONTENT,
    fr="la page porte un texte qui ne doit pas y être",
    en="the page holds a text that must not be there",
)
HEADER_MISSING = cause(
    "header_missing",
    Side.CONTENT,
    fr="un en-tête attendu manque ou a une autre valeur",
    en="an expected header is missing or has another value",
)
TLS_INTERCEPTED = cause(
    "tls_intercepted",
    Side.OURS,
    fr="TLS intercepté : le certificat vient d'un autre émetteur que celui attendu",
    en="TLS intercepted: the certificate is from another issuer than expected",
    look=Words(
        "Voir quel équipement déchiffre le trafic, et s'il doit le faire pour ce site.",
        "See which device decrypts the traffic, and whether it is meant to for this site.",
    ),
)
BOT_WALL = cause(
    "bot_wall",
    Side.PARTNER_REFUSES,
    fr="le site prend la sonde pour un robot : on ne peut pas juger",
    en="the site takes the probe for a robot: nothing can be judged",
    verdict=Verdict.UNKNOWN,
    look=Words(
        "Demander au site de laisser passer la sonde, ou surveiller une autre page.",
        "Ask the site to let the probe pass, or watch another page.",
    ),
)

CAUSES = (
    AUTH_REQUIRED,
    HTTP_CLIENT_ERROR,
    HTTP_SERVER_ERROR,
    RATE_LIMITED,
    UNAVAILABLE,
    UNEXPECTED_STATUS,
    REDIRECTED_AWAY,
    TOO_MANY_REDIRECTS,
    TEXT_MISSING,
    TLS_INTERCEPTED,
    BOT_WALL,
)
