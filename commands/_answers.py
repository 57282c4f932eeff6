"""One question to a running daemon, and its answer: bounded in bytes and in time, whoever stands there."""

import argparse
import asyncio
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

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
        if url.scheme in ("http", "https") and url.host:
            return whole
    except (httpx.InvalidURL, UnicodeError):
        pass
    raise argparse.ArgumentTypeError(f"{clean(text)!r} is no address such as http://127.0.0.1:9877")


def shown(url: str) -> str:
    """The address without the password that may stand in it."""
    return re.sub(r"(?<=//)[^/@]*@", "", clean(url))


def ask(
    method: str, url: str, path: str, fields: Mapping[str, str] | None = None, *, timeout: float = TIMEOUT
) -> Answer:
    """The same as `exchange`, for those who have nothing else to do meanwhile."""
    return asyncio.run(exchange(method, url, path, fields, timeout=timeout))


async def exchange(
    method: str, url: str, path: str, fields: Mapping[str, str] | None = None, *, timeout: float = TIMEOUT
) -> Answer:
    """The answer, whatever its status. `timeout` in seconds, for all of it.

    Raises:
        Unreachable: nobody answers there, not in time, or without end.
    """
    try:
        async with asyncio.timeout(timeout):
            return await _exchange(method, f"{url}{path}", None if fields is None else dict(fields))
    except TimeoutError as error:
        raise Unreachable(f"{shown(url)} does not answer within {timeout:g} s") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        said = _said(error)
        hint = "; is the daemon running there?" if isinstance(error, httpx.ConnectError) else ""
        raise Unreachable(f"{shown(url)} cannot be reached: {said}{hint}") from error


async def _exchange(method: str, url: str, fields: dict[str, str] | None) -> Answer:
    body = bytearray()
    headers = {"accept": "application/json", "accept-encoding": "identity"}
    async with httpx.AsyncClient(timeout=2 * TIMEOUT, trust_env=False, follow_redirects=False) as client:
        async with client.stream(method, url, json=fields, headers=headers) as answer:
            async for piece in answer.aiter_raw():
                body += piece
                if len(body) > MOST:
                    raise Unreachable(f"{shown(url)} answers without end: is it Retabli?")
            return Answer(answer.status_code, bytes(body))


def _said(error: Exception) -> str:
    """Why, in the system's own words where it said any: what wraps them says less."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ConnectionError | TimeoutError) and cause.errno:
            return os.strerror(cause.errno)
        cause = cause.__cause__ or cause.__context__
    return re.sub(r"^\[Errno -?\d+\] ", "", clean(str(error))) or type(error).__name__
