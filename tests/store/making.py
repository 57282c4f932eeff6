"""What the store's tests write: entries, messages, results, commits."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from retabli.model import causes, stages
from retabli.model.flow import UnitName
from retabli.model.record import Entry, Event, Message
from retabli.model.result import Outcome, Result, Rung
from retabli.store import Store

UNIT = UnitName("mail-out", "loop")


def entry(number: int = 1, flow: str | None = "mail-out", event: Event = Event.STATE) -> Entry:
    return Entry(1000.0 + number, event, flow, {"was": "down", "now": "recovering", "id": number})


def message(number: int = 1, channel: str = "duty", flow: str = "mail-out") -> Message:
    return Message(f"{flow}-{number}", channel, flow, {"key": f"{flow}-{number}", "text": "é", "number": number})


def result(at: float, outcome: Outcome = Outcome.OK) -> Result:
    fell = outcome is not Outcome.OK
    rungs = (Rung(stages.RESOLVE, 0.004), Rung(stages.CONNECT, 0.01, causes.REFUSED if fell else None))
    return Result(
        outcome=outcome,
        rungs=rungs,
        of=2,
        stage=stages.CONNECT,
        cause=causes.REFUSED if fell else None,
        detail="said so" if fell else "",
        beat=0.0,
        started=1.0,
        ended=1.25,
        at=at,
    )


async def commit(store: Store, **given: Any) -> None:
    await store.commit(**{"standings": {}, "units": {}, "entries": (), "messages": ()} | given)


def sql(path: Path, *statements: str) -> list[Any]:
    """What somebody does who opens the file by hand."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return [connection.execute(statement).fetchall() for statement in statements][-1]
