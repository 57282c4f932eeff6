"""A channel that POSTs each message as JSON to an address, signed if a key is given."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import quote, urlsplit

import httpx
from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from retabli.alerts.channels import placeholders
from retabli.alerts.channels.channel import ATTEMPT, ChannelSettings, NotAccepted, Timeout
from retabli.alerts.channels.http import (
    Clients,
    HttpTls,
    address,
    finish,
    header_name,
    headers_in_clear,
    refusal,
    refusals,
)
from retabli.model.record import Message
from retabli.model.settings import Secret, SecretRef
from retabli.model.stamps import iso

SIGNATURE = "X-Retabli-Signature"
OURS = {"idempotency-key", SIGNATURE.lower()}


def _header_name(value: str) -> str:
    if header_name(value).lower() in OURS:
        raise ValueError(f"{value} is set by Retabli itself")
    return value


Template = Annotated[Mapping[str, Any], BeforeValidator(placeholders.with_secrets), WithJsonSchema({"type": "object"})]


class Webhook(ChannelSettings):
    """A 2xx answer accepts the message; redirects are not followed. `timeout` bounds one whole attempt.

    The body is the whole message, or what `template` makes of it: `{text: "{text}"}` is what most chats take.
    """

    SUMMARY: ClassVar[tuple[str, str]] = (
        "Chaque message est envoyé en JSON, par POST, à une adresse ; une réponse 2xx l'accepte.",
        "Each message is sent as JSON, by POST, to an address; a 2xx answer accepts it.",
    )

    kind: Literal["webhook"]
    url: Annotated[str, AfterValidator(address)]
    key: SecretRef | None = Field(
        default=None, description="signs the body by HMAC-SHA256, in the header X-Retabli-Signature"
    )
    headers: Mapping[Annotated[str, AfterValidator(_header_name)], str | SecretRef] = Field(
        default_factory=dict, description="more headers; one that holds a secret names where it is"
    )
    template: Template | None = Field(
        default=None,
        description="the body, in place of the whole message: {title} in a text stands for that field, {{ is a brace; "
        "{file: …} and the like stand for a secret",
    )
    timeout: Timeout = Field(default=10.0, description=ATTEMPT)
    tls: HttpTls = HttpTls()

    def build(self) -> "WebhookChannel":
        return WebhookChannel(self)

    def secrets(self) -> Iterator[Secret]:
        if self.key is not None:
            yield self.key
        yield from (value for value in self.headers.values() if isinstance(value, Secret))
        yield from placeholders.secrets_in(self.template)

    def faults(self) -> Iterator[str]:
        yield from headers_in_clear(self.headers)
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
        self._clients = Clients(settings.tls, settings.timeout)

    async def send(self, message: Message) -> None:
        """
        Raises:
            NotAccepted: no 2xx answer within `timeout`, or a secret or a certificate that cannot be read now.
        """
        with refusals(self._settings.timeout):
            async with asyncio.timeout(self._settings.timeout) as deadline:
                response = await self._post(message)
                try:
                    if not response.is_success:
                        raise NotAccepted(await refusal(response, await asyncio.to_thread(self._secrets)))
                    deadline.reschedule(None)  # it is accepted, whatever becomes of the rest of the answer
                    await finish(response)
                finally:
                    await response.aclose()

    async def close(self) -> None:
        await self._clients.close()

    async def _post(self, message: Message) -> httpx.Response:
        at = self._wall()
        body, headers = await asyncio.to_thread(self._content, message, at)  # secrets are read from files
        return await self._clients.send("POST", self._settings.url, headers=headers, content=body)

    def _secrets(self) -> list[str]:
        """Each as it was sent just now, the signing key too, though it never is."""
        return [secret.read().decode("utf-8", "replace") for secret in self._settings.secrets()]

    def _content(self, message: Message, at: float) -> tuple[bytes, dict[str, str]]:
        own = {"key": message.key, "sent_at": iso(at)}
        if self._settings.template is None:
            given: object = {**message.body, **own}
        else:
            given = placeholders.filled(self._settings.template, {**placeholders.fields_of(message), **own})
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
