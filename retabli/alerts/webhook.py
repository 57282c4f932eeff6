"""A channel that POSTs each message as JSON to an address, signed if a key is given."""

import asyncio
import hashlib
import hmac
import json
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import quote, urlsplit

import httpx
from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from retabli.alerts import placeholders
from retabli.alerts.channel import ATTEMPT, ChannelSettings, NotAccepted, because_of
from retabli.alerts.stamps import iso
from retabli.model.ladder import Fall, cause_of, detail_of
from retabli.model.record import Message
from retabli.model.settings import Duration, Secret, SecretRef, Tls, format_duration
from retabli.model.words import Words
from retabli.net.tls import context_for

ANSWER_LIMIT = 65536  # bytes of an answer that are read; the rest is not our business
LINGER = 1.0  # seconds that the rest of an accepting answer may take
SIGNATURE = "X-Retabli-Signature"
OURS = {"host", "content-type", "content-length", "transfer-encoding", "idempotency-key", SIGNATURE.lower()}
SECRET_HEADER = re.compile(r"auth|cookie|token|secret|key|password", re.IGNORECASE)


def _address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{value!r} is no address: write http://… or https://…")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a secret is not written in clear: leave user and password out of the address, use headers")
    return value


def _header_name(value: str) -> str:
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", value):  # RFC 9110, section 5.6.2
        raise ValueError(f"{value!r} is no name of a header")
    if value.lower() in OURS:
        raise ValueError(f"{value} is set by Retabli itself")
    return value


class HookTls(Tls):
    """How TLS is spoken to a webhook. A type of its own, so that its context is: httpx writes its ALPN into it."""

    mode: Literal["implicit"] = "implicit"


class Webhook(ChannelSettings):
    """A 2xx answer accepts the message; redirects are not followed. `timeout` bounds one whole attempt.

    The body is the whole message, or what `template` makes of it: `{text: "{text}"}` is what most chats take.
    """

    SUMMARY: ClassVar[tuple[str, str]] = (
        "Chaque message est envoyé en JSON, par POST, à une adresse ; une réponse 2xx l'accepte.",
        "Each message is sent as JSON, by POST, to an address; a 2xx answer accepts it.",
    )

    kind: Literal["webhook"]
    url: Annotated[str, AfterValidator(_address)]
    key: SecretRef | None = Field(
        default=None, description="signs the body by HMAC-SHA256, in the header X-Retabli-Signature"
    )
    headers: Mapping[Annotated[str, AfterValidator(_header_name)], str | SecretRef] = Field(
        default_factory=dict, description="more headers; one that holds a secret names where it is"
    )
    template: (
        Annotated[Mapping[str, Any], BeforeValidator(placeholders.with_secrets), WithJsonSchema({"type": "object"})]
        | None
    ) = Field(
        default=None,
        description="the body, in place of the whole message: {title} in a text stands for that field, {{ is a brace; "
        "{file: …} and the like stand for a secret",
    )
    timeout: Duration = Field(default=10.0, description=ATTEMPT)
    tls: HookTls = HookTls()

    def build(self) -> "WebhookChannel":
        return WebhookChannel(self)

    def secrets(self) -> Iterator[Secret]:
        if self.key is not None:
            yield self.key
        yield from (value for value in self.headers.values() if isinstance(value, Secret))
        yield from placeholders.secrets_in(self.template)

    def faults(self) -> Iterator[str]:
        for name, value in self.headers.items():
            if isinstance(value, str) and SECRET_HEADER.search(name):
                yield f"headers.{name}: a secret is not written in clear: name where it is, as {{file: …}}"
        yield from placeholders.faults(self.template, "template")

    def warnings(self) -> Iterator[str]:
        if urlsplit(self.url).scheme == "http" and self.key is None:
            yield "pages travel in clear and unsigned: give a key, or an https address"


def sign(key: bytes, body: bytes, at: int) -> str:
    """The signature's header: HMAC-SHA256 over `<Unix time>.<body>`, so that an old message cannot be sent again."""
    digest = hmac.new(key, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


class WebhookChannel:
    """Keeps its connections from one message to the next."""

    def __init__(self, settings: Webhook, *, wall: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._wall = wall
        self._clients: list[httpx.AsyncClient] = []
        self._context: ssl.SSLContext | None = None

    async def send(self, message: Message) -> None:
        """
        Raises:
            NotAccepted: no 2xx answer within `timeout`, or a secret or a certificate that cannot be read now.
        """
        try:
            async with asyncio.timeout(self._settings.timeout) as deadline:
                response = await self._post(message)
                try:
                    if not response.is_success:
                        raise NotAccepted(await _refusal(response))
                    deadline.reschedule(None)  # it is accepted, whatever becomes of the rest of the answer
                    await _finish(response)
                finally:
                    await response.aclose()
        except (TimeoutError, httpx.TimeoutException):
            span = format_duration(self._settings.timeout)
            raise NotAccepted(Words(f"pas de réponse en {span}", f"no answer within {span}")) from None
        except Fall as fall:
            raise because_of(fall) from fall
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _why(error) from error

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()
        self._clients.clear()

    async def _post(self, message: Message) -> httpx.Response:
        at = self._wall()
        body, headers = await asyncio.to_thread(self._content, message, at)  # secrets are read from files
        client = await self._open()
        request = client.build_request("POST", self._settings.url, content=body, headers=headers)
        if self._settings.tls.server_name:
            request.extensions["sni_hostname"] = self._settings.tls.server_name
        return await client.send(request, stream=True)

    def _content(self, message: Message, at: float) -> tuple[bytes, dict[str, str]]:
        if self._settings.template is None:
            given: object = {**message.body, "key": message.key, "sent_at": iso(at)}
        else:
            given = placeholders.filled(
                self._settings.template, {**placeholders.fields_of(message), "sent_at": iso(at)}
            )
        body = json.dumps(given).encode()
        return body, self._headers(message, body, int(at))

    def _headers(self, message: Message, body: bytes, at: int) -> dict[str, str]:
        headers = {
            "User-Agent": "retabli",
            "Content-Type": "application/json",
            "Idempotency-Key": quote(message.key, safe=":/+"),
        }
        for name, value in self._settings.headers.items():
            headers[name] = value if isinstance(value, str) else value.text()
        if self._settings.key is not None:
            headers[SIGNATURE] = sign(self._settings.key.read(), body, at)
        return headers

    async def _open(self) -> httpx.AsyncClient:
        """The client; another one once the files of its TLS settings were renewed (the old one ends what it began)."""
        context = await asyncio.to_thread(context_for, self._settings.tls)
        if context is not self._context:
            self._context = context
            client = httpx.AsyncClient(
                verify=context,
                trust_env=False,  # a proxy of the environment is no road that anybody decided on
                follow_redirects=False,
                # One deadline for the whole attempt stands around it. These end a TCP connect and a TLS handshake
                # before that one falls: cut off from outside, a handshake of httpcore leaves its socket open.
                timeout=httpx.Timeout(None, connect=self._settings.timeout * 0.45),
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=2),
            )
            self._clients.append(client)
        return self._clients[-1]


async def _finish(response: httpx.Response) -> None:
    """Read a short answer to its end, so that its connection can serve again; leave a long or a slow one."""
    if int(response.headers.get("content-length", "-1")) not in range(ANSWER_LIMIT):
        return
    with suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(LINGER):
            async for _ in response.aiter_raw():
                pass


async def _refusal(response: httpx.Response) -> Words:
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
    text = "" if "content-encoding" in response.headers else said.decode("utf-8", "replace")
    if not text.strip():
        return Words(f"répond {status}", f"answers {status}")
    return Words(f"répond {status} : {text}", f"answers {status}: {text}")


def _why(error: Exception) -> NotAccepted:
    """In our own words where the ladder's table knows what went wrong, else in httpx's."""
    link: BaseException | None = error
    while link is not None:
        found = cause_of(link)
        if found is not None:
            return because_of(Fall(found, detail_of(link)))
        link = link.__cause__ or link.__context__
    return NotAccepted(f"{type(error).__name__}: {error}")
