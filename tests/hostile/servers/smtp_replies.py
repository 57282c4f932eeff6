"""SMTP servers whose replies are none: wrong codes, replies without end, lists of a megabyte, control characters."""

from collections.abc import Iterator, Mapping

from retabli.model.result import Result
from tests.hostile.cells import Cell, Meet, run
from tests.hostile.grounds import Grounds
from tests.hostile.meeting import cell
from tests.hostile.ways import Way, every
from tests.hostile.ways.mail import ACCOUNTS
from tests.mail_servers import (
    Answer,
    SmtpServer,
    after,
    closes,
    drips_a_reply,
    floods_a_reply,
    floods_one_line,
)

HUGE = b"".join(b"250-X-KEYWORD-%d some words\r\n" % number for number in range(30_000)) + b"250 AUTH PLAIN\r\n"
ESCAPES = b"\x1b[2J\x1b]0;owned\x07\x00\x08" + "\u202egnp.exe\u2066".encode()
PLACES = {"at the greeting": "BANNER", "at EHLO": "EHLO", "at MAIL": "MAIL", "at RCPT": "RCPT"}
SENDERS = {"at DATA": "DATA", "after the message": "END"}
REPLIES: dict[str, Answer] = {
    "code 999": b"999 what\r\n",
    "code 000": b"000 nothing\r\n",
    "code -50": b"-50 less\r\n",
    "code 25": b"25 short\r\n",
    "code 2500": b"2500 long\r\n",
    "continue code alone": b"100 go on\r\n",
    "354 out of place": b"354 send it\r\n",
    "codes that change": b"250-one\r\n550 two\r\n",
    "no code": b"hello there\r\n",
    "bare line feeds": b"250-a\n250 b\n250 c\n250 d\n",
    "8-bit": "550 refusé à cause de l'été\r\n".encode("latin-1"),
    "UTF-16": "550 no\r\n".encode("utf-16"),
    "escapes": b"550 5.7.1 " + ESCAPES + b"\r\n",
    "a forged line": b"550 no\r250 2.0.0 Ok: queued as FORGED\r\n",
    "greylisted": b"450 4.2.0 <x@y.test>: Recipient address rejected: Greylisted\r\n",
    "put off": b"451 4.7.1 Please try again later\r\n",
    "421 and gone": after(b"421 4.3.2 closing\r\n", closes),
    "half a line and gone": after(b"25", closes),
    "half a reply and gone": after(b"250-one\r\n250-two\r\n", closes),
    "drips without end": drips_a_reply,
}
FLOODS: dict[str, Answer] = {
    "a reply without end": floods_a_reply,
    "a line without end": floods_one_line,
    "a list of a megabyte": HUGE,
}
WAYS = ("smtp", "mail_loop", "mail_beacon", "apicrypt")


def _served(way: Way, answers: Mapping[str, Answer]) -> Meet:
    async def meeting(grounds: Grounds) -> Result:
        ready = await way.ready(grounds)
        server = SmtpServer(("8BITMIME", "AUTH PLAIN LOGIN"), accounts=ACCOUNTS, answers=answers)
        return await run(way, ready, await grounds.stack.enter_async_context(server.listening()))

    return meeting


def cells() -> Iterator[Cell]:
    for way in (way for way in every() if way.name in WAYS):
        for place, verb in (PLACES if way.kind == "smtp" else PLACES | SENDERS).items():
            for name, answer in (REPLIES | FLOODS).items():
                met = _served(way, {verb: answer})
                yield cell("smtp_replies", f"{name} {place}", way, met, heavy=name in FLOODS)
