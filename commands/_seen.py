"""What a running daemon shows, as facts that were looked at: whatever a server says, nothing else comes further."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from retabli.model.result import clean
from retabli.model.states import State

LONGEST = 200  # characters of a name
MANY = 100_000  # more flows, rungs, probes or drops than anybody has


@dataclass(frozen=True, slots=True)
class Part:
    """Of the line on top; `proven` is when that was last proven."""

    state: State
    text: str
    proven: datetime | None


@dataclass(frozen=True, slots=True)
class Why:
    """The rung that does not hold, the cause, its side and what to look at first, in words."""

    stage: str
    cause: str
    side: str
    advice: str


@dataclass(frozen=True, slots=True)
class SeenFlow:
    """`was` is the standing of one that is unknown. `tried` is when a probe of it last ran. `targets`:
    each unit is one of a probe's. `form`: as it was said."""

    id: str
    title: str
    group: str
    closed: bool
    state: State
    was: State | None
    since: datetime | None
    rung: int
    of: int
    because: str
    why: Why | None
    drops: int
    breaches: int
    ok: int
    units: int
    targets: bool
    tried: datetime | None
    form: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """`zone` is the site's; None where the daemon does not say one that this machine knows. `pace`: as in a replay."""

    site: str
    standpoint: str
    language: str
    zone: tzinfo | None
    now: datetime
    pace: float
    headline: tuple[Part, ...]
    flows: tuple[SeenFlow, ...]

    @property
    def titles(self) -> dict[str, str]:
        return {flow.id: flow.title for flow in self.flows}

    @property
    def tried(self) -> datetime | None:
        """When anything at all was last tried."""
        return max((flow.tried for flow in self.flows if flow.tried is not None), default=None)


def seen(said: object) -> Seen:
    """What `/api/v1/flows` says. What an older daemon leaves out is empty.

    Raises:
        ValueError: Retabli does not say such things.
    """
    form = _mapping(said)
    language = _text(form, "language")
    return Seen(
        site=_text(form, "site"),
        standpoint=_text(form, "standpoint"),
        language="fr" if language == "fr" else "en",
        zone=zone(form.get("timezone")),
        now=instant(form.get("generated_at")) or datetime.now(UTC),
        pace=_pace(form.get("pace", 1.0)),
        headline=tuple(_part(_mapping(each)) for each in _sequence(form.get("headline"))),
        flows=tuple(_flow(_mapping(each)) for each in _sequence(form.get("flows", 0))),
    )


def instant(written: object) -> datetime | None:
    """What the API gives as an instant; None for anything else."""
    if not isinstance(written, str) or len(written) > LONGEST:
        return None
    try:
        found = datetime.fromisoformat(written)
        return None if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def zone(name: object) -> tzinfo | None:
    """The site's, by the name that the API gives; None where it gives none that this machine knows."""
    try:
        return ZoneInfo(name) if isinstance(name, str) and name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def word(written: object, otherwise: str = "?") -> str:
    """A text that somebody wrote, fit for a terminal; anything else is not said."""
    return (clean(written) if isinstance(written, str) else "") or otherwise


def _flow(form: Mapping[str, Any]) -> SeenFlow:
    id_ = _text(form, "id")
    if not id_:
        raise ValueError("a flow without a name")
    state = State(_text(form, "state"))
    standing = form.get("standing")
    verified, units = _mapping(form.get("verified") or {}), _mapping(form.get("units") or {})
    cause, probes = form.get("cause"), [_mapping(each) for each in _sequence(form.get("probes"))]
    return SeenFlow(
        id=id_,
        title=_text(form, "title") or id_,
        group=_text(form, "group"),
        closed=form.get("intent") == "closed",
        state=state,
        was=State(standing) if state is State.UNKNOWN and standing in tuple(State) else None,
        since=instant(form.get("since")),
        rung=_count(verified, "rung"),
        of=_count(verified, "of"),
        because=_text(form, "because"),
        why=None if cause is None else _why(_mapping(cause)),
        drops=_count(form, "drops"),
        breaches=_count(form, "breaches"),
        ok=_count(units, "ok"),
        units=_count(units, "of"),
        targets=bool(probes) and all(each.get("target") is not None for each in probes if each.get("counts", True)),
        tried=max(_runs(probes), default=None),
        form=form,
    )


def _why(form: Mapping[str, Any]) -> Why:
    words = _mapping(form.get("words") or {})  # an older daemon has none
    stage, cause, side = (_text(words, key) or _text(form, key) for key in ("stage", "cause", "side"))
    return Why(stage, cause, side, _text(words, "advice"))


def _part(form: Mapping[str, Any]) -> Part:
    return Part(State(_text(form, "state")), _text(form, "text"), instant(form.get("proven_at")))


def _runs(probes: Sequence[Mapping[str, Any]]) -> Iterator[datetime]:
    for each in probes:
        if (at := instant(each.get("at"))) is not None:
            yield at


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _sequence(value: object) -> Sequence[Any]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MANY:
        raise ValueError("not a list of anything we know")
    return value


def _text(form: Mapping[str, Any], key: str) -> str:
    value = form.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{key} is no text")
    return clean(value, LONGEST)


def _count(form: Mapping[str, Any], key: str) -> int:
    value = form.get(key, 0)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MANY:
        raise ValueError(f"{key} is no number of anything we know")
    return value


def _pace(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 1e9 or not math.isfinite(value):
        raise ValueError("pace is no pace")
    return float(value)
