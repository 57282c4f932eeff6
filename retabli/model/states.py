"""The words for what people decided and what was measured."""

from enum import StrEnum

from retabli.model.words import Words


class Intent(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class Criticality(StrEnum):
    VITAL = "vital"
    HIGH = "high"
    NORMAL = "normal"


class State(StrEnum):
    """All eight, in the order in which a page lists them: the worst first."""

    BREACHED = "breached"
    DROPPED = "dropped"
    UNKNOWN = "unknown"
    DEGRADED = "degraded"
    DOWN = "down"
    RECOVERING = "recovering"
    RESTORED = "restored"
    CONTAINED = "contained"


STATE_WORDS = {
    State.BREACHED: Words("isolement rompu", "breached"),
    State.DROPPED: Words("retombé", "dropped"),
    State.UNKNOWN: Words("inconnu", "unknown"),
    State.DEGRADED: Words("dégradé", "degraded"),
    State.DOWN: Words("interrompu", "down"),
    State.RECOVERING: Words("en reprise", "recovering"),
    State.RESTORED: Words("rétabli", "restored"),
    State.CONTAINED: Words("isolé", "contained"),
}
