"""What is asked of a partner within an association: C-ECHO, C-STORE, C-FIND, C-MOVE (PS3.7, chapter 9).

pynetdicom makes the requests and reads and writes identifiers; it never sees a socket. Its own reactor waits by
select(), which knows no descriptor above 1023: a daemon with a thousand connections would take every partner for one
that aborts. What comes from a partner is read by us, after its lengths are checked.
"""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from retabli.model import causes
from retabli.model.causes import Cause
from retabli.model.ladder import Fall
from retabli.net.dicom import commands, data_sets, dicom_causes, libraries, statuses
from retabli.net.dicom.association import Association, Granted, Message
from retabli.net.dicom.commands import Field, Verb
from retabli.net.dicom.syntaxes import STUDY_ROOT_FIND, STUDY_ROOT_MOVE, VERIFICATION
from retabli.net.own_threads import in_thread

if TYPE_CHECKING:
    from pynetdicom.dimse_messages import DIMSEMessage

IDENTIFIER_BYTES = 16_384  # of one answer to a C-FIND, or of a list of what failed, at most
SEARCH_BYTES = 4_194_304  # of all answers to one C-FIND, at most
PROGRESS_REPORTS = 10_000  # pending responses to one C-MOVE, at most
MEDIUM = 0x0000  # priority


@dataclass(frozen=True, slots=True)
class Stored:
    """How a C-STORE was answered, where it was not refused."""

    status: int
    warned: bool
    told: str


@dataclass(frozen=True, slots=True)
class Moved:
    """How a C-MOVE ended, where it was not refused: how many images were sent, and how many could not be."""

    completed: int
    failed: int
    told: str


def silent_service(cause: Cause, detail: str) -> tuple[Cause, str]:
    """For `ladder.told_as` around a rung that asks: the association stands, so its silence is the application's."""
    return (dicom_causes.DIMSE_SILENT if cause is causes.TIMEOUT else cause), detail


async def load() -> None:
    """Import pydicom and pynetdicom beside the loop: together they take a fifth of a second."""
    await in_thread(libraries.load)


async def echo(association: Association) -> None:
    """C-ECHO (PS3.7, 9.1.5).

    Raises:
        Fall: it was refused, or answered with a failure.
    """
    context = association.granted(VERIFICATION)
    message = association.next_message()
    request: dict[Field, int | str | bytes] = {
        Field.AFFECTED_SOP_CLASS: VERIFICATION,
        Field.COMMAND: Verb.ECHO,
        Field.MESSAGE: message,
        Field.DATA_SET: commands.NO_DATA_SET,
    }
    await association.send(context.number, commands.encode(request))
    status, answer = await _response(association, context, Verb.ECHO, message)
    if status != statuses.SUCCESS:
        raise statuses.failure(Verb.ECHO, status, answer.command)


async def store(association: Association, abstract: str, instance: str, data: bytes) -> Stored:
    """C-STORE (PS3.7, 9.1.1) of a data set, encoded as `association.granted(abstract).transfer` says.

    A partner that says it holds that very object already (0111) has it: that is no failure.

    Raises:
        Fall: it was refused, or answered with a failure.
    """
    from pynetdicom.dimse_messages import C_STORE_RQ
    from pynetdicom.dimse_primitives import C_STORE

    context = association.granted(abstract)
    primitive = C_STORE()
    primitive.MessageID = message = association.next_message()
    primitive.AffectedSOPClassUID = abstract
    primitive.AffectedSOPInstanceUID = instance
    primitive.Priority = MEDIUM
    primitive.DataSet = BytesIO(data)
    await association.send(context.number, _command(C_STORE_RQ(), primitive), data)
    status, answer = await _response(association, context, Verb.STORE, message)
    warned = statuses.is_warning(status)
    if status not in (statuses.SUCCESS, statuses.DUPLICATE) and not warned:
        raise statuses.failure(Verb.STORE, status, answer.command)
    return Stored(status, warned, statuses.told(status, answer.command))


async def find(association: Association, identifier: Mapping[str, str]) -> AsyncGenerator[dict[str, str], None]:
    """C-FIND in the study root (PS3.7, 9.1.2; PS3.4, C.4.1): each match as it comes, what was asked for of it, as text.

    Whoever has enough leaves, and aborts the association: the rest would otherwise still arrive.

    Raises:
        Fall: it was refused, or answered with a failure; `garbage` for a match that cannot be read; `too_long` for
            matches beyond bounds.
    """
    from pynetdicom.dimse_messages import C_FIND_RQ
    from pynetdicom.dimse_primitives import C_FIND

    context = association.granted(STUDY_ROOT_FIND)
    asked = data_sets.identifier(identifier, context.transfer)
    primitive = C_FIND()
    primitive.MessageID = message = association.next_message()
    primitive.AffectedSOPClassUID = STUDY_ROOT_FIND
    primitive.Priority = MEDIUM
    primitive.Identifier = BytesIO(asked)
    await association.send(context.number, _command(C_FIND_RQ(), primitive), asked)
    total = 0
    while True:
        status, answer = await _response(association, context, Verb.FIND, message)
        if status in statuses.PENDING:
            data = answer.data or b""
            total += len(data)
            if total > SEARCH_BYTES:
                raise Fall(causes.TOO_LONG, f"answers of more than {SEARCH_BYTES} bytes")
            yield data_sets.texts(data, context.transfer, identifier)
        elif status == statuses.SUCCESS or statuses.is_warning(status):
            return
        else:
            raise statuses.failure(Verb.FIND, status, answer.command)


async def move(association: Association, destination: str, identifier: Mapping[str, str]) -> Moved:
    """C-MOVE in the study root (PS3.7, 9.1.4; PS3.4, C.4.2): have the partner send what matches to an AE title.

    Raises:
        Fall: it was refused (`move_destination_unknown`, …), or answered with a failure.
    """
    from pynetdicom.dimse_messages import C_MOVE_RQ
    from pynetdicom.dimse_primitives import C_MOVE

    context = association.granted(STUDY_ROOT_MOVE)
    asked = data_sets.identifier(identifier, context.transfer)
    primitive = C_MOVE()
    primitive.MessageID = message = association.next_message()
    primitive.AffectedSOPClassUID = STUDY_ROOT_MOVE
    primitive.Priority = MEDIUM
    primitive.MoveDestination = destination
    primitive.Identifier = BytesIO(asked)
    await association.send(context.number, _command(C_MOVE_RQ(), primitive), asked)
    for _ in range(PROGRESS_REPORTS):
        status, answer = await _response(association, context, Verb.MOVE, message)
        if status in statuses.PENDING:
            continue
        if status != statuses.SUCCESS and not statuses.is_warning(status):
            raise statuses.failure(Verb.MOVE, status, answer.command)
        completed = commands.number(answer.command, Field.COMPLETED) or 0
        completed += commands.number(answer.command, Field.WARNED) or 0
        failed = commands.number(answer.command, Field.FAILED) or 0
        return Moved(completed, failed, statuses.told(status, answer.command))
    raise Fall(causes.TOO_LONG, f"{PROGRESS_REPORTS} reports of progress")


async def _response(association: Association, context: Granted, verb: Verb, message: int) -> tuple[int, Message]:
    answer = await association.receive(IDENTIFIER_BYTES)
    if answer is None:
        raise Fall(causes.CLOSED_EARLY, "the partner released the association instead of answering")
    command = commands.needed(answer.command, Field.COMMAND)
    if command != verb.response:
        raise Fall(causes.GARBAGE, f"command {command:04X} in answer to {verb.name}")
    to = commands.needed(answer.command, Field.RESPONDING_TO)
    if to != message or answer.context != context.number:
        raise Fall(causes.GARBAGE, f"an answer to message {to} in context {answer.context}, which is not ours")
    return commands.needed(answer.command, Field.STATUS), answer


def _command(message: "DIMSEMessage", primitive: object) -> bytes:
    from pynetdicom.dsutils import encode

    message.primitive_to_message(primitive)  # type: ignore[arg-type]  # one of its own primitives
    encoded = encode(message.command_set, True, True)
    assert encoded is not None  # noqa: S101 - its own elements, by its own encoder
    return encoded
