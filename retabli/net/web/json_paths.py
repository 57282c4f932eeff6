"""Finds values in a JSON answer by a dotted path: `results.0.text`, `results.*.text`."""

import json
import re
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from retabli.model import causes
from retabli.model.ladder import Fall

PATH = re.compile(r"[^.\s]{1,100}(\.[^.\s]{1,100}){0,19}")


def check_path(value: str) -> str:
    if not PATH.fullmatch(value):
        raise ValueError(f'"{value}" is no path into JSON: write text, results.0.text or results.*.text')
    return value


JsonPath = Annotated[
    str, AfterValidator(check_path), WithJsonSchema({"type": "string", "examples": ["text", "results.*.text"]})
]


def read_json(text: str | bytes) -> object:
    """The document; the caller has bounded its length.

    Raises:
        Fall: `garbage`.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        begins = text[:80].decode("latin-1") if isinstance(text, bytes) else text[:80]
        raise Fall(causes.GARBAGE, f"no JSON; it begins with {begins!r}") from error


def at(document: object, path: str) -> list[object]:
    """The values at a path, in their order: none, one, or with `*` (every member) several. Null counts as none."""
    found = [document]
    for step in path.split("."):
        found = [member for value in found for member in _members(value, step)]
    return [value for value in found if value is not None]


def _members(value: object, step: str) -> list[object]:
    if isinstance(value, dict):
        if step == "*":
            return list(value.values())
        return [value[step]] if step in value else []
    if isinstance(value, list):
        if step == "*":
            return value
        return [value[int(step)]] if step.isascii() and step.isdigit() and int(step) < len(value) else []
    return []
