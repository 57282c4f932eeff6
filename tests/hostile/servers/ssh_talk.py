"""SSH servers that lie on the way to a login: banners, offers, lengths, disconnections, prompts and keys."""

import struct
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import asyncssh

from retabli.model.result import Result
from tests.hostile.cells import Cell, Meet, run
from tests.hostile.grounds import Grounds
from tests.hostile.meeting import alone, cell
from tests.hostile.ways import Way, every
from tests.net.peers import Handler, closing, endless, listening_then_closing, saying
from tests.net.sftp_by_hand import text
from tests.net.ssh_servers import BANNER, Asking, Door, disconnecting, folder_server, packet, ssh_server

ESCAPES = b"\x1b[2J\x1b]0;owned\x07\x00\x08" + "\u202egnp.exe\u2066".encode()
IGNORE, DEBUG, SERVICE_ACCEPT, KEXINIT, NEWKEYS, LET_IN = 2, 4, 6, 20, 21, 52  # RFC 4253, section 12; RFC 4252
GOOD = (b"curve25519-sha256", b"ssh-ed25519", *[b"aes128-ctr"] * 2, *[b"hmac-sha2-256"] * 2, *[b"none"] * 2, b"", b"")


def offer(*lists: bytes, follows: bool = False) -> bytes:
    """A KEXINIT (RFC 4253, section 7.1)."""
    named = b"".join(text(names) for names in lists)
    return bytes([KEXINIT]) + bytes(16) + named + bytes([follows]) + bytes(4)


def greeted(*payloads: bytes, then: Handler | None = None) -> Handler:
    pieces = [packet(payload) for payload in payloads]
    return saying(BANNER, *pieces) if then is None else saying(BANNER, *pieces, then=then)


def disconnect(code: int, reason: bytes) -> bytes:
    return struct.pack("!BI", 1, code) + text(reason) + text(b"")


WORDS: dict[str, Handler] = {
    "no SSH- in the banner": saying(b"OpenSSH_9.2p1 Debian\r\n"),
    "SSH 1.5": saying(b"SSH-1.5-Old_1.2\r\n"),
    "SSH 1.99, and no more": saying(b"SSH-1.99-Old_2.0\r\n"),
    "SSH 3.0": saying(b"SSH-3.0-New_1.0\r\n"),
    "SSH without a version": saying(b"SSH-\r\n"),
    "escapes in the banner": saying(b"SSH-2.0-" + ESCAPES + b"\r\n"),
    "escapes before the banner": saying(ESCAPES + b"\r\n" + BANNER),
    "a banner without return": saying(b"SSH-2.0-Bare_1.0\n", packet(offer(*GOOD))),
    "a banner twice": saying(BANNER, BANNER),
    "a banner and gone": saying(BANNER, then=closing),
    "a packet of two gigabytes": saying(BANNER, b"\x7f\xff\xff\xff\x04\x14" + bytes(200)),
    "a packet of minus one": saying(BANNER, b"\xff\xff\xff\xff\x04\x14" + bytes(200)),
    "a packet of nothing": saying(BANNER, bytes(4096)),
    "a packet all padding": saying(BANNER, b"\0\0\0\x0c\xff\x14" + bytes(10)),
    "an offer without end": saying(BANNER, b"\0\0\x80\x00\x04\x14" + bytes(200)),
    "half an offer and gone": saying(BANNER, packet(offer(*GOOD))[:60], then=closing),
    "an offer cut short": greeted(offer(*GOOD)[:60]),
    "an offer of nothing": greeted(offer(*[b""] * 10)),
    "an offer of nonsense": greeted(offer(*[b"\xff\x00," * 20] * 10)),
    "an offer of commas": greeted(offer(*[b"," * 3000] * 10)),
    "an offer of 30 kB": greeted(offer(b"x-" * 15_000, *GOOD[1:])),
    "an offer of escapes": greeted(offer(b"curve25519-sha256", ESCAPES, *GOOD[2:])),
    "an offer of one cipher that nobody has": greeted(offer(*GOOD[:2], *[b"rot13"] * 2, *GOOD[4:])),
    "an offer twice": greeted(offer(*GOOD), offer(*GOOD)),
    "an offer with a guess that is none": greeted(offer(*GOOD, follows=True), bytes([IGNORE]) + text(b"x")),
    "new keys at once": greeted(bytes([NEWKEYS])),
    "let in at once": greeted(bytes([LET_IN])),
    "let in after the offer": greeted(offer(*GOOD), bytes([LET_IN])),
    "a service nobody asked for": greeted(bytes([SERVICE_ACCEPT]) + text(b"ssh-userauth")),
    "a key exchange of zeros": greeted(offer(*GOOD), b"\x1f" + bytes(300)),
    "a key exchange of lengths that lie": greeted(offer(*GOOD), b"\x1f" + b"\xff" * 300),
    "a message of no known kind": greeted(b"\xfe" + bytes(20)),
    "a debug of escapes": greeted(bytes([DEBUG, 1]) + text(ESCAPES) + text(b"")),
    "disconnected in escapes": disconnecting(11, ESCAPES),
    "disconnected in Latin-1": disconnecting(11, "arrêt prévu".encode("latin-1")),
    "disconnected in 30 kB": disconnecting(11, b"no " * 10_000),
    "disconnected for no known reason": disconnecting(0xFFFFFFFF, b"no"),
    "disconnected without a word": greeted(b"\x01"),
    "disconnected by half a word": greeted(struct.pack("!BII", 1, 11, 400) + b"no"),
    "disconnected after the offer": greeted(offer(*GOOD), disconnect(2, ESCAPES), then=listening_then_closing),
    "told that our name is unknown": disconnecting(15, b"no such user"),
    "told that our key is wrong": disconnecting(9, b"host key not verifiable"),
}
FLOODS: dict[str, Handler] = {
    "ignore without end": saying(BANNER, then=endless(packet(bytes([IGNORE]) + text(bytes(1000))) * 50)),
    "debug without end": saying(BANNER, then=endless(packet(bytes([DEBUG, 1]) + text(ESCAPES) + text(b"")) * 500)),
    "offers without end": saying(BANNER, then=endless(packet(offer(*GOOD)) * 50)),
    "empty packets without end": saying(BANNER, then=endless(packet(b"\x02" + bytes(4)) * 2000)),
}


# Behind the key exchange --------------------------------------------------------------------------------------------


class Saying(Door):
    """Speaks while we log in: a banner of the account (RFC 4252, section 5.4)."""

    def __init__(self, words: str, times: int = 1) -> None:
        super().__init__()
        self.words, self.times = words, times

    def begin_auth(self, username: str) -> bool:
        assert self.connection is not None
        for _ in range(self.times):
            self.connection.send_auth_banner(self.words)
        return super().begin_auth(username)


class Ending(Door):
    """Ends the connection at one of the login's moments, with words."""

    serves = False

    def __init__(self, moment: str, code: int = 11, reason: str = ESCAPES.decode()) -> None:
        super().__init__()
        self.moment, self.code, self.reason = moment, code, reason

    def _end(self, moment: str) -> None:
        if moment == self.moment:
            assert self.connection is not None
            self.connection.disconnect(self.code, self.reason)

    def begin_auth(self, username: str) -> bool:
        self._end("asked")
        return super().begin_auth(username)

    def validate_password(self, username: str, password: str) -> Any:
        self._end("password")
        return super().validate_password(username, password)

    def auth_completed(self) -> None:
        self._end("let in")

    def session_requested(self) -> Any:
        self._end("session")
        return False


class Insisting(Asking):
    """Asks, and asks again, whatever it is told."""

    def __init__(self, *prompts: tuple[str, bool]) -> None:
        super().__init__()
        self.prompts = list(prompts)

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Any:
        return ESCAPES.decode(), ESCAPES.decode(), "", self.prompts

    def validate_kbdint_response(self, username: str, responses: Any) -> Any:
        return "", "", "", self.prompts


class Expired(Door):
    def validate_password(self, username: str, password: str) -> Any:
        raise asyncssh.PasswordChangeRequired(ESCAPES.decode() * 100)


class Open(Door):
    """Lets anybody in before it is asked."""

    def begin_auth(self, username: str) -> bool:
        return False


class Refusing(Door):
    serves = False

    def session_requested(self) -> Any:
        raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, ESCAPES.decode() * 50)


class Changing(Door):
    """Shows another host key when the keys are renewed."""

    def auth_completed(self) -> None:
        assert self.connection is not None
        other = asyncssh.load_keypairs([asyncssh.generate_private_key("ssh-ed25519")])[0]
        self.connection._server_host_keys = OrderedDict({b"ssh-ed25519": other})
        self.connection._rekey_bytes_sent = 1 << 40  # renewed with the next packet


DOORS: dict[str, Callable[[], Door]] = {
    "a banner of escapes at the login": lambda: Saying(ESCAPES.decode()),
    "a banner of 200 kB at the login": lambda: Saying("x" * 200_000),
    "a thousand banners at the login": lambda: Saying("Authorised use only\r\n", 1000),
    "banners of two megabytes at the login": lambda: Saying("x" * 20_000, 100),
    "disconnected when asked": lambda: Ending("asked"),
    "disconnected at the password": lambda: Ending("password"),
    "disconnected once let in": lambda: Ending("let in"),
    "disconnected at the session": lambda: Ending("session"),
    "too many connections, once let in": lambda: Ending("let in", 12, "too many"),
    "the same question for ever": lambda: Insisting(("Password: ", False)),
    "no question for ever": Insisting,
    "a hundred questions": lambda: Insisting(*[("Password: ", False)] * 100),
    "a question of escapes": lambda: Insisting((ESCAPES.decode(), False)),
    "a question that echoes": lambda: Insisting(("Password: ", True)),
    "a new password is wanted, in escapes": Expired,
    "lets anybody in": Open,
    "refuses the session in escapes": Refusing,
    "another host key when renewed": Changing,
}


def _behind(way: Way, door: Callable[[], Door]) -> Meet:
    async def meeting(grounds: Grounds) -> Result:
        ready = await way.ready(grounds)
        met = door()
        service = folder_server(grounds.folder / "served") if met.serves else None
        port, _ = await grounds.stack.enter_async_context(ssh_server(met, sftp=service))
        return await run(way, ready, port)

    return meeting


def cells() -> Iterator[Cell]:
    for way in (way for way in every() if way.speaks == "ssh"):
        for name, handler in (WORDS | FLOODS).items():
            met = alone(way, lambda handler=handler: handler)  # type: ignore[misc]
            yield cell("ssh_talk", name, way, met, heavy=name in FLOODS)
        for name, door in DOORS.items():
            yield cell("ssh_talk", name, way, _behind(way, door), heavy=True)
