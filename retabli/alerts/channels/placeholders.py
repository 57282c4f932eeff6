"""Placeholders: `{title}` in a setting stands for that field of the message; `{{` and `}}` are braces. Pure.

The fields are those that a webhook receives. One that this message has not (a heartbeat has no flow) is nothing: an
empty text within a text, and null where it stands alone.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationInfo

from retabli.model.record import Message
from retabli.model.result import clean
from retabli.model.settings import Secret, did_you_mean

FIELDS = (
    *("key", "incident", "status", "reason", "site", "standpoint", "flow", "title", "state", "since", "opened_at"),
    *("restored_at", "probe", "stage", "cause", "side", "detail", "because", "owner", "criticality", "runbook", "url"),
    *("acknowledge_url", "escalated", "summary", "text", "sent_at", "pages"),
)
SUMMARY_LENGTH = 160  # characters of a summary that is made here, of the text's first line: one SMS

_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")

_SECRET_KEY = re.compile(r"token|secret|password|(routing|api|access)_?key", re.IGNORECASE)

Fields = Mapping[str, Any]


def faults(template: object, at: str = "") -> Iterator[str]:
    """What is wrong with the placeholders anywhere within, as sentences; `at` is where it stands."""
    where = f"{at}: " if at else ""
    if isinstance(template, str):
        yield from (where + said for said in _text_faults(template))
    elif isinstance(template, Mapping):
        for key, each in template.items():
            place = f"{at}.{key}" if at else str(key)
            if isinstance(each, str) and _SECRET_KEY.search(key) and not has_placeholder(each):
                yield f"{place}: a secret is not written in clear: name where it is, as {{file: …}}"
            else:
                yield from faults(each, place)
    elif isinstance(template, list | tuple):
        for number, each in enumerate(template):
            yield from faults(each, f"{at}[{number}]")


def with_secrets(template: Any, info: ValidationInfo) -> Any:
    """The same, with a Secret in the place of each mapping that names one, as `{file: …}`."""
    if isinstance(template, Mapping):
        if len(template) == 1 and next(iter(template)) in Secret.model_fields:
            return Secret.model_validate(template, context=info.context)
        return {key: with_secrets(each, info) for key, each in template.items()}
    return [with_secrets(each, info) for each in template] if isinstance(template, list) else template


def secrets_in(template: object) -> Iterator[Secret]:
    if isinstance(template, Secret):
        yield template
    elif isinstance(template, Mapping | list):
        for each in template.values() if isinstance(template, Mapping) else template:
            yield from secrets_in(each)


def has_placeholder(text: str) -> bool:
    return any(part[1] is not None for part in _PART.finditer(text))


def filled(template: object, fields: Fields) -> Any:
    """The same with its placeholders replaced. A text that is one placeholder and nothing else keeps the field's type.

    What a field holds is never read as a template again.

    Raises:
        Fall: `secret_unreadable`.
    """
    if isinstance(template, Secret):
        return template.text()
    if isinstance(template, str):
        alone = _PART.fullmatch(template)
        if alone is not None and alone[1] is not None:
            return fields.get(alone[1])
        return in_text(template, fields)
    if isinstance(template, Mapping):
        return {key: filled(each, fields) for key, each in template.items()}
    if isinstance(template, list | tuple):
        return [filled(each, fields) for each in template]
    return template


def in_text(template: str, fields: Fields) -> str:
    """The text with its placeholders replaced by texts."""
    return _PART.sub(lambda part: _replaced(part, fields), template)


def as_text(value: object) -> str:
    """A field as it stands within a text."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def fields_of(message: Message) -> dict[str, Any]:
    """What placeholders stand for. Text and summary are always there, whatever kind of message it is."""
    body = message.body
    summary = summary_of(body) or clean(message.key)
    return {**body, "key": message.key, "summary": summary, "text": as_text(body.get("text")) or summary}


def summary_of(body: Fields) -> str:
    """The message in one line: its own summary, or the first line of its text."""
    if summary := as_text(body.get("summary")):
        return clean(summary)
    return clean(as_text(body.get("text")).strip().partition("\n")[0], SUMMARY_LENGTH)


def _replaced(part: "re.Match[str]", fields: Fields) -> str:
    if part[1] is not None:
        return as_text(fields.get(part[1]))
    return part[0][0]


def _text_faults(text: str) -> Iterator[str]:
    for part in _PART.finditer(text):
        if part[1] is not None and part[1] not in FIELDS:
            known = did_you_mean(part[1], FIELDS) or f": the fields are {', '.join(FIELDS)}"
            yield f'a message has no field "{part[1]}"{known}'
        elif part[0] in ("{", "}"):
            yield f"a single {part[0]} means nothing: write {{field}}, or {part[0] * 2} for a brace"
