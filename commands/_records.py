"""What pages ask for that is not on view: the point of situation at any moment of the log."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from config.configuration import Configuration
from retabli.report import Situation, body, compose, from_view, replay, written
from retabli.store import Reader
from retabli.view import View


@dataclass(frozen=True, slots=True)
class Records:
    """`_configuration` is that of now: a reload gives another one."""

    _view: View
    _configuration: Callable[[], Configuration]

    async def report(self, *, language: str, form: str, public: bool, at: float | None) -> str:
        """As it is now, from what is shown; as it was, from the whole log, read beside the loop."""
        if at is None:
            situation = from_view(self._view)
        elif at > time.time():
            raise LookupError("that moment is in the future, of which nothing is known")
        else:
            situation = await asyncio.to_thread(self._situation, at)
        report = compose(situation, language, public=public)
        return str(body(report)) if form == "body" else written(report, form)

    def _situation(self, at: float) -> Situation:
        with Reader(self._configuration().state) as reader:
            return replay(reader.each(), self._configuration().flows, self._view.site, at)
