"""The on-call's telephone: takes each page that is posted to it as JSON, and lets whoever asked hear it."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from simulator import http

Heard = Callable[[Mapping[str, Any]], None]
LARGEST = 1 << 16  # bytes of one page


class Duty:
    """`rings` are the pages so far, the oldest first."""

    def __init__(self) -> None:
        self.rings: list[Mapping[str, Any]] = []
        self._told: list[Heard] = []

    def on_ring(self, heard: Heard) -> None:
        self._told.append(heard)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """HTTP/1.1 as far as a POST of JSON needs it; what is no such thing ends the conversation."""
        while True:
            request = await http.read_request(reader)
            page = json.loads(await http.read_body(reader, request, LARGEST))
            self.rings.append(page)
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            await writer.drain()
            for heard in self._told:
                heard(page)
