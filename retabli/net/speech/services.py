"""The services beside a recogniser: the one that gives tokens, and the one that knows the state of the licence."""

import base64
import re
from dataclasses import replace

from retabli.model import causes
from retabli.model.ladder import Fall, Ladder
from retabli.model.settings import Secret
from retabli.net.speech.speech_causes import HOST_DENIED, LICENCE_EXHAUSTED, NO_TOKEN
from retabli.net.speech.speech_settings import Licence, Token, TokenService, host_of
from retabli.net.web.hosts import DENIALS, RUNGS, fall_of
from retabli.net.web.http import Ask, Fetched, fetch
from retabli.net.web.http_settings import PageExpect, check_field_value
from retabli.net.web.http_verdicts import judge_answer
from retabli.net.web.json_paths import at, read_json
from retabli.net.web.proxy_causes import denied_by_status_alone

MOST_TOKEN = 16_384  # characters
MOST_ANSWER = 65_536  # bytes
# RFC 6749, section 5.2: what a token service says of a client that it does not know.
ACCOUNT_ERRORS = re.compile(rb'"error"\s{0,5}:\s{0,5}"(invalid_client|invalid_grant|unauthorized_client)"')


async def token_of(token: Token, ask: Ask) -> str:
    """The token to be presented: the operator's own, or one that a service gives. `ask` says by which road.

    Raises:
        Fall: `secret_unreadable`; `auth_refused` when our account is refused; `no_token`; `host_denied` and whatever
            else keeps us from that service, its host named.
    """
    if isinstance(token, Secret):
        return _presentable(token.text(), Fall(causes.SECRET_UNREADABLE, f"{token.place} holds what no header can"))
    body = token.body if isinstance(token.body, str) else token.body.text()
    fetched = await _fetch(
        token.url,
        replace(
            ask,
            method="POST",
            body=body.encode(),
            headers=(("Content-Type", token.content_type), ("Accept", "application/json"), *_account(token)),
        ),
    )
    try:
        found = at(read_json(fetched.body), token.at)
    except Fall:
        raise Fall(NO_TOKEN, f"{host_of(token.url)}: no JSON") from None  # what it is may be a token, and is not shown
    if len(found) != 1 or not isinstance(found[0], str) or not 0 < len(found[0]) <= MOST_TOKEN:
        raise Fall(NO_TOKEN, f"{host_of(token.url)}: nothing at {token.at}")
    return _presentable(found[0], Fall(NO_TOKEN, f"{host_of(token.url)}: it gives what no header can hold"))


def _presentable(token: str, otherwise: Fall) -> str:
    try:
        return check_field_value(token)
    except ValueError:
        raise otherwise from None


async def ask_licence(licence: Licence, ask: Ask) -> None:
    """Whether the licence holds.

    Raises:
        Fall: `licence_exhausted`; anything else means that its state could not be read.
    """
    fetched = await _fetch(licence.url, replace(ask, headers=(("Accept", "application/json"), *_account(licence))))
    found = at(read_json(fetched.body), licence.at)
    if len(found) != 1 or isinstance(found[0], dict | list):
        raise Fall(causes.GARBAGE, f"{host_of(licence.url)}: no one value at {licence.at}")
    if not _holds(found[0], licence.value):
        raise Fall(LICENCE_EXHAUSTED, f"{host_of(licence.url)}: {licence.at} is {found[0]!r}")


def _holds(value: object, pattern: str | None) -> bool:
    if pattern is not None:
        return re.search(pattern, str(value)) is not None
    return value is True or (isinstance(value, int | float) and value > 0)


def _account(service: TokenService | Licence) -> tuple[tuple[str, str], ...]:
    """The field that presents us (RFC 7617), if we have an account there."""
    if service.user is None:
        return ()
    password = service.password.text() if service.password is not None else ""
    given = base64.b64encode(f"{service.user}:{password}".encode()).decode("ascii")
    return (("Authorization", f"Basic {given}"),)


async def _fetch(url: str, ask: Ask) -> Fetched:
    """The answer of a service beside the one that is watched: its rungs are not ours, its causes are."""

    def judge(fetched: Fetched) -> None:
        by_proxy = ask.proxy is not None and not fetched.tunnelled and denied_by_status_alone(ask.proxy, fetched.head)
        refused = ACCOUNT_ERRORS.search(fetched.body) if fetched.status == 400 else None
        if not by_proxy and authorised and (fetched.status == 403 or refused is not None):
            said = refused[1].decode() if refused is not None else fetched.head.reason
            raise Fall(causes.AUTH_REFUSED, f"{fetched.status} {said}")
        judge_answer(fetched, PageExpect(), proxy=ask.proxy, authorised=authorised)

    authorised = ask.method == "POST" or any(name == "Authorization" for name, _ in ask.headers)
    aside = Ladder(RUNGS)
    try:
        return await fetch(aside, url, replace(ask, follow="nowhere", most=MOST_ANSWER, issuer=None), judge)
    except (Fall, OSError) as error:
        fall = fall_of(aside, error)
        cause = HOST_DENIED if fall.cause in DENIALS else fall.cause
        raise Fall(cause, f"{host_of(url)}: {fall.detail}") from error
