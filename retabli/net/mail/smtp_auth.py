"""SMTP's AUTH (RFC 4954): PLAIN or LOGIN, one attempt, and what the server says to it."""

from collections.abc import Awaitable, Callable

from retabli.model import causes
from retabli.model.causes import Cause
from retabli.model.ladder import Fall
from retabli.net.mail import smtp_causes
from retabli.net.mail.credentials import encode, plain
from retabli.net.mail.smtp_replies import Capabilities, Reply, Step, cause_of_refusal

Ask = Callable[[bytes], Awaitable[Reply]]

CONTINUE = 334
DONE = 235

# What says that the mechanism, and not the password, is refused (RFC 4954, section 6).
_OF_MECHANISM = (500, 502, 503, 504, 534, 538)
_PASSWORD_TRANSITION = 432  # the account cannot be used until somebody changes its password


async def authenticate(ask: Ask, offered: Capabilities, user: str, password: str) -> None:
    """Log in, once.

    Raises:
        Fall: `auth_refused`, `auth_unavailable`, `auth_not_offered`, or what the refusal says besides. No detail
            ever holds what we sent: servers that quote it get their reply's codes shown only.
    """
    if "PLAIN" in offered.mechanisms:
        reply = await ask(b"AUTH PLAIN " + plain(user, password))
    elif "LOGIN" in offered.mechanisms:
        reply = await _login(ask, user, password)
    else:
        seen = " ".join(offered.mechanisms) or "no AUTH"
        raise Fall(smtp_causes.AUTH_NOT_OFFERED, f"offered: {seen}; usable: PLAIN, LOGIN")
    if reply.code != DONE:
        secrets = (password, encode(password).decode(), plain(user, password).decode())
        quoted = any(secret in reply.text for secret in secrets)
        raise Fall(_cause(reply), f"{reply.code} {reply.enhanced}" if quoted else str(reply))


async def _login(ask: Ask, user: str, password: str) -> Reply:
    """LOGIN has no RFC; every server asks for the name, then for the password."""
    reply = await ask(b"AUTH LOGIN")
    for answer in (user, password):
        if reply.code != CONTINUE:
            return reply
        reply = await ask(encode(answer))
    return reply


def _cause(reply: Reply) -> Cause:
    if reply.good:
        return causes.GARBAGE
    if reply.temporary:
        return causes.AUTH_REFUSED if reply.code == _PASSWORD_TRANSITION else smtp_causes.AUTH_UNAVAILABLE
    if reply.code in _OF_MECHANISM:
        return smtp_causes.AUTH_NOT_OFFERED
    if reply.code == 530:
        return cause_of_refusal(reply, Step.EHLO)
    return causes.AUTH_REFUSED
