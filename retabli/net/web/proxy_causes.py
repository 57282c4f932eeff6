"""Why a filtering proxy did not let us through: the causes, and how its answers are told from the site's.

An answer to CONNECT is the proxy's by nature (RFC 9110, 9.3.6). An answer to a plain request, or one that comes out
of a tunnel that the proxy reads along, may be the site's as well: there, only marks tell (see `judge_forwarded`).
"""

import re
from collections.abc import Callable

from retabli.model import causes
from retabli.model.causes import Cause, Side, Verdict, cause
from retabli.model.ladder import Fall
from retabli.model.settings import Denied, Proxy
from retabli.model.words import Words
from retabli.net.web.http_messages import Fields, Head, field

BODY_LOOKED_AT = 65_536  # bytes of a page in which the sign of a denial is looked for

_ACCOUNT = Words(
    "Vérifier le compte de la sonde sur le proxy et son mot de passe.",
    "Check the probe's account on the proxy, and its password.",
)
PROXY_DOWN = cause(
    "proxy_down",
    Side.OURS,
    fr="proxy injoignable : le site n'est pas évalué",
    en="the proxy cannot be reached: the site is not evaluated",
    verdict=Verdict.UNKNOWN,
    look=Words(
        "Regarder le proxy lui-même : il mérite un flux à lui, parent de ceux-ci.",
        "Look at the proxy itself: it deserves a flow of its own, the parent of these.",
    ),
)
PROXY_AUTH_REQUIRED = cause(
    "proxy_auth_required",
    Side.OURS,
    fr="le proxy exige des identifiants et nous n'en présentons pas",
    en="the proxy demands credentials and we present none",
    look=_ACCOUNT,
)
PROXY_AUTH_REFUSED = cause(
    "proxy_auth_refused",
    Side.OURS,
    fr="le proxy refuse nos identifiants",
    en="the proxy refuses our credentials",
    credential=True,
    look=_ACCOUNT,
)
PROXY_DENIED = cause(
    "proxy_denied",
    Side.OURS,
    fr="le proxy interdit ce site",
    en="the proxy denies this site",
    look=Words("Demander l'ouverture du site sur le proxy.", "Have the site allowed on the proxy."),
)
PROXY_CANNOT_RESOLVE = cause(
    "proxy_cannot_resolve",
    Side.OURS,
    fr="le proxy ne résout pas le nom du site",
    en="the proxy cannot resolve the site's name",
    look=Words(
        "Regarder le résolveur du proxy, puis si le nom du site existe encore.",
        "Look at the proxy's resolver, then whether the site's name still exists.",
    ),
)
PROXY_CANNOT_CONNECT = cause(
    "proxy_cannot_connect",
    Side.PARTNER_DOWN,
    fr="le proxy n'atteint pas le site",
    en="the proxy cannot reach the site",
    look=Words(
        "Voir si le site répond ailleurs, puis la sortie du proxy vers internet.",
        "See whether the site answers elsewhere, then the proxy's own way out.",
    ),
)
PROXY_OVERLOADED = cause(
    "proxy_overloaded",
    Side.OURS,
    fr="proxy surchargé",
    en="the proxy is overloaded",
    verdict=Verdict.TEMPORARY,
)
PROXY_ERROR = cause("proxy_error", Side.OURS, fr="le proxy est en erreur", en="the proxy fails")

CAUSES = (
    PROXY_DOWN,
    PROXY_AUTH_REQUIRED,
    PROXY_AUTH_REFUSED,
    PROXY_DENIED,
    PROXY_CANNOT_RESOLVE,
    PROXY_CANNOT_CONNECT,
    PROXY_OVERLOADED,
    PROXY_ERROR,
)

# Squid names its error page, and the system's error number, in X-Squid-Error (src/errorpage.cc, err_type.h).
SQUID = {
    "ERR_ACCESS_DENIED": PROXY_DENIED,
    "ERR_FORWARDING_DENIED": PROXY_DENIED,
    "ERR_TOO_BIG": PROXY_DENIED,
    "ERR_DNS_FAIL": PROXY_CANNOT_RESOLVE,
    "ERR_CONNECT_FAIL": PROXY_CANNOT_CONNECT,
    "ERR_SECURE_CONNECT_FAIL": PROXY_CANNOT_CONNECT,
    # Squid 4 to 6.2 say these two of a name that does not resolve (its bug 5294): no path, and so no system error.
    "ERR_CANNOT_FORWARD 0": PROXY_CANNOT_RESOLVE,
    "ERR_READ_ERROR 0": PROXY_CANNOT_RESOLVE,
    "ERR_CANNOT_FORWARD": PROXY_CANNOT_CONNECT,
    "ERR_READ_TIMEOUT": PROXY_CANNOT_CONNECT,
    "ERR_READ_ERROR": PROXY_CANNOT_CONNECT,
    "ERR_WRITE_ERROR": PROXY_CANNOT_CONNECT,
    "ERR_LIFETIME_EXP": PROXY_CANNOT_CONNECT,
    "ERR_ZERO_SIZE_OBJECT": PROXY_CANNOT_CONNECT,
    "ERR_GATEWAY_FAILURE": PROXY_CANNOT_CONNECT,
    "ERR_SHUTTING_DOWN": PROXY_OVERLOADED,
    "ERR_SOCKET_FAILURE": PROXY_OVERLOADED,
}

# RFC 9209, section 2.3: the error types of Proxy-Status.
PROXY_STATUS = {
    "dns_timeout": PROXY_CANNOT_RESOLVE,
    "dns_error": PROXY_CANNOT_RESOLVE,
    "destination_not_found": PROXY_CANNOT_CONNECT,
    "destination_unavailable": PROXY_CANNOT_CONNECT,
    "destination_ip_unroutable": PROXY_CANNOT_CONNECT,
    "connection_refused": PROXY_CANNOT_CONNECT,
    "connection_terminated": PROXY_CANNOT_CONNECT,
    "connection_timeout": PROXY_CANNOT_CONNECT,
    "connection_read_timeout": PROXY_CANNOT_CONNECT,
    "connection_write_timeout": PROXY_CANNOT_CONNECT,
    "tls_protocol_error": PROXY_CANNOT_CONNECT,
    "tls_certificate_error": PROXY_CANNOT_CONNECT,
    "tls_alert_received": PROXY_CANNOT_CONNECT,
    "http_response_incomplete": PROXY_CANNOT_CONNECT,
    "http_response_timeout": PROXY_CANNOT_CONNECT,
    "destination_ip_prohibited": PROXY_DENIED,
    "http_request_denied": PROXY_DENIED,
    "connection_limit_reached": PROXY_OVERLOADED,
    "proxy_internal_response": PROXY_ERROR,
    "proxy_internal_error": PROXY_ERROR,
    "proxy_configuration_error": PROXY_ERROR,
    "proxy_loop_detected": PROXY_ERROR,
}
ERROR_PARAMETER = re.compile(r""";\s{0,5}error\s{0,5}=\s{0,5}"?([a-z_]{1,40})""")


def marked(fields: Fields) -> tuple[Cause, str] | None:
    """What a proxy says of its own error by the marks that are known everywhere, and the mark."""
    squid = field(fields, "X-Squid-Error")
    if squid and squid.split():
        name = squid.split()[0]
        return SQUID.get(squid) or SQUID.get(name, PROXY_ERROR), f"X-Squid-Error: {squid}"
    status = field(fields, "Proxy-Status")
    if status and (found := ERROR_PARAMETER.search(status)):
        return PROXY_STATUS.get(found[1], PROXY_ERROR), f"Proxy-Status: {status}"
    return None


def signed(proxy: Proxy, fields: Fields, body: bytes) -> str | None:
    """The configured sign of a denial that this answer bears in its header or its page, or None."""
    return borne(proxy.denied, fields, body)


def borne(denied: Denied, fields: Fields, body: bytes) -> str | None:
    """As `signed`, whoever denies."""
    if denied.header_pattern is not None:
        name, pattern = denied.header_pattern
        value = field(fields, name)
        if value is not None and re.search(pattern, value):
            return f"{name}: {value}"
    if denied.body is not None and re.search(denied.body, body[:BODY_LOOKED_AT].decode("utf-8", "replace")):
        return "its page bears the sign of a denial"
    return None


def judge_connect(proxy: Proxy, head: Head, body: bytes, *, presented: bool) -> Fall:
    """What an answer to CONNECT means that is no 2xx. `presented`: we sent credentials."""
    said = f"{head.status} {head.reason}".strip()
    if head.status == 407:
        return Fall(PROXY_AUTH_REFUSED if presented else PROXY_AUTH_REQUIRED, _of(proxy, said))
    if (sign := signed(proxy, head.fields, body)) is not None:
        return Fall(PROXY_DENIED, _of(proxy, f"{said}; {sign}"))
    if (mark := marked(head.fields)) is not None:
        return Fall(mark[0], _of(proxy, f"{said}; {mark[1]}"))
    if head.status in proxy.denied.status:
        return Fall(PROXY_DENIED, _of(proxy, said))
    if head.status in (502, 504):
        return Fall(PROXY_CANNOT_CONNECT, _of(proxy, said))
    if head.status in (429, 503):
        return Fall(PROXY_OVERLOADED, _of(proxy, said))
    return Fall(PROXY_ERROR, _of(proxy, said))


def judge_forwarded(proxy: Proxy, head: Head, body: bytes, *, tunnelled: bool, presented: bool) -> None:
    """Whether an answer that came by this proxy is the proxy's own; then it is a fall, else nothing happens.

    Out of a tunnel only the configured header and page tell a denial: there everything else is the site's, unless
    the proxy reads along, and such a proxy is known by the operator. In clear, the known marks tell too, and 407. A
    status alone tells a denial only while neither header nor body is configured: a site's own 403 is then taken for
    the proxy's, which is why a header is worth configuring.

    Raises:
        Fall: one of the causes above.
    """
    said = f"{head.status} {head.reason}".strip()
    if (sign := signed(proxy, head.fields, body)) is not None:
        raise Fall(PROXY_DENIED, _of(proxy, f"{said}; {sign}"))
    if tunnelled:
        return
    if head.status == 407:
        raise Fall(PROXY_AUTH_REFUSED if presented else PROXY_AUTH_REQUIRED, _of(proxy, said))
    if head.status >= 400 and (mark := marked(head.fields)) is not None:
        raise Fall(mark[0], _of(proxy, f"{said}; {mark[1]}"))


def denied_by_status_alone(proxy: Proxy, head: Head) -> str | None:
    """In clear, and only while no header and no body is configured: the status that says no, as a detail."""
    by_sign = proxy.denied.header is not None or proxy.denied.body is not None
    if by_sign or head.status not in proxy.denied.status:
        return None
    return _of(proxy, f"{head.status} {head.reason}; by its status alone")


def _of(proxy: Proxy, said: str) -> str:
    return f"proxy {proxy.host}:{proxy.port}: {said}"


def _said(found: Cause, detail: str) -> str:
    return detail if found.code in detail else f"{found.code} {detail}".strip()


# Falls that get another name ------------------------------------------------------------------------------------

Renaming = Callable[[Cause, str], tuple[Cause, str]]


def as_down(proxy: Proxy) -> Renaming:
    """On the way to the proxy: whatever fails, the site was not evaluated."""

    def rename(found: Cause, detail: str) -> tuple[Cause, str]:
        return PROXY_DOWN, _of(proxy, _said(found, detail))

    return rename


def as_passed_on(proxy: Proxy, hangs: Callable[[], bool]) -> Renaming:
    """Behind the proxy: falls are the site's, but for a proxy that hangs, or one that denies by cutting us off."""

    def rename(found: Cause, detail: str) -> tuple[Cause, str]:
        if found is causes.TIMEOUT and hangs():
            return PROXY_DOWN, _of(proxy, "accepts connections and answers nothing")
        if proxy.denied.reset and found in (causes.RESET, causes.CLOSED_EARLY):
            return PROXY_DENIED, _of(proxy, "cut the connection")
        return found, detail

    return rename


def as_proxys(proxy: Proxy, hangs: Callable[[], bool]) -> Renaming:
    """While the proxy itself is to answer. `hangs`: it answered nothing else either, while we waited."""

    def rename(found: Cause, detail: str) -> tuple[Cause, str]:
        if found in CAUSES:
            return found, detail
        passed_on, said = as_passed_on(proxy, hangs)(found, detail)
        if passed_on in CAUSES:
            return passed_on, said
        if found is causes.TIMEOUT:
            return PROXY_CANNOT_CONNECT, _of(proxy, "no answer in time")
        return PROXY_ERROR, _of(proxy, _said(found, detail))

    return rename
