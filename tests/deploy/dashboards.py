"""The shipped dashboards, as Grafana would read them: their panels, their queries, and what a value looks like."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from deploy.grafana.build import BOARDS, FOLDER, LANGUAGES

PATHS = [FOLDER / language / f"{board.name}.json" for board in BOARDS for language in LANGUAGES]
_LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"')
_GROUPING = re.compile(r"\b(?:on|by|without|ignoring|group_left|group_right)\s*\([^)]*\)")
_METRIC = re.compile(r"\b(retabli_\w+|probe_\w+|process_\w+|up)\b(?:\{([^}]*)\})?")


@dataclass(frozen=True, slots=True)
class Asked:
    """One query of a panel."""

    board: str
    panel: dict[str, Any]
    target: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.board}: {self.panel['title']} {self.target['refId']}"

    @property
    def expr(self) -> str:
        return str(self.target["expr"])

    def looks(self, value: float) -> tuple[str, str]:
        """The text (empty: the number itself) and the colour (empty: none of its own) that Grafana gives a value."""
        looks = self._looks()
        for mapping in looks.get("mappings", []):
            if found := mapping["options"].get(f"{value:g}"):
                return str(found.get("text", "")), str(found.get("color", ""))
        if not self._coloured(looks):
            return "", ""
        steps = looks.get("thresholds", {"steps": []})["steps"]
        return "", next((str(each["color"]) for each in reversed(steps) if _reaches(value, each["value"])), "")

    def _looks(self) -> dict[str, Any]:
        """The panel's defaults, and over them what its column adds."""
        defaults: dict[str, Any] = dict(self.panel["fieldConfig"]["defaults"])
        if self.panel["type"] != "table":
            return defaults
        names = self.panel["transformations"][1]["options"]["renameByName"]
        title = names.get(f"Value #{self.target['refId']}")
        for override in self.panel["fieldConfig"]["overrides"]:
            if override["matcher"]["options"] == title:
                defaults |= {each["id"]: each.get("value") for each in override["properties"]}
        return defaults

    def _coloured(self, looks: dict[str, Any]) -> bool:
        return looks.get("color", {}).get("mode") == "thresholds" or "custom.cellOptions" in looks


def _reaches(value: float, start: float | None) -> bool:
    return start is None or value >= start


def boards(language: str = "fr") -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text()) for path in PATHS if path.parent.name == language}


def asked(language: str = "fr") -> Iterator[Asked]:
    for name, board in boards(language).items():
        for panel in board["panels"]:
            for target in panel["targets"]:
                yield Asked(name, panel, target)


def metrics(expr: str) -> Iterator[tuple[str, set[str]]]:
    """Every metric that the expression reads, with the labels it is chosen by."""
    for name, choice in _METRIC.findall(_GROUPING.sub("", expr)):
        yield name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", _LITERAL.sub("", choice)))


def filled(expr: str, *, instance: str, flow: str, rate: str = "15s") -> str:
    """The expression with the dashboard's variables put in, as Grafana does."""
    given = {"$__rate_interval": rate, "$instance": instance, "$flow": flow}
    for variable, value in given.items():
        expr = expr.replace(variable, value)
    assert "$" not in expr, expr
    return expr
