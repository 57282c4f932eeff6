"""The types that settings are made of: durations, secrets, files, TLS, proxies, mailboxes.

Names of other parts of the configuration (`proxy: main`, `mailbox: witness`) are resolved while a model is validated,
from the context that the loader passes: `{"folder": Path, "proxies": {...}, "mailboxes": {...}, "resolver": …,
"timezone": the site's}`.
Faults are raised as ValueError with a sentence for the operator; the loader adds file, line and path.
"""

import difflib
import os
import re
import ssl
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
)

from retabli.model import causes
from retabli.model.hosts import Host, NameServer
from retabli.model.ladder import Fall

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
LONGEST = 36_525 * 86_400.0  # seconds: a century; no clock is asked for more


class Settings(BaseModel):
    """Frozen, strict, and without unknown keys: what a mistyped key would silently switch off, lives hang on."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", populate_by_name=True, hide_input_in_errors=True
    )


def parse_duration(value: object) -> float:
    """Seconds from `500ms`, `30s`, `2m`, `1h`, `1d`, `1h30m`. A bare number is refused: of what?"""
    if isinstance(value, float) and not isinstance(value, bool):
        return value  # already parsed: a default, or a model that is copied
    if not isinstance(value, str) or not re.fullmatch(r"(\d+(\.\d+)?(ms|s|m|h|d))+", value):
        raise ValueError(f"{value!r} is not a duration: write 500ms, 30s, 2m or 1h")
    parts = re.findall(r"(\d+(\.\d+)?)(ms|s|m|h|d)", value)
    seconds = sum(float(number) * UNITS[unit] for number, _, unit in parts)
    if seconds > LONGEST:
        raise ValueError(f"{value!r} is longer than a century")
    return seconds


def format_duration(seconds: float) -> str:
    """`90.0` → `1m30s`; the inverse of parse_duration."""
    parts, rest = [], round(seconds * 1000)
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        number, rest = divmod(rest, size)
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts) or "0s"


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, when_used="json"),
    WithJsonSchema(
        {"type": "string", "pattern": r"^(\d+(\.\d+)?(ms|s|m|h|d))+$", "examples": ["500ms", "30s", "2m", "1h"]}
    ),
]


def _path(value: object, info: ValidationInfo) -> Path:
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("a path to a file is wanted here")
    folder = (info.context or {}).get("folder", Path())
    return Path(os.path.normpath(Path(folder) / value))


# Relative paths are relative to the configuration file they stand in.
File = Annotated[Path, BeforeValidator(_path), WithJsonSchema({"type": "string", "format": "path"})]
Port = Annotated[int, Field(ge=1, le=65535)]


def _one_or_more(value: object) -> object:
    return (value,) if isinstance(value, str | Path) else value


# One file, or a list of them.
Files = Annotated[
    tuple[File, ...],
    Field(strict=False),
    BeforeValidator(_one_or_more),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "format": "path"},
                {"type": "array", "items": {"type": "string", "format": "path"}},
            ]
        }
    ),
]


NOT_HANDED = Path("/run/credentials")  # stands for systemd's folder of credentials in who was handed none


def credential(name: str) -> Path:
    """The file of one of systemd's credentials."""
    return Path(os.environ.get("CREDENTIALS_DIRECTORY", NOT_HANDED)) / name


def is_handed_elsewhere(path: Path | None) -> bool:
    """Whether this is a credential that systemd hands to the service, and has not handed to this process."""
    return path is not None and path.parent == NOT_HANDED and "CREDENTIALS_DIRECTORY" not in os.environ


def handed_over(path: Path) -> str:
    return f'"{path.name}" is handed over by systemd (LoadCredential={path.name}:…)'


class Secret(Settings):
    """A secret is never in the configuration itself: it is named, and read when it is used."""

    file: File | None = None
    env: str | None = None
    credential: str | None = None  # a file in systemd's $CREDENTIALS_DIRECTORY

    def fault(self) -> str | None:
        """Why this secret could not be read now, as a sentence, or None."""
        try:
            self.read()
        except Fall as fall:
            return fall.detail
        return None

    def read(self) -> bytes:
        """The secret, without the newline at its end.

        Raises:
            Fall: `secret_unreadable`; the detail names the place, never the content.
        """
        value = self._raw()
        value = value.rstrip(b"\r\n")
        if not value:
            raise Fall(causes.SECRET_UNREADABLE, f"{self.place} is empty")
        return value

    def text(self) -> str:
        """The secret as text. Raises as `read` does."""
        try:
            return self.read().decode()
        except UnicodeDecodeError:
            raise Fall(causes.SECRET_UNREADABLE, f"{self.place} is not UTF-8 text") from None

    @property
    def path(self) -> Path | None:
        if self.file is not None:
            return self.file
        if self.credential is not None:
            return credential(self.credential)
        return None

    @property
    def place(self) -> str:
        return str(self.path) if self.path is not None else f"${self.env}"

    def _raw(self) -> bytes:
        if self.path is None:
            value = os.environ.get(self.env or "")
            if value is None:
                raise Fall(causes.SECRET_UNREADABLE, f"the environment has no {self.env}")
            return value.encode()
        try:
            return self.path.read_bytes()[:65536]
        except OSError as error:
            said = f"{self.path}: {error.strerror}"
            if is_handed_elsewhere(self.path):
                said = f"{handed_over(self.path)}, which has handed nothing to this process"
            raise Fall(causes.SECRET_UNREADABLE, said) from error
        except ValueError as error:  # a name with a NUL in it
            raise Fall(causes.SECRET_UNREADABLE, f"{self.path}: no file can be called that") from error


def _secret(value: object) -> object:
    if isinstance(value, Secret):
        return value
    if not isinstance(value, Mapping):
        raise ValueError(
            "a secret is not written in clear: name where it is, as {file: …}, {env: …} or {credential: …}"
        )
    if len(value) != 1 or next(iter(value)) not in ("file", "env", "credential"):
        raise ValueError("a secret has exactly one of file, env and credential")
    return value


SecretRef = Annotated[Secret, BeforeValidator(_secret)]


@lru_cache(maxsize=1)
def _known_suites() -> frozenset[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    return frozenset(suite["name"] for suite in context.get_ciphers())


def _suite(name: str) -> str:
    """As OpenSSL names it. Standards write `TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256` for its ECDHE-RSA-AES128-SHA256."""
    plain = name
    if name.startswith("TLS_") and "_WITH_" in name:
        exchange, _, cipher = name.removeprefix("TLS_").partition("_WITH_")
        plain = f"{exchange}_{cipher.replace('AES_', 'AES').replace('_CBC', '')}".replace("_", "-")
    if plain not in _known_suites():  # OpenSSL's words for groups (`HIGH`) would not tell what may be agreed on
        raise ValueError(f'OpenSSL knows no suite called "{name}"{did_you_mean(plain, _known_suites())}')
    return plain


def _suites(value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(_suite, value))


Ciphers = Annotated[tuple[str, ...], Field(strict=False), AfterValidator(_suites)]


class Tls(Settings):
    """How TLS is spoken. `ca` alone judges when it is given, else the system's authorities.

    `crl`: lists of revoked certificates (PEM or DER, RFC 5280, section 5); with them the peer's own certificate must
    be covered by one that is valid now, and not be on it. `ciphers`: the only suites that may be agreed on, as OpenSSL
    names them.
    """

    mode: Literal["none", "starttls", "implicit"] = "implicit"
    ca: File | None = None
    client_cert: File | None = None
    client_key: File | None = None
    server_name: str | None = None  # the name asked for and checked; the host's otherwise
    min_version: Literal["1.0", "1.1", "1.2", "1.3"] = "1.2"
    crl: Files = ()
    ciphers: Ciphers = ()


def _starttls(value: object) -> object:
    """Mail is handed over in clear or by STARTTLS; whoever gives a `ca` and no mode means the latter."""
    return {"mode": "starttls", **value} if isinstance(value, Mapping) and "mode" not in value else value


SmtpTls = Annotated[Tls, BeforeValidator(_starttls)]


class Resolver(Settings):
    """Name servers asked directly, instead of the system's resolver."""

    nameservers: tuple[NameServer, ...] = Field(min_length=1, strict=False)
    port: Port = 53


class Denied(Settings):
    """How this proxy says no: any of these. `header` is `Name: regular expression`, `body` a regular expression."""

    status: tuple[int, ...] = Field(default=(403,), strict=False)
    header: str | None = None
    body: str | None = None
    reset: bool = False  # it cuts the connection instead of answering

    @property
    def header_pattern(self) -> tuple[str, str] | None:
        if self.header is None:
            return None
        name, _, pattern = self.header.partition(":")
        return name.strip(), pattern.strip()


class Proxy(Settings):
    """A filtering proxy. `name` is its key in the configuration."""

    name: str = ""
    url: str = Field(pattern=r"^http://[^/@\s]+/?$")
    user: str | None = None
    password: SecretRef | None = None
    denied: Denied = Denied()

    @property
    def host(self) -> str:
        return split_host_port(self.url.removeprefix("http://").rstrip("/"), 3128)[0]

    @property
    def port(self) -> int:
        return split_host_port(self.url.removeprefix("http://").rstrip("/"), 3128)[1]


class Mailbox(Settings):
    """An IMAP mailbox that belongs to the probes. `name` is its key in the configuration."""

    name: str = ""
    imap: Host
    port: Port = 993
    tls: Tls = Tls()
    user: str
    password: SecretRef
    folder: str = "INBOX"
    junk: str | None = "Junk"  # looked at too: delivered to spam is not delivered
    trusted_authserv: str | None = None  # whose Authentication-Results are believed (RFC 8601, section 5)


class Submit(Settings):
    """Where a message is handed over: a relay, or a submission service with an account."""

    host: Host
    port: Port = 25
    tls: SmtpTls = Tls(mode="none")
    user: str | None = None
    password: SecretRef | None = None


def split_host_port(text: str, port: int) -> tuple[str, int]:
    """`host`, `host:port`, `[v6]`, `[v6]:port`."""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, int(rest[1:]) if rest.startswith(":") else port
    host, colon, number = text.rpartition(":")
    return (host, int(number)) if colon and number.isdigit() else (text, port)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` (did you mean "witness"?)`, or nothing when none is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f' (did you mean "{near[0]}"?)' if near else ""


def named(section: str, word: str) -> BeforeValidator:
    """A validator that replaces a name by what the configuration has under `section`; `word` is what to call it."""

    def find(value: object, info: ValidationInfo) -> object:
        known: Mapping[str, Any] = (info.context or {}).get(section, {})
        if not isinstance(value, str):
            return value
        if value not in known:
            raise ValueError(f'no {word} is called "{value}"{did_you_mean(value, known)}')
        return known[value]

    return BeforeValidator(find)


MailboxRef = Annotated[
    Mailbox, named("mailboxes", "mailbox"), WithJsonSchema({"type": "string", "description": "a key of mailboxes"})
]
ProxyRef = Annotated[
    Proxy, named("proxies", "proxy"), WithJsonSchema({"type": "string", "description": "a key of proxies"})
]
