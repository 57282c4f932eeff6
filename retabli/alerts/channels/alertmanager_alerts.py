"""Messages as Alertmanager's alerts (API v2), and alerts of ours as it gives them back. Pure.

An alert *is* its labels: a page, its reminders and its resolve must have the very same ones, so a label is only what
cannot change while the page is open. Cause, stage, side, state and title can, and are annotations.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from retabli.model.stamps import iso

Alert = dict[str, Any]
Labels = Mapping[str, str]

PAGES = {"dropped": "FlowDropped", "breached": "FlowBreached", "unknown": "FlowUnknown", "degraded": "FlowDegraded"}
WARNINGS = ("degraded",)
OTHER_ENDS = ("removed", "intent_changed", "superseded")  # a page may end so, and never begins so
TEST, HEARTBEAT = "RetabliTest", "RetabliHeartbeat"

# Alertmanager takes an alert that nobody re-sends for resolved once its endsAt has passed. A daemon that died must
# not look like a flow that came back, so a page's lies a week ahead and only its resolve brings it nearer: a daemon
# that is dead over a long weekend is told by the heartbeat and by Prometheus, and the page stays open meanwhile.
STANDS = 7 * 86400.0
LATER = "9999"  # after every instant

# A test and a heartbeat end by themselves, but last longer than any group_wait: nobody would be told of them.
SOON = 300.0
FIELDS = ("title", "state", "since", "restored_at", "probe", "stage", "cause", "side", "detail", "because", "runbook")


@dataclass(frozen=True, slots=True)
class Identity:
    """What an alert is as long as it burns: its labels, and since when (ISO 8601)."""

    labels: Labels
    starts: str

    @property
    def incident(self) -> str:
        return self.labels.get("incident", "")


def labels_of(body: Mapping[str, Any]) -> Labels | None:
    """The labels of the alert that a message speaks of.

    None where the message does not tell them: the resolve of a flow that was removed, or whose intent changed, bears
    that reason instead of its page's.
    """
    status, reason = body.get("status"), str(body.get("reason") or "")
    if status == "resolved" and reason in OTHER_ENDS:
        return None
    found = {key: body.get(key) for key in ("flow", "criticality", "owner", "site", "standpoint", "incident")}
    if status == "heartbeat":
        found |= {"alertname": HEARTBEAT, "severity": "none"}
    elif status == "test":  # Alertmanager tells of an alert once: each test is one of its own
        found |= {"alertname": TEST, "severity": "page", "incident": body.get("key")}
    else:
        name = PAGES.get(reason) or "Retabli" + "".join(word.title() for word in reason.split("_"))
        found |= {"alertname": name, "severity": "warning" if reason in WARNINGS else "page", "reason": reason}
    return {name: str(value) for name, value in found.items() if value}


def annotations_of(body: Mapping[str, Any]) -> dict[str, str]:
    text = str(body.get("text") or "")
    found = {"summary": body.get("summary") or text.partition("\n")[0], "description": text}
    found |= {key: body.get(key) for key in (*FIELDS, "acknowledge_url")}
    return {name: str(value) for name, value in found.items() if value}


def is_page(body: Mapping[str, Any]) -> bool:
    """Whether it is there until it is resolved, as a test and a heartbeat are not."""
    return body.get("status") not in ("test", "heartbeat") and bool(body.get("incident"))


def burning(body: Mapping[str, Any], identity: Identity, now: float) -> Alert:
    """The alert of a page, a reminder, a test or a heartbeat, as it is sent at that wall time."""
    stands = STANDS if is_page(body) else max(SOON, 3.0 * body.get("every", 0.0))
    return _alert(identity.labels, annotations_of(body), identity.starts, iso(now + stands), body.get("url"))


def ended(body: Mapping[str, Any], identity: Identity, ends: str) -> Alert:
    """The alert of a resolve. `ends` must not lie in the receiver's future: see Member.past."""
    return _alert(identity.labels, annotations_of(body), min(identity.starts, ends), ends, body.get("url"))


def _alert(labels: Labels, annotations: Mapping[str, str], starts: str, ends: str, url: object) -> Alert:
    alert: Alert = {"labels": dict(labels), "annotations": dict(annotations), "startsAt": starts, "endsAt": ends}
    return alert | {"generatorURL": url} if url else alert  # it refuses what is no URI


def recognised(answer: object, wanted: Labels) -> list[Identity]:
    """Those of an answer that are pages with these labels. A member's word is not taken for the filter's."""
    if not isinstance(answer, list):
        raise ValueError("no list of alerts")
    found = [Identity(_texts(each.get("labels")), _start(each)) for each in answer if isinstance(each, dict)]
    return [
        each
        for each in found
        if each.labels.get("incident") and all(each.labels.get(name, "") == value for name, value in wanted.items())
    ]


def _start(alert: Mapping[str, Any]) -> str:
    try:
        return iso(datetime.fromisoformat(alert.get("startsAt", "")).timestamp())
    except (TypeError, ValueError, OverflowError):
        return LATER


def _texts(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        return {}
    return value


def matchers(wanted: Labels, first: str = "") -> list[str]:
    """Filters of the API: pages with these labels (an empty one: without it), whose incident begins so."""
    exact = [f"{name}={_quoted(value)}" for name, value in wanted.items()]
    return [*exact, f'incident=~"{first}.*"' if first else 'incident!=""']


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
