"""POP3 servers whose lists do not end, whose counts lie, and whose messages are bombs."""

from collections.abc import Iterator, Mapping

from retabli.model.result import Result
from tests.hostile.cells import Cell, Meet, run
from tests.hostile.grounds import PASSWORD, Grounds
from tests.hostile.meeting import cell
from tests.hostile.ways import Way, every
from tests.mail_servers import Answer, Peer, after, closes, floods_one_line, stays_silent
from tests.pop_server import PopServer


async def lists_without_end(peer: Peer) -> None:
    await peer.send(b"+OK\r\n")
    number = 0
    while True:
        await peer.send(b"".join(b"%d uid%d\r\n" % (number + step, number + step) for step in range(2000)))
        number += 2000


ESCAPES = b"\x1b[2J\x07\x08" + "\u202egnp.exe\u2066".encode()
VERBS = ("CAPA", "STAT", "UIDL", "TOP")
ANSWERS: dict[str, Answer] = {
    "-ERR": b"-ERR no\r\n",
    "escapes": b"-ERR " + ESCAPES + b"\r\n",
    "neither": b"maybe\r\n",
    "numbers that are none": b"+OK -1 NaN\r\n",
    "numbers beyond all": b"+OK 99999999999999999999999999 1\r\n",
    "half a list and gone": after(b"+OK\r\n1 uid1\r\n", closes),
    "half a list and silent": after(b"+OK\r\n1 uid1\r\n", stays_silent),
    "a list of nonsense": b"+OK\r\nno number\r\n\0\r\n.\r\n",
    "unique ids of a kilobyte": b"+OK\r\n1 " + b"u" * 1024 + b"\r\n.\r\n",
    "NUL": b"+OK\0\r\n.\r\n",
}
FLOODS: dict[str, Answer] = {"a list without end": lists_without_end, "a line without end": floods_one_line}


def _served(way: Way, answers: Mapping[str, Answer]) -> Meet:
    async def meeting(grounds: Grounds) -> Result:
        ready = await way.ready(grounds)
        messages = {"uid1": b"Subject: somebody's\r\n\r\nleave me\r\n"}
        server = PopServer(answers=answers, accounts={"probe": PASSWORD}, messages=messages)
        return await run(way, ready, await grounds.stack.enter_async_context(server.listening()))

    return meeting


def cells() -> Iterator[Cell]:
    for way in (way for way in every() if way.speaks == "pop"):
        for verb in VERBS:
            for name, answer in (ANSWERS | FLOODS).items():
                yield cell("pop_answers", f"{name} at {verb}", way, _served(way, {verb: answer}), heavy=name in FLOODS)
