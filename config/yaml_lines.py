"""YAML files to nodes, each with the file and line it stands on. No file can make the parser run away.

Scalars are read as YAML 1.2's core schema has them: `no`, `on`, `22:30` and dates stay the text they look like, so
that only `true`, `false`, `null` and plain decimal numbers are anything else.
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

Step: TypeAlias = str | int
Steps: TypeAlias = tuple[Step, ...]
Place: TypeAlias = tuple[str, int]  # the file as the operator named it, and the line, from 1

SIZE = 32 * 1024 * 1024  # bytes of one file; ten thousand flows are about five million
DEPTH = 50  # of values within values

PREFIX = "tag:yaml.org,2002:"
STR, INT, FLOAT, BOOL, NULL = (PREFIX + name for name in ("str", "int", "float", "bool", "null"))
SEQ, MAP, MERGE = (PREFIX + name for name in ("seq", "map", "merge"))
TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
VOID = {"", "~", "null", "Null", "NULL"}
WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})?\.?[0-9]{1,18}(?:[eE][-+]?[0-9]{1,3})?|[-+]?[0-9]{1,18}\.")
SPECIAL = frozenset("tTfFnN~<0123456789+-.")

Entries: TypeAlias = dict[str, tuple[Node, Node]]


class Unreadable(Exception):
    """A file that is no YAML. `line` counts from 1; 0 when the fault is the file's and no line's."""

    def __init__(self, file: str, line: int, sentence: str) -> None:
        super().__init__(sentence)
        self.file, self.line, self.sentence = file, line, sentence


class _Named(io.BytesIO):
    """A file's bytes; libyaml takes the name for every mark from here."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name


class _Core:
    """The scalars of the core schema, and a bound on nesting: libyaml's own composer overflows the stack."""

    nodes = 0
    depth = 0

    def descend_resolver(self, _parent: object, _index: object) -> None:
        self.nodes += 1
        self.depth += 1
        if self.depth > DEPTH:
            raise yaml.YAMLError(f"values within values more than {DEPTH} deep")

    def ascend_resolver(self) -> None:
        self.depth -= 1

    def resolve(self, kind: type[Node], value: str, implicit: Any) -> str:
        if kind is ScalarNode:
            return plain_tag(value) if implicit[0] else STR
        return MAP if kind is MappingNode else SEQ


def plain_tag(value: str) -> str:
    """What a scalar without quotes is."""
    if value and value[0] not in SPECIAL:
        return STR
    if value in VOID:
        return NULL
    if value in TRUTH:
        return BOOL
    if WHOLE.fullmatch(value):
        return INT
    if value == "<<":
        return MERGE
    return FLOAT if DECIMAL.fullmatch(value) and ("." in value or "e" in value or "E" in value) else STR


try:
    from yaml._yaml import CParser

    class _Loader(_Core, CParser):
        """libyaml's parser."""

except ImportError:  # PyYAML built without libyaml

    class _Loader(  # type: ignore[no-redef]
        _Core, yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser, yaml.composer.Composer
    ):
        """The same in Python, four times slower."""

        def __init__(self, stream: Any) -> None:
            yaml.reader.Reader.__init__(self, stream)
            yaml.scanner.Scanner.__init__(self)
            yaml.parser.Parser.__init__(self)
            yaml.composer.Composer.__init__(self)


def compose(content: bytes, name: str) -> tuple[MappingNode | None, int]:
    """The file's root mapping (None for an empty file) and how many nodes it has.

    Raises:
        Unreadable: no UTF-8, no YAML, too large, too deep, several documents, or no mapping.
    """
    if len(content) > SIZE:
        raise Unreadable(name, 0, f"larger than {SIZE // 1024 // 1024} MB: no configuration is")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Unreadable(name, line, "this is not UTF-8 text") from None
    loader = _Loader(_Named(content, name))
    try:
        root = loader.get_single_node()
    except yaml.YAMLError as error:
        raise Unreadable(name, *_sentence(error, content)) from None
    finally:
        dispose = getattr(loader, "dispose", None)
        if dispose is not None:
            dispose()
    if root is None or (isinstance(root, ScalarNode) and root.tag == NULL):
        return None, 0
    if not isinstance(root, MappingNode):
        raise Unreadable(name, root.start_mark.line + 1, "a mapping of sections is wanted here, as in `flows: …`")
    return root, loader.nodes


def _sentence(error: yaml.YAMLError, content: bytes) -> tuple[int, str]:
    """(line, sentence) of a syntax error, in an operator's words where PyYAML's are a parser's."""
    if isinstance(error, yaml.reader.ReaderError):
        line = content.count(b"\n", 0, error.position) + 1
        return line, "a control character stands here: YAML does not allow it"
    if not isinstance(error, yaml.MarkedYAMLError):
        return 0, str(error)
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark is not None else 0
    problem = error.problem or error.context or "not YAML"
    begun = error.context_mark.line + 1 if error.context_mark is not None else line
    if "single document" in (error.context or ""):
        return line, "a second document begins here (---): one file is one document"
    if _is_tab(content, mark):
        return line, "a tab stands here: YAML is indented by spaces"
    if "quoted scalar" in (error.context or "") and "end of stream" in problem:
        return begun, "a quote that is opened here is never closed"
    context = f" {error.context}" if error.context and error.problem else ""
    return line, f"not YAML: {problem}{context}" + (f" begun in line {begun}" if begun != line else "")


def _is_tab(content: bytes, mark: Any) -> bool:
    if mark is None:
        return False
    lines = content.decode("utf-8").split("\n")
    text = lines[mark.line] if mark.line < len(lines) else ""
    return text[mark.column : mark.column + 1] == "\t" or text[: len(text) - len(text.lstrip())].count("\t") > 0


# Lines ------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Lines:
    """Where everything stands. Built once from the merged root; asked only when there is a fault to tell."""

    root: MappingNode
    _known: dict[int, Entries] = field(default_factory=dict)

    def of(self, steps: Steps) -> Place:
        """The place of the value at `steps`, or of the nearest thing above it that is written anywhere."""
        node: Node = self.root
        best: Node = node
        for step in steps:
            found = self._step(node, step)
            if found is None:
                break
            key, node = found
            best = key if isinstance(node, MappingNode | SequenceNode) else node
            if isinstance(node, ScalarNode) and node.tag == NULL:
                best = key
        return place(best)

    def _step(self, node: Node, step: Step) -> tuple[Node, Node] | None:
        if isinstance(node, MappingNode):
            if id(node) not in self._known:
                self._known[id(node)] = entries(node)
            return self._known[id(node)].get(str(step))
        if isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
            return node.value[step], node.value[step]
        return None


def place(node: Node) -> Place:
    return str(node.start_mark.name), node.start_mark.line + 1


def entries(node: MappingNode) -> Entries:
    """A mapping's keys, what `<<` brings included; its own keys win, and the first of two that are the same.

    Each mapping is looked at once, however often it is merged, and wherever into itself: it brings nothing new again.
    """
    own: Entries = {}
    waiting, seen = [node], set[int]()
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        brought: list[MappingNode] = []
        for key, value in each.value:
            if key.tag == MERGE:
                brought += _merged(value)
            elif isinstance(key, ScalarNode):
                own.setdefault(key.value, (key, value))
        waiting += reversed(brought)
    return own


def _merged(value: Node) -> Iterator[MappingNode]:
    for node in value.value if isinstance(value, SequenceNode) else [value]:
        if isinstance(node, MappingNode):
            yield node


def read(path: Path, name: str) -> bytes:
    """The file's bytes, one more than SIZE at most.

    Raises:
        Unreadable: the system will not let us.
    """
    try:
        with path.open("rb") as file:
            return file.read(SIZE + 1)
    except OSError as error:
        raise Unreadable(name, 0, f"cannot be read: {error.strerror}") from error
