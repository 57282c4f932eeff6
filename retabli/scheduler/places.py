"""How many runs may be under way at once, and who goes first when there are more."""

from collections import deque
from collections.abc import Callable

from retabli.scheduler.unit import Place, Run


class Places:
    """A place is for the busy part of a run: one that outlives its usual time merely waits, and steps aside.

    So 300 silent targets, or mails that are awaited for minutes, do not keep the others from starting. Those that
    stepped aside have a bound of their own (`patient`: they hold sockets, no time); while that is reached they keep
    their place. Confirmations go ahead of ordinary runs; each kind is served in the order of its asking.
    """

    def __init__(self, busy: int, patient: int, start: Callable[[Run], None]) -> None:
        self._busy_most = busy
        self._patient_most = patient
        self._start = start
        self._urgent: deque[Run] = deque()
        self._ordinary: deque[Run] = deque()
        self.busy = 0
        self.patient = 0

    @property
    def waiting(self) -> int:
        """How many runs wait for a place."""
        return len(self._urgent) + len(self._ordinary)

    def enter(self, run: Run) -> None:
        """Start it, now or as soon as there is a place."""
        if self.busy < self._busy_most:
            self._give(run)
        else:
            run.place = Place.QUEUE
            (self._urgent if run.confirming else self._ordinary).append(run)

    def step_aside(self, run: Run) -> None:
        """It outlived its usual time: it waits for an answer, and another may be busy meanwhile."""
        if run.place is Place.BUSY and self.patient < self._patient_most:
            run.place = Place.PATIENT
            self.busy -= 1
            self.patient += 1
            self._serve()

    def leave(self, run: Run) -> None:
        """Its climb is over, or it is dropped before it began."""
        place, run.place = run.place, Place.NONE
        if place is Place.BUSY:
            self.busy -= 1
        elif place is Place.PATIENT:
            self.patient -= 1
        elif place is Place.QUEUE:
            (self._urgent if run.confirming else self._ordinary).remove(run)
        self._serve()

    def _serve(self) -> None:
        while self.busy < self._busy_most and (queue := self._urgent or self._ordinary):
            self._give(queue.popleft())

    def _give(self, run: Run) -> None:
        self.busy += 1
        self._start(run)
        run.place = Place.BUSY
