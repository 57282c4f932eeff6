"""A page of the daemon itself, of no flow: that a channel fails, that it stops. Its fields, and its text. Pure."""

from collections.abc import Sequence
from typing import Any

from retabli.alerts.message import SUMMARY, Letterhead, cut, short, text_of
from retabli.model.stamps import iso
from retabli.view.site import seen_from

STATE_LANE = "*state"  # of the outbox: no flow has such a name


def compose(
    letterhead: Letterhead,
    *,
    incident: str,
    status: str,
    reason: str,
    title: str,
    since: float,
    now: float,
    criticality: str,
    detail: str,
    heading: str,
    lines: Sequence[str],
) -> dict[str, Any]:
    """As a webhook receives it; `since` and `now` in wall seconds. The summary is the heading and the first line."""
    place = placed(letterhead)
    url = f"{letterhead.url.rstrip('/')}/" if letterhead.url else ""
    summary = short(f"{heading} – {lines[0].rstrip('.')} – {letterhead.site}")
    if len(summary) > SUMMARY:
        summary = cut(short(f"{heading} – {letterhead.site}"))
    return {
        "key": f"{incident}-{status}",
        "incident": incident,
        "status": status,
        "reason": reason,
        "site": letterhead.site,
        "standpoint": letterhead.standpoint,
        "flow": None,
        "title": title,
        "state": None,
        "since": iso(since),
        "opened_at": iso(since),
        "restored_at": None,
        **dict.fromkeys(("probe", "stage", "cause", "side")),
        "detail": detail,
        "because": None,
        "owner": "",
        "criticality": criticality,
        "runbook": "",
        "url": url,
        "acknowledge_url": "",
        "escalated": False,
        "summary": summary,
        "text": text_of([heading, place, *lines, *([url] if url else [])], letterhead),
        "sent_at": iso(now),
    }


def placed(letterhead: Letterhead) -> str:
    """The site, and where this daemon stands if it says so."""
    if not letterhead.standpoint:
        return letterhead.site
    return f"{letterhead.site} ({seen_from(letterhead.standpoint, letterhead.language)})"
