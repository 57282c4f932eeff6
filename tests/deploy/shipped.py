"""The shipped rules and examples, as data."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"
RULES = sorted((FOLDER / "rules").glob("*.yml"))

_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|[a-zA-Z_:][a-zA-Z0-9_:]*(?:\s*\{[^}]*\})?')
_GROUPING = re.compile(r"\b(?:on|by|without|ignoring|group_left)\s*\([^)]*\)")


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    expr: str
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    alerts: bool = False

    def selectors(self) -> Iterator[tuple[str, set[str]]]:
        """Every metric that the expression or an annotation reads, with the labels it is chosen by."""
        queries = [self.expr, *self._queried()]
        for query in queries:
            for word in _WORD.findall(_GROUPING.sub("", query)):
                name, _, matchers = word.partition("{")
                if not word.startswith('"') and re.match(r"retabli|probe_|process_|up$|ALERTS$", name.strip()):
                    yield name.strip(), set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))

    def _queried(self) -> Iterator[str]:
        for text in self.annotations.values():
            yield from re.findall(r'printf "(.*?(?<!\\))"', text.replace("retabli probe", ""))


def rules() -> list[Rule]:
    found = []
    for path in RULES:
        read: dict[str, Any] = yaml.safe_load(path.read_text())
        for rule in (each for group in read["groups"] for each in group["rules"]):
            name = rule.get("alert") or rule["record"]
            found.append(Rule(name, rule["expr"], rule.get("labels", {}), rule.get("annotations", {}), "alert" in rule))
    return found


def alerts() -> list[Rule]:
    return [rule for rule in rules() if rule.alerts]
