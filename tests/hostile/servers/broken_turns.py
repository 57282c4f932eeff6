"""A partner that is well until it speaks for the n-th time: then it is silent, hangs up, lies, floods or trickles."""

import asyncio
from collections.abc import Iterator
from typing import TypeAlias

from tests.hostile.cells import Cell
from tests.hostile.meeting import between, cell
from tests.hostile.tampering import Fault
from tests.hostile.ways import every
from tests.net.peers import endless, reset, silent

Reader: TypeAlias = asyncio.StreamReader
Writer: TypeAlias = asyncio.StreamWriter


async def falls_silent(reader: Reader, writer: Writer, said: bytes) -> None:
    await silent(reader, writer)


async def closes(reader: Reader, writer: Writer, said: bytes) -> None:
    pass


async def half_closes(reader: Reader, writer: Writer, said: bytes) -> None:
    writer.write_eof()
    while await reader.read(65_536):
        pass


async def resets(reader: Reader, writer: Writer, said: bytes) -> None:
    reset(writer)


async def breaks_off(reader: Reader, writer: Writer, said: bytes) -> None:
    """Says the first half, and closes."""
    writer.write(said[: max(1, len(said) // 2)])
    await writer.drain()


async def hangs_within(reader: Reader, writer: Writer, said: bytes) -> None:
    """Says the first half, and no more."""
    await breaks_off(reader, writer, said)
    await silent(reader, writer)


async def trickles(reader: Reader, writer: Writer, said: bytes) -> None:
    """A byte each 200 ms: never silent for long."""
    for place in range(len(said)):
        writer.write(said[place : place + 1])
        await writer.drain()
        await asyncio.sleep(0.2)
    await silent(reader, writer)


async def turns_every_bit(reader: Reader, writer: Writer, said: bytes) -> None:
    writer.write(bytes(byte ^ 0xFF for byte in said))
    await writer.drain()
    await silent(reader, writer)


async def says_it_in_utf_16(reader: Reader, writer: Writer, said: bytes) -> None:
    writer.write(said.decode("latin-1").encode("utf-16"))
    await writer.drain()
    await silent(reader, writer)


async def says_zeros(reader: Reader, writer: Writer, said: bytes) -> None:
    writer.write(bytes(max(len(said), 1024)))
    await writer.drain()
    await silent(reader, writer)


async def stutters(reader: Reader, writer: Writer, said: bytes) -> None:
    """Says the same again and again, for ever."""
    await endless(said * (65_536 // len(said) + 1))(reader, writer)


async def says_a_line_without_end(reader: Reader, writer: Writer, said: bytes) -> None:
    """Begins as it should, and goes on as if the line never ended."""
    writer.write(said.rstrip(b"\r\n")[:64])
    await endless(b"x" * 65_536)(reader, writer)


LIGHT: dict[str, Fault] = {
    "falls silent": falls_silent,
    "closes": closes,
    "half-closes": half_closes,
    "resets": resets,
    "breaks off": breaks_off,
    "hangs within": hangs_within,
    "a byte each 200 ms": trickles,
    "turns every bit": turns_every_bit,
    "UTF-16": says_it_in_utf_16,
    "zeros": says_zeros,
}
HEAVY: dict[str, Fault] = {"stutters": stutters, "a line without end": says_a_line_without_end}


def cells() -> Iterator[Cell]:
    for way in every():
        for turn in range(1, way.turns + 1):
            for name, fault in LIGHT.items():
                yield cell("broken_turns", name, way, between(way, fault, turn), at=turn)
            for name, fault in HEAVY.items():
                yield cell("broken_turns", name, way, between(way, fault, turn), at=turn, heavy=True)
