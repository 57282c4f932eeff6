"""A flow: what people name, what they decided about it, and the probes that watch it."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from retabli.model.probe import Probe
from retabli.model.states import Criticality, Intent
from retabli.model.words import Words


@dataclass(frozen=True, slots=True)
class Policy:
    """When evidence moves a standing. Durations in seconds."""

    rise: int = 3
    soak: float = 120.0
    fall: int = 3
    confirm: float = 2.0
    page_unknown_after: float = 900.0


@dataclass(frozen=True, slots=True)
class Require:
    """How many of a flow's units must be ok: `all`, `any`, `36/40` or `90%`."""

    text: str = "all"

    def of(self, units: int) -> int:
        """The number of units that must be ok, of this many: at least 1.

        Raises:
            ValueError: the text is none of the four forms, or asks for more units than there are.
        """
        if self.text == "all":
            return max(units, 1)
        if self.text == "any":
            return 1
        if match := re.fullmatch(r"(\d+)/(\d+)", self.text):
            wanted, given = int(match[1]), int(match[2])
            if given != units:
                raise ValueError(f'require: "{self.text}" speaks of {given} units, but the flow has {units}')
            if not 1 <= wanted <= units:
                raise ValueError(f'require: "{self.text}" cannot be met')
            return wanted
        if match := re.fullmatch(r"(\d+(?:\.\d+)?)%", self.text):
            share = float(match[1])
            if not 0 < share <= 100:
                raise ValueError(f'require: "{self.text}" is no share')
            return max(1, math.ceil(units * share / 100 - 1e-9))
        raise ValueError(f'require: "{self.text}" is none of all, any, "36/40" and "90%"')


@dataclass(frozen=True, slots=True)
class UnitName:
    """A unit of a flow: a probe, or one target of a probe that has several."""

    flow: str
    probe: str
    target: str | None = None

    def __str__(self) -> str:
        return f"{self.flow}/{self.probe}" + (f"[{self.target}]" if self.target else "")


@dataclass(frozen=True, slots=True)
class Flow:
    """`parents` are the flows whose page explains this one's. `declared_since` is a wall time: what people say."""

    id: str
    title: Words
    intent: Intent
    probes: Mapping[str, Probe]
    policy: Policy = field(default_factory=Policy)
    require: Require = field(default_factory=Require)
    group: str = ""
    criticality: Criticality = Criticality.NORMAL
    owner: str = ""
    runbook: str = ""
    notice: Words | None = None
    declared_since: float | None = None
    parents: tuple[str, ...] = ()
    public: bool = False

    def units(self) -> tuple[tuple[UnitName, Probe], ...]:
        """Every unit, counted or not, in the order of the configuration."""
        return tuple(
            (UnitName(self.id, name, target), probe)
            for name, probe in self.probes.items()
            for target in probe.targets_of()
        )

    @property
    def needed(self) -> int:
        """How many of the counted units must be ok."""
        return self.require.of(sum(probe.counts for _, probe in self.units()))
