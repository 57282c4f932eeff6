"""How many runs may be under way at once, and who goes first when there are more."""

import logging
from collections import deque
from collections.abc import Callable

from retabli.scheduler.unit import Place, Run

log = logging.getLogger("retabli.scheduler")


class Places:
    """A place is for the busy part of a run: one that outlives its usual time merely waits, and steps aside.

    So 300 silent targets, or mails that are awaited for minutes, do not keep the others from starting. Those that
    stepped aside have a bound of their own (`patient`: they hold sockets, no time); while that is reached they keep
    their place. Confirmations go ahead of ordinary runs; each kind is served in the order of its asking.

    `start` begins a run; where it raises, the run has not begun and holds no place.
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
        """Start it, now or as soon as there is a place.

        Raises:
            Exception: as `start` raised it; it has no place then, and waits for none.
        """
        if self.busy < self._busy_most:
            self._give(run)
        else:
            (self._urgent if run.confirming else self._ordinary).append(run)
            run.place = Place.QUEUE

    def step_aside(self, run: Run) -> None:
        """It outlived its usual time: it waits for an answer, and another may be busy meanwhile."""
        if run.place is Place.BUSY and self.patient < self._patient_most:
            run.place = Place.PATIENT
            self.busy -= 1
            self.patient += 1
            self.serve()

    def leave(self, run: Run) -> None:
        """Its climb is over, or it is dropped before it began."""
        place, run.place = run.place, Place.NONE
        if place is Place.BUSY:
            self.busy -= 1
        elif place is Place.PATIENT:
            self.patient -= 1
        elif place is Place.QUEUE:
            (self._urgent if run.confirming else self._ordinary).remove(run)
        self.serve()

    def serve(self) -> None:
        """Give the free places to those that wait. To be called each second too: who could not begin frees no place,
        and nobody else might."""
        while self.busy < self._busy_most and (queue := self._urgent or self._ordinary):
            run = queue.popleft()
            try:
                self._give(run)
            except Exception:  # not the fault of who made the place free: its own result is still to be judged
                log.exception("%s could not be run: its beat is lost", run.unit.label)
                return  # what this one lacked the next one would lack as well

    def _give(self, run: Run) -> None:
        try:
            self._start(run)
        except BaseException:
            run.place = Place.NONE
            raise
        self.busy += 1
        run.place = Place.BUSY
