"""HL7 engines that answer by no block, by too many, or by an acknowledgement of something else."""

from collections.abc import Iterator

from tests.hostile.cells import Cell
from tests.hostile.meeting import alone, cell
from tests.hostile.ways import every
from tests.net.hl7_engines import CR, FS, VT, Answer, Engine, acking, acknowledgement, block, control_id
from tests.net.peers import Handler, closing, endless, trickling

ESCAPES = "\x1b[2J\x1b]0;owned\x07\u202egnp.exe"


def ack(message: bytes) -> bytes:
    return acknowledgement("AA", control_id(message))


ANSWERS: dict[str, Answer] = {
    "a block without end": lambda _: [VT + b"MSH|^~\\&|EFS"],
    "a wrong trailer": lambda message: [ack(message)[:-2] + CR + FS],
    "no trailer": lambda message: [ack(message)[:-2]],
    "no header": lambda message: [ack(message)[1:]],
    "an empty block": lambda _: [block(b"")],
    "a block of a carriage return": lambda _: [block(b"\r")],
    "a block within a block": lambda message: [VT + ack(message) + FS + CR],
    "another's acknowledgement": lambda _: [acknowledgement("AA", "somebody-elses")],
    "three of another's": lambda _: [acknowledgement("AA", f"another-{number}") for number in range(3)],
    "no control id": lambda _: [acknowledgement("AA", "")],
    "a code of nobody": lambda message: [acknowledgement("XX", control_id(message))],
    "no MSA": lambda _: [block("MSH|^~\\&|EFS|EFS|||20230703||ACK|1|T|2.5\r")],
    "the message itself": lambda message: [block(message)],
    "escapes": lambda message: [acknowledgement("AE", control_id(message), f"ERR|||207^{ESCAPES}^HL70357|E")],
    "escapes in the code": lambda message: [acknowledgement("A\x1b[2J", control_id(message))],
    "UTF-16": lambda message: [VT + ack(message)[1:-2].decode().encode("utf-16") + FS + CR],
    "8-bit": lambda message: [acknowledgement("AR", control_id(message), "NTE|1||x").replace(b"x", b"\xe9\xff")],
    "delimiters that are none": lambda _: [block(b"MSH" + b"\0" * 40 + b"\r")],
    "a segment of separators": lambda _: [block(b"MSH|^~\\&" + b"|" * 50_000 + b"\r")],
    "100,000 segments": lambda message: [ack(message)[:-2] + b"NTE|1\r" * 100_000 + FS + CR],
    "not for now": acking("AR", "ERR|||207^^HL70357|E"),
}
FLOODS: dict[str, Handler] = {
    "a block of 100 MB": Engine(lambda _: [VT + b"MSH|^~\\&|"], endless(b"x" * 65_536)),
    "empty blocks without end": Engine(lambda _: [], endless(block(b"") * 10_000)),
    "acknowledgements without end": Engine(lambda _: [], endless(acknowledgement("AA", "another") * 500)),
    "keep-alives without end": Engine(lambda _: [], endless(b"\r\n" * 30_000)),
}
TRICKLES: dict[str, Handler] = {
    "a byte each 100 ms": Engine(lambda _: [], trickling(acknowledgement("AA", "x" * 40), 0.1)),
    "half a block and gone": Engine(lambda _: [VT + b"MSH|^~\\&|E"], closing),
}


def cells() -> Iterator[Cell]:
    for way in (way for way in every() if way.speaks == "mllp" and not way.tls):
        for name, answer in ANSWERS.items():
            met = alone(way, lambda answer=answer: Engine(answer))  # type: ignore[misc]
            yield cell("mllp_blocks", name, way, met)
        for name, handler in (FLOODS | TRICKLES).items():
            met = alone(way, lambda handler=handler: handler)  # type: ignore[misc]
            yield cell("mllp_blocks", name, way, met, heavy=name in FLOODS)
