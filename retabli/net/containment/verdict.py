"""What a round has proved: pure, from the fates of its attempts and its controls. Nothing is proven by default."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from retabli.model.causes import Cause
from retabli.model.ladder import Fall
from retabli.net.containment.containment_causes import (
    ALIVE_NOT_KNOWN,
    CONTROL_PATH_FAILED,
    CONTROLS_MISSING,
    NOT_EXPECTED_SIGNATURE,
    PRECEDENCE,
    ROUND_NOT_JUDGED,
    TARGET_NOT_ALIVE,
)
from retabli.net.containment.containment_settings import Alive
from retabli.net.containment.ways import Controls, ControlSeen, Fate, Sign, Way

NAMED = 4  # attempts that a detail names


@dataclass(frozen=True, slots=True)
class Findings:
    """A round's fates and controls, and what the operator expects. Each check raises a Fall, or holds.

    `wanted` are the ways that must have been gone: one of which nothing is known is not closed.
    """

    wanted: Sequence[Way]
    fates: Sequence[Fate]
    controls: Controls
    expected: frozenset[Sign]
    alive_of: Callable[[Way], Alive | None]
    path_configured: bool

    # The attempts ---------------------------------------------------------------------------------------------------

    @property
    def in_order(self) -> list[Fate]:
        """As the operator wrote them, answers first."""
        places = {replace(way, family=None): place for place, way in enumerate(self.wanted)}

        def place(fate: Fate) -> tuple[bool, int, int]:
            written = replace(fate.way, family=None, demanded=False)
            return not fate.breach, places.get(written, len(places)), fate.way.family or 0

        return sorted(self.fates, key=place)

    @property
    def breaches(self) -> list[Fate]:
        return [fate for fate in self.fates if fate.breach]

    def check_attempted(self) -> None:
        """Every attempt was made; or one was answered, and then the others may be as they are."""
        unjudged = [fate for fate in self.fates if fate.cause is not None and not fate.breach]
        kept_from = [fate for fate in unjudged if fate.cause is not NOT_EXPECTED_SIGNATURE]
        if self.breaches:
            return
        if kept_from:
            raise _fall(kept_from)
        gone = {replace(fate.way, demanded=False) for fate in self.fates if fate.applies}
        gone |= {replace(way, family=None) for way in gone}  # a way over both families is gone over one at least
        missing = [way for way in self.wanted if way not in gone]
        if missing or not gone:
            raise Fall(ROUND_NOT_JUDGED, f"not attempted: {', '.join(map(str, missing[:NAMED]))}")

    def check_denied(self) -> None:
        """None was answered, and every denial bears an expected sign."""
        if self.breaches:
            raise _fall(self.breaches)
        odd = [fate for fate in self.fates if fate.cause is NOT_EXPECTED_SIGNATURE]
        odd += [
            Fate(fate.way, cause=NOT_EXPECTED_SIGNATURE, detail=f"{fate.sign} {fate.detail}".strip())
            for fate in self.fates
            if fate.sign is not None and fate.sign not in self.expected
        ]
        if odd:
            raise _fall(odd)

    # The controls ---------------------------------------------------------------------------------------------------

    @property
    def in_doubt(self) -> list[Fate]:
        """Denials that a dead link or a dead target gives as well."""
        return [fate for fate in self.fates if fate.sign is not None and not fate.proves_alone]

    @property
    def families_in_doubt(self) -> list[int]:
        """Of direct attempts. A proxy that took our connection, or a resolver that knew its inside name, is the path
        of what goes through it."""
        return sorted({fate.way.family for fate in self.in_doubt if fate.way.family is not None})

    def check_path(self) -> None:
        """We can get out of this place, over each family in which a silence is to count."""
        families = self.families_in_doubt
        if families and not self.path_configured:
            raise Fall(CONTROLS_MISSING, f"control.path; {_told(self.in_doubt)}")
        for family in families:
            seen = self.controls.path.get(family)
            if seen is None:
                raise Fall(CONTROL_PATH_FAILED, f"control.path has no IPv{family} address; {_told(self.in_doubt)}")
            if not seen.passes:
                raise Fall(CONTROL_PATH_FAILED, seen.detail)

    def check_alive(self) -> None:
        """The very target answers somebody else now, for each attempt whose silence is to count."""
        for fate in self.in_doubt:
            alive = self.alive_of(fate.way)
            if alive is None:
                raise Fall(CONTROLS_MISSING, f"control.alive; {fate.way}: {fate.sign}")
        for fate in self.in_doubt:
            seen = self._alive(fate.way)
            if seen is None or not seen.passes:
                raise Fall(_why_not_alive(seen), f"{fate.way}: {seen.detail if seen is not None else 'not looked at'}")

    def _alive(self, way: Way) -> ControlSeen | None:
        alive = self.alive_of(way)
        return self.controls.alive.get(alive) if alive is not None else None

    @property
    def path_seen(self) -> list[ControlSeen | None]:
        """The path over the families in doubt, else over all that are known. None: there is none over that family."""
        families = self.families_in_doubt or sorted(self.controls.path)
        return [self.controls.path.get(family) for family in families] if self.path_configured else []

    @property
    def alive_seen(self) -> list[ControlSeen]:
        """Of the targets in doubt, else of all."""
        found = {id(seen): seen for fate in self.in_doubt if (seen := self._alive(fate.way)) is not None}
        return list(found.values()) or list(self.controls.alive.values())


def _why_not_alive(seen: ControlSeen | None) -> Cause:
    if seen is not None and seen.passes is False:
        return TARGET_NOT_ALIVE
    refused = seen is not None and seen.cause is not None and seen.cause.credential  # accounts lock: it must show
    return seen.cause if refused and seen is not None and seen.cause is not None else ALIVE_NOT_KNOWN


def _fall(fates: Sequence[Fate]) -> Fall:
    """The first cause of PRECEDENCE, and each attempt that has it."""
    met = [fate.cause for fate in fates if fate.cause is not None]
    worst: Cause = next((cause for cause in PRECEDENCE if cause in met), met[0])
    told = [fate for fate in fates if fate.cause is worst]
    others = [fate for fate in fates if fate.breach and fate.cause is not worst]
    return Fall(worst, _told([*told, *others]))


def _told(fates: Iterable[Fate]) -> str:
    lines = [f"{fate.way}: {fate.detail or fate.sign or ''}".rstrip(": ") for fate in fates]
    more = f"; and {len(lines) - NAMED} more" if len(lines) > NAMED else ""
    return "; ".join(lines[:NAMED]) + more
