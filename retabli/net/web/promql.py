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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from retabli.model import causes, stages
from retabli.model.causes import Cause, Verdict
from retabli.model.ladder import Fall, Ladder
from retabli.model.settings import Resolver, Secret
from retabli.model.stages import Stage, stage
from retabli.net.web.http import Ask, Fetched, fetch
from retabli.net.web.http_settings import check_field_value
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
from retabli.net.web.promql_settings import API, PromqlExpect
from retabli.net.web.promql_settings import PromqlQuery as PromqlQuery
from retabli.net.web.proxy_causes import PROXY_DENIED, denied_by_status_alone

EVALUATED = stage("evaluated", fr="requête évaluée", en="query evaluated")
SAMPLED = stage("sampled", fr="valeur récente", en="recent value")
VALUE = stage("value", fr="valeur attendue", en="expected value")

MOST_ANSWERED = 262_144  # bytes of JSON: some thousand series
TOLD = 5  # samples that are told in words


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
        EVALUATED,
        SAMPLED,
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
    with _told_by_step(aside):
        return await _ask(query, aside, resolver)


@contextmanager
def _told_by_step(aside: Ladder) -> Iterator[None]:
    """What falls on a ladder aside, as a Fall whose detail begins with the rung."""
    try:
        yield
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
    fetched = await _fetch(ladder, query, request, query.query)
    with ladder.rung(EVALUATED):
        found = vector_of(fetched)
        at = _judge_count(found, query.expect.series)
    ladder.describe("samples", _told(found.samples))
    with ladder.told_as(_as_unasked), ladder.rung(SAMPLED):
        times = await _times(query, request, at)
        age = _age(times, at, ladder.wall(), query.fresh)
    ladder.describe("age", f"{age:.1f} s")
    return Answer(found.samples, age, at)


async def _times(query: PromqlQuery, request: Ask, at: float) -> Vector:
    """When the oldest of the samples was taken that the engine knew at that instant."""
    aside = Ladder(query_stages(query))
    with _told_by_step(aside):
        fetched = await _fetch(aside, query, request, f"min(timestamp({query.samples or query.query}))", at)
        with aside.rung(EVALUATED):
            return vector_of(fetched)


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


async def _fetch(ladder: Ladder, query: PromqlQuery, request: Ask, expression: str, at: float | None = None) -> Fetched:
    """The answer to an instant query. `at`: the instant, by the engine's clock; its present when not given."""
    wanted = {"query": expression} | ({} if at is None else {"time": f"{at:.3f}"})
    authorised = query.user is not None or query.bearer is not None

    def look(fetched: Fetched) -> None:
        proxy = query.proxy
        if proxy is not None and query.plain and (denied := denied_by_status_alone(proxy, fetched.head)) is not None:
            raise Fall(PROXY_DENIED, denied)
        judge_status(fetched, authorised=authorised)

    with ladder.told_as(_as_unasked):
        url = query.url.rstrip("/") + API
        return await fetch(ladder, url, replace(request, body=urlencode(wanted).encode()), look)


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
