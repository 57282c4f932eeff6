"""The daemon's event loop: one that notes when it heard of something, and looks up names in threads of their own."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from retabli.net.hearing import HearingLoop
from retabli.net.system_resolver import Lookups, getaddrinfo

T = TypeVar("T")


class Loop(HearingLoop):
    """What channels ask the system's resolver has threads of its own.

    asyncio would ask in its default pool, of a handful of threads: while the resolver is dead, each name of a channel
    holds one for ten seconds and more, and whatever else needs a thread (a scrape, a plugin, a reload) waits behind.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lookups = Lookups()

    async def getaddrinfo(self, host: Any, port: Any, **hints: Any) -> Any:
        """As `socket.getaddrinfo`.

        Raises:
            OSError: as that raises it, or there is no descriptor or no thread to ask with.
        """
        try:
            asked = self._lookups.submit(lambda: getaddrinfo(host, port, **hints))
        except RuntimeError as error:  # can't start new thread
            raise OSError(str(error)) from error
        return await asyncio.wrap_future(asked)


def run(main: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run`, on such a loop."""
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(main)
