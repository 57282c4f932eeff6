"""Started by the kill tests: for each path on its input it forks a child that writes there until it is killed.

The child notes each thing that the store acknowledged, one line each, in `PATH.told`: all of it must be found again.
"""

import asyncio
import os
import sys
from pathlib import Path

from retabli.model.record import Entry, Event, Message
from retabli.store import Store
from tests.store.making import UNIT, commit, result


async def write(path: Path) -> None:
    notes = os.open(f"{path}.told", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    store = Store.open(path)
    found = store.load().standings
    flows = ("lane-0", "lane-1", "lane-2")
    await asyncio.gather(*(lane(store, flow, notes, found.get(flow, {}).get("next", 0)) for flow in flows))


async def lane(store: Store, flow: str, notes: int, number: int) -> None:
    while True:
        store.keep(UNIT, {"oks": number}, {}, result(float(number)))
        await commit(
            store,
            standings={flow: {"next": number + 1}},
            entries=[Entry(float(number), Event.STATE, flow, {"id": number})],
            messages=[Message(f"{flow}-{number}", "duty", flow, {"id": number})],
        )
        os.write(notes, f"committed {flow} {number}\n".encode())
        if number % 5 == 4:
            row = next(head for head in await store.heads() if head.message.flow == flow)
            await store.told(row, Entry(float(number), Event.TOLD, flow, {"key": row.message.key}))
            os.write(notes, f"told {flow} {row.message.body['id']}\n".encode())
        number += 1


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            asyncio.run(write(Path(line.strip())))
            os._exit(0)
        os.write(1, f"{child}\n".encode())
        os.waitpid(child, 0)
        os.write(1, b"ended\n")


if __name__ == "__main__":
    main()
