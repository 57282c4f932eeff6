"""The sections of the configuration, each as a model; probes, proxies, mailboxes and channels have their own.

Every default that `schema` prints and the documentation names stands here.
"""

import difflib
import re
import zoneinfo
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from retabli.alerts.routes import Route
from retabli.model.flow import Policy
from retabli.model.settings import Duration, File, Settings, split_host_port
from retabli.model.words import Words

NAME = r"^[a-z0-9][a-z0-9_-]*$"
OWN_LINK = "own_link"  # the built-in parent: the daemon's own way out
LISTEN = "127.0.0.1:9877"
STATE = "/var/lib/retabli/state.db"
READ_ONLY = Path("/etc")  # to a service


def _words(value: object) -> object:
    if isinstance(value, Words):
        return value
    if isinstance(value, str):
        return Words.same(value)
    if isinstance(value, Mapping) and value and set(value) <= {"fr", "en"}:
        texts = [text for text in value.values() if isinstance(text, str)]
        if len(texts) == len(value):
            return Words(fr=value.get("fr", texts[0]), en=value.get("en", texts[0]))
    raise ValueError("a text is wanted here, or one a language as {fr: …, en: …}; put it between quotes")


Text: TypeAlias = Annotated[
    Words,
    BeforeValidator(_words),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "properties": {"fr": {"type": "string"}, "en": {"type": "string"}},
                    "additionalProperties": False,
                    "minProperties": 1,
                },
            ]
        }
    ),
]


def _moment(value: object) -> float:
    """Unix time of an instant that says its offset."""
    if isinstance(value, float):
        return value
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        if moment is not None and moment.tzinfo is not None:
            return moment.timestamp()
    except (ValueError, OverflowError):
        moment = None
    missing = "its offset is missing: " if moment is not None else ""
    raise ValueError(f"{missing}an instant is written as 2023-06-21T16:00:00+02:00")


Moment: TypeAlias = Annotated[
    float, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})
]


def _zone(value: str) -> str:
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        known = zoneinfo.available_timezones()
        if not known:
            raise ValueError("this machine knows no time zones: install tzdata") from None
        near = difflib.get_close_matches(value, known, n=1, cutoff=0.5)
        hint = f' (did you mean "{near[0]}"?)' if near else ""
        raise ValueError(f'there is no time zone "{value}"{hint}') from None
    return value


def parse_listen(text: str) -> tuple[str, int]:
    """`127.0.0.1:9877`, `[::1]:9877`, `:9877` (every address); port 0 takes a free one.

    Raises:
        ValueError: with a sentence for the operator.
    """
    try:
        host, port = split_host_port(text, -1)
    except ValueError:
        host, port = text, -1
    if not 0 <= port <= 65535 or not re.fullmatch(r"[A-Za-z0-9.:_%-]*", host):
        raise ValueError(f'"{text}" is no address to listen on: write 127.0.0.1:9877')
    return host or "0.0.0.0", port  # noqa: S104 - what the operator wrote


def _no_number(value: object) -> object:
    """To be told to put 90 between quotes, and then that "90" is no share either, would be twice the trouble."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError(f'{value} is none of all, any, "36/40" and "90%"')
    return value


def _share(value: str) -> str:
    if not re.fullmatch(r"all|any|\d+/\d+|\d+(\.\d+)?%", value):
        raise ValueError(f'"{value}" is none of all, any, "36/40" and "90%"')
    if "/" in value:
        wanted, given = map(int, value.split("/"))
        if not 1 <= wanted <= given:
            raise ValueError(f'"{value}" cannot be met')
    if value.endswith("%") and not 0 < float(value[:-1]) <= 100:
        raise ValueError(f'"{value}" is no share')
    return value


def _place(value: str) -> str:
    """`https://r.exa]ple` begins as an address does, and is none."""
    try:
        host = urlsplit(value).hostname
    except ValueError:
        host = None
    if not host:
        raise ValueError(f'"{value}" is no address: write https://retabli.example')
    return value


Count: TypeAlias = Annotated[int, Field(ge=1, le=1000)]
Address: TypeAlias = Annotated[str, Field(pattern=r"^https?://[^\s]+$"), AfterValidator(_place)]


def _positive(value: float) -> float:
    if value <= 0:
        raise ValueError("must be more than 0s")
    return value


Span: TypeAlias = Annotated[Duration, AfterValidator(_positive)]


class Site(Settings):
    """Whom this is for. `language` is that of pages and messages; `cut_at` is when the flows were cut."""

    name: str = Field(min_length=1)
    timezone: Annotated[str, AfterValidator(_zone)] = "Europe/Paris"
    language: Literal["fr", "en"] = "fr"
    cut_at: Moment | None = None

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.timezone)


class Place(Settings):
    """What stands at the top of the file by itself."""

    standpoint: str = Field(default="inside", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)
    state: File = Field(default=STATE, validate_default=True)


class Copies(Settings):
    """The copies that the daemon takes of its own state: where, how often, of how many hours and days one is kept."""

    folder: File | None = None
    every: Span = 3600.0
    hourly: int = Field(default=3, ge=1, le=100)
    daily: int = Field(default=4, ge=0, le=100)


class Keep(Settings):
    """How many results are kept, by age and for each unit."""

    results: Span = 30 * 86400.0
    per_unit: int = Field(default=2000, ge=1)


class Defaults(Settings):
    """What a flow or a probe has that does not say otherwise."""

    every: Span = 30.0
    timeout: Span = 10.0
    rise: Count = 3
    soak: Duration = 120.0
    fall: Count = 3
    confirm: Span = 2.0
    page_unknown_after: Span = 900.0


class FlowSettings(Settings):
    """A flow, but for its probes: each of those is checked by its own kind."""

    title: Text | None = None
    intent: Literal["open", "closed"]
    group: str = ""
    criticality: Literal["vital", "high", "normal"] = "normal"
    owner: str = ""
    runbook: str = ""
    notice: Text | None = None
    declared_since: Moment | None = None
    depends_on: tuple[str, ...] = Field(default=(), strict=False)
    require: Annotated[str, BeforeValidator(_no_number), AfterValidator(_share)] = "all"
    public: bool = False
    every: Span | None = None
    timeout: Span | None = None
    rise: Count | None = None
    soak: Duration | None = None
    fall: Count | None = None
    confirm: Span | None = None
    page_unknown_after: Span | None = None
    probes: dict[str, Any] = Field(default_factory=dict)


class Routes(Settings):
    """The routes of `alerts`."""

    routes: tuple[Route, ...] = Field(default=(), strict=False)


def policy(flow: FlowSettings, defaults: Defaults) -> Policy:
    """The flow's own numbers, and the site's where it has none."""

    def pick(name: str) -> Any:
        own = getattr(flow, name)
        return getattr(defaults, name) if own is None else own

    return Policy(
        rise=pick("rise"),
        soak=pick("soak"),
        fall=pick("fall"),
        confirm=pick("confirm"),
        page_unknown_after=pick("page_unknown_after"),
    )
