"""Why an IMAP conversation did not go on: the causes that every kind which reads a mailbox may meet."""

from retabli.model import causes
from retabli.model.causes import Cause, Side, Verdict, cause
from retabli.net.mail.imap_parse import Status
from retabli.net.mail.session_causes import AUTH_UNAVAILABLE as AUTH_UNAVAILABLE
from retabli.net.mail.session_causes import CREDENTIALS_IN_CLEAR as CREDENTIALS_IN_CLEAR
from retabli.net.mail.session_causes import NO_BANNER as NO_BANNER
from retabli.net.mail.session_causes import STARTTLS_INJECTED as STARTTLS_INJECTED
from retabli.net.mail.session_causes import STARTTLS_NOT_OFFERED as STARTTLS_NOT_OFFERED
from retabli.net.mail.session_causes import STARTTLS_REFUSED as STARTTLS_REFUSED

NOT_IMAP = cause(
    "not_imap", Side.PARTNER_DOWN, fr="ce qui répond ne parle pas IMAP", en="what answers does not speak IMAP"
)
IMAP_BYE = cause("imap_bye", Side.PARTNER_DOWN, fr="le serveur IMAP nous congédie (BYE)", en="the IMAP server says BYE")
LOGIN_DISABLED = cause(
    "login_disabled",
    Side.PARTNER_DOWN,
    fr="aucun moyen de s'identifier n'est proposé",
    en="no usable way to log in is offered",
)
MAILBOX_MISSING = cause(
    "mailbox_missing", Side.CONTENT, fr="le dossier n'existe pas dans la boîte", en="the folder is not in the mailbox"
)
MAILBOX_DENIED = cause(
    "mailbox_denied",
    Side.PARTNER_REFUSES,
    fr="le compte n'a pas le droit de lire ce dossier",
    en="the account may not read that folder",
)
IMAP_UNAVAILABLE = cause(
    "imap_unavailable",
    Side.PARTNER_DOWN,
    fr="la boîte est momentanément indisponible",
    en="the mailbox is not available for now",
    verdict=Verdict.TEMPORARY,
)
IMAP_REFUSED = cause(
    "imap_refused", Side.PARTNER_DOWN, fr="le serveur refuse une commande", en="the server refuses a command"
)

CAUSES: tuple[Cause, ...] = (
    *(value for value in tuple(globals().values()) if isinstance(value, Cause)),
    causes.AUTH_REFUSED,
)

_FOR_NOW = frozenset(("UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG"))  # RFC 5530, section 3


def of_login(status: Status) -> Cause:
    """What a refused LOGIN or AUTHENTICATE means. Without a code that says otherwise, the credentials."""
    if status.kind == "BAD" or status.code == "PRIVACYREQUIRED":
        return LOGIN_DISABLED
    return AUTH_UNAVAILABLE if status.code in _FOR_NOW else causes.AUTH_REFUSED


def of_select(status: Status) -> Cause:
    """What a refused SELECT or EXAMINE means."""
    if status.kind == "BAD":
        return IMAP_REFUSED
    if status.code in _FOR_NOW:
        return IMAP_UNAVAILABLE
    return MAILBOX_DENIED if status.code in ("NOPERM", "AUTHORIZATIONFAILED") else MAILBOX_MISSING


def of_command(status: Status) -> Cause:
    """What any other refused command means."""
    return IMAP_UNAVAILABLE if status.code in _FOR_NOW else IMAP_REFUSED
