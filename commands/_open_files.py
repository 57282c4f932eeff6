"""The open files of a daemon: as many as it may have, whether they are enough; and what is said when things run out."""

import asyncio
import logging
import resource
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from retabli.net.descriptors import KEPT_FROM_PROBES, most

OF_ITS_OWN = 64  # open files of a daemon that probes nothing: the state, the log, the page, its channels

log = logging.getLogger("retabli.machine")


def raise_open_files() -> None:
    """As many open files as we may have: the usual soft limit, 1024, is less than what is probed at once."""
    _, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # a kernel with a lower limit of its own
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))


def warn_of_open_files(probes: int) -> None:
    """Say so if that many probes, all at once, need more open files than this process may have."""
    needed, limit = probes + KEPT_FROM_PROBES + OF_ITS_OWN, most()
    if needed > limit != resource.RLIM_INFINITY:
        log.warning(
            "%d probes may need %d open files at once, and this daemon may have %d: raise LimitNOFILE= of its unit, or "
            "`ulimit -n`; what has none is unknown",
            probes,
            needed,
            limit,
        )


def hear_of_shortages(loop: asyncio.AbstractEventLoop, lacks: Callable[[str], None]) -> None:
    """What asyncio says with a traceback at each connection that it cannot take or read is told to `lacks` instead."""

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if context.get("message") == "socket.accept() out of system resource":
            lacks(f"no browser can be answered ({context['exception'].strerror})")
        elif isinstance(context.get("exception"), MemoryError):
            lacks("no memory is left for a connection")
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(handle)
