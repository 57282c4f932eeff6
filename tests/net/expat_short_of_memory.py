"""Expat as it is when it is given no memory, which a test's own process cannot be brought to: its heap is large."""

from types import SimpleNamespace
from xml.parsers import expat


class _Parser:
    def Parse(self, *_: object) -> None:  # noqa: N802 - expat's name
        error = expat.ExpatError("out of memory: line 1, column 7")
        error.code, error.lineno, error.offset = 1, 1, 7  # enum XML_Error of expat.h
        raise error


def short_of_memory() -> SimpleNamespace:
    """In place of the module, as one of ours has it."""
    return SimpleNamespace(**vars(expat) | {"ParserCreate": lambda **_: _Parser()})
