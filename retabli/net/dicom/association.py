"""An association with a DICOM partner on the ladder's connection: asked for, used for messages, released."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from retabli.model import causes
from retabli.model.causes import Cause, Verdict
from retabli.model.ladder import Fall, Ladder
from retabli.model.settings import Resolver, Tls
from retabli.model.stages import stage
from retabli.net.connect import open_connection
from retabli.net.connection import Connection
from retabli.net.dicom import commands, dicom_causes, negotiation
from retabli.net.dicom.commands import Command, Field
from retabli.net.dicom.negotiation import ACCEPTANCE, REFUSALS, Acceptance, Context
from retabli.net.dicom.pdu import MAXIMUM, RELEASE_RP, RELEASE_RQ, Kind, Value, abort, data_pdus, read_pdu, values_in
from retabli.net.dicom.syntaxes import name_of
from retabli.net.farewell import part

ASSOCIATION = stage("association", fr="association DICOM", en="DICOM association")
CONTEXT = stage("context", fr="contexte de présentation", en="presentation context")

IN_CLEAR = Tls(mode="none")

COMMAND_BYTES = MAXIMUM  # of one command set, at most
LAST_WORD = 0.05  # seconds for an abort, which is not answered

# (source, reason) of an A-ASSOCIATE-RJ (PS3.8, table 9-21)
REJECTIONS = {
    (1, 1): dicom_causes.ASSOCIATION_REFUSED,
    (1, 2): dicom_causes.APPLICATION_CONTEXT_REFUSED,
    (1, 3): dicom_causes.CALLING_AE_UNKNOWN,
    (1, 7): dicom_causes.CALLED_AE_UNKNOWN,
    (2, 1): dicom_causes.ASSOCIATION_UNAVAILABLE,
    (2, 2): dicom_causes.PROTOCOL_VERSION_REFUSED,
    (3, 1): dicom_causes.ASSOCIATION_CONGESTED,
    (3, 2): dicom_causes.ASSOCIATION_LIMIT,
}
TRANSIENT = 2
# The reasons of an A-ABORT by the service provider, source 2 (PS3.8, table 9-26)
ABORT_REASONS = {
    0: "no reason",
    1: "unrecognised PDU",
    2: "unexpected PDU",
    4: "unrecognised PDU parameter",
    5: "unexpected PDU parameter",
    6: "invalid PDU parameter value",
}
BY_USER = 0


@dataclass(frozen=True, slots=True)
class Partner:
    """Where a DICOM partner is, and by which AE titles (16 characters at most) we and they are known."""

    host: str
    port: int
    calling_ae: str
    called_ae: str
    tls: Tls = IN_CLEAR
    resolver: Resolver | None = None


@dataclass(frozen=True, slots=True)
class Granted:
    """A presentation context that the partner accepted."""

    number: int
    transfer: str


@dataclass(frozen=True, slots=True)
class Message:
    """A DIMSE message as it was received; `data` is None when it has no data set."""

    context: int
    command: Command
    data: bytes | None


async def associate(ladder: Ladder, partner: Partner, services: Mapping[str, Sequence[str]]) -> "Association":
    """Climb RESOLVE, CONNECT, TLS where it is set, and ASSOCIATION.

    `services`: abstract syntaxes, each with the transfer syntaxes that we offer for it. Whether the partner grants
    them is asked of the association (`granted`). The caller ends it, by `async with association:`.

    Raises:
        Fall: a common cause, or one of `dicom_causes.ASSOCIATING`.
    """
    connection = await open_connection(ladder, partner.host, partner.port, resolver=partner.resolver, tls=partner.tls)
    contexts = [
        Context(2 * place + 1, abstract, tuple(transfers))
        for place, (abstract, transfers) in enumerate(services.items())
    ]
    try:
        with ladder.told_as(_silent_partner), ladder.rung(ASSOCIATION):
            await _ask(connection, negotiation.request(partner.calling_ae, partner.called_ae, contexts))
            acceptance = await _answer(connection)
    except BaseException:
        connection.abort()
        raise
    return Association(connection, contexts, acceptance)


async def _ask(connection: Connection, request: bytes) -> None:
    try:
        await connection.send(request)
    except BrokenPipeError as error:  # it had hung up before
        raise Fall(dicom_causes.CLOSED_WITHOUT_ANSWER, "closed") from error
    except ConnectionResetError as error:
        raise Fall(dicom_causes.CLOSED_WITHOUT_ANSWER, "reset") from error


async def _answer(connection: Connection) -> Acceptance:
    try:
        pdu = await read_pdu(connection)
    except ConnectionResetError as error:  # what we had sent was thrown away unread
        raise Fall(dicom_causes.CLOSED_WITHOUT_ANSWER, "reset") from error
    except BrokenPipeError as error:
        raise Fall(dicom_causes.CLOSED_WITHOUT_ANSWER, "closed") from error
    if pdu is None:
        raise Fall(dicom_causes.CLOSED_WITHOUT_ANSWER, _how_it_ended(connection))
    if pdu.kind is Kind.ASSOCIATE_RJ:
        raise rejected(*pdu.body[1:4])
    if pdu.kind is Kind.ABORT:
        raise aborted(*pdu.body[2:4])
    if pdu.kind is not Kind.ASSOCIATE_AC:
        raise Fall(causes.GARBAGE, f"{pdu.kind.name} in answer to a request for an association")
    return negotiation.read_acceptance(pdu.body)


def _how_it_ended(connection: Connection) -> str:
    if connection.tls is not None and connection.tls.alert_may_follow and not connection.tls.presented:
        return "closed after asking for a client certificate, which we do not have"
    return "closed"


def rejected(result: int, source: int, reason: int) -> Fall:
    """What an A-ASSOCIATE-RJ says. Transient (result 2) is `association_refused_for_now`, unless it names a limit."""
    found = REJECTIONS.get((source, reason), dicom_causes.ASSOCIATION_REFUSED)
    if result == TRANSIENT and found.verdict is not Verdict.TEMPORARY:
        return Fall(dicom_causes.ASSOCIATION_REFUSED_FOR_NOW, f"{result}/{source}/{reason}, {found.words.en}")
    return Fall(found, f"result/source/reason {result}/{source}/{reason}")


def aborted(source: int, reason: int) -> Fall:
    """What an A-ABORT says."""
    if source == BY_USER:
        return Fall(dicom_causes.ASSOCIATION_ABORTED)
    return Fall(dicom_causes.ASSOCIATION_ABORTED_BY_PROTOCOL, ABORT_REASONS.get(reason, f"reason {reason}"))


def _silent_partner(cause: Cause, detail: str) -> tuple[Cause, str]:
    """The connection stands: whoever is silent now is the partner's service, not the network."""
    return (dicom_causes.ASSOCIATION_SILENT if cause is causes.TIMEOUT else cause), detail


class Association:
    """One association, in either role. `maximum`: how many bytes the peer takes in a PDU; 0 for any."""

    def __init__(self, connection: Connection, contexts: Sequence[Context], acceptance: Acceptance) -> None:
        self.connection = connection
        self.maximum = acceptance.maximum
        self._contexts = {context.abstract: context for context in contexts}
        self._grants = acceptance.grants
        self._values: deque[Value] = deque()
        self._messages = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if error is None:
            await self.release()
        else:
            await self.abort()

    def granted(self, abstract: str) -> Granted:
        """The context in which that service or kind of object may be used.

        Raises:
            Fall: the partner refused it; or `garbage` when it said nothing of it, or chose what we had not offered.
        """
        context = self._contexts[abstract]
        grant = self._grants.get(context.number)
        if grant is None:
            raise Fall(causes.GARBAGE, f"no word on presentation context {context.number}")
        if grant.result != ACCEPTANCE:
            raise Fall(
                REFUSALS.get(grant.result, dicom_causes.CONTEXT_REFUSED), f"{name_of(abstract)}: result {grant.result}"
            )
        if grant.transfer not in context.transfers:
            raise Fall(causes.GARBAGE, f"a transfer syntax that was not offered: {grant.transfer}")
        return Granted(context.number, grant.transfer)

    def grants_any(self) -> bool:
        """Whether the partner accepted anything at all of what was asked for."""
        return any(grant.result == ACCEPTANCE for grant in self._grants.values())

    def next_message(self) -> int:
        """A message number of its own within this association."""
        self._messages += 1
        return self._messages

    async def send(self, context: int, command: bytes, data: bytes | None = None) -> None:
        """Send a message: a command set and, where it has one, its data set."""
        pdus = list(data_pdus(context, command, command=True, maximum=self.maximum))
        if data is not None:
            pdus += data_pdus(context, data, command=False, maximum=self.maximum)
        await self.connection.send(b"".join(pdus))

    async def receive(self, limit: int) -> Message | None:
        """The next message, its data set of at most `limit` bytes; None when the peer has released the association.

        Raises:
            Fall: `too_long`, `garbage`, an abort, or `closed_early`.
        """
        first = await self._value(begun=False)
        if first is None:
            return None
        command = commands.decode(await self._part(first, command=True, limit=COMMAND_BYTES))
        if commands.needed(command, Field.DATA_SET) == commands.NO_DATA_SET:
            return Message(first.context, command, None)
        value = await self._value(begun=True)
        assert value is not None  # noqa: S101 - only before a message begins
        if value.context != first.context:
            raise Fall(causes.GARBAGE, "a data set in another presentation context than its command")
        return Message(first.context, command, await self._part(value, command=False, limit=limit))

    async def release(self) -> None:
        """Release the association, waiting a moment at most for the answer, and close."""
        await part(self.connection, self._release)

    async def _release(self) -> None:
        await self.connection.send(RELEASE_RQ)
        await read_pdu(self.connection)

    async def abort(self) -> None:
        """Tell the peer that it is over, if the kernel takes that at once, and close."""
        try:
            async with asyncio.timeout(LAST_WORD):
                await self.connection.send(abort(BY_USER, 0))
        except (Fall, OSError):
            pass
        finally:
            self.connection.abort()

    async def _part(self, value: Value, *, command: bool, limit: int) -> bytes:
        """A command set or a data set, whose first fragment is `value`."""
        gathered = bytearray()
        context = value.context
        while True:
            if value.command is not command or value.context != context:
                raise Fall(causes.GARBAGE, f"a {'data set' if command else 'command'} where its other part was due")
            if not value.data and not value.last:
                raise Fall(causes.GARBAGE, "an empty fragment")
            if len(gathered) + len(value.data) > limit:
                raise Fall(causes.TOO_LONG, f"a {'command' if command else 'data set'} of more than {limit} bytes")
            gathered += value.data
            if value.last:
                return bytes(gathered)
            following = await self._value(begun=True)
            assert following is not None  # noqa: S101 - only before a message begins
            value = following

    async def _value(self, *, begun: bool) -> Value | None:
        while not self._values:
            pdu = await read_pdu(self.connection)
            if pdu is None:
                raise Fall(causes.CLOSED_EARLY, "in the middle of the association")
            if pdu.kind is Kind.DATA:
                self._values.extend(values_in(pdu.body))
            elif pdu.kind is Kind.ABORT:
                raise aborted(*pdu.body[2:4])
            elif pdu.kind is Kind.RELEASE_RQ and not begun:
                await self.connection.send(RELEASE_RP)
                return None
            else:
                raise Fall(causes.GARBAGE, f"{pdu.kind.name} in the middle of the association")
        return self._values.popleft()
