"""Whatever a DICOM partner's bytes are: they are read, or they are a Fall, and never anything else."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.uid import UID
from pynetdicom import dimse_messages
from pynetdicom.dsutils import encode
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ

from retabli.model import causes
from retabli.model.ladder import Fall
from retabli.net.dicom import commands, data_sets, negotiation, pdu
from retabli.net.dicom.commands import Field, Verb
from retabli.net.dicom.negotiation import Context, Grant
from retabli.net.dicom.syntaxes import EXPLICIT, IMPLICIT
from tests.net.dicom_partners import accepting, element, item, response

WANTED = ("StudyDate", "StudyDescription", "PixelSpacing", "Rows", "ReferencedStudySequence", "CommandField")
READERS: list[Callable[[bytes], Any]] = [
    commands.decode,
    negotiation.read_acceptance,
    negotiation.read_request,
    lambda data: list(pdu.values_in(data)),
    lambda data: data_sets.texts(data, IMPLICIT, WANTED),
    lambda data: data_sets.texts(data, EXPLICIT, WANTED),
]
NAMES = ["command", "acceptance", "request", "values", "implicit", "explicit"]


def nested() -> Dataset:
    inner, middle, outer = Dataset(), Dataset(), Dataset()
    inner.PatientID = "RETABLI-TEST"
    middle.ReferencedSeriesSequence = [inner, inner]
    outer.StudyDate, outer.ReferencedStudySequence = "20230703", [middle]
    outer.PixelData = bytes(64)
    outer["PixelData"].VR = "OW"
    outer.StudyDescription = "RETABLI TEST"
    for sequence in (outer["ReferencedStudySequence"], middle["ReferencedSeriesSequence"]):
        sequence.is_undefined_length = True
    inner.is_undefined_length_sequence_item = True
    return outer


SOUND = [
    *(encode(nested(), implicit, True) or b"" for implicit in (True, False)),
    response(0x8030, 0),
    accepting(0, 3)[6:],
    negotiation.request("US", "THEM", [Context(1, "1.2", (IMPLICIT,))])[6:],
]


@pytest.mark.parametrize("read", READERS, ids=NAMES)
@examples(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_bytes_are_read_or_are_a_fall(read: Callable[[bytes], Any], data: st.DataObject) -> None:
    """Arbitrary ones, and sound ones that were cut or changed in one place."""
    sound = data.draw(st.sampled_from(SOUND))
    place = data.draw(st.integers(0, len(sound) - 1))
    noise = data.draw(st.binary(max_size=40))
    for said in (noise, sound[:place], sound[:place] + noise + sound[place + len(noise) :]):
        try:
            read(said)
        except Fall as fall:
            assert fall.cause is causes.GARBAGE  # noqa: PT017 - whether it falls is not the question


@pytest.mark.parametrize("transfer", [IMPLICIT, EXPLICIT], ids=["implicit", "explicit"])
def test_nested_data_sets_are_read_whole_and_never_cut(transfer: str) -> None:
    data = data_sets.written(nested(), transfer)
    assert b"\xff\xff\xff\xff" in data
    found = data_sets.read(data, transfer)
    assert found.ReferencedStudySequence[0].ReferencedSeriesSequence[1].PatientID == "RETABLI-TEST"
    assert data_sets.texts(data, transfer, WANTED) == {
        "StudyDate": "20230703",
        "StudyDescription": "RETABLI TEST",
    }
    falls = 0
    for place in range(1, len(data)):
        try:
            data_sets.texts(data[:place], transfer, WANTED)
        except Fall:
            falls += 1
    assert falls >= len(data) - 1 - len(found)  # it may only end between two elements


def test_sequences_without_end_or_bottom_are_garbage() -> None:
    begin = b"\x08\0\x10\x11\xff\xff\xff\xff"
    inside = b"\xfe\xff\0\xe0\xff\xff\xff\xff"
    for data in (begin, begin + inside, (begin + inside) * 2000, begin + b"\x08\0\x20\0\0\0\0\0"):
        with pytest.raises(Fall, match="garbage: "):
            data_sets.read(data, IMPLICIT)


# pynetdicom as the oracle of what we write ----------------------------------------------------------------------------


def test_our_request_for_an_association_is_read_by_pynetdicom() -> None:
    asked = [
        Context(1, "1.2.840.10008.1.1", (EXPLICIT, IMPLICIT)),
        Context(3, "1.2.840.10008.5.1.4.1.1.2", (IMPLICIT,)),
    ]
    read = A_ASSOCIATE_RQ()
    read.decode(negotiation.request("RETABLI", "SIXTEEN LETTERS.", asked))
    primitive = read.to_primitive()
    assert (primitive.calling_ae_title, primitive.called_ae_title) == ("RETABLI", "SIXTEEN LETTERS.")
    assert primitive.application_context_name == "1.2.840.10008.3.1.1.1"
    assert primitive.maximum_length_received == pdu.MAXIMUM
    assert [
        (context.context_id, context.abstract_syntax, tuple(context.transfer_syntax))
        for context in primitive.presentation_context_definition_list
    ] == [(each.number, each.abstract, each.transfers) for each in asked]
    assert UID(primitive.implementation_class_uid or "").is_valid


def test_our_acceptance_is_read_by_pynetdicom_and_by_us() -> None:
    grants = {1: Grant(0, EXPLICIT), 3: Grant(3, "")}
    written = negotiation.acceptance("THEM", "US", grants)
    read = A_ASSOCIATE_AC()
    read.decode(written)
    results = read.to_primitive().presentation_context_definition_results_list
    assert [(context.context_id, context.result) for context in results] == [(1, 0), (3, 3)]
    assert dict(negotiation.read_acceptance(written[6:]).grants) == grants


def test_our_command_sets_are_pynetdicoms_byte_for_byte() -> None:
    from pynetdicom.dimse_primitives import C_ECHO

    primitive = C_ECHO()
    primitive.MessageID, primitive.AffectedSOPClassUID = 7, "1.2.840.10008.1.1"
    message = dimse_messages.C_ECHO_RQ()
    message.primitive_to_message(primitive)
    assert commands.encode(
        {
            Field.DATA_SET: commands.NO_DATA_SET,
            Field.MESSAGE: 7,
            Field.COMMAND: Verb.ECHO,
            Field.AFFECTED_SOP_CLASS: "1.2.840.10008.1.1",
        }
    ) == encode(message.command_set, True, True)


def test_a_message_is_cut_into_pieces_that_the_partner_takes() -> None:
    data = bytes(range(256)) * 40
    for maximum in (64, 100, 16384, 0):
        pieces = list(pdu.data_pdus(3, data, command=False, maximum=maximum))
        assert all(len(piece) - 6 <= (maximum or pdu.MAXIMUM) for piece in pieces)
        values = [value for piece in pieces for value in pdu.values_in(piece[6:])]
        assert b"".join(value.data for value in values) == data
        assert [value.last for value in values] == [False] * (len(values) - 1) + [True]


def test_items_and_elements_that_claim_more_than_there_is_are_garbage() -> None:
    for read, said in (
        (negotiation.read_acceptance, accepting(0)[6:] + item(0x21, b"", 60000)),
        (commands.decode, element(0x0900, b"\0\0", 0xFFFFFFFF)),
    ):
        with pytest.raises(Fall, match="garbage: "):
            read(said)
