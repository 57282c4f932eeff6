"""One message of ours and what is answered to it, climbed by every kind that hands a message to an HL7 engine."""

import asyncio
from collections.abc import Collection, Iterator
from typing import Literal

from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.ladder import Fall, Ladder, Rename, cause_of, detail_of
from retabli.model.settings import Resolver, Tls
from retabli.model.stages import stage
from retabli.net.connect import open_connection
from retabli.net.connection import Connection
from retabli.net.hl7 import acknowledgements
from retabli.net.hl7.acknowledgements import Acknowledgement, known_id
from retabli.net.hl7.hl7_causes import (
    APPLICATION_ERROR,
    APPLICATION_REJECTED,
    COMMIT_ERROR,
    COMMIT_REJECTED,
    MLLP_NAK,
    NO_APPLICATION_ACK,
    NOT_HL7,
    TLS_UNANSWERED,
    TLS_WANTED,
    UNKNOWN_ACK_CODE,
    WRONG_CONTROL_ID,
)
from retabli.net.hl7.mllp import ACK, NAK, Mllp
from retabli.net.hl7.second_look import speaks_tls
from retabli.net.tls import server_name_of

PORT = 2575  # IANA: hl7
Expected = Literal["AA", "CA"]

FRAMED = stage("framed", fr="bloc MLLP échangé", en="MLLP block exchanged")
ACKNOWLEDGED = stage("acknowledged", fr="acquitté", en="acknowledged")
MATCHED = stage("matched", fr="acquittement du bon message (MSA-2)", en="the right message's acknowledgement (MSA-2)")
COMMITTED = stage("committed", fr="reçu et conservé (CA)", en="received and stored (CA)")
APPLIED = stage("applied", fr="accepté par l'application (AA)", en="accepted by the application (AA)")

MOST_BLOCKS = 16  # answers of one conversation that are read
GRACE = 1.0  # seconds in which ours may still follow an answer that is not for us

REFUSALS = {
    "CE": COMMIT_ERROR,
    "CR": COMMIT_REJECTED,
    "AE": APPLICATION_ERROR,
    "AR": APPLICATION_REJECTED,
}


def tls_faults(tls: Tls) -> Iterator[str]:
    if tls.mode == "starttls":
        yield "tls.mode starttls means nothing here: MLLP is spoken in clear, or over TLS from the first byte"


async def open_engine(
    ladder: Ladder, host: str, port: int, tls: Tls, *, resolver: Resolver | None = None
) -> Connection:
    """Climb RESOLVE, CONNECT and, where TLS is spoken, TLS; a client certificate that is refused shows there.

    Raises:
        Fall: as `open_connection`; `tls_unanswered` when the handshake meets silence: plain MLLP waits for its VT.
    """
    connection = await open_connection(ladder, host, port, resolver=resolver)
    if tls.mode != "implicit":
        return connection
    try:
        with ladder.told_as(_unanswered(connection)):
            await connection.start_tls(ladder, tls, server_name_of(host, tls))
        with ladder.rung(stages.TLS):
            await connection.settle()
    except BaseException:
        connection.abort()
        raise
    return connection


def _unanswered(connection: Connection) -> Rename:
    def rename(found: Cause, detail: str) -> tuple[Cause, str]:
        if found is causes.TIMEOUT and not detail and not connection.unacknowledged(resent=0):
            return TLS_UNANSWERED, ""
        return found, detail

    return rename


class Exchange:
    """The conversation about one message. Its rungs are the caller's, within `ladder.told_as(exchange.overdue)`."""

    def __init__(self, connection: Connection, control_id: str) -> None:
        self._mllp = Mllp(connection)
        self._control_id = control_id
        self._blocks = 0
        self._committed = False  # the commit is there, and the application's word is awaited
        self._stranger: Fall | None = None  # what an answer that is not for us shows, unless ours follows
        self._until = 0.0  # the loop's time at which it does

    def overdue(self, found: Cause, detail: str) -> tuple[Cause, str]:
        """For `Ladder.told_as`: what a deadline means while an answer is awaited."""
        if found is not causes.TIMEOUT or detail:
            return found, detail
        if self._stranger is not None:
            return self._stranger.cause, self._stranger.detail
        return (NO_APPLICATION_ACK, "") if self._committed else self._mllp.overdue()

    async def first(self, content: bytes) -> bytes:
        """Send, and give the first block that is answered."""
        try:
            await self._mllp.send(content)
            return await self._block()
        except (Fall, ConnectionError) as error:
            await self._look_again(error)
            raise

    async def _look_again(self, error: Exception) -> None:
        """An engine that hangs up on us without a word may be one that speaks TLS.

        Raises:
            Fall: `tls_wanted`.
        """
        connection = self._mllp.connection
        found = cause_of(error)
        if found not in (causes.CLOSED_EARLY, causes.RESET) or self._mllp.heard or connection.tls is not None:
            return
        self._stranger = Fall(found, detail_of(error))  # should the deadline fall now
        if await speaks_tls(connection.address, connection.port):
            raise Fall(TLS_WANTED, "it hangs up on a message in clear, and answers a TLS handshake") from error

    async def acknowledged(self, answer: bytes) -> Acknowledgement:
        """The first acknowledgement, whoever it is for. An engine may send messages of its own before it."""
        while (found := acknowledgements.parse(answer)) is None:
            answer = await self._soon(Fall(NOT_HL7, "an HL7 message without MSA"))
        return found

    async def ours(self, found: Acknowledgement) -> Acknowledgement:
        """The acknowledgement of our message; that of another one may come before it."""
        while found.control_id != self._control_id:
            stranger = Fall(WRONG_CONTROL_ID, f"MSA-2 is {known_id(found.control_id)}")
            found = acknowledgements.parse(await self._soon(stranger)) or found
        self._stranger = None
        return found

    async def answered(self, ladder: Ladder, found: Acknowledgement, *, stored_is_enough: bool = False) -> None:
        """The application's word: this acknowledgement, or the one that follows a commit on the same connection
        (2.9.3.2), which is not awaited where the commit is enough.

        Raises:
            Fall: as `judge`; `no_application_ack` when the engine hangs up after its commit.
        """
        judge(ladder, found)
        if found.code == "CA":
            ladder.describe("commit", "CA")
        if found.code == "CA" and not stored_is_enough:
            judge(ladder, await self._application())

    async def _application(self) -> Acknowledgement:
        self._committed = True
        while True:
            try:
                answer = await self._block()
            except Fall as fall:
                if fall.cause is causes.CLOSED_EARLY:
                    raise Fall(NO_APPLICATION_ACK, "closed after the commit") from fall
                raise
            found = acknowledgements.parse(answer)
            if found is None or found.control_id != self._control_id or found.code == "CA":
                continue  # another's, or the commit once more
            if found.asks_for_commit and found.own_id:
                await self._mllp.send(_commit(found.own_id))
            return found

    async def _soon(self, otherwise: Fall) -> bytes:
        """The next block, if it comes within moments; else what the last one already showed."""
        if self._stranger is None:
            self._until = asyncio.get_running_loop().time() + GRACE
        self._stranger = otherwise
        try:
            async with asyncio.timeout_at(self._until):
                return await self._block()
        except (Fall, OSError) as error:  # a TimeoutError is an OSError
            raise otherwise from error

    async def _block(self) -> bytes:
        """The next block that is a message: some engines keep a connection alive by empty ones, and those of MLLP
        release 2 confirm by a block of one byte that they have stored what we sent.

        Raises:
            Fall: `mllp_nak`, `too_long`, and as `Mllp.receive`.
        """
        while True:
            if self._blocks == MOST_BLOCKS:
                raise Fall(causes.TOO_LONG, f"more than {MOST_BLOCKS} blocks")
            self._blocks += 1
            answer = await self._mllp.receive()
            if answer == NAK:
                raise Fall(MLLP_NAK)
            if answer.strip() not in (b"", ACK):
                return answer


def _commit(their_id: str) -> bytes:
    """Our commit to an acknowledgement that wants one: an engine that misses it would send it again and again."""
    return f"MSH|^~\\&|RETABLI||||||ACK|{their_id}|T|2.5.1\rMSA|CA|{their_id}\r".encode("ascii")


def judge(ladder: Ladder, found: Acknowledgement) -> None:
    """What the code says.

    Raises:
        Fall: `commit_error`, `commit_rejected`, `application_error`, `application_rejected`, `unknown_ack_code`; the
            detail tells the errors by their codes.
    """
    told = found.told(ladder.language)
    if found.code in ("AA", "CA"):
        if told:  # warnings, with a message that was taken
            ladder.describe("told", told)
        return
    if found.code in REFUSALS:
        raise Fall(REFUSALS[found.code], told or "without ERR")
    raise Fall(UNKNOWN_ACK_CODE, found.code if found.code.isalnum() and len(found.code) <= 3 else "")


async def climb_answers(
    ladder: Ladder, exchange: Exchange, found: Acknowledgement, expect: Collection[Expected], *, awaited: bool
) -> None:
    """COMMITTED and APPLIED, as far as they are expected and this ladder has them.

    With both expected a partner may answer in either mode: AA alone is all there is in original mode (2.9.2), and after
    CA the application's word is awaited only where the message asks for it (`awaited`).
    """
    if COMMITTED in ladder.stages and (found.is_commit or "AA" not in expect):
        with ladder.rung(COMMITTED):
            judge(ladder, found)
        if "AA" in expect and not awaited:
            ladder.skip(APPLIED)
    elif COMMITTED in ladder.stages:
        ladder.skip(COMMITTED)
    if APPLIED in ladder.stages:
        with ladder.rung(APPLIED):
            await exchange.answered(ladder, found)
