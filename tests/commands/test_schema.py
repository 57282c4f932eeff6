"""`schema`: the JSON Schema accepts what `check` accepts, and refuses what a mistyped key or value is."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.commands.terminal import typed
from tests.entrance import HOME, ROOT

FAULTS = ROOT / "tests" / "config" / "faults"
# The keywords of draft 2020-12 that are used here, and what each must be (JSON Schema Core 10, Validation 6 and 9).
KEYWORDS: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("$schema", "$ref", "title", "description", "pattern", "format"), str),
    "type": (str, list),
    **dict.fromkeys(("$defs", "properties"), dict),
    **dict.fromkeys(("additionalProperties", "items", "propertyNames"), (dict, bool)),
    **dict.fromkeys(("required", "enum", "examples", "anyOf", "oneOf", "prefixItems"), list),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), int),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), (int, float)),
    **dict.fromkeys(("const", "default"), object),
}
TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    ended = typed("schema")
    assert (ended.code, ended.err) == (0, "")
    schema: dict[str, Any] = json.loads(ended.out)
    return schema


def inner(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A schema and every schema within it."""
    yield schema
    for key in ("properties", "$defs"):
        for each in schema.get(key, {}).values():
            yield from inner(each)
    for key in ("additionalProperties", "items", "propertyNames"):
        if isinstance(schema.get(key), dict):
            yield from inner(schema[key])
    for key in ("anyOf", "oneOf", "prefixItems"):
        for each in schema.get(key, ()):
            yield from inner(each)


def types(schema: dict[str, Any]) -> list[str]:
    wanted = schema.get("type", [])
    return [wanted] if isinstance(wanted, str) else list(wanted)


class Schema:
    """As much of a validator as this schema needs."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root

    def accepts(self, value: Any, schema: dict[str, Any] | None = None) -> bool:
        schema = self.root if schema is None else schema
        if "$ref" in schema:
            rest = {key: each for key, each in schema.items() if key != "$ref"}
            return self.accepts(value, self.root["$defs"][schema["$ref"].rpartition("/")[2]]) and self.accepts(
                value, rest
            )
        return (
            self._typed(value, schema)
            and ("enum" not in schema or value in schema["enum"])
            and ("const" not in schema or value == schema["const"])
            and ("anyOf" not in schema or any(self.accepts(value, each) for each in schema["anyOf"]))
            and ("oneOf" not in schema or sum(self.accepts(value, each) for each in schema["oneOf"]) == 1)
            and (not isinstance(value, dict) or self._object(value, schema))
            and (not isinstance(value, list) or self._list(value, schema))
            and (not isinstance(value, str) or re.search(schema.get("pattern", ""), value) is not None)
            and (isinstance(value, bool) or not isinstance(value, int | float) or self._number(value, schema))
        )

    def _typed(self, value: Any, schema: dict[str, Any]) -> bool:
        def is_a(name: str) -> bool:
            return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))

        return not types(schema) or any(map(is_a, types(schema)))

    def _object(self, value: dict[str, Any], schema: dict[str, Any]) -> bool:
        known, more = schema.get("properties", {}), schema.get("additionalProperties", True)
        return (
            set(schema.get("required", ())) <= set(value)
            and schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", len(value))
            and all(self.accepts(name, schema.get("propertyNames", {})) for name in value)
            and all(
                self.accepts(each, known[name])
                if name in known
                else more
                if isinstance(more, bool)
                else self.accepts(each, more)
                for name, each in value.items()
            )
        )

    def _list(self, value: list[Any], schema: dict[str, Any]) -> bool:
        long_enough = schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value))
        return long_enough and all(self.accepts(each, schema.get("items", {})) for each in value)

    def _number(self, value: float, schema: dict[str, Any]) -> bool:
        low, high = float(schema.get("minimum", value)), float(schema.get("maximum", value))
        return low <= value <= high


class Plain(yaml.SafeLoader):
    """YAML 1.2's scalars, as editors read them: dates stay text."""


Plain.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rows if not tag.endswith(("timestamp", ":value"))]
    for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(path: Path) -> Any:
    return yaml.load(path.read_text(), Loader=Plain)  # noqa: S506 - a SafeLoader with fewer scalars


def test_it_is_made_of_the_drafts_own_keywords_and_every_reference_leads_somewhere(made: dict[str, Any]) -> None:
    assert made["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for each in inner(made):
        for key, value in each.items():
            assert isinstance(value, KEYWORDS[key]), (key, value)
        assert all(name in TYPES for name in types(each))
        if "$ref" in each:
            assert each["$ref"].removeprefix("#/$defs/") in made["$defs"]
        if "pattern" in each:
            re.compile(each["pattern"])


def test_no_mapping_takes_a_key_that_nobody_knows(made: dict[str, Any]) -> None:
    for each in inner(made):
        if "properties" in each:
            assert each.get("additionalProperties") is False, sorted(each["properties"])


def test_it_accepts_the_shipped_configuration(made: dict[str, Any]) -> None:
    assert Schema(made).accepts(read(HOME / "config" / "minimal.yaml"))


@pytest.mark.parametrize(
    "name",
    [
        "unknown_section",
        "unknown_key_of_a_flow",
        "unknown_key_within_a_setting",
        "unknown_kind",
        "choice_misspelt",
        "intent_missing",
        "site_missing",
        "port_out_of_range",
        "number_in_quotes",
        "truth_where_text_is_wanted",
        "title_in_another_language",
        "duration_without_unit",
        "secret_in_clear",
        "secret_in_two_places",
        "name_in_capitals",
        "flow_without_probes",
        "probes_misspelt",
        "route_to_nobody",
        "alerts_misspelt",
    ],
)
def test_it_refuses_what_an_editor_can_see_is_wrong(made: dict[str, Any], name: str) -> None:
    assert not Schema(made).accepts(read(FAULTS / f"{name}.yaml"))


def test_durations_have_defaults_as_they_are_written(made: dict[str, Any]) -> None:
    assert made["$defs"]["Defaults"]["properties"]["soak"]["default"] == "2m"
    assert made["$defs"]["MailLoop"]["properties"]["every"]["default"] == "60s"
