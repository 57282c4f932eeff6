"""A Prometheus-compatible engine asked for the present value of a query: whole, fresh, and judged (HTTP API v1).

    answer = await ask(query, ladder=ladder, resolver=self.resolver)
    judge(answer, query.expect)

Whatever keeps the engine from telling a fresh and whole value is unknown: it says nothing of what is watched.

How fresh a value is cannot be read from it: the time beside it is the evaluation's, and the engine looks five minutes
back for a sample. Only `timestamp(selector)` tells the sample's own time, and only of a plain selector: of any other
expression it tells the evaluation's again. So the age is asked in a second query, at the same instant, of `samples`.
A recording rule's samples are as fresh as the rule, not as what it read.
"""

import base64
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Self
from urllib.parse import urlencode

import httpx
from pydantic import AfterValidator, Field, model_validator

from retabli.model import causes, stages
from retabli.model.causes import Cause, Verdict
from retabli.model.ladder import Fall, Ladder
from retabli.model.settings import Duration, ProxyRef, Resolver, Secret, SecretRef, Settings, Tls
from retabli.model.stages import Stage, stage
from retabli.net.web.http import Ask, Fetched, fetch
from retabli.net.web.http_settings import WebAddress, check_field_value
from retabli.net.web.promql_answer import Sample, Vector, judge_status, vector_of
from retabli.net.web.promql_causes import (
    CLOCKS_APART,
    ENGINE_AUTH_REFUSED,
    ENGINE_UNREACHABLE,
    SAMPLE_NEITHER_TRUE_NOR_FALSE,
    SAMPLE_NOT_A_NUMBER,
    SAMPLE_STALE,
    SERIES_MISSING,
    UNEXPECTED_VALUE,
)
from retabli.net.web.proxy_causes import PROXY_DENIED, denied_by_status_alone

ANSWERED = stage("answered", fr="le moteur répond", en="the engine answers")
FRESH = stage("fresh", fr="valeur récente", en="recent value")
VALUE = stage("value", fr="valeur attendue", en="expected value")

API = "/api/v1/query"
MOST_ANSWERED = 262_144  # bytes of JSON: some thousand series
TOLD = 5  # samples that are told in words

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


@dataclass(frozen=True, slots=True)
class Answer:
    """Samples that are whole and fresh. `age` is the oldest one's, in seconds; `at` when the engine evaluated them
    (Unix time, its own clock)."""

    samples: tuple[Sample, ...]
    age: float
    at: float


def query_stages(query: PromqlQuery) -> tuple[Stage, ...]:
    """The rungs that `ask` climbs with these settings, in order."""
    return (
        stages.RESOLVE,
        stages.CONNECT,
        *((stages.PROXY,) if query.proxy is not None and not query.plain else ()),
        *((stages.TLS,) if not query.plain else ()),
        stages.REQUEST,
        stages.RESPONSE,
        ANSWERED,
        FRESH,
    )


async def ask(query: PromqlQuery, *, ladder: Ladder | None = None, resolver: Resolver | None = None) -> Answer:
    """The present samples of a query; there is at least one. Their values are not judged: see `judge`.

    With a ladder it climbs the rungs of `query_stages`. Without one the caller stands on a rung of its own, and
    whatever fails is a Fall whose detail begins with the name of the step (`connect: refused …`).

    Raises:
        Fall: one of promql_causes.CAUSES, all unknown, or a common cause of our own side (a secret that cannot be
            read). With a ladder also other errors, as the ladder's table knows them.
    """
    if ladder is not None:
        return await _ask(query, ladder, resolver)
    aside = Ladder(query_stages(query))
    try:
        return await _ask(query, aside, resolver)
    except (Fall, OSError) as error:  # ssl.SSLError and TimeoutError are OSErrors
        fallen = aside.fallen
        if fallen is None or fallen.cause is None:
            raise
        raise Fall(fallen.cause, f"{fallen.stage}: {fallen.detail}") from error


def judge(answer: Answer, expect: PromqlExpect) -> None:
    """Whether every value is a good one. One that is bad says more than one that cannot be judged.

    Raises:
        Fall: `unexpected_value`; `sample_not_a_number` and `sample_neither_true_nor_false`, which are unknown.
    """
    unjudged: Fall | None = None
    for sample in answer.samples:
        good = _is_good(sample.value, expect)
        if good is False:
            raise Fall(UNEXPECTED_VALUE, str(sample))
        if good is None and unjudged is None:
            nan = math.isnan(sample.value)
            unjudged = Fall(SAMPLE_NOT_A_NUMBER if nan else SAMPLE_NEITHER_TRUE_NOR_FALSE, str(sample))
    if unjudged is not None:
        raise unjudged


def _is_good(value: float, expect: PromqlExpect) -> bool | None:
    """None: it cannot be judged."""
    if math.isnan(value):
        return None
    if expect.equals is not None:
        return value == expect.equals
    if expect.min is not None or expect.max is not None:
        return (expect.min is None or value >= expect.min) and (expect.max is None or value <= expect.max)
    return bool(value) if value in (0, 1) else None


# Asking --------------------------------------------------------------------------------------------------------------


async def _ask(query: PromqlQuery, ladder: Ladder, resolver: Resolver | None) -> Answer:
    request = _request(query, resolver)
    found = await _evaluate(ladder, query, request, query.query)
    with ladder.rung(ANSWERED):
        at = _judge_count(found, query.expect.series)
    ladder.describe("samples", _told(found.samples))
    times = await _evaluate(ladder, query, request, f"min(timestamp({query.samples or query.query}))", at)
    with ladder.rung(FRESH):
        age = _age(times, at, ladder.wall(), query.fresh)
    ladder.describe("age", f"{age:.1f} s")
    return Answer(found.samples, age, at)


def _request(query: PromqlQuery, resolver: Resolver | None) -> Ask:
    """By POST: a query has no length then, and no cache answers it."""
    given = [("Accept", "application/json"), ("Content-Type", "application/x-www-form-urlencoded")]
    if query.bearer is not None:
        given.append(("Authorization", f"Bearer {_token(query.bearer)}"))
    elif query.user is not None and query.password is not None:
        account = f"{query.user}:{query.password.text()}"
        given.append(("Authorization", f"Basic {base64.b64encode(account.encode()).decode()}"))
    return Ask(
        method="POST",
        headers=tuple(given),
        tls=query.tls,
        proxy=query.proxy,
        resolver=resolver,
        follow="nowhere",
        most=MOST_ANSWERED,
    )


def _token(secret: Secret) -> str:
    try:
        return check_field_value(secret.text())
    except ValueError:
        raise Fall(causes.SECRET_UNREADABLE, f"{secret.place} holds what no header can") from None


async def _evaluate(
    ladder: Ladder, query: PromqlQuery, request: Ask, expression: str, at: float | None = None
) -> Vector:
    """One instant query. `at`: the instant, by the engine's clock; its present when not given."""
    wanted = {"query": expression} | ({} if at is None else {"time": f"{at:.3f}"})
    authorised = query.user is not None or query.bearer is not None

    def look(fetched: Fetched) -> None:
        proxy = query.proxy
        if proxy is not None and query.plain and (denied := denied_by_status_alone(proxy, fetched.head)) is not None:
            raise Fall(PROXY_DENIED, denied)
        judge_status(fetched, authorised=authorised)

    with ladder.told_as(_as_unasked):
        url = query.url.rstrip("/") + API
        fetched = await fetch(ladder, url, replace(request, body=urlencode(wanted).encode()), look)
    with ladder.rung(ANSWERED):
        return vector_of(fetched)


def _as_unasked(found: Cause, detail: str) -> tuple[Cause, str]:
    """On the way to the engine nothing is learnt about what is watched: whatever falls there is unknown."""
    if found.verdict is Verdict.UNKNOWN:
        return found, detail
    told = f"{found.code}: {detail}" if detail else found.code
    return (ENGINE_AUTH_REFUSED if found.credential else ENGINE_UNREACHABLE), told


# What came -----------------------------------------------------------------------------------------------------------


def _judge_count(found: Vector, wanted: int) -> float:
    """Whether there are as many series as there must be; the instant of their evaluation."""
    if found.at is None or len(found.samples) < wanted:
        count = len(found.samples)
        raise Fall(SERIES_MISSING, f"{count} of at least {wanted} series" if wanted > 1 else "no series")
    return found.at


def _age(times: Vector, at: float, wall: float, fresh: float) -> float:
    """How old the oldest sample is by the engine's clock and by ours, whichever tells more. In seconds.

    An old answer, kept by something in between, is as old by our clock alone.
    """
    if not times.samples:
        raise Fall(SERIES_MISSING, "no sample whose age could be told")
    oldest = times.samples[0].value
    if not math.isfinite(oldest):
        raise Fall(SAMPLE_NOT_A_NUMBER, f"timestamp() is {oldest}")
    if abs(wall - at) > fresh:
        raise Fall(CLOCKS_APART, f"evaluated {abs(wall - at):.0f} s {'ago' if wall > at else 'in our future'}")
    age = max(0.0, at - oldest, wall - oldest)
    if age > fresh:
        raise Fall(SAMPLE_STALE, f"{age:.0f} s old, at most {fresh:g} s is fresh")
    return age


def _told(samples: Sequence[Sample]) -> str:
    more = len(samples) - TOLD
    return "; ".join(str(sample) for sample in samples[:TOLD]) + (f"; {more} more" if more > 0 else "")
