"""The section `web`: where the pages are served, by which certificate, and who may see and change what."""

import ipaddress
import re
from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema

from config.sections import LISTEN, Address, parse_listen
from retabli.model.settings import File, SecretRef, Settings, credential

ACCOUNT = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$"
RoleName: TypeAlias = Literal["view", "act", "admin"]


def _listen(value: str) -> str:
    parse_listen(value)
    return value


def _key(value: object, info: ValidationInfo) -> object:
    """A path, or `{credential: NAME}`: a file in systemd's $CREDENTIALS_DIRECTORY."""
    if isinstance(value, Mapping):
        name = value.get("credential")
        if len(value) != 1 or not isinstance(name, str) or not re.fullmatch(r"[^/\0]+", name) or name in (".", ".."):
            raise ValueError("a key is a path, or {credential: …}")
        return credential(name)
    return value


KeyFile: TypeAlias = Annotated[
    File,
    BeforeValidator(_key),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "format": "path"},
                {
                    "type": "object",
                    "properties": {"credential": {"type": "string"}},
                    "required": ["credential"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]


def _network(value: str) -> str:
    try:
        ipaddress.ip_network(value)
    except ValueError as error:
        hint = ": the bits after its length are not zero" if "host bits" in str(error) else ""
        raise ValueError(f'"{value}" is no address and no network such as 10.0.0.0/24{hint}') from None
    return value


def _header(value: str) -> str:
    """A field name (RFC 9110, section 5.1), in lower case. What browsers send themselves says nothing of anybody."""
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", value):
        raise ValueError(f'"{value}" is no name of a header')
    if value.lower() in ("authorization", "cookie", "host", "origin", "user-agent", "accept", "content-type"):
        raise ValueError(f'"{value}" is what browsers send, and not what a proxy says of whom it let through')
    return value.lower()


Header: TypeAlias = Annotated[str, AfterValidator(_header)]


class WebTls(Settings):
    """The certificate of the pages. It is read again at a reload."""

    cert: File = Field(description="certificate and intermediates (PEM), the server's own first")
    key: KeyFile | None = Field(
        default=None, description="its key (PEM), unless it stands in the same file: a path, or {credential: …}"
    )
    min_version: Literal["1.2", "1.3"] = Field(default="1.2", description="the oldest version of TLS that is spoken")


class User(Settings):
    """Somebody who logs in."""

    role: RoleName = Field(
        description="view: sees everything; act: acknowledges and silences too; admin: reloads the configuration too"
    )
    hash: SecretRef = Field(description="the line that `retabli password` prints")


class TrustedProxy(Settings):
    """A reverse proxy in front, which encrypts, and may say who comes. What others put into its headers is not
    believed."""

    from_: tuple[Annotated[str, AfterValidator(_network)], ...] = Field(
        alias="from",
        min_length=1,
        strict=False,
        description="addresses or networks from which it connects; nobody else may connect from there",
    )
    user_header: Header | None = Field(
        default=None,
        description="the header that holds whom it let through; it must remove it from what comes in. "
        "Without it, people log in here",
    )
    role_header: Header | None = Field(default=None, description="the header that holds their role: view, act or admin")
    groups_header: Header | None = Field(
        default=None, description="the header that holds their groups, with commas between them"
    )
    users: dict[str, RoleName] = Field(default_factory=dict, description="the role of a user that it names")
    groups: dict[str, RoleName] = Field(default_factory=dict, description="the role of a group that it names")
    role: Literal["none", "view", "act", "admin"] = Field(
        default="none",
        description="the role of whoever it lets through and nothing else gives one; of several, the highest counts",
    )


def _accounts(users: dict[str, User]) -> dict[str, User]:
    """A name stands in the record as it is, and before the colon of HTTP Basic."""
    for name in users:
        if not re.fullmatch(ACCOUNT, name):
            said = "letters, digits, dots, -, _ and @, at most 64, and begins with a letter or a digit"
            raise ValueError(f'"{name[:80]}" is no name of an account: it has {said}')
    return users


class Web(Settings):
    """Where the pages, the API and the metrics are served, and to whom."""

    listen: Annotated[str, AfterValidator(_listen)] = Field(
        default=LISTEN, description="the address to listen on; beyond this machine only with users or a proxy"
    )
    url: Address | None = Field(default=None, description="the address by which others reach the pages, for links")
    tls: WebTls | None = Field(default=None, description="https by this certificate; without it, in clear")
    users: Annotated[dict[str, User], AfterValidator(_accounts)] = Field(
        default_factory=dict,
        description="who logs in, by a form or by HTTP Basic; without any, nobody is asked",
        json_schema_extra={"propertyNames": {"pattern": ACCOUNT}},
    )
    proxy: TrustedProxy | None = Field(default=None, description="the reverse proxy whose word is taken")
