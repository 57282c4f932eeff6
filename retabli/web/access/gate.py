"""The gate: every request passes it, finds out who asks, and lets through only whom the table of rules lets."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from retabli.model.words import Words
from retabli.web.access.access import BASIC, Access
from retabli.web.access.peers import peer_of
from retabli.web.access.policy import Role
from retabli.web.access.rules import READING, Rules
from retabli.web.access.visitor import KEY, Visitor, Way
from retabli.web.guard import foreign, is_own_name

COOKIE, SECURE_COOKIE = "retabli_session", "__Host-retabli_session"

Refuse = Callable[[Request, HTTPException], Awaitable[Response]]


class Barred(HTTPException):
    """Who asks is not let through; `words` say why, for people."""

    def __init__(self, status: int, words: Words, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, words["en"], headers)
        self.words = words


LOGGED_OUT = Words("Identification requise.", "Log in to see this.")
BY_PROXY = Words(
    "Cette adresse n'est ouverte qu'à travers le serveur mandataire qui identifie les personnes.",
    "This address is open only through the reverse proxy that says who people are.",
)
NO_ROLE = Words("Le compte {name} n'a aucun rôle ici.", "The account {name} has no role here.")
TOO_LOW = {
    Role.ACT: Words(
        "Le compte {name} peut consulter, mais ni prendre en charge ni mettre en silence.",
        "The account {name} may see, but neither acknowledge nor silence.",
    ),
    Role.ADMIN: Words(
        "Le compte {name} ne peut pas administrer ce service.", "The account {name} may not administer this daemon."
    ),
}
LAPSED = Words(
    "Pour changer quelque chose, identifiez-vous à nouveau\u00a0: cette session ne fait plus que montrer.",
    "To change something, log in again: this session only shows by now.",
)
ONLY_HERE = Words(
    "Aucun compte n'est configuré\u00a0: rien ne se change que depuis la machine elle-même (127.0.0.1), sans "
    "intermédiaire. Voir web.users.",
    "No account is configured: things are changed only from the machine itself (127.0.0.1), through no proxy. "
    "See web.users.",
)


class Gate:
    """Around an application. `hosts` are the names that it is reached by; `refuse` words a refusal, as page or JSON."""

    def __init__(self, app: ASGIApp, access: Access, rules: Rules, hosts: Collection[str], refuse: Refuse) -> None:
        self._app = app
        self._access = access
        self._rules = rules
        self._hosts = hosts
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        rule = self._rules.of(scope)
        try:
            visitor = await self._admitted(request, rule.need(request.method))
        except HTTPException as why:
            response = await self._refuse(request, why)
            await response(scope, receive, send)
            return
        if rule.lasting:
            await self._until_out(visitor, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _admitted(self, request: Request, need: Role | None) -> Visitor:
        scope, headers, access = request.scope, request.headers, self._access
        peer = peer_of(scope, headers, access.policy.proxy)
        if peer.secure:
            scope["scheme"] = "https"
        changes = request.method not in READING
        if changes and (why_not := foreign(headers, self._hosts)) is not None:
            raise HTTPException(403, why_not)
        token = session_token(request)
        person = changes or headers.get("sec-fetch-mode", "navigate") == "navigate"
        scope[KEY] = Visitor(form=bool(access.policy.accounts), address=peer.address)
        if need is None:
            # What everybody may see is shown whoever it is; who it is says only what more is shown.
            with contextlib.suppress(HTTPException):
                scope[KEY] = await access.visitor(headers, peer, token, by_password=False, person=person)
            return scope[KEY]  # type: ignore[no-any-return]
        visitor = await access.visitor(headers, peer, token, by_password=True, person=person)
        if visitor.way is Way.UNASKED and peer.direct and not is_own_name(headers.get("host", "")):
            # A name that leads here from elsewhere: something stands between us that adds no header.
            visitor = Visitor(Role.VIEW, Way.UNASKED, address=peer.address)
        scope[KEY] = visitor
        if not visitor.may(need):
            raise barred(visitor, need, headers.get("accept", ""))
        if changes and visitor.way is Way.SESSION and "origin" not in headers:
            raise HTTPException(403, "the request does not say where it comes from")
        return visitor

    async def _until_out(self, visitor: Visitor, scope: Scope, receive: Receive, send: Send) -> None:
        """A stream, ended as soon as its reader may not read any more."""
        begun = over = False

        async def noted(message: Message) -> None:
            nonlocal begun, over
            begun = True
            over = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        async def stream() -> None:
            await self._app(scope, receive, noted)

        streaming = asyncio.create_task(stream(), name="stream")
        out = asyncio.create_task(self._access.until_out(visitor), name="until out")
        try:
            await asyncio.wait({streaming, out}, return_when=asyncio.FIRST_COMPLETED)
            left = not streaming.done()
        finally:
            for task in (streaming, out):
                task.cancel()
            ended, _ = await asyncio.gather(streaming, out, return_exceptions=True)
        if isinstance(ended, Exception):
            raise ended
        if left and begun and not over:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def session_token(request: Request) -> str:
    """What the browser shows. Under TLS only the cookie that no other name can have set (`__Host-`)."""
    return request.cookies.get(cookie_name(request), "")


def cookie_name(request: Request) -> str:
    return SECURE_COOKIE if request.url.scheme == "https" else COOKIE


def barred(visitor: Visitor, need: Role, accept: str) -> Barred:
    """What refuses this visitor, for whom `accept` is what they take."""
    words = why_barred(visitor, need)
    if words is LOGGED_OUT:
        # A browser that is asked for Basic opens a window of its own; it is shown our form instead.
        return Barred(401, words, {"www-authenticate": FORM if any(each in accept for each in OF_PAGES) else BASIC})
    return Barred(401, words, {"www-authenticate": FORM}) if words is LAPSED else Barred(403, words)


def why_barred(visitor: Visitor, need: Role) -> Words:
    """Why this visitor may not do what needs that role, as a sentence."""
    if visitor.way is Way.UNASKED:
        return ONLY_HERE
    if visitor.way is Way.UNKNOWN:
        return LOGGED_OUT if visitor.form else BY_PROXY
    if visitor.lapsed and visitor.whole is not None and visitor.whole.covers(need):
        return LAPSED
    words = NO_ROLE if visitor.role is None else TOO_LOW.get(need, NO_ROLE)
    return Words(*(words[each].format(name=visitor.name) for each in ("fr", "en")))


OF_PAGES = ("text/html", "text/event-stream")  # what a browser takes that opens a page, and an open page that listens
FORM = 'Form realm="Retabli"'  # RFC 9110 (section 11.6.1) wants a challenge; no browser knows this one
