"""A flow as the API shows it: JSON values, with the keys that the contract promises."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from retabli.model.causes import SIDE_WORDS
from retabli.model.record import Deciding, Entry, FlowPicture, Incident, Silence, UnitPicture
from retabli.view.site import iso

Stamp = Callable[[float], float]


def flow_form(picture: FlowPicture, language: str, stamp: Stamp) -> dict[str, Any]:
    """The object of the API's `flows[]`. `stamp` maps a wall time to the one that is shown."""

    def at(instant: float | None) -> str | None:
        return None if instant is None else iso(stamp(instant))

    flow, standing = picture.flow, picture.standing
    stage, rung, of = picture.verified
    return {
        "id": flow.id,
        "title": flow.title[language],
        "intent": flow.intent.value,
        "group": flow.group,
        "criticality": flow.criticality.value,
        "owner": flow.owner,
        "runbook": flow.runbook,
        "notice": flow.notice[language] if flow.notice else None,
        "public": flow.public,
        "state": standing.shown.value,
        "standing": standing.state.value,
        "since": at(standing.shown_since),
        "first_restored_at": at(standing.first_restored_at),
        "restored_at": at(standing.restored_at),
        # What people said: their own time, never mapped.
        "declared_since": iso(flow.declared_since),
        "drops": standing.drops,
        "breaches": standing.breaches,
        "because": standing.because,
        "whole_ratio": picture.whole_ratio,
        "units": picture.counts(),
        "verified": {"stage": stage, "rung": rung, "of": of},
        "closure": None if picture.closure is None else asdict(picture.closure),
        "cause": None if picture.deciding is None else _cause(picture.deciding, language),
        "incident": standing.incident.id if standing.incident else None,
        "page": None if standing.incident is None else _page(standing.incident, at),
        "silence": None if standing.silence is None else _silence(standing.silence, at),
        "deferred": standing.deferred,
        "probes": [_unit(unit, at) for unit in picture.units],
    }


def _cause(deciding: Deciding, language: str) -> dict[str, Any]:
    name, result = deciding.name, deciding.result
    stage, cause = result.stage, result.cause
    return {
        "probe": name.probe,
        "target": name.target,
        "stage": stage.id if stage else None,
        "cause": cause.code if cause else None,
        "side": cause.side.value if cause else None,
        "detail": result.detail,
        # For people, in their language.
        "words": {
            "stage": stage.words[language] if stage else None,
            "cause": cause.words[language] if cause else None,
            "side": SIDE_WORDS[cause.side][language] if cause else None,
            "advice": cause.advice(language) if cause else None,
        },
    }


def _page(incident: Incident, at: Callable[[float | None], str | None]) -> dict[str, Any]:
    taken = incident.acknowledged
    return {
        "incident": incident.id,
        "reason": incident.reason,
        "opened_at": at(incident.opened_at),
        "reminders": incident.reminders,
        "channels": list(incident.channels),
        "acknowledged": None
        if taken is None
        else {"by": taken.by, "at": at(taken.at), "note": taken.note, "until": at(taken.until)},
    }


def _silence(silence: Silence, at: Callable[[float | None], str | None]) -> dict[str, Any]:
    return {"by": silence.by, "why": silence.why, "at": at(silence.at), "until": at(silence.until)}


def _unit(unit: UnitPicture, at: Callable[[float | None], str | None]) -> dict[str, Any]:
    identity = {"id": unit.name.probe, "kind": unit.probe.kind, "target": unit.name.target}
    more = {"of": len(unit.probe.climbs()), "fresh": unit.fresh, "counts": unit.probe.counts}
    if unit.result is None:
        nothing: dict[str, Any] = {"outcome": "unknown", "at": None, "seconds": None, "stage": None, "cause": None}
        return {**identity, **nothing, "side": None, "detail": "", "whole": False, "rungs": [], **more}
    form = unit.result.as_json(identity)
    outcome = unit.outcome
    return {
        **form,
        "outcome": outcome.value if outcome else "unknown",
        "at": at(unit.result.at),
        **more,
        "of": unit.result.of,
    }


def entry_form(entry: Entry, number: int | None, stamp: Stamp) -> dict[str, Any]:
    """A row of the log as the API shows it."""
    return {
        "number": number,
        "at": iso(stamp(entry.at)),
        "event": str(entry.event),
        "flow": entry.flow,
        "data": dict(entry.data),
    }
