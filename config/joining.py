"""Several files to one root: mappings merge, and what two files set differently is told."""

from collections.abc import Sequence

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from config.yaml_lines import Place, Steps, entries, place

# Each of these holds things with a name of their own: the same name in two files is a fault even if nothing differs.
NAMED: frozenset[Steps] = frozenset(
    {("flows",), ("proxies",), ("mailboxes",), ("alerts", "channels"), ("web", "users")}
)


def join(roots: Sequence[MappingNode], wrong: list[tuple[Place, Steps, str]]) -> MappingNode:
    """One root of several files': mappings merge; what two files set differently is noted in `wrong`."""
    joined = roots[0]
    for root in roots[1:]:
        joined = _join(joined, root, (), wrong)
    return joined


def _join(left: MappingNode, right: MappingNode, at: Steps, wrong: list[tuple[Place, Steps, str]]) -> MappingNode:
    both, known = list(left.value), entries(left)
    where = {id(pair[0]): number for number, pair in enumerate(both)}
    for key, value in right.value:
        if not isinstance(key, ScalarNode) or key.value not in known:
            both.append((key, value))
            continue
        steps = (*at, key.value)
        known_key, known_value = known[key.value]
        mergeable = at not in NAMED and id(known_key) in where
        if mergeable and isinstance(known_value, MappingNode) and isinstance(value, MappingNode):
            merged = _join(known_value, value, steps, wrong)
            known[key.value] = (known_key, merged)
            both[where[id(known_key)]] = (known_key, merged)
        elif at in NAMED or not _same(known_value, value):
            file, line = place(known_key)
            again = "is already described in" if at in NAMED else "is already set, otherwise, in"
            wrong.append((place(key), steps, f"{again} {file}:{line}"))
    return MappingNode(left.tag, both, left.start_mark, left.end_mark)


def _same(left: Node, right: Node) -> bool:
    if isinstance(left, ScalarNode) and isinstance(right, ScalarNode):
        return (left.tag, left.value) == (right.tag, right.value)
    if isinstance(left, SequenceNode) and isinstance(right, SequenceNode):
        pairs = zip(left.value, right.value, strict=False)
        return len(left.value) == len(right.value) and all(_same(*pair) for pair in pairs)
    return False
