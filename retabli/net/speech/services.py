"""The services beside a recogniser: the one that gives tokens, and the one that knows the state of the licence."""

import asyncio
import base64
import re
from collections.abc import Sequence
from dataclasses import replace

from retabli.model import causes
from retabli.model.causes import Side, Verdict
from retabli.model.ladder import Fall, Ladder
from retabli.model.settings import Secret
from retabli.net.speech.speech_causes import (
    HOST_DENIED,
    HOST_UNREACHABLE,
    LICENCE_ACCOUNT_REFUSED,
    LICENCE_EXHAUSTED,
    LICENCE_UNKNOWN,
    NO_TOKEN,
)
from retabli.net.speech.speech_settings import Licence, TokenService, host_of
from retabli.net.web.hosts import AT_ONCE, DENIALS, RUNGS, fall_of, look_at
from retabli.net.web.http import Ask, Fetched, fetch
from retabli.net.web.http_settings import PageExpect, check_field_value
from retabli.net.web.http_verdicts import judge_answer
from retabli.net.web.json_paths import at, read_json
from retabli.net.web.proxy_causes import denied_by_status_alone

CLIENT_CREDENTIALS = "grant_type=client_credentials"  # RFC 6749, section 4.4.2
MOST_TOKEN = 16_384  # characters
MOST_ANSWER = 65_536  # bytes
# RFC 6749, section 5.2: what a token service says of a client that it does not know.
ACCOUNT_ERRORS = re.compile(rb'"error"\s{0,5}:\s{0,5}"(invalid_client|invalid_grant|unauthorized_client)"')


def own_token(secret: Secret) -> str:
    """The operator's own token.

    Raises:
        Fall: `secret_unreadable`.
    """
    return _presentable(secret.text(), Fall(causes.SECRET_UNREADABLE, f"{secret.place} holds what no header can"))


async def given_token(service: TokenService, ask: Ask, patience: float) -> str:
    """The token that a service gives. `ask` says by which road; `patience` in seconds.

    Raises:
        Fall: `auth_refused` when our account is refused; `no_token`; `host_denied` and whatever else keeps us from
            that service, its host named.
    """
    body = service.body.text() if isinstance(service.body, Secret) else service.body or CLIENT_CREDENTIALS
    fetched = await _fetch(
        service.url,
        replace(
            ask,
            method="POST",
            body=body.encode(),
            headers=(("Content-Type", service.content_type), ("Accept", "application/json"), *_account(service)),
        ),
        patience,
    )
    try:
        found = at(read_json(fetched.body), service.at)
    except Fall:  # what came instead is not shown: it may be a token
        raise Fall(NO_TOKEN, f"{host_of(service.url)}: no JSON") from None
    if len(found) != 1 or not isinstance(found[0], str) or not 0 < len(found[0]) <= MOST_TOKEN:
        raise Fall(NO_TOKEN, f"{host_of(service.url)}: nothing at {service.at}")
    return _presentable(found[0], Fall(NO_TOKEN, f"{host_of(service.url)}: it gives what no header can hold"))


def _presentable(token: str, otherwise: Fall) -> str:
    try:
        return check_field_value(token)
    except ValueError:
        raise otherwise from None


async def judge_licence(ladder: Ladder, licence: Licence, ask: Ask, patience: float) -> None:
    """Whether the licence holds. One whose state cannot be read is no reason to fall: the recogniser itself will tell.

    Raises:
        Fall: `licence_exhausted`; `licence_account_refused`, for the account would lock if this were let pass; what is
            our own defect (`secret_unreadable`).
    """
    try:
        await _judge_licence(licence, ask, patience)
    except Fall as fall:
        if fall.cause is LICENCE_EXHAUSTED or fall.cause.side is Side.PROBE:
            raise
        if fall.cause is causes.AUTH_REFUSED:
            raise Fall(LICENCE_ACCOUNT_REFUSED, fall.detail) from fall
        ladder.impair(LICENCE_UNKNOWN, f"{fall.cause.code} {fall.detail}")


async def _judge_licence(licence: Licence, ask: Ask, patience: float) -> None:
    asked = replace(ask, headers=(("Accept", "application/json"), *_account(licence)))
    fetched = await _fetch(licence.url, asked, patience)
    found = at(read_json(fetched.body), licence.at)
    if len(found) != 1 or isinstance(found[0], dict | list):
        raise Fall(causes.GARBAGE, f"{host_of(licence.url)}: no one value at {licence.at}")
    if not _holds(found[0], licence.value):
        raise Fall(LICENCE_EXHAUSTED, f"{host_of(licence.url)}: {licence.at} is {found[0]!r}")


async def judge_hosts(hosts: Sequence[str], ask: Ask, patience: float) -> None:
    """Whether each host that is needed besides can be reached; `patience` in seconds, for all of them.

    Raises:
        Fall: of the first that cannot, named: `host_denied`, `host_unreachable`, or what leaves it unknown.
    """
    turns = -(-len(hosts) // AT_ONCE)
    for url, fall in await look_at(hosts, replace(ask, issuer=None), patience=patience / turns):
        detail = f"{host_of(url)}: {fall.cause.code} {fall.detail}"
        if fall.cause in DENIALS:
            raise Fall(HOST_DENIED, detail)
        raise Fall(HOST_UNREACHABLE if fall.cause.verdict is Verdict.FAILED else fall.cause, detail)


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


async def _fetch(url: str, ask: Ask, patience: float) -> Fetched:
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
        async with asyncio.timeout(patience):
            return await fetch(aside, url, replace(ask, follow="nowhere", most=MOST_ANSWER, issuer=None), judge)
    except (Fall, OSError) as error:
        fall = fall_of(aside, error)
        cause = HOST_DENIED if fall.cause in DENIALS else fall.cause
        raise Fall(cause, f"{host_of(url)}: {fall.detail or fall.cause.code}") from error
