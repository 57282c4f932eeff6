"""What channels that speak HTTP share: addresses and headers in settings, a client that lasts, bounded answers."""

import asyncio
import html
import json
import re
import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Literal
from urllib.parse import urlsplit

import httpcore  # noqa: F401 - httpx would load it with the first page, which may fall into a shortage of open files
import httpx

from retabli.alerts.channels.channel import NotAccepted, because_of
from retabli.model.ladder import Fall, cause_of, detail_of
from retabli.model.settings import Secret, Tls, format_duration
from retabli.model.words import Words
from retabli.net.tls import context_for

ANSWER_LIMIT = 65536  # bytes of an answer that are read; the rest is not our business
SHORTEST_SECRET = 8  # characters of a word within a secret that is hidden by itself too: `Bearer` is none
LINGER = 1.0  # seconds that the rest of an accepting answer may take
OURS = {"host", "content-type", "content-length", "transfer-encoding"}
SECRET_HEADER = re.compile(r"auth|cookie|token|secret|key|password", re.IGNORECASE)


def address(value: str) -> str:
    """
    Raises:
        ValueError: it is none, or bears a secret.
    """
    try:
        parts = urlsplit(value)
    except ValueError:  # brackets that hold no address
        raise ValueError(f"{value!r} is no address: write http://… or https://…") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{value!r} is no address: write http://… or https://…")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a secret is not written in clear: leave user and password out of the address, use headers")
    return value


def header_name(value: str) -> str:
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", value):  # RFC 9110, section 5.6.2
        raise ValueError(f"{value!r} is no name of a header")
    if value.lower() in OURS:
        raise ValueError(f"{value} is set by Retabli itself")
    return value


def headers_in_clear(headers: Mapping[str, str | Secret]) -> Iterator[str]:
    """A sentence for each header that smells of a secret and is written in the configuration itself."""
    for name, value in headers.items():
        if isinstance(value, str) and SECRET_HEADER.search(name):
            yield f"headers.{name}: a secret is not written in clear: name where it is, as {{file: …}}"


class HttpTls(Tls):
    """How TLS is spoken to a receiver. A type of its own, so that its context is: httpx writes its ALPN into it."""

    mode: Literal["implicit"] = "implicit"


class Clients:
    """The client of one channel: keeps its connections, and follows the files of its TLS settings."""

    def __init__(self, tls: Tls, timeout: float) -> None:
        """`timeout`: the seconds of a whole attempt, whose deadline stands around it."""
        self._tls = tls
        self._timeout = timeout
        self._clients: list[httpx.AsyncClient] = []
        self._context: ssl.SSLContext | None = None

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes | None = None,
        params: httpx.QueryParams | None = None,
    ) -> httpx.Response:
        """The answer, of which only the head is read: the caller closes it.

        Raises:
            Fall: a certificate or an authority that cannot be read now.
            httpx.HTTPError, httpx.InvalidURL: what went wrong on the way; `why` says it.
        """
        client = await self._open()
        encoded = {name.encode(): value.encode() for name, value in headers.items()}  # a secret may hold any character
        request = client.build_request(method, url, content=content, headers=encoded, params=params)
        if self._tls.server_name:
            request.extensions["sni_hostname"] = self._tls.server_name
        return await client.send(request, stream=True)

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()
        self._clients.clear()

    async def _open(self) -> httpx.AsyncClient:
        """The client; another one once the files of its TLS settings were renewed (the old one ends what it began)."""
        context = await asyncio.to_thread(context_for, self._tls)
        if context is not self._context:
            client = httpx.AsyncClient(
                verify=context,
                trust_env=False,  # a proxy of the environment is no road that anybody decided on
                follow_redirects=False,
                # One deadline for the whole attempt stands around it. These end a TCP connect and a TLS handshake
                # before that one falls: cut off from outside, a handshake of httpcore leaves its socket open.
                timeout=httpx.Timeout(None, connect=self._timeout * 0.45),
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=2),
            )
            self._clients.append(client)
            self._context = context  # last: what fails before, for want of descriptors, is tried anew with the next one
        return self._clients[-1]


@contextmanager
def refusals(timeout: float) -> Iterator[None]:
    """Whatever goes wrong with a receiver within is told as NotAccepted. `timeout`: the seconds that it was given."""
    try:
        yield
    except (TimeoutError, httpx.TimeoutException):
        span = format_duration(timeout)
        raise NotAccepted(Words(f"pas de réponse en {span}", f"no answer within {span}")) from None
    except Fall as fall:
        raise because_of(fall) from fall
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise why(error) from error


async def finish(response: httpx.Response) -> None:
    """Read a short answer to its end, so that its connection can serve again; leave a long or a slow one."""
    if int(response.headers.get("content-length", "-1")) not in range(ANSWER_LIMIT):
        return
    with suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(LINGER):
            async for _ in response.aiter_raw():
                pass


async def refusal(response: httpx.Response, secrets: Iterable[str] = ()) -> Words:
    """What an answer that is no 2xx says, in a bounded part of it, without the secrets that it was sent."""
    status = response.status_code
    if response.is_redirect:
        return Words(
            f"répond {status}, une redirection, qui n'est pas suivie : donner l'adresse finale",
            f"answers {status}, a redirect, which is not followed: give the final address",
        )
    said = b""
    async for part in response.aiter_raw():  # not decompressed: a small answer cannot become a large one
        said += part
        if len(said) >= ANSWER_LIMIT:
            break
    text = "" if "content-encoding" in response.headers else hidden(said.decode("utf-8", "replace"), secrets)
    if not text.strip():
        return Words(f"répond {status}", f"answers {status}")
    return Words(f"répond {status} : {text}", f"answers {status}: {text}")


def hidden(said: str, secrets: Iterable[str]) -> str:
    """Receivers that quote what they were sent must not put it in a log or on a page; nor a part of `Bearer …`."""
    for secret in secrets:
        for part in (secret, *(word for word in secret.split() if len(word) >= SHORTEST_SECRET)):
            for form in {part, json.dumps(part)[1:-1], html.escape(part)}:
                said = said.replace(form, "***")
    return said


def why(error: Exception) -> NotAccepted:
    """In our own words where the ladder's table knows what went wrong, else in httpx's."""
    link: BaseException | None = error
    while link is not None:
        found = cause_of(link)
        if found is not None:
            return because_of(Fall(found, detail_of(link)))
        link = link.__cause__ or link.__context__
    return NotAccepted(f"{type(error).__name__}: {error}")
