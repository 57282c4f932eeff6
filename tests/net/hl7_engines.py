"""HL7 engines on loopback that do one thing each, and the synthetic messages that are sent to them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.net.peers import Handler

VT, FS, CR = b"\x0b", b"\x1c", b"\r"

RESULT = (
    b"MSH|^~\\&|RETABLI|CHU|EFS|EFS|20230703090000||ORU^R01^ORU_R01|from-the-file|T|2.5.1\r"
    b"PID|1||TEST-0001^^^CHU^PI||ZZTEST^PATIENT||19000101|U\r"
    b"OBR|1|||ABO^Groupe sanguin (message de test)\r"
    b"OBX|1|ST|ABO||TEST||||||F\r"
)


def write(folder: Path, content: bytes = RESULT, name: str = "message.hl7") -> str:
    path = folder / name
    path.write_bytes(content)
    return str(path)


def result(*, msh11: str = "T", pid: str = "PID|1||TEST-0001^^^CHU^PI||ZZTEST^PATIENT", tail: str = "") -> bytes:
    """A message with this MSH-11 and PID, and more of MSH after MSH-12."""
    head = f"MSH|^~\\&|RETABLI|CHU|EFS|EFS|20230703090000||ORU^R01|x|{msh11}|2.5.1{tail}"
    return f"{head}\r{pid}\rOBR|1|||ABO\r".encode()


def block(content: bytes | str) -> bytes:
    return VT + (content.encode() if isinstance(content, str) else content) + FS + CR


def control_id(message: bytes) -> str:
    return message.split(b"\r")[0].split(b"|")[9].decode()


def acknowledgement(code: str, control: str, *more: str, version: str = "2.5.1", tail: str = "") -> bytes:
    """The block of an acknowledgement, `more` being whole segments after MSA and `tail` more of MSH."""
    head = f"MSH|^~\\&|EFS|EFS|RETABLI|CHU|20230703090001||ACK|A1|T|{version}{tail}"
    return block("\r".join([head, f"MSA|{code}|{control}", *more]) + "\r")


def acking(code: str, *more: str, version: str = "2.5.1") -> "Answer":
    return lambda message: [acknowledgement(code, control_id(message), *more, version=version)]


Answer = Callable[[bytes], list[bytes]]  # by the bare message → what is sent, piece by piece


@dataclass
class Engine:
    """Reads blocks and answers each as told; `then` goes on with the connection after the first answer."""

    answer: Answer
    then: Handler | None = None
    pause: float = 0.0  # seconds between the pieces
    received: list[bytes] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                heard = await reader.readuntil(FS + CR)
            except asyncio.IncompleteReadError:
                return
            self.received.append(heard[1:-2])
            for piece in self.answer(self.received[-1]):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(self.pause)
            if self.then is not None:
                await self.then(reader, writer)
                return
