"""Nodes of YAML to plain values, once each, with what is wrong on the way. No alias can make it run away."""

from dataclasses import dataclass, field
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from config.yaml_lines import (
    BOOL,
    DECIMAL,
    DEPTH,
    FLOAT,
    INT,
    MAP,
    MERGE,
    NULL,
    PREFIX,
    SEQ,
    STR,
    TRUTH,
    WHOLE,
    Place,
    Step,
    Steps,
    Unreadable,
    place,
)

EXPANSION = 10  # how many times their own number of values aliases may make of a file's …
ALLOWANCE = 10_000  # … beyond these


@dataclass(slots=True)
class Reading:
    """Builds plain values from nodes and notes what is wrong on the way, as (place, path, sentence)."""

    budget: int
    wrong: list[tuple[Place, Steps, str]] = field(default_factory=list)
    void: set[Steps] = field(default_factory=set)  # paths whose value could not be made: nothing more is to be said
    empty: list[Steps] = field(default_factory=list)  # keys with nothing behind them; an explicit null is no such key
    _trail: list[Step] = field(default_factory=list)

    def value(self, node: Node, depth: int = 0) -> Any:
        """The node's plain value.

        Raises:
            Unreadable: aliases that expand without end.
        """
        self.budget -= 1
        if self.budget < 0 or depth > DEPTH:
            said = "aliases make far more of this file than is written in it, or refer to themselves"
            raise Unreadable(*place(node), said)
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        if isinstance(node, MappingNode):
            if node.tag != MAP:
                return self._foreign(node)
            return self._mapping(node, depth)
        return self._list(node, depth) if node.tag == SEQ else self._foreign(node)

    def _scalar(self, node: ScalarNode) -> Any:
        tag, text = node.tag, node.value
        if tag in (STR, MERGE):
            return text
        if tag == INT and WHOLE.fullmatch(text):
            return int(text)
        if tag == BOOL and text in TRUTH:
            return TRUTH[text]
        if tag == NULL:
            if not text:
                self.empty.append(tuple(self._trail))
            return None
        if tag == FLOAT and DECIMAL.fullmatch(text):
            return float(text)
        return self._foreign(node)

    def _list(self, node: Node, depth: int) -> list[Any]:
        values = []
        for number, each in enumerate(node.value):
            self._trail.append(number)
            values.append(self.value(each, depth + 1))
            self._trail.pop()
        return values

    def _mapping(self, node: MappingNode, depth: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        lines: dict[str, int] = {}
        merges: list[Node] = []
        for key_node, value_node in node.value:
            if key_node.tag == MERGE:
                merges.append(value_node)
                continue
            if not isinstance(key_node, ScalarNode) or key_node.tag != STR:
                self._odd_key(key_node)
                continue
            key = key_node.value
            self._trail.append(key)
            if key in values:
                self._note(key_node, f"set twice: it already stands in line {lines[key]}")
            else:
                lines[key] = place(key_node)[1]
                values[key] = self.value(value_node, depth + 1)
            self._trail.pop()
        for merge in merges:
            self._merge(values, merge, depth)
        return values

    def _merge(self, values: dict[str, Any], merge: Node, depth: int) -> None:
        nodes = merge.value if isinstance(merge, SequenceNode) else [merge]
        for node in nodes:
            if not isinstance(node, MappingNode):
                self._note(node, "`<<` takes an alias of a mapping, or a list of them")
                continue
            brought = self.value(node, depth + 1)
            for name, value in (brought or {}).items():
                values.setdefault(name, value)

    def _odd_key(self, node: Node) -> None:
        if isinstance(node, ScalarNode):
            self._note(node, f"the key {node.value or 'null'} is not text: put it between quotes")
            self.void.add(tuple(self._trail))
        else:
            self._note(node, "a list or a mapping cannot be a key; a text in braces wants quotes")

    def _foreign(self, node: Node) -> None:
        tag = "!!" + node.tag.removeprefix(PREFIX) if node.tag.startswith(PREFIX) else node.tag
        self._note(node, f"the tag {tag} is not used here")
        self.void.add(tuple(self._trail))

    def _note(self, node: Node, sentence: str) -> None:
        self.wrong.append((place(node), tuple(self._trail), sentence))


def budget(nodes: int) -> int:
    """How many values may be made of this many nodes."""
    return nodes * EXPANSION + ALLOWANCE
