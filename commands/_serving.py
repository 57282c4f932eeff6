"""A daemon in its process: as many open files as it may have, and the signals that stop and reload it."""

import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine
from typing import Any

from commands._daemon import Daemon
from commands._open_files import hear_of_shortages, raise_open_files
from retabli.web.seams import Reloaded

log = logging.getLogger("retabli")


def serve(daemon: Daemon, stop: asyncio.Event, began: Callable[[str], None]) -> Coroutine[Any, Any, None]:
    """`daemon.run`, stopped by SIGTERM and SIGINT; SIGHUP reloads. To be awaited in the main thread."""
    raise_open_files()
    loop = asyncio.get_running_loop()
    hear_of_shortages(loop, daemon.machine.lacks)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    reloads: set[asyncio.Task[Reloaded]] = set()

    def reload() -> None:
        reloads.add(task := loop.create_task(daemon.reload(), name="reload"))
        task.add_done_callback(ended)

    def ended(task: asyncio.Task[Reloaded]) -> None:
        reloads.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a reload broke off: %s", str(error) or type(error).__name__, exc_info=error)

    if daemon.can_reload:
        loop.add_signal_handler(signal.SIGHUP, reload)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # what came before we could hear it comes now
    return daemon.run(stop, began=began)
