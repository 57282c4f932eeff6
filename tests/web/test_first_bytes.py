"""A long answer begins at once."""

import gzip
import zlib
from collections.abc import AsyncIterator

from retabli.web.guard import gzipped


async def test_the_first_piece_is_told_whole_before_the_second_is_made() -> None:
    made = []

    async def pieces() -> AsyncIterator[bytes]:
        for number in range(3):
            made.append(number)
            yield b"piece %d; " % number

    packed = gzipped(pieces())
    first = await anext(packed)
    assert made == [0]
    assert zlib.decompressobj(31).decompress(first) == b"piece 0; "
    rest = [each async for each in packed]
    assert gzip.decompress(b"".join([first, *rest])) == b"piece 0; piece 1; piece 2; "
