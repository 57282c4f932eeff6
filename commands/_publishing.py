"""The public page, its feed and its badge, written into a folder for somebody else's web server."""

import time
from pathlib import Path

from commands import Refused
from commands._situations import situation
from config.configuration import Configuration
from config.files import NOTHING
from config.loading import load
from retabli.model.record import Entry
from retabli.model.states import State
from retabli.published import Bulletin, FeedEntry, NotOurs, bulletin, public_entries, write
from retabli.report import Situation
from retabli.store import Reader, StoreError, Which

LANGUAGES = ("fr", "en")
ROWS = 2000  # of the log, the newest, in which news are looked for


def publish(config: Path | None, folder: Path) -> None:
    """
    Raises:
        Refused: the state cannot be read, or the folder cannot be written.
    """
    configuration = load(config, NOTHING)
    found = situation(configuration, time.time())
    bulletins = {language: _bulletin(found, language) for language in LANGUAGES}
    try:
        news = _news(configuration, found)
        write(folder, bulletins, news, configuration.site.language)
    except (StoreError, NotOurs) as error:
        raise Refused(str(error), code=1) from error
    except OSError as error:
        raise Refused(f"{folder} cannot be written: {error.strerror or error}", code=1) from error


def _bulletin(found: Situation, language: str) -> Bulletin:
    flows = []
    for line in found.lines:
        since = line.since if line.state is State.DROPPED or line.restored_at is None else line.restored_at
        told = bulletin(line.flow, line.state, language, since=since)
        if told is not None:
            flows.append(told)
    return Bulletin(found.site, language, found.at, found.at, tuple(flows), found.unwatched_since)


def _news(configuration: Configuration, found: Situation) -> dict[str, list[FeedEntry]]:
    with Reader(configuration.state) as reader:
        rows = reader.entries(Which(events=("state", "intent")), limit=ROWS)
    entries = [Entry(row.at, row.event, row.flow, row.data) for row in rows]
    return {
        language: public_entries(
            entries, configuration.flows, found.site, language, stamp=float, link=f"index.{language}.html"
        )
        for language in LANGUAGES
    }
