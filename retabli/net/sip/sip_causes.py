"""Why a switchboard that answers does not answer as it should: what its status means (RFC 3261, section 21)."""

from retabli.model.causes import Cause, Side, Verdict, cause
from retabli.model.words import Words

_ALIVE = Words(
    "Le central vit. S'il répond ainsi quand tout va bien, ajouter ce statut à `expect` ; sinon, voir ses réglages.",
    "The switchboard lives. If it answers so when all is well, add this status to `expect`; else, see its settings.",
)
SIP_CREDENTIALS_WANTED = cause(
    "sip_credentials_wanted",
    Side.OURS,
    fr="le central vit, et demande une authentification pour répondre (401, 407)",
    en="the switchboard lives, and wants credentials before it says more (401, 407)",
    look=_ALIVE,
)
SIP_FORBIDDEN = cause(
    "sip_forbidden",
    Side.PARTNER_REFUSES,
    fr="le central nous refuse (403)",
    en="the switchboard refuses us (403)",
    look=Words(
        "Faire admettre notre adresse par le central ; s'il répond toujours ainsi, ajouter 403 à `expect`.",
        "Have the switchboard admit our address; if it always answers so, add 403 to `expect`.",
    ),
)
SIP_NOT_FOUND = cause(
    "sip_not_found",
    Side.CONTENT,
    fr="le central ne connaît pas le destinataire (404, 410, 484, 604)",
    en="the switchboard does not know whom we ask for (404, 410, 484, 604)",
    look=Words(
        "Donner dans `uri` un poste ou un domaine qu'il connaît ; s'il répond toujours ainsi, l'ajouter à `expect`.",
        "Give in `uri` an extension or a domain that it knows; if it always answers so, add this status to `expect`.",
    ),
)
SIP_METHOD_UNSUPPORTED = cause(
    "sip_method_unsupported",
    Side.CONTENT,
    fr="le central vit, mais ne traite pas OPTIONS (405, 501)",
    en="the switchboard lives, but does not do OPTIONS (405, 501)",
    look=_ALIVE,
)
SIP_BUSY = cause(
    "sip_busy",
    Side.CONTENT,
    fr="le destinataire est occupé ou absent (480, 486, 600, 603)",
    en="whom we ask for is busy or away (480, 486, 600, 603)",
    look=Words(
        "Interroger le central lui-même (`uri` sans poste) plutôt qu'un poste.",
        "Ask the switchboard itself (a `uri` without an extension) rather than an extension.",
    ),
)
SIP_REDIRECTED = cause(
    "sip_redirected",
    Side.CONTENT,
    fr="le central renvoie ailleurs (3xx)",
    en="the switchboard sends us elsewhere (3xx)",
    look=Words("Surveiller l'adresse vers laquelle il renvoie.", "Watch the address that it sends us to."),
)
SIP_REFUSED = cause(
    "sip_refused",
    Side.PARTNER_REFUSES,
    fr="le central refuse la demande (4xx, 6xx)",
    en="the switchboard refuses the request (4xx, 6xx)",
    look=_ALIVE,
)
SIP_UNAVAILABLE = cause(
    "sip_unavailable",
    Side.PARTNER_DOWN,
    fr="le central se dit surchargé ou en maintenance, et demande d'attendre (503)",
    en="the switchboard says it is overloaded or in maintenance, and asks us to wait (503)",
    verdict=Verdict.TEMPORARY,
)
SIP_SERVER_ERROR = cause(
    "sip_server_error",
    Side.PARTNER_DOWN,
    fr="le central est en erreur (5xx)",
    en="the switchboard fails (5xx)",
)
SIP_UNEXPECTED_STATUS = cause(
    "sip_unexpected_status",
    Side.CONTENT,
    fr="le central répond par un autre statut que celui attendu",
    en="the switchboard answers with another status than expected",
)

CAUSES = (
    SIP_CREDENTIALS_WANTED,
    SIP_FORBIDDEN,
    SIP_NOT_FOUND,
    SIP_METHOD_UNSUPPORTED,
    SIP_BUSY,
    SIP_REDIRECTED,
    SIP_REFUSED,
    SIP_UNAVAILABLE,
    SIP_SERVER_ERROR,
    SIP_UNEXPECTED_STATUS,
)

_BY_STATUS = {
    401: SIP_CREDENTIALS_WANTED,
    407: SIP_CREDENTIALS_WANTED,
    403: SIP_FORBIDDEN,
    404: SIP_NOT_FOUND,
    410: SIP_NOT_FOUND,
    484: SIP_NOT_FOUND,
    604: SIP_NOT_FOUND,
    405: SIP_METHOD_UNSUPPORTED,
    501: SIP_METHOD_UNSUPPORTED,
    480: SIP_BUSY,
    486: SIP_BUSY,
    600: SIP_BUSY,
    603: SIP_BUSY,
}
_BY_CLASS = {
    2: SIP_UNEXPECTED_STATUS,
    3: SIP_REDIRECTED,
    4: SIP_REFUSED,
    5: SIP_SERVER_ERROR,
    6: SIP_REFUSED,
}


def cause_of_status(status: int, *, retry_after: bool) -> Cause:
    """What a final status that is not wanted means. A 503 without Retry-After is a 500 (RFC 3261, 21.5.4)."""
    if status == 503 and retry_after:
        return SIP_UNAVAILABLE
    return _BY_STATUS.get(status) or _BY_CLASS[status // 100]
