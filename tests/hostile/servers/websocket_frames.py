"""Recognisers that speak WebSocket as none may: frames of 2^63 bytes, fragments without end, pings without end."""

import json
from collections.abc import Iterator

from retabli.net.speech.recording import WORDS
from tests.hostile.cells import Cell
from tests.hostile.meeting import alone, cell
from tests.hostile.ways import every
from tests.net.peers import Handler, closing, endless, reset, silent, trickling
from tests.net.websocket_servers import BINARY, CLOSE, CONTINUED, PING, PONG, TEXT, frame, goodbye, upgrading

GOOD = json.dumps({"text": WORDS})


async def resets(reader: object, writer: object) -> None:
    reset(writer)  # type: ignore[arg-type]


FRAMES: dict[str, bytes | Handler] = {
    "a frame of 2^63": frame(TEXT, b"x", length=1 << 63),
    "a frame of 2^63 less one": frame(BINARY, b"x", length=(1 << 63) - 1),
    "a masked frame": frame(TEXT, GOOD, masked=True),
    "an opcode of nobody": frame(7, b"x"),
    "reserved bits": bytes([0xF1, 1]) + b"x",
    "a continuation of nothing": frame(CONTINUED, GOOD),
    "a message in a message": frame(TEXT, b"{", fin=False) + frame(TEXT, GOOD),
    "a fragment and no more": frame(TEXT, b"{", fin=False),
    "a long ping": frame(PING, b"x" * 126),
    "a ping in fragments": frame(PING, b"x", fin=False),
    "a text that is none": frame(TEXT, b"\xff\xfe"),
    "an empty text": frame(TEXT, b""),
    "text that is no JSON": frame(TEXT, "one two three"),
    "escapes": frame(TEXT, json.dumps({"text": "\x1b[2J\u202e\x00"})),
    "goodbye with half a code": frame(CLOSE, b"\x03"),
    "goodbye with a code of nobody": goodbye(999, "x"),
    "goodbye with escapes": goodbye(1011, "\x1b[2J\u202egnp.exe"),
    "goodbye with what is no text": frame(CLOSE, b"\x03\xe8\xff\xfe"),
    "closes": closing,
    "resets": resets,
    "silent": silent,
    "a byte each 100 ms": trickling(frame(TEXT, GOOD), 0.1),
    "HTTP again": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
}
FLOODS: dict[str, Handler] = {
    "pings without end": endless(frame(PING, b"x") * 20_000),
    "pongs without end": endless(frame(PONG) * 20_000),
    "fragments without end": endless(frame(CONTINUED, b"", fin=False) * 20_000),
    "partial words without end": endless(frame(TEXT, '{"partial": "this is"}') * 2000),
    "empty texts without end": endless(frame(TEXT) * 20_000),
    "a frame of a gigabyte": endless(frame(BINARY, b"x" * 65_536, length=1 << 30)),
}


def cells() -> Iterator[Cell]:
    for way in (way for way in every() if way.speaks == "websocket"):
        for when, until in (("at once", None), ("after the recording", b"eof")):
            for name, then in (FRAMES | FLOODS).items():
                met = alone(way, lambda then=then, until=until: upgrading(then, until=until))  # type: ignore[misc]
                yield cell("websocket_frames", f"{name}, {when}", way, met, heavy=name in FLOODS)
