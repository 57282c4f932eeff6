"""A file service spoken by hand (draft-ietf-secsh-filexfer-02): one folder in memory, wrong where it is told to be."""

import struct
import time
from collections.abc import Callable, Mapping
from typing import Any

import asyncssh

from tests.net.ssh_servers import Door

INIT, VERSION = 1, 2
OPEN, CLOSE, READ, WRITE, LSTAT, OPENDIR, READDIR, REMOVE, STAT = 3, 4, 5, 6, 7, 11, 12, 13, 17
STATUS, HANDLE, DATA, NAME, ATTRS, EXTENDED = 101, 102, 103, 104, 105, 200
OK, END, NO_SUCH_FILE, DENIED, FAILURE, BAD, UNSUPPORTED = 0, 1, 2, 3, 4, 5, 8
FOLDER, FILE = 0o040755, 0o100644

# What is said instead, given the service and the request's number; each piece is a packet with its length.
Answer = Callable[["ByHand", int], list[bytes]]


def text(value: bytes) -> bytes:
    return struct.pack("!I", len(value)) + value


def framed(kind: int, rest: bytes) -> bytes:
    return struct.pack("!IB", 1 + len(rest), kind) + rest


def answer(kind: int, number: int, rest: bytes) -> bytes:
    return framed(kind, struct.pack("!I", number) + rest)


def status(number: int, code: int, words: bytes = b"") -> bytes:
    return answer(STATUS, number, struct.pack("!I", code) + text(words) + text(b""))


def attributes(mode: int = FILE, size: int = 1, changed: float | None = None) -> bytes:
    """Size, permissions and times."""
    at = int(time.time() if changed is None else changed)
    return struct.pack("!IQIII", 1 | 4 | 8, size, mode, at, at)


def named(name: bytes, mode: int = FILE, size: int = 1, changed: float | None = None) -> bytes:
    return text(name) + text(b"-rw-r--r-- 1 x x 1 Jan 1 00:00 " + name) + attributes(mode, size, changed)


def names(number: int, *entries: bytes) -> bytes:
    return answer(NAME, number, struct.pack("!I", len(entries)) + b"".join(entries))


class ByHand(asyncssh.SSHServerSession[bytes]):
    """`wrong` is said in place of the right answers, by the kind of request."""

    def __init__(self, wrong: Mapping[int, Answer]) -> None:
        self.wrong = wrong
        self.content: bytes | None = None  # of the one file that may be written here
        self.listed = False
        self._heard = b""

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self.channel = chan

    def subsystem_requested(self, subsystem: str) -> bool:
        return True

    def data_received(self, data: bytes, datatype: Any) -> None:
        self._heard += data
        while len(self._heard) >= 4 and len(self._heard) >= 4 + (size := int.from_bytes(self._heard[:4])):
            request, self._heard = self._heard[4 : 4 + size], self._heard[4 + size :]
            kind, number = request[0], int.from_bytes(request[1:5])
            told = self.wrong.get(kind, type(self).right)
            self._request = request
            for piece in told(self, number):
                self.channel.write(piece)

    def right(self, number: int) -> list[bytes]:
        """What a service that is well says."""
        kind, body = self._request[0], self._request[5:]
        if kind == INIT:
            return [framed(VERSION, struct.pack("!I", 3))]
        if kind in (STAT, LSTAT):
            return [answer(ATTRS, number, attributes(FOLDER))]
        if kind == OPENDIR:
            return [answer(HANDLE, number, text(b"folder"))]
        if kind == READDIR:
            first, self.listed = not self.listed, True
            return [names(number, named(b"result.hl7")) if first else status(number, END)]
        return [self._about_the_file(kind, number, body)]

    def _about_the_file(self, kind: int, number: int, body: bytes) -> bytes:
        if kind == OPEN:
            writes = struct.unpack_from("!I", body, 4 + int.from_bytes(body[:4]))[0] & 2
            self.content = b"" if writes else self.content
            missing = self.content is None
            return status(number, NO_SUCH_FILE) if missing else answer(HANDLE, number, text(b"file"))
        if kind == WRITE:
            at = 4 + int.from_bytes(body[:4]) + 8
            self.content = body[at + 4 :]
        if kind == READ:
            begun = struct.unpack_from("!Q", body, 4 + int.from_bytes(body[:4]))[0]
            rest = (self.content or b"")[begun:]
            return answer(DATA, number, text(rest)) if rest else status(number, END)
        if kind == REMOVE:
            self.content = None
        return status(number, OK)


def by_hand(wrong: Mapping[int, Answer]) -> Door:
    """The door behind which that service is."""

    class Elsewhere(Door):
        def session_requested(self) -> Any:
            return ByHand(wrong)

    return Elsewhere()
