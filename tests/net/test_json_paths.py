"""Values are found in JSON by their path, and what is no JSON is told within bounds."""

import pytest

from retabli.model import causes
from retabli.model.ladder import Fall
from retabli.net.web.json_paths import at, check_path, read_json

DOCUMENT = {"a": {"b": [{"c": "one"}, {"c": "two"}, {"d": None}]}, "n": 0, "7": "seven"}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("n", [0]),
        ("7", ["seven"]),
        ("a.b.0.c", ["one"]),
        ("a.b.1.c", ["two"]),
        ("a.b.*.c", ["one", "two"]),
        ("*.b.0.c", ["one"]),
        ("a.b.2.d", []),
        ("a.b.3.c", []),
        ("a.b.-1.c", []),
        ("a.b.٣", []),
        ("a.b.c", []),
        ("n.x", []),
        ("z", []),
    ],
)
def test_a_path_leads_to_its_values_and_nowhere_else(path: str, found: list[object]) -> None:
    assert at(DOCUMENT, path) == found


@pytest.mark.parametrize("path", ["", ".", "a.", "a b", "a..b", "x" * 101, ".".join("a" * 21)])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="no path into JSON"):
        check_path(path)


@pytest.mark.parametrize("text", ["", "{", b"\xff", "[" * 200_000, "1" * 10_000, "<html>"])
def test_what_is_no_json_is_garbage(text: str | bytes) -> None:
    with pytest.raises(Fall) as fall:
        read_json(text)
    assert fall.value.cause is causes.GARBAGE
    assert len(fall.value.detail) <= 300
