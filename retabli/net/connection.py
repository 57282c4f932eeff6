"""One open conversation with a partner, plain or TLS, on a non-blocking socket of ours, bounded in all it reads."""

import asyncio
import socket
import ssl
import struct
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Self

from retabli.model import causes, stages
from retabli.model.ladder import Fall, Ladder, cause_of, detail_of
from retabli.model.result import Measure
from retabli.model.settings import Tls
from retabli.net.certificates import Chain
from retabli.net.own_threads import from_own_file
from retabli.net.tls import Session, TlsFacts, cause_of_alert, context_for, require_authorities

CHUNK = 65_536
TCP_INFO = struct.Struct("=2xB21xI")  # tcpi_retransmits and tcpi_unacked of struct tcp_info (linux/tcp.h)
UNWELCOME = "in answer to our first word of TLS: it may expect clear text, or something in between cuts TLS off"
FAIR = 4 * CHUNK  # bytes read without a pause, after which others have their turn: a flood must not own the loop
LONGEST_HANDSHAKE = 1 << 20  # bytes of a peer's side of it: ten times what OpenSSL takes for a chain of certificates
# Bytes that a line, or a length, counts for besides: whoever parses them pays for each of the shortest too.
PIECE = 1024


class Connection:
    """Reads and writes under the run's deadline: no method has a timeout of its own, any may be cancelled.

    `family` is 4 or 6. `tls` is None while the conversation is in clear. `cut` is True once the peer ended a TLS
    conversation without saying so (RFC 8446, section 6.1): what came last may have been cut off.
    """

    __slots__ = (
        "_buffer",
        "_ended",
        "_first_words",
        "_incoming",
        "_loop",
        "_outgoing",
        "_session",
        "_sock",
        "_unpaused",
        "address",
        "cut",
        "family",
        "host",
        "port",
        "tls",
    )

    def __init__(self, sock: socket.socket, host: str, address: str, port: int) -> None:
        self.host = host
        self.address = address
        self.port = port
        self.family = 6 if ":" in address else 4
        self.tls: TlsFacts | None = None
        self.cut = False
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._first_words = b""
        self._ended = False
        self._unpaused = 0
        self._session: Session | None = None
        self._incoming = self._outgoing = ssl.MemoryBIO()

    # Speaking and listening ---------------------------------------------------------------------------------------

    async def send(self, data: bytes) -> None:
        """Hand everything to the kernel.

        Raises:
            Fall: the peer's alert explains why it would not read on (a refused client certificate).
            OSError: the connection is gone.
        """
        try:
            if self._session is None:
                await self._loop.sock_sendall(self._sock, data)
            else:
                await self._encrypt(self._session, data)
        except (ConnectionResetError, BrokenPipeError):
            self._raise_alert()
            raise
        except ssl.SSLError as error:
            raise self._explained(error) from error

    async def receive(self, limit: int = CHUNK) -> bytes:
        """What has come, at most `limit` bytes, waiting for the first; `b""` at the end."""
        if self._buffer:
            data = bytes(self._buffer[:limit])
            del self._buffer[:limit]
            return data
        return await self._more(limit)

    async def read_line(self, limit: int = 8192) -> bytes:
        """One line with its CRLF or LF, at most `limit` bytes.

        Raises:
            Fall: `too_long` beyond the limit, `closed_early` when the end comes before the line's.
        """
        seen = 0
        await self._give_way(PIECE)
        while True:
            end = self._buffer.find(b"\n", seen, limit)
            if end >= 0:
                line = bytes(self._buffer[: end + 1])
                del self._buffer[: end + 1]
                return line
            if len(self._buffer) >= limit:
                raise Fall(causes.TOO_LONG, f"a line of more than {limit} bytes")
            seen = len(self._buffer)
            await self._grow("in the middle of a line" if seen else "")

    async def read_exactly(self, size: int) -> bytes:
        """Exactly `size` bytes; the caller has checked that it wants so many.

        Raises:
            Fall: `closed_early` when the end comes first.
        """
        await self._give_way(PIECE)
        while len(self._buffer) < size:
            await self._grow(f"after {len(self._buffer)} of {size} bytes")
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def put_back(self, data: bytes) -> None:
        """What a tunnel's other end said before we did: it is heard first, in clear or by the TLS that is begun there,
        which it will not please. STARTTLS never reads what came before it."""
        self._first_words = data

    @property
    def unread(self) -> bytes:
        """What has been received and not been asked for, as far as it is known without listening."""
        return bytes(self._buffer)

    async def _grow(self, where: str) -> None:
        data = await self._more(CHUNK)
        if not data:
            raise Fall(causes.CLOSED_EARLY, self._how_it_ended() or where)
        self._buffer += data

    def _how_it_ended(self) -> str:
        if self.tls is not None and self.tls.alert_may_follow and not self.tls.presented:
            return "closed without a word after asking for a client certificate, which we do not have"
        return ""

    async def _more(self, limit: int) -> bytes:
        if self._ended:
            return b""
        if self._session is None:
            data = await self._recv(limit)
        else:
            data = await self._decrypt(self._session, limit)
        self._ended = not data
        return data

    async def _recv(self, limit: int) -> bytes:
        if self._first_words:
            data, self._first_words = self._first_words[:limit], self._first_words[limit:]
            return data
        await self._give_way()  # loop.sock_recv does not pause while there is something to read
        data = await self._loop.sock_recv(self._sock, limit)
        self._unpaused += len(data)
        return data

    async def _give_way(self, weight: int = 0) -> None:
        self._unpaused += weight
        if self._unpaused >= FAIR:
            self._unpaused = 0
            await asyncio.sleep(0)

    # TLS ------------------------------------------------------------------------------------------------------------

    @property
    def peer_certificate(self) -> bytes | None:
        """The peer's own certificate, DER, as OpenSSL accepted it; None in clear."""
        return self._session.getpeercert(binary_form=True) if self.tls is not None and self._session else None

    async def start_tls(
        self, ladder: Ladder | None, tls: Tls, server_name: str, *, context: ssl.SSLContext | None = None
    ) -> None:
        """Turn this conversation into TLS. With a ladder it climbs the rung TLS and notes what was agreed;
        without one the caller stands on a rung of its own. `context`: another one than the settings'.

        Raises:
            Fall: the handshake failed; or `garbage` when something was sent in clear after STARTTLS was agreed,
                which somebody in between may have put there (CVE-2011-0411).
            OSError: as the socket says it; EMFILE, ENFILE: this machine's authorities could not be looked up.
        """
        if ladder is None:
            await self._start_tls(tls, server_name, context)
            return
        try:
            with ladder.rung(stages.TLS):
                await self._start_tls(tls, server_name, context)
        finally:
            self.note(ladder)

    async def _start_tls(self, tls: Tls, server_name: str, context: ssl.SSLContext | None) -> None:
        if self._buffer:
            raise Fall(causes.GARBAGE, "something was sent in clear after STARTTLS was agreed")
        if context is None:
            # Revocation lists are megabytes, and new each day.
            built = partial(context_for, tls)
            context = await from_own_file("TLS context", tls, built) if tls.crl else built()
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        assert isinstance(session, Session)  # noqa: S101 - the context was made for it
        self._session = session
        presented = tls.client_cert is not None
        try:
            await self._handshake(session)
        except ssl.SSLError as error:
            self._send_alert()
            require_authorities(error, tls)
            raise self._judged(session, error, presented) from error
        cipher = session.cipher()
        agreed = cipher[0] if cipher else ""
        if tls.ciphers and agreed not in tls.ciphers:  # TLS 1.3's own suites cannot be withheld from the offer
            raise Fall(causes.CIPHER_NOT_ALLOWED, f"{session.version()}, {agreed}")
        self.tls = TlsFacts(
            version=session.version() or "",
            cipher=agreed,
            chain=session.chain(),
            client_certificate_asked=session.client_certificate_asked,
            presented=presented,
        )

    async def _handshake(self, session: Session) -> None:
        first, heard = True, 0
        while True:
            try:
                session.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                try:
                    wire = await self._recv(CHUNK)
                except ConnectionResetError:
                    if first:
                        raise Fall(causes.RESET, UNWELCOME) from None
                    raise
                if first and wire and not (20 <= wire[0] <= 22 and wire[1:2] in (b"", b"\x03")):
                    raise Fall(causes.NOT_TLS, wire[:80]) from None
                if first and not wire:
                    raise Fall(causes.CLOSED_EARLY, UNWELCOME) from None
                first, heard = False, heard + len(wire)
                if heard > LONGEST_HANDSHAKE:
                    raise Fall(causes.TLS_HANDSHAKE, f"more than {LONGEST_HANDSHAKE} bytes, and no end of it") from None
                self._feed(wire)
            else:
                await self._flush()
                return

    async def _encrypt(self, session: Session, data: bytes) -> None:
        while True:
            try:
                session.write(data)
                break
            except ssl.SSLWantReadError:  # the peer wants new keys first
                await self._flush()
                self._feed(await self._recv(CHUNK))
        await self._flush()

    async def _decrypt(self, session: Session, limit: int) -> bytes:
        while True:
            try:
                return session.read(limit)
            except ssl.SSLWantReadError:
                await self._flush()
                self._feed(await self._recv(CHUNK))
            except ssl.SSLEOFError:
                self.cut = True
                return b""
            except ssl.SSLError as error:
                if error.reason == "UNEXPECTED_EOF_WHILE_READING":  # no SSLEOFError before Python 3.11.4
                    self.cut = True
                    return b""
                raise self._explained(error) from error

    def _feed(self, wire: bytes) -> None:
        if wire:
            self._incoming.write(wire)
        else:
            self._incoming.write_eof()

    async def _flush(self) -> None:
        if self._outgoing.pending:
            await self._loop.sock_sendall(self._sock, self._outgoing.read())

    def _send_alert(self) -> None:
        """Tell the peer why, if the kernel takes it at once: its log then names the reason."""
        try:
            if self._outgoing.pending:
                self._sock.send(self._outgoing.read())
        except OSError:
            pass

    def _raise_alert(self) -> None:
        """A peer that refuses says why, then closes: our next write fails first, while its alert waits to be read."""
        if self._session is None:
            return
        try:
            self._feed(self._sock.recv(CHUNK))
            self._buffer += self._session.read(CHUNK)
        except (ssl.SSLWantReadError, ssl.SSLEOFError):
            return
        except ssl.SSLError as error:
            raise self._explained(error) from error
        except OSError:
            return

    def _explained(self, error: ssl.SSLError) -> Exception:
        asked = self.tls is not None and self.tls.client_certificate_asked
        presented = self.tls is not None and self.tls.presented
        found = cause_of_alert(error, asked=asked, presented=presented)
        return Fall(found, _alert(error)) if found is not None else error

    def _judged(self, session: Session, error: ssl.SSLError, presented: bool) -> Fall:
        found = cause_of_alert(error, asked=session.client_certificate_asked, presented=presented)
        if found is not None:
            return Fall(found, _alert(error))
        cause = cause_of(error) or causes.TLS_HANDSHAKE
        if isinstance(error, ssl.SSLCertVerificationError):
            return Fall(cause, _shown(error, session.chain()))
        return Fall(cause, _alert(error))

    def note(self, ladder: Ladder) -> None:
        """Tell the ladder what TLS agreed, and what certificate was shown, a refused one too."""
        chain = self._session.chain() if self._session is not None else None
        if chain is not None:
            ladder.measure(Measure.CERT_EARLIEST_EXPIRY, chain.earliest_expiry)
            ladder.describe("subject", chain.subject)
            ladder.describe("issuer", chain.issuer)
            ladder.describe("not_after", _day(chain.not_after))
        if self.tls is not None:
            ladder.describe("tls_version", self.tls.version)
            ladder.describe("cipher", self.tls.cipher)

    async def settle(self, seconds: float = 0.15) -> None:
        """Wait a moment for what the peer may have against our client certificate.

        Under TLS 1.3 the handshake ends on our side before the server has judged it. Where it did not ask for one,
        or TLS is older, this costs nothing. What is received meanwhile is kept for the next read.

        Raises:
            Fall: `client_cert_missing`, `client_cert_refused`; or `closed_early` when the peer just hangs up.
        """
        if self.tls is None or not self.tls.alert_may_follow or self._buffer:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._grow("")
        except TimeoutError:
            pass  # it is content

    def unacknowledged(self, *, resent: int = 2) -> int:
        """Packets that the peer's kernel has not acknowledged though they were sent again `resent` times or more.

        It tells a program that does not answer from a network that swallowed the question (tcp(7), TCP_INFO). A peer
        that merely reads no more acknowledges, and offers no window. 0 where the kernel does not say.
        """
        try:
            told = self._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO.size)
        except OSError:
            return 0
        if len(told) < TCP_INFO.size:
            return 0
        retransmits, unacknowledged = TCP_INFO.unpack(told)
        return int(unacknowledged) if retransmits >= resent else 0

    # Ending ---------------------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Say goodbye where the protocol has one, without waiting for an answer, and close."""
        if self._session is not None and self.tls is not None and self._sock.fileno() >= 0:
            try:
                self._session.unwrap()
            except ssl.SSLError:
                pass  # close_notify lies in the outgoing buffer; the peer's own is not waited for
            self._send_alert()
        self.abort()

    def abort(self) -> None:
        """Close at once. May be called twice.

        A read or write of another task that was cancelled in this moment would be taken off the loop only at its next
        turn, by the socket's number: from whoever has been given that number since.
        """
        number = self._sock.fileno()
        if number >= 0:
            self._loop.remove_reader(number)
            self._loop.remove_writer(number)
        self._sock.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            await self.close()
        else:
            self.abort()


def _alert(error: ssl.SSLError) -> str:
    return (error.reason or detail_of(error)).lower().replace("_", " ")


def _shown(error: ssl.SSLCertVerificationError, chain: Chain | None) -> str:
    said = error.verify_message.rstrip(".")
    if chain is None:
        return said
    if cause_of(error) is causes.CERT_NAME_MISMATCH and chain.names:
        said += f"; it is for {', '.join(chain.names)}"
    return f"{said}; shown: {chain.subject}, by {chain.issuer}, {_day(chain.not_before)} to {_day(chain.not_after)}"


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
