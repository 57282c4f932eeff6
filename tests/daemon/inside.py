"""A daemon in the test's own process, where its parts can be looked at and can be made to fall."""

import asyncio
from collections.abc import Callable

from commands._daemon import Daemon
from config.loading import load
from tests.daemon.living import Life


class Inside:
    """It begins when it is entered, and reads its file again for each reload."""

    def __init__(self, life: Life, *, settled: Callable[[], None] = lambda: None) -> None:
        self.life = life
        self.daemon = Daemon(load(life.config), load=lambda: load(life.config), settled=settled)
        self.began = asyncio.Event()
        self._stop = asyncio.Event()

    async def __aenter__(self) -> Daemon:
        self._task = asyncio.create_task(self.daemon.run(self._stop, began=lambda _: self.began.set()))
        return self.daemon

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        await self._task
