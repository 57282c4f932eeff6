"""The public timeline, 21 June to 3 July 2023, replayed on the switches; and the clock that maps now to then.

Sources: the public statements of CHU de Rennes of June and July 2023.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

START = datetime.fromisoformat("2023-06-21T16:00:00+02:00").timestamp()
END = datetime.fromisoformat("2023-07-03T18:00:00+02:00").timestamp()
SECONDS = 120.0  # of real time that the twelve days take by default
DEFAULT_SPEED = (END - START) / SECONDS


@dataclass(frozen=True, slots=True)
class Turn:
    """At this moment of 2023 a switch is set. `lag`: real seconds that probes need to prove it, subtracted."""

    at: float
    flow: str
    position: str
    lag: float = 0.0


def _then(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


# All is cut on the evening of the attack; then what each statement says works again, at the hour it is said to. Of
# those that the release of 3 July only calls restored by then, the day is not public: one before is taken.
CUT: Mapping[str, str] = {
    "mail-out": "held",
    "mail-in": "held",
    "rubis": "stopped",
    "efs": "stopped",
    "mssante": "refuses",
    "apicrypt": "stopped",
    "speech": "stopped",
    "reports": "stopped",
    "websites": "denied",
    "card-payment": "stopped",
}

TURNS = (
    Turn(_then("2023-06-24T09:00:00+02:00"), "efs", "open", lag=7.5),
    Turn(_then("2023-06-26T09:00:00+02:00"), "mail-in", "open", lag=8.5),
    Turn(_then("2023-06-27T09:00:00+02:00"), "rubis", "accepts", lag=7.5),
    Turn(_then("2023-06-28T09:00:00+02:00"), "mssante", "open", lag=9.5),
    Turn(_then("2023-06-28T14:00:00+02:00"), "apicrypt", "open", lag=8.0),
    Turn(_then("2023-06-29T09:00:00+02:00"), "websites", "open", lag=6.0),
    Turn(_then("2023-06-30T09:00:00+02:00"), "speech", "listens", lag=7.5),
    Turn(_then("2023-06-30T15:00:00+02:00"), "reports", "sends", lag=8.0),
    Turn(_then("2023-07-03T09:00:00+02:00"), "mail-out", "open", lag=9.5),
)


@dataclass(frozen=True, slots=True)
class Mapped:
    """Real wall time to the time that is shown. After the end of the replay both pass at the same pace."""

    began: float
    speed: float

    def stamp(self, wall: float) -> float:
        then = START + (wall - self.began) * self.speed
        if then <= END:
            return then
        return END + (wall - self.began - (END - START) / self.speed)

    def real(self, then: float) -> float:
        """The wall time at which that moment of the replay is reached."""
        return self.began + (then - START) / self.speed


async def replay(
    mapped: Mapped,
    turn: Callable[[str, str], None],
    *,
    wall: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]],
) -> None:
    """Set the switches as the days pass; returns at the end of the last one. `sleep` is awaited with seconds."""
    for flow, position in CUT.items():
        turn(flow, position)
    moments = [(max(mapped.began, mapped.real(each.at) - each.lag), each) for each in TURNS]
    for when, each in sorted(moments, key=lambda moment: moment[0]):
        await _until(when, wall, sleep)
        turn(each.flow, each.position)
    await _until(mapped.real(END), wall, sleep)


async def _until(when: float, wall: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
    while (rest := when - wall()) > 0:
        await sleep(min(rest, 1.0))
