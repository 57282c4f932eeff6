"""The description of the API, as OpenAPI 3.1."""

from typing import Any

from retabli.model.causes import Side
from retabli.model.record import Event
from retabli.model.result import Outcome
from retabli.model.states import Criticality, Intent, State
from retabli.web.access.gate import COOKIE, SECURE_COOKIE
from retabli.web.fields import LONGEST


def _nullable(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": [kind, "null"], **more}


def _maybe(**properties: Any) -> dict[str, Any]:
    return {"anyOf": [_object(**properties), {"type": "null"}]}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


_TEXT = {"type": "string"}
_NUMBER = {"type": "number"}
_COUNT = {"type": "integer", "minimum": 0}
_FLAG = {"type": "boolean"}
_INSTANT = {"type": "string", "format": "date-time"}
_MAYBE_INSTANT = _nullable("string", format="date-time")
_MAYBE_TEXT = _nullable("string")
_SIDE = {"enum": [*(side.value for side in Side), None]}

_RUNG = _object(stage=_TEXT, seconds=_NUMBER, cause=_MAYBE_TEXT)
_PROBE = _object(
    id=_TEXT,
    kind=_TEXT,
    target=_MAYBE_TEXT,
    outcome={"enum": [outcome.value for outcome in Outcome]},
    at=_MAYBE_INSTANT,
    seconds=_nullable("number"),
    stage=_MAYBE_TEXT,
    cause=_MAYBE_TEXT,
    side=_SIDE,
    detail=_TEXT,
    rungs={"type": "array", "items": _RUNG},
    whole=_FLAG,
    of=_COUNT,
    fresh=_FLAG,
    counts=_FLAG,
)
_RUN = _object(
    id=_TEXT,
    target=_MAYBE_TEXT,
    outcome={"enum": [outcome.value for outcome in Outcome]},
    at=_INSTANT,
    seconds=_NUMBER,
    stage=_MAYBE_TEXT,
    cause=_MAYBE_TEXT,
    side=_SIDE,
    detail=_TEXT,
    whole=_FLAG,
    rungs={"type": "array", "items": _RUNG},
)
_CAUSE = _object(
    probe=_TEXT,
    target=_MAYBE_TEXT,
    stage=_MAYBE_TEXT,
    cause=_MAYBE_TEXT,
    side=_SIDE,
    detail=_TEXT,
    words=_object(stage=_MAYBE_TEXT, cause=_MAYBE_TEXT, side=_MAYBE_TEXT, advice=_MAYBE_TEXT),
)
_FLOW = _object(
    id=_TEXT,
    title=_TEXT,
    intent={"enum": [intent.value for intent in Intent]},
    state={"enum": [state.value for state in State]},
    standing={"enum": [state.value for state in State]},
    since=_INSTANT,
    first_restored_at=_MAYBE_INSTANT,
    restored_at=_MAYBE_INSTANT,
    declared_since=_MAYBE_INSTANT,
    drops=_COUNT,
    breaches=_COUNT,
    because=_MAYBE_TEXT,
    units=_object(ok=_COUNT, failed=_COUNT, unknown=_COUNT, of=_COUNT),
    verified=_object(stage=_MAYBE_TEXT, rung=_COUNT, of=_COUNT),
    whole_ratio=_nullable("number"),
    closure={
        "anyOf": [
            _object(proven=_FLAG, path=_nullable("boolean"), alive=_nullable("boolean"), declared=_FLAG),
            {"type": "null"},
        ]
    },
    cause={"anyOf": [_CAUSE, {"type": "null"}]},
    incident=_MAYBE_TEXT,
    page=_maybe(
        incident=_TEXT,
        reason=_TEXT,
        opened_at=_INSTANT,
        reminders=_COUNT,
        channels={"type": "array", "items": _TEXT},
        acknowledged=_maybe(by=_TEXT, at=_INSTANT, note=_TEXT, until=_MAYBE_INSTANT),
    ),
    silence=_maybe(by=_TEXT, why=_TEXT, at=_INSTANT, until=_INSTANT),
    deferred=_MAYBE_TEXT,
    group=_TEXT,
    criticality={"enum": [criticality.value for criticality in Criticality]},
    owner=_TEXT,
    runbook=_TEXT,
    notice=_MAYBE_TEXT,
    public=_FLAG,
    probes={"type": "array", "items": {"$ref": "#/components/schemas/Probe"}},
)
_HEADING = {"site": _TEXT, "language": _TEXT, "timezone": _TEXT, "generated_at": _INSTANT, "standpoint": _TEXT}
_ENTRY = _object(
    number=_nullable("integer"),
    at=_INSTANT,
    event={"enum": [event.value for event in Event]},
    flow=_MAYBE_TEXT,
    data={"type": "object"},
)
_PART = _object(state={"enum": [state.value for state in State]}, text=_TEXT, proven_at=_MAYBE_INSTANT)
_FLOWS = _object(
    **_HEADING,
    pace=_NUMBER,
    headline={"type": "array", "items": _PART},
    flows={"type": "array", "items": {"$ref": "#/components/schemas/Flow"}},
)
_LOG = _object(**_HEADING, entries={"type": "array", "items": {"$ref": "#/components/schemas/Entry"}})
_HISTORY = _object(**_HEADING, flow=_TEXT, runs={"type": "array", "items": {"$ref": "#/components/schemas/Run"}})
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": _TEXT, "faults": {"type": "array", "items": _TEXT}},
}


_NOT_LET_IN = {
    "401": "Where accounts are configured: nobody says who they are, or not rightly",
    "403": "This account may not see; or what says who it is comes from no trusted proxy",
    "429": "Too many passwords were wrong: `Retry-After` says when the next one is looked at",
}


def _get(summary: str, answer: dict[str, Any], *parameters: dict[str, Any], errors: tuple[int, ...] = ()) -> Any:
    said = {"200": {"description": "OK", "content": {"application/json": {"schema": answer}}}}
    wrong = {"content": {"application/json": {"schema": _ERROR}}}
    said |= {str(code): {"description": "Refused", **wrong} for code in errors}
    said |= {code: {"description": why, **wrong} for code, why in _NOT_LET_IN.items()}
    return {"get": {"summary": summary, "parameters": list(parameters), "responses": said}}


def _query(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


def _post(summary: str, why_not: str, wanted: tuple[str, ...], **fields: dict[str, Any]) -> Any:
    """What people on call say of a flow: as JSON or as a form."""
    schema = {"type": "object", "required": list(wanted), "properties": fields, "additionalProperties": False}
    kinds = ("application/json", "application/x-www-form-urlencoded")
    refusals = {
        "400": "Fields that are missing, too long or unreadable: every one of them",
        **_NOT_LET_IN,
        "403": "The request comes from another site; or whoever asks may not act",
        "404": "There is no such flow",
        "409": why_not,
        "413": "The body is too long",
    }
    wrong = {"content": {"application/json": {"schema": _ERROR}}}
    flow = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Flow"}}}}
    return {
        "post": {
            "summary": summary,
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": _TEXT}],
            "requestBody": {"required": True, "content": {kind: {"schema": schema} for kind in kinds}},
            "responses": {
                "200": {"description": "The flow as it is now", **flow},
                **{code: {"description": said, **wrong} for code, said in refusals.items()},
            },
        }
    }


def _line(name: str, description: str) -> dict[str, Any]:
    return {"type": "string", "maxLength": LONGEST[name], "description": description}


_LANG = _query("lang", {"enum": ["fr", "en"]}, "the language of what is for people (default: the site's)")
_BY = _line("by", "a person's name, for the log; the account of whoever is logged in is added, and stands without it")
_WHEN = _line("until", "an instant with its offset (2026-11-25T18:30:00+01:00), or how long from now (2h, 30m)")

_STREAM = {
    "get": {
        "summary": "Changes as they happen: server-sent events",
        "description": "`flow`: a flow as in /flows; `gone`: `{id}`; `log`: an entry; `resync`: something was missed, "
        "read /flows again. A comment every 15 seconds of silence. It ends when its reader may not read any more.",
        "responses": {
            "200": {"description": "OK", "content": {"text/event-stream": {"schema": _TEXT}}},
            **{
                code: {"description": why, "content": {"application/json": {"schema": _ERROR}}}
                for code, why in _NOT_LET_IN.items()
            },
        },
    }
}

DESCRIPTION: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Retabli", "version": "1", "description": "Which flows are restored, since when, and why not."},
    "paths": {
        "/api/v1/flows": _get("Every flow", _FLOWS, _LANG),
        "/api/v1/flows/{id}": _get(
            "One flow",
            {"$ref": "#/components/schemas/Flow"},
            {"name": "id", "in": "path", "required": True, "schema": _TEXT},
            _LANG,
            errors=(404,),
        ),
        "/api/v1/flows/{id}/history": _get(
            "The runs that are kept of a flow, the newest first; `at` in UTC",
            _HISTORY,
            {"name": "id", "in": "path", "required": True, "schema": _TEXT},
            _query("limit", {"type": "integer", "minimum": 1, "maximum": 1000}, "at most so many runs (200)"),
            errors=(400, 404, 503),
        ),
        "/api/v1/flows/{id}/acknowledge": _post(
            "Somebody has taken the open page in hand: no more reminder, nobody else is called",
            "No page of this flow is open, or `until` is past",
            ("by",),
            by=_BY,
            note=_line("note", "what is known already"),
            until=_WHEN | {"description": f"{_WHEN['description']}; without it, as long as the page is open"},
        ),
        "/api/v1/flows/{id}/silence": _post(
            "Planned work: no page goes out until then, but for a breach; probing goes on",
            "`until` is past, or more than 30 days away",
            ("until", "by", "why"),
            until=_WHEN,
            by=_BY,
            why=_line("why", "the work that is planned"),
        ),
        "/api/v1/flows/{id}/unsilence": _post(
            "End a silence: what is due pages now", "This flow is not silenced", ("by",), by=_BY
        ),
        "/api/v1/log": _get(
            "The log, the newest first",
            _LOG,
            _query("since", _TEXT, "a date (RFC 3339) or a Unix time"),
            _query("until", _TEXT, "only rows before: a date (RFC 3339) or a Unix time"),
            _query("flow", _TEXT, "only this flow's rows"),
            _query("event", {"type": "array", "items": _TEXT}, "only rows of these kinds; may be repeated"),
            _query("before", _COUNT, "only rows with a lower number, to page on"),
            _query("limit", {"type": "integer", "minimum": 1, "maximum": 10_000}, "at most so many rows"),
            errors=(400,),
        ),
        "/api/v1/stream": _STREAM,
    },
    "security": [{}, {"password": []}, {"session": []}],
    "components": {
        "securitySchemes": {
            "password": {
                "type": "http",
                "scheme": "basic",
                "description": "An account of `web.users`: `view` reads, `act` acknowledges and silences too.",
            },
            "session": {
                "type": "apiKey",
                "in": "cookie",
                "name": COOKIE,
                "description": f"What a browser is given at /login; over https it is called {SECURE_COOKIE}.",
            },
        },
        "schemas": {"Flow": _FLOW, "Probe": _PROBE, "Run": _RUN, "Entry": _ENTRY, "Error": _ERROR},
    },
}
