"""Where the partner of a C-MOVE sends the image back to: it takes that one image, of that partner, and nothing else."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from retabli.model import causes
from retabli.model.ladder import Fall, detail_of
from retabli.model.result import clean
from retabli.net.attempts import open_socket, sockaddr
from retabli.net.connection import Connection
from retabli.net.dicom import commands, dicom_causes, negotiation
from retabli.net.dicom.association import Association, Message
from retabli.net.dicom.commands import Field, Verb
from retabli.net.dicom.negotiation import ACCEPTANCE, Acceptance, Context, Grant
from retabli.net.dicom.pdu import Kind, read_pdu, rejection
from retabli.net.dicom.statuses import SUCCESS
from retabli.net.dicom.syntaxes import UNCOMPRESSED, VERIFICATION

IMAGE_BYTES = 65_536  # of what is sent to us, at most: ours has some nine thousand
AT_ONCE = 16  # conversations
MESSAGES = 32  # in one of them
NOT_AUTHORISED, UNRECOGNISED = 0x0124, 0x0211
PERMANENT, BY_USER, CALLING_UNKNOWN, CALLED_UNKNOWN = 1, 1, 3, 7
NO_ABSTRACT, NO_TRANSFER = 3, 4
BACKLOG = 16
PAUSE = 0.05  # seconds between two looks at whether the port is free again


@dataclass(frozen=True, slots=True)
class Received:
    """A data set that was sent to us, and in which transfer syntax."""

    data: bytes
    transfer: str


@dataclass(slots=True)
class Receiver:
    """Takes one object (`abstract`, `instance`) from the AE title `partner_ae`, calling us `own_ae`.

    `arrived` gives it. `turned_away` is what else has come, in words: it explains why nothing arrived.
    `trouble` is what kept this machine from accepting at all.
    """

    own_ae: str
    partner_ae: str
    abstract: str
    instance: str
    arrived: asyncio.Future[Received]
    turned_away: str = ""
    trouble: OSError | None = None
    _conversations: dict[asyncio.Task[None], Connection] = field(default_factory=dict)

    def accept(self, listener: socket.socket) -> None:
        """Take whoever waits at the listener into a conversation; a guest too many is sent away."""
        try:
            sock, where = listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:  # no descriptor left: then nothing is known of the partner
            self.trouble = error
            asyncio.get_running_loop().remove_reader(listener)
            return
        if len(self._conversations) >= AT_ONCE:
            sock.close()
            self.turned_away = f"more than {AT_ONCE} visitors at once"
            return
        sock.setblocking(False)
        connection = Connection(sock, where[0], where[0], where[1])
        task = asyncio.create_task(self._meet(connection))
        self._conversations[task] = connection
        task.add_done_callback(lambda ended: self._conversations.pop(ended, None))

    async def end(self) -> None:
        """End every conversation, those that have not even begun too."""
        conversations = dict(self._conversations)
        for task in conversations:
            task.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)
        for connection in conversations.values():
            connection.abort()

    async def _meet(self, connection: Connection) -> None:
        try:
            await self._converse(connection)
        except (Fall, OSError) as error:
            self.turned_away = clean(f"{connection.host}: {error}")
        finally:
            connection.abort()

    async def _converse(self, connection: Connection) -> None:
        pdu = await read_pdu(connection)
        if pdu is None or pdu.kind is not Kind.ASSOCIATE_RQ:
            self.turned_away = clean(f"{connection.host} came and asked for no association")
            return
        request = negotiation.read_request(pdu.body)
        if request.called != self.own_ae or request.calling != self.partner_ae:
            self.turned_away = clean(f"{request.calling} at {connection.host} came and called {request.called}")
            reason = CALLED_UNKNOWN if request.called != self.own_ae else CALLING_UNKNOWN
            await connection.send(rejection(PERMANENT, BY_USER, reason))
            return
        grants = {context.number: self._grant(context) for context in request.contexts}
        await connection.send(negotiation.acceptance(request.called, request.calling, grants))
        association = Association(connection, request.contexts, Acceptance(grants, request.maximum))
        for _ in range(MESSAGES):
            message = await association.receive(IMAGE_BYTES)
            if message is None:
                self.turned_away = self.turned_away or "the partner came, sent nothing that was awaited, and left"
                return
            await self._answer(association, message, grants)

    def _grant(self, context: Context) -> Grant:
        transfer = next((known for known in UNCOMPRESSED if known in context.transfers), None)
        if context.abstract not in (self.abstract, VERIFICATION):
            return Grant(NO_ABSTRACT, "")
        return Grant(NO_TRANSFER, "") if transfer is None else Grant(ACCEPTANCE, transfer)

    async def _answer(self, association: Association, message: Message, grants: dict[int, Grant]) -> None:
        verb = commands.needed(message.command, Field.COMMAND)
        response: dict[Field, int | str | bytes] = {
            Field.COMMAND: verb | 0x8000,
            Field.RESPONDING_TO: commands.needed(message.command, Field.MESSAGE),
            Field.DATA_SET: commands.NO_DATA_SET,
            Field.STATUS: self._judge(verb, message, grants),
        }
        named = {Field.AFFECTED_SOP_CLASS, Field.AFFECTED_SOP_INSTANCE} & message.command.keys()
        response |= {each: message.command[each] for each in named}
        await association.send(message.context, commands.encode(response))

    def _judge(self, verb: int, message: Message, grants: dict[int, Grant]) -> int:
        if verb == Verb.ECHO:
            return SUCCESS
        if verb != Verb.STORE:
            return UNRECOGNISED
        grant = grants.get(message.context)
        instance = commands.text(message.command, Field.AFFECTED_SOP_INSTANCE)
        if instance != self.instance or grant is None or grant.result != ACCEPTANCE or message.data is None:
            self.turned_away = clean(f"an image that is not ours was sent: {instance}")
            return NOT_AUTHORISED
        if not self.arrived.done():
            self.arrived.set_result(Received(message.data, grant.transfer))
        return SUCCESS


@asynccontextmanager
async def receiving(
    address: str, port: int, *, own_ae: str, partner_ae: str, abstract: str, instance: str, patience: float
) -> AsyncIterator[Receiver]:
    """A receiver that listens on that address and port while this is open.

    `patience`: seconds to wait for the port when another run has it (several probes may share one).

    Raises:
        Fall: `receiver_taken`, or what keeps this machine from listening there.
    """
    loop = asyncio.get_running_loop()
    with await _listener(address, port, patience) as listener:
        receiver = Receiver(own_ae, partner_ae, abstract, instance, loop.create_future())
        loop.add_reader(listener, receiver.accept, listener)
        try:
            yield receiver
        finally:
            loop.remove_reader(listener)
            await receiver.end()


async def _listener(address: str, port: int, patience: float) -> socket.socket:
    family, where = sockaddr(address, port)
    loop = asyncio.get_running_loop()
    end = loop.time() + patience
    while True:
        listener = open_socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(where)
            listener.listen(BACKLOG)
            return listener
        except OSError as error:
            listener.close()
            if error.errno != errno.EADDRINUSE:
                forbidden = isinstance(error, PermissionError)
                why = causes.LOCAL_PERMISSION if forbidden else causes.LOCAL_RESOURCES
                raise Fall(why, f"{address} port {port}: {detail_of(error)}") from error
            if loop.time() > end:
                raise Fall(dicom_causes.RECEIVER_TAKEN, f"{address} port {port}") from error
        except BaseException:
            listener.close()
            raise
        await asyncio.sleep(PAUSE)
