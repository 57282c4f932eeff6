"""The situation from a state file, whether a daemon runs over it or not."""

import time

from commands import Refused
from config.configuration import Configuration
from retabli.report import Situation, replay
from retabli.store import Reader, StoreError
from retabli.view import Site

SILENT = 180.0  # seconds without a word in the state, after which no daemon is taken to be watching


def situation(configuration: Configuration, at: float) -> Situation:
    """From the state's log; of a daemon that is silent nothing is known any more.

    Raises:
        Refused: the state cannot be read.
    """
    site, now = configuration.site, time.time()
    place = Site(site.name, site.language, site.zone, configuration.standpoint, site.cut_at)
    try:
        with Reader(configuration.state) as reader:
            last_seen = reader.remembered().last_seen
            # Of a clock that was set back, too: a daemon that lives writes by the clock of now.
            silent = last_seen is None or abs(now - last_seen) > SILENT
            return replay(
                reader.each(),
                configuration.flows,
                place,
                at,
                last_seen=last_seen if silent else None,
                latest=now - at < SILENT,
            )
    except StoreError as error:
        raise Refused(str(error), code=1) from error
