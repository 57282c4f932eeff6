"""File services that lie behind a login that is well: versions, handles, names without end, others' answers."""

import struct
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from retabli.model.result import Result
from tests.hostile.cells import Cell, Meet, run
from tests.hostile.grounds import Grounds
from tests.hostile.meeting import cell
from tests.hostile.servers.ssh_talk import ESCAPES
from tests.hostile.ways import Way, every
from tests.net.sftp_by_hand import (
    ATTRS,
    BAD,
    CLOSE,
    DATA,
    DENIED,
    END,
    EXTENDED,
    FAILURE,
    FOLDER,
    HANDLE,
    INIT,
    NAME,
    OK,
    OPEN,
    OPENDIR,
    READ,
    READDIR,
    REMOVE,
    STAT,
    STATUS,
    VERSION,
    WRITE,
    Answer,
    ByHand,
    answer,
    attributes,
    by_hand,
    framed,
    named,
    names,
    status,
    text,
)
from tests.net.ssh_servers import ssh_server


def always(make: Callable[[int], bytes]) -> Answer:
    return lambda _, number: [make(number)]


def said(code: int, words: bytes = b"") -> Answer:
    return always(lambda number: status(number, code, words))


def version(number: int, rest: bytes = b"") -> Answer:
    return lambda *_: [framed(VERSION, struct.pack("!I", number) + rest)]


def listing(*entries: bytes) -> Answer:
    """These, and the result that is well behind them, once."""

    def told(service: ByHand, number: int) -> list[bytes]:
        first, service.listed = not service.listed, True
        return [names(number, *entries, named(b"result.hl7")) if first else status(number, END)]

    return told


def for_another(service: ByHand, number: int) -> list[bytes]:
    return [status(number + 1000, OK)]


def for_another_first(service: ByHand, number: int) -> list[bytes]:
    return [status(number + 1000, OK), *service.right(number)]


def twice(service: ByHand, number: int) -> list[bytes]:
    return service.right(number) * 2


def another_file(service: ByHand, number: int) -> list[bytes]:
    return [answer(DATA, number, text(b"somebody else's" * 100)) if service.content else status(number, END)]


def more_than_asked(service: ByHand, number: int) -> list[bytes]:
    return [answer(DATA, number, text((service.content or b"") + bytes(200_000)))]


def without_end(service: ByHand, number: int) -> list[bytes]:
    """What was written, again and again: no read ever comes to the file's end."""
    return [answer(DATA, number, text(service.content or b"x"))]


FIRST: dict[str, Answer] = {
    "no answer": lambda *_: [],
    "version 0": version(0),
    "version 1": version(1),
    "version 6": version(6),
    "version 4294967295": version(0xFFFFFFFF),
    "half a version": lambda *_: [framed(VERSION, b"\0\0")],
    "a version of 200 kB": version(3, (text(b"x@example.test") + text(bytes(1000))) * 200),
    "a version whose extensions lie": version(3, b"\xff\xff\xff\xff"),
    "a version twice": lambda *_: [framed(VERSION, struct.pack("!I", 3))] * 2,
    "a status": lambda *_: [status(0, FAILURE, ESCAPES)],
    "a packet of two gigabytes": lambda *_: [b"\x7f\xff\xff\xff\x02\0\0\0\x03"],
    "a packet of nothing": lambda *_: [bytes(4)],
    "escapes": lambda *_: [ESCAPES * 20],
}
WRONG: dict[str, Mapping[int, Answer]] = {
    "a folder for another": {STAT: for_another},
    "a folder for another first": {STAT: for_another_first},
    "a folder twice": {STAT: twice},
    "a folder that is a file": {STAT: always(lambda number: answer(ATTRS, number, attributes()))},
    "a folder of no attributes": {STAT: always(lambda number: answer(ATTRS, number, bytes(4)))},
    "a folder of attributes that lie": {STAT: always(lambda number: answer(ATTRS, number, b"\xff" * 8))},
    "a folder of all attributes": {STAT: always(lambda number: answer(ATTRS, number, b"\xff" * 400))},
    "a folder that is OK": {STAT: said(OK)},
    "a folder that ends": {STAT: said(END)},
    "a folder that fails in escapes": {STAT: said(FAILURE, ESCAPES)},
    "a folder denied in escapes": {STAT: said(DENIED, ESCAPES)},
    "a folder that fails in Latin-1": {STAT: said(FAILURE, "échec".encode("latin-1"))},
    "a folder that fails in 200 kB": {STAT: said(FAILURE, b"no " * 70_000)},
    "a folder of no known status": {STAT: said(0xFFFFFFFF, b"odd")},
    "a status without a code": {STAT: always(lambda number: answer(STATUS, number, b""))},
    "an answer of no known kind": {STAT: always(lambda number: answer(EXTENDED + 50, number, b""))},
    "an answer of another kind": {STAT: always(lambda number: answer(DATA, number, text(b"x")))},
    "an empty handle": {OPENDIR: always(lambda number: answer(HANDLE, number, text(b"")))},
    "a handle of 100 kB": {OPENDIR: always(lambda number: answer(HANDLE, number, text(bytes(100_000))))},
    "a handle that lies": {OPENDIR: always(lambda number: answer(HANDLE, number, b"\x7f\xff\xff\xff"))},
    "a handle that is OK": {OPENDIR: said(OK)},
    "names without end": {READDIR: always(lambda number: names(number, *[named(b"result.hl7")] * 500))},
    "no names without end": {READDIR: always(names)},
    "only itself without end": {READDIR: always(lambda number: names(number, named(b".", FOLDER)))},
    "names that lie": {READDIR: always(lambda number: answer(NAME, number, b"\xff\xff\xff\xff"))},
    "names that are OK": {READDIR: said(OK)},
    "names that fail": {READDIR: said(FAILURE, ESCAPES)},
    "no names, and the end": {READDIR: said(END)},
    "names for another": {READDIR: for_another},
    "a name of escapes": {READDIR: listing(named(ESCAPES))},
    "a name of the folder above": {READDIR: listing(named(b".."), named(b"../../etc/shadow"))},
    "a name from the root": {READDIR: listing(named(b"/etc/passwd"), named(b"a/b"))},
    "a name of nothing": {READDIR: listing(named(b""))},
    "a name of zeros": {READDIR: listing(named(bytes(20)))},
    "a name in Latin-1": {READDIR: listing(named("résultat.hl7".encode("latin-1")))},
    "a name of 60 kB": {READDIR: listing(named(b"x" * 60_000))},
    "a name twice": {READDIR: listing(named(b"result.hl7"))},
    "a file of all the bytes there are": {READDIR: listing(named(b"a", size=2**64 - 1))},
    "a file of the future": {READDIR: listing(named(b"a", changed=2**32 - 1))},
    "a file of no attributes": {READDIR: listing(text(b"a") + text(b"") + bytes(4))},
    "attributes that lie": {READDIR: listing(text(b"a") + text(b"") + b"\xff\xff\xff\xff")},
    "a close that fails": {CLOSE: said(FAILURE, ESCAPES)},
    "a close without an answer": {CLOSE: lambda *_: []},
}
CANARY: dict[str, Mapping[int, Answer]] = {
    "open is OK": {OPEN: said(OK)},
    "open is for another": {OPEN: for_another},
    "open is denied in escapes": {OPEN: said(DENIED, ESCAPES)},
    "open is a bad message": {OPEN: said(BAD, ESCAPES)},
    "open ends": {OPEN: said(END)},
    "a write that is for another": {WRITE: for_another},
    "a write that ends": {WRITE: said(END)},
    "a write that fails in escapes": {WRITE: said(FAILURE, ESCAPES)},
    "a write that says a handle": {WRITE: always(lambda number: answer(HANDLE, number, text(b"x")))},
    "a write that is lost": {WRITE: said(OK)},
    "another file is read": {READ: another_file},
    "more is read than was asked": {READ: more_than_asked},
    "a read without end": {READ: without_end},
    "a read of nothing": {READ: always(lambda number: answer(DATA, number, text(b"")))},
    "a read that lies": {READ: always(lambda number: answer(DATA, number, b"\x7f\xff\xff\xff"))},
    "a read that is OK": {READ: said(OK)},
    "a read for another": {READ: for_another},
    "a removal that ends": {REMOVE: said(END)},
    "a removal that fails in escapes": {REMOVE: said(FAILURE, ESCAPES)},
    "a removal for another": {REMOVE: for_another},
    "a removal that says a handle": {REMOVE: always(lambda number: answer(HANDLE, number, text(b"x")))},
}


async def _meeting(way: Way, wrong: Mapping[int, Answer], grounds: Grounds) -> Result:
    ready = await way.ready(grounds)
    port, _ = await grounds.stack.enter_async_context(ssh_server(by_hand(wrong), encoding=None))
    return await run(way, ready, port)


def _met(way: Way, wrong: Mapping[int, Answer]) -> Meet:
    return partial(_meeting, way, wrong)


def cells() -> Iterator[Cell]:
    """All of them heavy: each is a whole login, whose cryptography both ends are in this process."""
    for way in (way for way in every() if way.speaks == "ssh"):
        yield cell("sftp_talk", "well", way, _met(way, {}), heavy=True)
        for name, told in FIRST.items():
            yield cell("sftp_talk", f"{name} at first", way, _met(way, {INIT: told}), heavy=True)
        for name, wrong in (WRONG | (CANARY if way.kind == "sftp" else {})).items():
            yield cell("sftp_talk", name, way, _met(way, wrong), heavy=True)
