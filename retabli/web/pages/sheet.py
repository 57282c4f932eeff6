"""The forms of those on call on a flow's page: what is filled in already, and what was wrong with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import unquote

from starlette.requests import Request

from retabli.model.result import clean
from retabli.own_link import ID as OWN_LINK
from retabli.view import View
from retabli.view.times import moment
from retabli.web.access.visitor import visitor_of
from retabli.web.fields import LARGEST, LONGEST
from retabli.web.words import reading

NAME = "retabli_by"  # the cookie: who filled in a form last in this browser
MORNING = 8  # o'clock, at which a silence "until tomorrow" ends
LABELS = {"by": "who", "note": "note_label", "why": "why", "until": "until_label"}  # fields: keys of the pages' words


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is filled in, how long it may be, and what was wrong with it."""

    filled: Mapping[str, str]
    longest: Mapping[str, int]
    faults: tuple[str, ...]
    earliest: str  # that a silence may end at, as a browser writes a local instant
    tomorrow: str
    zone: str
    silences: bool = True  # not our own way out: every other flow would be silenced with it


def sheet(request: Request, view: View, given: Mapping[str, object] | None = None, faults: Sequence[str] = ()) -> Sheet:
    filled = {name: clean(str(value), LARGEST) for name, value in (given or {}).items() if name in LABELS}
    account = visitor_of(request).name
    filled.setdefault("by", account or clean(unquote(request.cookies.get(NAME, "")), LONGEST["by"]))
    language = reading(request.query_params.get("lang"), view.site.language)[0]
    zone = view.site.zone
    return Sheet(
        filled={name: filled.get(name, "") for name in LABELS},
        longest=LONGEST,
        faults=tuple(faults),
        earliest=datetime.fromtimestamp(view.now, zone).strftime("%Y-%m-%dT%H:%M"),
        tomorrow=moment(tomorrow(view).timestamp(), view.now, zone, language),
        silences=request.path_params["id"] != OWN_LINK,
        zone=str(zone),
    )


def tomorrow(view: View) -> datetime:
    """Tomorrow morning, at the site."""
    today = datetime.fromtimestamp(view.now, view.site.zone)
    return (today + timedelta(days=1)).replace(hour=MORNING, minute=0, second=0, microsecond=0, fold=0)
