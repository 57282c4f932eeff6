"""The settings of speech recognition that are more than a word: addresses, the token, the licence, the stream."""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Literal

import httpx
from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from retabli.model.settings import Duration, SecretRef, Settings
from retabli.net.web.http_messages import OWN_FIELDS, TOKEN
from retabli.net.web.http_settings import FieldValue, Pattern, WebAddress, check_address
from retabli.net.web.json_paths import JsonPath, check_path

HERE = "${token}"  # where the token stands in a text


def web_address(url: str) -> str:
    """The address by which a WebSocket's host is reached: ws → http, wss → https (RFC 6455, section 3)."""
    scheme, colon, rest = url.partition(":")
    return {"ws": "http", "wss": "https"}.get(scheme.lower(), scheme) + colon + rest


def host_of(url: str) -> str:
    return httpx.URL(web_address(url)).host


def _recogniser(value: str) -> str:
    check_address(web_address(value))
    if "#" in value:
        raise ValueError(f'"{value}" holds a fragment (#), which no request can bear')
    return value


def _host(value: object) -> object:
    return f"https://{value}" if isinstance(value, str) and "://" not in value else value


RecogniserAddress = Annotated[
    str, AfterValidator(_recogniser), WithJsonSchema({"type": "string", "pattern": "^(https?|wss?)://"})
]
HostAddress = Annotated[WebAddress, BeforeValidator(_host)]


class Sign(Settings):
    """How an answer is known: by its status, or by what its body (or message, or reason to end) holds."""

    status: tuple[int, ...] = Field(default=(), strict=False)
    body: Pattern | None = Field(default=None, description="what its body, its message or its reason to end holds")

    def seen(self, status: int | None, text: str) -> bool:
        return status in self.status or (self.body is not None and re.search(self.body, text) is not None)


class TokenService(Settings):
    """Where a token is asked for, by POST (RFC 6749, section 4.4); `user` and `password` go as Basic."""

    url: WebAddress
    user: str | None = None
    password: SecretRef | None = None
    body: Annotated[str, Field(max_length=10_000)] | SecretRef | None = Field(
        default=None, description="what is posted there; grant_type=client_credentials, unless told otherwise"
    )
    content_type: FieldValue = "application/x-www-form-urlencoded"
    at: JsonPath = Field(default="access_token", description="where the token stands in the answer")


class Licence(Settings):
    """Where the licence's state is asked for, by GET."""

    url: WebAddress
    user: str | None = None
    password: SecretRef | None = None
    at: JsonPath = Field(description="where the answer tells of it: the licence holds if that is true, or above 0")
    value: Pattern | None = Field(default=None, description="what stands there while the licence holds")


def _token_as(value: str) -> str:
    name, _, pattern = value.partition(":")
    if not TOKEN.fullmatch(name) or HERE not in pattern:
        raise ValueError(f'"{value}" is no header with a token in it: write Authorization: Bearer {HERE}')
    if name.lower() in OWN_FIELDS or name.lower().startswith(("proxy-", "sec-")):
        raise ValueError(f"{name} is not for a configuration to set")
    return value


TokenAs = Annotated[FieldValue, AfterValidator(_token_as)]


def _message(value: object) -> object:
    return json.dumps(value) if isinstance(value, Mapping | list) else value


Message = Annotated[
    str,
    BeforeValidator(_message),
    Field(max_length=10_000),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object"}]}),
]


def _final_at(value: str) -> str:
    check_path(value.partition("=")[0])
    return value


FinalAt = Annotated[str, AfterValidator(_final_at)]
Subprotocol = Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$")]


class Stream(Settings):
    """How a recogniser is spoken to over WebSocket. Vendors differ."""

    subprotocol: Subprotocol | None = None
    start: Message | None = Field(default=None, description=f"a first message; {HERE} stands for the token")
    end: Message | None = Field(default=None, description="a last message; an empty one is sent as binary")
    chunk: int = Field(default=8000, ge=160, le=65_536, description="bytes of audio a message")
    pace: Duration = Field(default=0.0, description="time between chunks, for services that want the pace of speech")
    final_at: FinalAt | None = Field(
        default=None,
        description="JSON path that is true, or path=value, where a text is final; else every text is",
    )


def with_token(message: str | None, token: str) -> str | None:
    """A first message with the token in its place; in JSON, as JSON writes it."""
    if message is None:
        return None
    return message.replace(HERE, json.dumps(token)[1:-1] if message.startswith(("{", "[")) else token)


FormFields = Annotated[dict[str, Annotated[str, Field(max_length=1000)]], Field(max_length=20)]
Upload = Literal["raw", "multipart"]
