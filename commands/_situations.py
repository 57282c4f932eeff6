"""The situation from a state file, whether a daemon runs over it or not."""

import time

from commands import Refused
from config.configuration import Configuration
from retabli.alerts.health import UNWRITTEN
from retabli.report import Situation, replay
from retabli.store import Reader, StoreError
from retabli.view import Site

# Seconds without a word in the state, after which nothing is known any more: as long as a daemon calls itself well. It
# may watch all the same, in memory, while the disk takes nothing: what has dropped since is not to be read here.
SILENT = UNWRITTEN


def situation(configuration: Configuration, at: float) -> Situation:
    """From the state's log; of a daemon that is silent nothing is known any more.

    Of one that is not, it is told how things were when it last wrote: of the moments since then the file knows nothing.

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
                at if silent or last_seen is None else min(at, last_seen),
                last_seen=last_seen if silent else None,
                latest=now - at < SILENT,
            )
    except StoreError as error:
        raise Refused(str(error), code=1) from error
