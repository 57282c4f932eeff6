"""One file a command; only the one that is asked for is imported, and each imports what is heavy when it runs.

A command has `HELP` (one line), `add_arguments(parser)`, and `main(args) -> int`, whose value is the exit code.
Files that begin with an underscore are what several commands share.
"""

import argparse
import ast
import importlib
from pathlib import Path
from typing import Protocol, cast


class Command(Protocol):
    """What a file of this directory gives."""

    @property
    def HELP(self) -> str: ...  # noqa: N802 - a module's constant

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def main(self, args: argparse.Namespace) -> int: ...


class Refused(Exception):
    """What a command cannot do for a reason that the operator can mend: told on stderr, one line each, no traceback."""

    def __init__(self, *lines: str, code: int = 2) -> None:
        super().__init__(*lines)
        self.lines = lines
        self.code = code


def names() -> tuple[str, ...]:
    """The name of every command, sorted."""
    files = Path(__file__).parent.glob("*.py")
    return tuple(sorted(file.stem for file in files if not file.stem.startswith("_")))


def help_of(name: str) -> str:
    """What the command is for, read from its file: asking what there is imports none of them."""
    tree = ast.parse((Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "HELP":
            return str(ast.literal_eval(node.value))
    return ""


def command(name: str) -> Command:
    return cast("Command", importlib.import_module(f"commands.{name}"))
