"""A small POP3 server on 127.0.0.1 that misbehaves as a test says."""

import base64
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.mail_servers import Answer, Hangup, Peer, server_context, serving

NOTE = b"From: <somebody@outside.example>\r\nSubject: a note\r\n\r\n.dots\r\nbody\r\n"


@dataclass
class PopServer:
    """A good server, but for what `answers` says: verb or whole command → what it does instead.

    `messages` (unique id → message) may change between sessions. `commands` is what it was told.
    """

    greeting: Answer = b"+OK ready\r\n"
    offers: str | None = "TOP UIDL USER RESP-CODES SASL_PLAIN STLS"  # None: it does not know CAPA
    answers: Mapping[str, Answer] = field(default_factory=dict)
    after_tls: Mapping[str, Answer] = field(default_factory=dict)
    context: ssl.SSLContext | None = None
    implicit: bool = False
    accounts: Mapping[str, str] = field(default_factory=lambda: {"probe": "secret"})
    messages: dict[str, bytes] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        async with serving(self._talk, (self.context or server_context()) if self.implicit else None) as port:
            yield port

    async def _talk(self, peer: Peer) -> None:
        answers = dict(self.answers)
        await peer.answer(self.greeting)
        user = ""
        listed = list(self.messages.items())
        while True:
            line = (await peer.line()).decode("utf-8", "replace")
            self.commands.append(line)
            verb, *words = line.split(" ")
            special = answers.get(line) or answers.get(verb)
            if special is not None:
                await peer.answer(special)
            elif verb == "STLS":
                await peer.send(b"+OK\r\n")
                await peer.start_tls(self.context or server_context())
                answers |= self.after_tls
            elif verb == "CAPA":
                await self._capabilities(peer)
            elif verb == "USER":
                user = " ".join(words)
                await peer.send(b"+OK\r\n")
            elif verb == "PASS":
                await self._welcome(peer, user, line.partition(" ")[2])
            elif verb == "AUTH":
                if len(words) < 2:
                    await peer.send(b"+ \r\n")
                    words.append((await peer.line()).decode())
                _, user, password = base64.b64decode(words[1]).decode().split("\0")
                await self._welcome(peer, user, password)
            elif verb == "QUIT":
                await peer.send(b"+OK bye\r\n")
                raise Hangup
            else:
                await peer.send(_read(listed, verb, words))

    async def _capabilities(self, peer: Peer) -> None:
        if self.offers is None:
            await peer.send(b"-ERR what?\r\n")
            return
        lines = [name.replace("_", " ") for name in self.offers.split()]
        await peer.send("".join(f"{line}\r\n" for line in ("+OK", *lines, ".")).encode())

    async def _welcome(self, peer: Peer, user: str, password: str) -> None:
        good = self.accounts.get(user) == password
        await peer.send(b"+OK welcome\r\n" if good else b"-ERR [AUTH] no\r\n")


def _read(listed: list[tuple[str, bytes]], verb: str, words: list[str]) -> bytes:
    if verb == "STAT":
        return b"+OK %d %d\r\n" % (len(listed), sum(len(message) for _, message in listed))
    if verb == "UIDL":
        return "".join(["+OK\r\n", *(f"{n} {uid}\r\n" for n, (uid, _) in enumerate(listed, 1)), ".\r\n"]).encode()
    if verb in ("TOP", "RETR"):
        message = listed[int(words[0]) - 1][1]
        if verb == "TOP":
            head, _, body = message.partition(b"\r\n\r\n")
            message = head + b"\r\n\r\n" + b"".join(body.splitlines(keepends=True)[: int(words[1])])
        return b"+OK\r\n" + message.replace(b"\r\n.", b"\r\n..") + b".\r\n"
    return b"-ERR what?\r\n"
