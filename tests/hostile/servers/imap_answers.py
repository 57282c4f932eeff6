"""IMAP servers that answer too much, or what is no answer: literals of 4 GB, untagged floods, goodbyes within."""

from collections.abc import Iterator, Mapping

from retabli.model.result import Result
from tests.hostile.cells import Cell, Meet, run
from tests.hostile.grounds import PASSWORD, Grounds
from tests.hostile.meeting import cell
from tests.hostile.ways import Way, every
from tests.mail_servers import (
    Answer,
    ImapServer,
    after,
    closes,
    floods_one_line,
    floods_untagged,
    stays_silent,
)

ACCOUNTS = {"probe": PASSWORD, "witness": "secret", "inside": "secret"}
ESCAPES = b"\x1b[2J\x1b]0;owned\x07\x08" + "\u202egnp.exe\u2066".encode()
VERBS = {"at CAPABILITY": "CAPABILITY", "at EXAMINE": "EXAMINE", "at SELECT": "SELECT", "at UID SEARCH": "UID SEARCH"}
ANSWERS: dict[str, Answer] = {
    "a literal of 4 GB": after(b"* SEARCH {4294967295}\r\n", stays_silent),
    "a literal of less than nothing": b"* LIST {-1}\r\n%s OK\r\n",
    "a literal of 2^70": b"* LIST {1180591620717411303424}\r\n%s OK\r\n",
    "BYE and gone": after(b"* BYE going down\r\n", closes),
    "BYE and no end": after(b"* BYE going down\r\n", stays_silent),
    "another's tag": b"XX99 OK done\r\n",
    "no tag": b"OK done\r\n",
    "a continuation": b"+ go on\r\n",
    "NUL": b"* \0\r\n%s OK\r\n",
    "escapes": b"%s NO " + ESCAPES + b"\r\n",
    "8-bit": "%s NO refusé\r\n".encode("latin-1"),
    "parentheses without bottom": b"* FLAGS " + b"(" * 6000 + b"\r\n%s OK\r\n",
    "BAD": b"%s BAD what\r\n",
    "a UID of 2^64": b"* SEARCH 18446744073709551616\r\n%s OK done\r\n",
    "a UID of 5,000 digits": b"* SEARCH " + b"9" * 5000 + b"\r\n%s OK done\r\n",
    "a UID of zero": b"* SEARCH 0\r\n%s OK done\r\n",
    "half a line and gone": after(b"* SEA", closes),
}
FLOODS: dict[str, Answer] = {
    "untagged without end": floods_untagged,
    "a line without end": floods_one_line,
    "a million UIDs": b"* SEARCH " + b" ".join(b"%d" % uid for uid in range(1, 300_000)) + b"\r\n%s OK done\r\n",
    "100,000 EXISTS": b"* 4294967295 EXISTS\r\n" * 100_000 + b"%s OK done\r\n",
}
GREETINGS: dict[str, Answer] = {
    "BYE at the greeting": after(b"* BYE too many\r\n", closes),
    "PREAUTH at the greeting": b"* PREAUTH you are somebody\r\n",
    "+OK at the greeting": b"+OK POP3 ready\r\n",
}
WAYS = ("imap", "mail_loop_mailbox", "mail_in", "mail_in_witness")


def _served(way: Way, answers: Mapping[str, Answer], greeting: Answer = b"* OK ready\r\n") -> Meet:
    async def meeting(grounds: Grounds) -> Result:
        ready = await way.ready(grounds)
        server = ImapServer(answers=answers, accounts=ACCOUNTS, greeting=greeting)
        return await run(way, ready, await grounds.stack.enter_async_context(server.listening()))

    return meeting


def cells() -> Iterator[Cell]:
    for way in (way for way in every() if way.name in WAYS):
        for place, verb in VERBS.items():
            for name, answer in (ANSWERS | FLOODS).items():
                if verb == ("SELECT" if way.name == "imap" else "EXAMINE"):
                    continue  # imap only looks; the others also clear up
                met = _served(way, {verb: answer})
                yield cell("imap_answers", f"{name} {place}", way, met, heavy=name in FLOODS)
        for name, greeting in GREETINGS.items():
            yield cell("imap_answers", name, way, _served(way, {}, greeting))
