"""Gives one message to one address by Apprise. A program of its own, which `apprise.py` starts.

It reads an order from standard input, as JSON: `url`, `title`, `body`, `type`, and the daemon's own `path`. Exit status
0: the address took it. 1: it did not, and standard output says why, without a word of the address, which holds tokens.
"""

import json
import logging
import re
import resource
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

MOST_MEMORY = 256 * 2**20  # bytes: an endless answer ends this process, and nothing else
LONG = 4  # characters from which a part of an address is hidden wherever it stands, also within a word


class Warnings(logging.Handler):
    """The last thing that Apprise warned of."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()


def main() -> int:
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, most))
    order = json.load(sys.stdin)
    sys.path += [each for each in order["path"] if each not in sys.path]  # what the daemon can import, this can
    refusal = send(order)
    if refusal is None:
        return 0
    sys.stdout.write(hidden(refusal, order["url"]))
    return 1


def send(order: dict[str, Any]) -> str | None:
    """Why the address did not take it, or None."""
    import apprise

    scheme = order["url"].partition("://")[0].lower()
    if scheme in ("xmpp", "xmpps"):
        return "Apprise does not know whether an XMPP server took a message: use the kind xmpp"
    warnings = Warnings()
    logger = logging.getLogger("apprise")
    logger.addHandler(warnings)
    logger.propagate = False
    asset = apprise.AppriseAsset(app_id="Retabli", app_desc="Retabli")
    one = apprise.Apprise(asset=asset)
    if not one.add(order["url"]):
        lacking = ", ".join(lacked(apprise, scheme))
        return f"it needs {lacking}, not installed" if lacking else "Apprise does not understand this address"
    if one.notify(title=order["title"], body=order["body"], notify_type=order["type"], body_format="text"):
        return None
    return warnings.last or "Apprise says no more"


def lacked(apprise: Any, scheme: str) -> Iterator[str]:
    """The packages without which Apprise does not serve this scheme."""
    for service in apprise.Apprise().details(show_requirements=True, show_disabled=True)["schemas"]:
        if not service["enabled"] and scheme in (*(service["protocols"] or ()), *(service["secure_protocols"] or ())):
            yield from service["requirements"]["packages_required"]


def hidden(reason: str, url: str) -> str:
    """The reason without any part of the address but its scheme."""
    parts = set(re.split(r"[/:@?&=,;#\s]", url.partition("://")[2])) - {""}
    for part in sorted({*parts, *map(unquote, parts)}, key=len, reverse=True):
        form = re.escape(part) if len(part) >= LONG else rf"(?<!\w){re.escape(part)}(?!\w)"
        reason = re.sub(form, "***", reason, flags=re.IGNORECASE)
    return reason


if __name__ == "__main__":
    sys.exit(main())
