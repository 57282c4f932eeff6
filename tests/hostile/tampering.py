"""A relay before a partner that is well: it counts the partner's turns to speak, and breaks one of them."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.hostile.grounds import HERE
from tests.net.peers import Handler

# What is done instead of passing on what the partner said: with both ends of the probe's connection, and what was said.
Fault = Callable[[asyncio.StreamReader, asyncio.StreamWriter, bytes], Awaitable[None]]


@dataclass
class Turns:
    """How often the partner spoke, over all connections together: a new turn begins after the probe has spoken."""

    taken: int = 0


def relay(well: int, fault: Fault | None = None, turn: int = 0, turns: Turns | None = None) -> Handler:
    """Passes everything on, until the partner's `turn`-th turn of the run: then the fault, for good."""
    counted = Turns() if turns is None else turns

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversation = _Conversation(reader, writer, fault, turn, counted)
        await conversation.run(*await asyncio.open_connection(HERE, well))

    return converse


@dataclass
class _Conversation:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    fault: Fault | None
    turn: int
    turns: Turns
    asked: bool = True  # the probe spoke since the partner did, or nobody has yet
    broken: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, well: asyncio.StreamReader, to_well: asyncio.StreamWriter) -> None:
        listening = asyncio.create_task(self._pass_questions(to_well))
        try:
            said = await self._pass_answers(well)
            if said is None or self.fault is None:
                return
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await self.fault(self.reader, self.writer, said)
        finally:
            to_well.close()  # before anything is awaited, which may be cut short
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _pass_questions(self, to_well: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await self.reader.read(65_536):
                self.asked = True
                to_well.write(data)
                await to_well.drain()
            to_well.close()

    async def _pass_answers(self, well: asyncio.StreamReader) -> bytes | None:
        """What was said in the turn that is to be broken; None at the partner's own end."""
        while data := await well.read(65_536):
            if self.asked:
                self.asked = False
                self.turns.taken += 1
            if self.fault is not None and self.turns.taken >= self.turn:
                return data
            self.writer.write(data)
            await self.writer.drain()
        return None
