"""What is wrong with a configuration: every fault at once, each with its file, line, path and a sentence."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from config.yaml_lines import Lines, Place, Steps
from retabli.model.result import clean

SENTENCE = 600  # characters; a sentence may list what was possible


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that is wrong, or (as a warning) allowed and unwise. `line` counts from 1; 0 is the whole file."""

    file: str
    line: int
    path: str
    sentence: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.file and self.line else self.file
        return ": ".join(clean(part, SENTENCE) for part in (where, self.path, self.sentence) if part)


class ConfigurationFault(Exception):
    """A configuration that cannot be used. Its text is one line a fault.

    `handed`: the credentials of systemd's that it lacks, because this process was handed none.
    """

    def __init__(self, faults: Iterable[Fault], handed: Iterable[str] = ()) -> None:
        self.faults = tuple(faults)
        self.handed = tuple(dict.fromkeys(handed))
        super().__init__("\n".join(str(fault) for fault in self.faults))


@dataclass(slots=True)
class Findings:
    """Where the checks put what they find. Every fault is told once, in the order of the files."""

    lines: Lines | None = None
    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)
    void: set[Steps] = field(default_factory=set)  # what stands here could not be read: it is not judged as well
    empty: list[Steps] = field(default_factory=list)  # keys that are written with nothing behind them
    handed: list[str] = field(default_factory=list)  # credentials that systemd hands to others, and not to us

    def fault(self, steps: Steps, sentence: str, place: Place | None = None) -> None:
        if place is None and steps in self.void:
            return
        self.faults.append(self._told(steps, sentence, place))

    def warn(self, steps: Steps, sentence: str) -> None:
        self.warnings.append(self._told(steps, sentence, None))

    def check_empty(self) -> None:
        """A key with nothing behind it would be left out without a word: `canary:` looks as if one were written.

        What has a fault already is told of once.
        """
        told = {fault.path for fault in self.faults}
        for steps in self.empty:
            if dotted(steps) not in told:
                self.fault(steps, "nothing is written here: give a value, or leave the key out")

    def refuse(self) -> None:
        """Raises ConfigurationFault if there is any fault."""
        if self.faults:
            raise ConfigurationFault(in_order(self.faults), self.handed)

    def _told(self, steps: Steps, sentence: str, place: Place | None) -> Fault:
        if place is None:
            place = self.lines.of(steps) if self.lines is not None else ("", 0)
        return Fault(*place, dotted(steps), sentence)


def in_order(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    return tuple(sorted(dict.fromkeys(faults)))


def dotted(steps: Steps) -> str:
    """`("alerts", "routes", 0, "to")` → `alerts.routes[0].to`."""
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def names(mapping: object) -> Iterator[str]:
    """The keys of what may not even be a mapping."""
    if isinstance(mapping, dict):
        yield from (key for key in mapping if isinstance(key, str))


def section(mapping: object, key: str) -> dict[str, Any]:
    """A mapping within a mapping, or an empty one where there is none (its fault is told elsewhere)."""
    found = mapping.get(key) if isinstance(mapping, dict) else None
    return found if isinstance(found, dict) else {}
