"""Every fact that a probe of ours notes has a name for people, in both languages."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import probes
import retabli.net
from retabli.model.facts import FACTS, fact


def noted() -> Iterator[str]:
    for folder in (*probes.__path__, *retabli.net.__path__):
        for path in Path(folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "describe":
                    name = node.args[0]
                    if isinstance(name, ast.Constant) and isinstance(name.value, str):
                        yield name.value


def test_each_fact_that_is_noted_has_its_words() -> None:
    found = set(noted())
    assert len(found) > 40
    assert found - FACTS.keys() == set()


def test_a_fact_of_somebody_else_s_is_shown_by_its_name() -> None:
    assert fact("queue_id", "7", "fr") == ("numéro de file", "7")
    assert fact("menu_items", "7", "fr") == ("menu items", "7")


@pytest.mark.parametrize(
    ("name", "noted", "french"),
    [
        ("age", "12.5 s", "12,5\u00a0s"),
        ("age", "3 min", "3\u00a0min"),
        ("transit", "-0.2 s", "-0,2\u00a0s"),
        ("expires", "4.0 days", "4,0\u00a0jours"),
        ("error_rate", "0.12", "0,12"),
        ("tls_version", "1.3", "1.3"),
        ("address", "10.0.0.25", "10.0.0.25"),
        ("server", "2.4 s, or so", "2.4 s, or so"),
    ],
)
def test_a_number_with_its_unit_is_written_as_the_reader_writes_it(name: str, noted: str, french: str) -> None:
    assert fact(name, noted, "fr")[1] == french
    assert fact(name, noted, "en")[1] == noted
