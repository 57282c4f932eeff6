"""Gives one message to Apprise. A program of its own, which `elsewhere.py` starts: the daemon imports none of it.

It reads an order from standard input, as JSON: `urls`, `title`, `body`, `type`. For each address it prints a line as
soon as it knows: `[place, null]`, or `[place, "why not"]`; never a word of an address, which holds tokens.
"""

import json
import logging
import re
import resource
import sys
import threading
from typing import Any
from urllib.parse import unquote

MOST_MEMORY = 256 * 2**20  # bytes: an endless answer ends this process, and nothing else
SHORTEST_SECRET = 3  # characters of a part of an address that is hidden

_LOCK = threading.Lock()


class Reasons(logging.Handler):
    """What Apprise warns of while it sends, by thread."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.by_thread: dict[int, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        self.by_thread[threading.get_ident()] = record.getMessage()


def main() -> int:
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, most))
    order = json.load(sys.stdin)
    reasons = Reasons()
    logger = logging.getLogger("apprise")
    logger.addHandler(reasons)
    logger.propagate = False
    threads = [
        threading.Thread(target=send, args=(place, url, order, reasons)) for place, url in enumerate(order["urls"])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 0


def send(place: int, url: str, order: dict[str, Any], reasons: Reasons) -> None:
    """One address. However it ends, it is told how."""
    import apprise

    outcome: str | None = "Apprise broke off"
    try:
        asset = apprise.AppriseAsset(app_id="Retabli", app_desc="Retabli", async_mode=False)
        one = apprise.Apprise(asset=asset)
        if not one.add(url):
            outcome = "Apprise does not understand this address"
        elif one.notify(title=order["title"], body=order["body"], notify_type=order["type"], body_format="text"):
            outcome = None
        else:
            outcome = hidden(reasons.by_thread.get(threading.get_ident(), "Apprise says no more"), url)
    finally:
        with _LOCK:
            sys.stdout.write(f"{json.dumps([place, outcome])}\n")
            sys.stdout.flush()


def hidden(reason: str, url: str) -> str:
    """The reason without any part of the address but its scheme."""
    rest = url.partition("://")[2]
    parts = {part for part in re.split(r"[/:@?&=,;#\s]", rest) if len(part) >= SHORTEST_SECRET}
    for part in sorted({*parts, *map(unquote, parts)}, key=len, reverse=True):
        reason = re.sub(re.escape(part), "***", reason, flags=re.IGNORECASE)
    return reason


if __name__ == "__main__":
    sys.exit(main())
