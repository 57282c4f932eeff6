"""pydantic's faults turned into sentences for the operator who wrote the file."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from config.yaml_lines import Steps
from retabli.model.result import clean
from retabli.model.settings import did_you_mean

MAPPING = "a mapping (key: value) is wanted here"
WANTED = {
    "string_type": "a text is wanted here",
    "string_sub_type": "a text is wanted here",
    "string_unicode": "a text is wanted here",
    "int_type": "a whole number is wanted here",
    "int_parsing": "a whole number is wanted here",
    "int_from_float": "a whole number is wanted here",
    "int_parsing_size": "a whole number of a reasonable size is wanted here",
    "float_type": "a number is wanted here",
    "float_parsing": "a number is wanted here",
    "finite_number": "a finite number is wanted here",
    "bool_type": "true or false is wanted here",
    "bool_parsing": "true or false is wanted here",
    "list_type": "a list is wanted here",
    "tuple_type": "a list is wanted here",
    "set_type": "a list is wanted here",
    "frozen_set_type": "a list is wanted here",
    "iterable_type": "a list is wanted here",
    "dict_type": MAPPING,
    "mapping_type": MAPPING,
    "model_type": MAPPING,
    "model_attributes_type": MAPPING,
    "dataclass_type": MAPPING,
    "none_required": "nothing is wanted here",
}
PLAIN = r"[\w@.+-][\w @.+-]*"  # what YAML takes as one text in a list without quotes
TEXTUAL = {"string_type", "string_sub_type"}

FORMS: Mapping[str, str] = {
    r"^http://[^/@\s]+/?$": "must be as http://proxy.example:3128, without user and password",
    r"^https?://[^\s]+$": "must be an address: http://… or https://…",
}

BOUNDS: Mapping[str, tuple[str, str]] = {
    "greater_than": ("gt", "must be more than"),
    "greater_than_equal": ("ge", "must be at least"),
    "less_than": ("lt", "must be less than"),
    "less_than_equal": ("le", "must be at most"),
}

Missing = object()


def sentences(error: ValidationError, model: type[BaseModel], value: object) -> Iterator[tuple[Steps, str]]:
    """(path within `value`, sentence) of each fault; the members of a union speak with one voice."""
    told: dict[Steps, list[str]] = {}
    for each in error.errors(include_url=False):
        if each["type"] == "too_short" and len(each["input"]) >= each["ctx"]["min_length"]:
            continue  # it is long enough: an entry of it has a fault of its own
        steps = written(each["loc"], value)
        said = told.setdefault(steps, [])
        sentence = _sentence(each, steps, model, value)
        if sentence not in said:
            said.append(sentence)
    for steps, said in told.items():
        yield steps, ", or ".join(said)


def written(loc: Steps, value: object) -> Steps:
    """pydantic's location without what is no key of the file: the names it gives to the members of a union."""
    steps: list[str | int] = []
    for number, step in enumerate(loc):
        last = number == len(loc) - 1
        if isinstance(value, Mapping) and isinstance(step, str) and (step in value or last):
            value = value.get(step, Missing)
        elif isinstance(value, list | tuple) and isinstance(step, int) and (step < len(value) or last):
            value = value[step] if step < len(value) else Missing
        else:
            continue
        steps.append(step)
    return tuple(steps)


def _sentence(each: Any, steps: Steps, model: type[BaseModel], value: object) -> str:
    kind, context, given = each["type"], each.get("ctx", {}), each.get("input")
    if kind == "missing":
        return "is required, and missing"
    if kind == "extra_forbidden":
        return f"unknown key{did_you_mean(str(steps[-1]) if steps else '', known_keys(model, steps[:-1]))}"
    if kind in ("literal_error", "enum"):
        return _choice(context.get("expected", ""), given)
    if kind == "value_error" or kind == "assertion_error":
        return str(context.get("error", each["msg"]))
    if given is None and kind in WANTED:
        return f"nothing is written here; {WANTED[kind]}"
    if kind in TEXTUAL:
        return WANTED[kind] + _unquoted(given)
    if kind in WANTED:
        return WANTED[kind] + _quoted(kind, given)
    return _bounded(kind, context) or each["msg"][:1].lower() + each["msg"][1:]


def _choice(expected: str, given: object) -> str:
    choices = re.findall(r"'([^']*)'", expected) or [expected]
    wanted = choices[0] if len(choices) == 1 else f"one of {', '.join(choices)}"
    near = did_you_mean(given, choices) if isinstance(given, str) else ""
    return f"must be {wanted}{near}"


def _unquoted(given: object) -> str:
    """Why what looks like text is none, to YAML."""
    if isinstance(given, bool):
        return f", and {str(given).lower()} is a truth value: put it between quotes"
    if isinstance(given, int | float):
        return f", and {given} is a number: put it between quotes"
    if isinstance(given, list):
        return ", not a list"
    return ", not a mapping (a text with braces or a colon wants quotes)" if isinstance(given, Mapping) else ""


def _quoted(kind: str, given: object) -> str:
    if not isinstance(given, str):
        return ""
    if WANTED[kind] == WANTED["list_type"]:
        return f": write [{clean(given, 60)}]" if re.fullmatch(PLAIN, given) else ""
    if kind.startswith("bool") and given.lower() in ("yes", "no", "on", "off", "y", "n"):
        return f': "{given}" is a plain word to this program'
    if kind.startswith(("int", "float")) and re.fullmatch(r"[-+]?\d+(\.\d+)?", given):
        return ", without quotes" if not re.match(r"[-+]?0\d", given) else ", without a leading zero"
    return ""


def _bounded(kind: str, context: Mapping[str, Any]) -> str | None:
    if kind in BOUNDS:
        name, words = BOUNDS[kind]
        return f"{words} {context[name]:g}"
    few: Mapping[str, Callable[[], str]] = {
        "too_short": lambda: f"at least {context['min_length']} of them must be listed",
        "too_long": lambda: f"at most {context['max_length']} of them may be listed",
        "string_too_short": lambda: f"must have at least {context['min_length']} characters",
        "string_too_long": lambda: f"must have at most {context['max_length']} characters",
        "string_pattern_mismatch": lambda: FORMS.get(context["pattern"], f"must have the form {context['pattern']}"),
        "union_tag_invalid": lambda: f"must be one of {context['expected_tags']}".replace("'", ""),
        "union_tag_not_found": lambda: f"{context['discriminator']} is missing".replace("'", ""),
    }
    return few[kind]() if kind in few else None


def known_keys(model: type[BaseModel], steps: Steps) -> list[str]:
    """The keys that are possible at `steps` within a model's settings."""
    models = [model]
    for step in steps:
        inner = [
            found
            for each in models
            for name, entry in each.model_fields.items()
            if step in (name, entry.alias)
            for found in models_in(entry.annotation)
        ]
        models = inner or models
    return [entry.alias or name for each in models for name, entry in each.model_fields.items()]


def models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in models_in(part)]
