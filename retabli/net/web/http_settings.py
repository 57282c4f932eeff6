"""The settings that kinds over HTTP share: addresses, statuses, texts, header fields, what a page must be."""

import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_network
from typing import Annotated

import httpx
from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from retabli.model.hosts import HOST_NAME
from retabli.model.settings import Proxy, Settings, Tls
from retabli.net.web.http import Network
from retabli.net.web.http_messages import FIELD_VALUE
from retabli.net.web.http_redirects import PORTS


def check_address(value: str) -> str:
    """An address as it may be fetched: http or https, with a host, without an account.

    Raises:
        ValueError: a sentence for the operator.
    """
    if not value.isprintable() or any(char.isspace() for char in value):
        raise ValueError(f"{value!r} holds a blank or a control character")
    try:
        url = httpx.URL(value)
        host = url.raw_host.decode("ascii")
        port = url.port
    except (httpx.InvalidURL, ValueError) as error:
        raise ValueError(f'"{value}" is no web address: {error}') from error
    if url.scheme not in ("http", "https"):
        raise ValueError(f'"{value}" is no web address: it begins with neither http:// nor https://')
    if not host or host.startswith(".") or ".." in host:
        raise ValueError(f'"{value}" names no host')
    if ":" not in host and not HOST_NAME.fullmatch(host):  # an IPv6 address was read by httpx
        raise ValueError(f'"{value}" names no host: what stands there holds what no name may, or is too long')
    if port is not None and not 0 < port < 65_536:
        raise ValueError(f'"{value}" has a port that cannot be')
    if url.userinfo:
        raise ValueError("a web address is shown to everybody: an account does not belong into it")
    return value


def web_openings(addresses: Iterable[str], proxy: Proxy | None) -> Iterator[tuple[str, int, str]]:
    """The firewall openings that they need: the proxy's, or each one's own. Destination, port, protocol."""
    if proxy is not None:
        yield proxy.host, proxy.port, "tcp"
        return
    for address in dict.fromkeys(addresses):
        url = httpx.URL(address)
        yield url.host, url.port or PORTS[url.scheme], "tcp"


def tls_mode_faults(tls: Tls) -> Iterator[str]:
    """For a kind whose server is named by a web address."""
    if tls.mode != "implicit":
        yield f"tls.mode {tls.mode} means nothing here: the address says whether TLS is spoken"


def check_field_value(value: str) -> str:
    """A header field's value that cannot end its line, in ASCII (RFC 9110, 5.5)."""
    try:
        sound = FIELD_VALUE.fullmatch(value.encode("ascii"))
    except UnicodeEncodeError:
        sound = None
    if sound is None:
        raise ValueError("a header's value holds a character that none may hold")
    return value


def check_pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f'"{value}" is no regular expression: {error}') from error
    return value


def parse_network(value: object) -> Network:
    if isinstance(value, Network):
        return value
    try:
        return ip_network(str(value))
    except ValueError as error:
        raise ValueError(f'"{value}" is no network: write 198.51.100.0/24 or one address') from error


WebAddress = Annotated[str, AfterValidator(check_address), WithJsonSchema({"type": "string", "format": "uri"})]
FieldValue = Annotated[str, AfterValidator(check_field_value)]
Pattern = Annotated[str, AfterValidator(check_pattern), WithJsonSchema({"type": "string", "format": "regex"})]
Cidr = Annotated[
    Network,
    BeforeValidator(parse_network),
    PlainSerializer(str, when_used="json"),
    WithJsonSchema({"type": "string", "examples": ["198.51.100.0/24"]}),
]


def parse_statuses(value: object) -> tuple[str, ...]:
    """`200`, `2xx`, `[200, 3xx]`."""
    parts = value if isinstance(value, list | tuple) else [value]
    words = tuple(str(part).lower() for part in parts)
    if not words or any(isinstance(part, bool) for part in parts):
        raise ValueError("a status is wanted here: 200, 2xx, or a list of them")
    for word in words:
        if not re.fullmatch(r"[1-5](\d\d|xx)", word):
            raise ValueError(f'"{word}" is no HTTP status: write 200, 2xx, or a list of them')
    return words


def parse_texts(value: object) -> tuple[str, ...]:
    """One text, or a list of them."""
    parts = value if isinstance(value, list | tuple) else [value]
    if not all(isinstance(part, str) and part.strip() for part in parts):
        raise ValueError("a text is wanted here, or a list of texts; quote what looks like a number")
    return tuple(parts)


Statuses = Annotated[
    tuple[str, ...],
    BeforeValidator(parse_statuses),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": ["string", "integer"]},
                {"type": "array", "items": {"type": ["string", "integer"]}, "minItems": 1},
            ],
            "examples": [200, "2xx", [200, 404]],
        }
    ),
]
Texts = Annotated[
    tuple[str, ...],
    BeforeValidator(parse_texts),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


class PageExpect(Settings):
    """What a page must be. `text`: every one of these must be on it. `issuer`: a part of the certificate's issuer."""

    status: Statuses = ("2xx",)
    text: Texts = ()
    issuer: str | None = Field(default=None, min_length=1)

    def wants(self, status: int) -> bool:
        return any(str(status) == word or (word.endswith("xx") and word[0] == str(status)[0]) for word in self.status)
