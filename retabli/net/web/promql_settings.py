"""The settings of an instant query: which engine, what to ask, how old a sample may be, which values are good."""

import math
import re
from typing import Annotated, Self

import httpx
from pydantic import AfterValidator, Field, model_validator

from retabli.model.settings import Duration, ProxyRef, SecretRef, Settings, Tls
from retabli.net.web.http_settings import WebAddress

API = "/api/v1/query"

_TEXT = r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)"""
_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_MATCHER = rf"\s*(?:(?:{_NAME}|{_TEXT})\s*(?:=~|!~|!=|=)\s*{_TEXT}|{_TEXT})\s*"
_SELECTOR = re.compile(
    rf"\s*(?:{_NAME}\s*(?:\{{(?:{_MATCHER}(?:,{_MATCHER})*,?)?\s*\}})?|\{{{_MATCHER}(?:,{_MATCHER})*,?\s*\}})\s*"
)


def is_selector(query: str) -> bool:
    """Whether a query only selects series, `name{label="value"}`: then `timestamp()` tells its samples' own time."""
    return _SELECTOR.fullmatch(query) is not None


def _check_base(value: str) -> str:
    url = httpx.URL(value)
    if url.query or url.fragment or url.path.rstrip("/").endswith(API):
        raise ValueError(f"url is the engine's own address, without {API} and without a query")
    return value


class PromqlExpect(Settings):
    """Which values are good: every series must have one. Without any of these, 1 is good and 0 is bad."""

    equals: float | None = None
    min: float | None = None
    max: float | None = None
    series: int = Field(default=1, ge=1, le=1000, description="how many series there must be, at least")

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        if self.equals is not None and (self.min is not None or self.max is not None):
            raise ValueError("equals stands alone, without min and max")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min ({self.min:g}) is above max ({self.max:g})")
        if any(bound is not None and not math.isfinite(bound) for bound in (self.equals, self.min, self.max)):
            raise ValueError("a bound is a finite number")
        return self


class PromqlQuery(Settings):
    """What to ask of which engine. `samples` is needed where `query` computes: the series whose age is judged."""

    url: Annotated[WebAddress, AfterValidator(_check_base)] = Field(description="the engine's address")
    query: str = Field(min_length=1, max_length=8192, description="an instant query in PromQL")
    samples: str | None = Field(
        default=None,
        max_length=8192,
        description='the series that query draws from, as name{label="value"}, when it does more than select them',
    )
    fresh: Duration = Field(default=120.0, description="how old the oldest of these samples may be")
    expect: PromqlExpect = PromqlExpect()
    user: str | None = None
    password: SecretRef | None = None
    bearer: SecretRef | None = Field(default=None, description="a token, sent as Authorization: Bearer")
    proxy: ProxyRef | None = None
    tls: Tls = Tls()

    @model_validator(mode="after")
    def _check_query(self) -> Self:
        if self.samples is None and not is_selector(self.query):
            raise ValueError(
                "query computes, and the age of what it computes cannot be asked for: name in samples the series "
                'that it draws from, as name{label="value"}'
            )
        if self.samples is not None and not is_selector(self.samples):
            raise ValueError('samples is a plain selector: name{label="value"}')
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password come together: one of them is missing")
        if self.bearer is not None and self.user is not None:
            raise ValueError("bearer and user exclude each other")
        if self.tls.mode != "implicit":
            raise ValueError(f"tls.mode {self.tls.mode} means nothing here: the address says whether TLS is spoken")
        return self

    @property
    def plain(self) -> bool:
        """Whether the engine is spoken to in clear."""
        return self.url.lower().startswith("http:")
