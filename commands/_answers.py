"""One question to a running daemon, and its answer: bounded in bytes and in time, whoever stands there."""

import argparse
import asyncio
import base64
import json
import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from commands._door import Door
from retabli.model.result import clean

TIMEOUT = 10.0  # seconds for the whole answer
MOST = 32 * 1024 * 1024  # bytes of one answer: ten thousand flows


class Unreachable(Exception):
    """The daemon cannot be asked; the message says why, in one line."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes

    def json(self) -> Any:
        """What the body says.

        Raises:
            ValueError: it is no JSON that can be read.
        """
        try:
            return json.loads(self.body)
        except RecursionError as error:
            raise ValueError("nested without end") from error


def address(text: str) -> str:
    """Where a daemon listens, as `--url` takes it: `127.0.0.1:9877` is enough.

    Raises:
        argparse.ArgumentTypeError: nothing can listen there.
    """
    whole = (text if "://" in text else f"http://{text}").rstrip("/")
    try:
        url = httpx.URL(whole)
        if url.scheme in ("http", "https") and url.host and urlsplit(whole).hostname:  # httpx takes half a bracket
            return whole
    except (httpx.InvalidURL, ValueError):
        pass
    raise argparse.ArgumentTypeError(f"{clean(text)!r} is no address such as http://127.0.0.1:9877")


def shown(url: str) -> str:
    """The address without the password that may stand in it."""
    return re.sub(r"(?<=//)[^/@]*@", "", clean(url))


def ask(
    method: str, door: Door, path: str, fields: Mapping[str, str] | None = None, *, timeout: float = TIMEOUT
) -> Answer:
    """The same as `exchange`, for those who have nothing else to do meanwhile."""
    return asyncio.run(exchange(method, door, path, fields, timeout=timeout))


async def exchange(
    method: str, door: Door, path: str, fields: Mapping[str, str] | None = None, *, timeout: float = TIMEOUT
) -> Answer:
    """The answer, whatever its status. `timeout` in seconds, for all of it.

    Raises:
        Unreachable: nobody answers there, not in time, or without end.
    """
    url = door.url
    try:
        async with asyncio.timeout(timeout):
            return await _exchange(method, door, f"{url}{path}", None if fields is None else dict(fields))
    except TimeoutError as error:
        raise Unreachable(f"{shown(url)} does not answer within {timeout:g} s") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unreachable(f"{shown(url)} cannot be reached: {_said(error)}{_hint(error, door)}") from error


async def _exchange(method: str, door: Door, url: str, fields: dict[str, str] | None) -> Answer:
    body = bytearray()
    headers = {"accept": "application/json", "accept-encoding": "identity"}
    if door.login is not None:  # by hand: httpx writes what is not Latin-1 otherwise than RFC 7617 does
        headers["authorization"] = f"Basic {base64.b64encode(':'.join(door.login).encode()).decode()}"
    settings: dict[str, Any] = {"verify": door.tls} if door.tls is not None else {}
    async with httpx.AsyncClient(timeout=2 * TIMEOUT, trust_env=False, follow_redirects=False, **settings) as client:
        async with client.stream(method, url, json=fields, headers=headers) as answer:
            async for piece in answer.aiter_raw():
                body += piece
                if len(body) > MOST:
                    raise Unreachable(f"{shown(url)} answers without end: is it Retabli?")
            return Answer(answer.status_code, bytes(body))


def not_let_in(answer: Answer, door: Door) -> str | None:
    """Why the daemon lets this account not in, as a sentence; None: that is not what it answers."""
    where, user = shown(door.url), door.login[0] if door.login is not None else ""
    if answer.status == 401:
        if not user:
            return f"{where} asks who you are: give --user, and its password by --password-file"
        return f"{where} does not take the password of {user}"
    if answer.status == 429:
        return f"{where} makes {user or 'you'} wait: too many passwords were wrong; try again in a minute"
    if answer.status == 403:
        return f"{where} refuses {user or 'you'}: {_error_of(answer)}"
    return None


def _error_of(answer: Answer) -> str:
    try:
        said = answer.json()
    except ValueError:
        said = None
    return clean(str(said.get("error"))) if isinstance(said, dict) else clean(answer.body.decode(errors="replace"))


def _hint(error: Exception, door: Door) -> str:
    if not isinstance(error, httpx.ConnectError):
        # What speaks TLS takes a plain question for no question at all, and hangs up.
        return "; does it speak https?" if isinstance(error, httpx.RemoteProtocolError) and door.tls is None else ""
    if _within(error, ssl.SSLCertVerificationError):
        return "; name the authority that has signed it by --ca"
    return "; does it speak https?" if _within(error, ssl.SSLError) else "; is the daemon running there?"


def _within(error: BaseException, kind: type[BaseException]) -> bool:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, kind):
        cause = cause.__cause__ or cause.__context__
    return cause is not None


def _said(error: Exception) -> str:
    """Why, in the system's own words where it said any: what wraps them says less."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate does not hold: {clean(cause.verify_message)}"
        if isinstance(cause, ConnectionError | TimeoutError) and cause.errno:
            return os.strerror(cause.errno)
        cause = cause.__cause__ or cause.__context__
    return re.sub(r"^\[Errno -?\d+\] ", "", clean(str(error))) or type(error).__name__
