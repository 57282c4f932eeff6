"""How a conversation ends whose work is done: a last word, a moment for the answer, and the close."""

import asyncio
from collections.abc import Awaitable, Callable

from retabli.model.ladder import Fall
from retabli.net.connection import Connection

PATIENCE = 0.5  # seconds: a farewell must not cost a run its deadline


async def part(connection: Connection, last_word: Callable[[], Awaitable[object]]) -> None:
    """Say it, wait a moment at most for the answer, and close."""
    try:
        async with asyncio.timeout(PATIENCE):
            await last_word()
    except (Fall, OSError):
        pass  # a TimeoutError is an OSError: whatever the other side still says, the work was done
    finally:
        await connection.close()
