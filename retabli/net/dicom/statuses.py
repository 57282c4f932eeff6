"""What the status of a DIMSE response means (PS3.7, annex C; PS3.4, tables B.2-1, C.4-1 and C.4-2)."""

from retabli.model.causes import Cause
from retabli.model.ladder import Fall
from retabli.net.dicom import commands, dicom_causes
from retabli.net.dicom.commands import Command, Field, Verb

SUCCESS = 0x0000
PENDING = (0xFF00, 0xFF01)
DUPLICATE = 0x0111  # the partner holds that very object already
COERCED = 0xB000  # stored, some elements adapted to the partner's: every archive that reconciles patients does it

# A C-MOVE whose sub-operations cannot be performed; many archives say "unable to process" (Cxxx) instead, of a
# destination that they do not know or reach.
UNABLE_TO_PERFORM = 0xA702

# A search that ends as if we had broken it off (PS3.4, table C.4-1), though we did not: it gave as many as it will.
BROKEN_OFF = 0xFE00

SINGLE = {
    0x0122: dicom_causes.SOP_CLASS_UNSUPPORTED,
    0x0124: dicom_causes.DICOM_NOT_AUTHORISED,
    0xA801: dicom_causes.MOVE_DESTINATION_UNKNOWN,
    BROKEN_OFF: dicom_causes.SEARCH_BROKEN_OFF,
}
# By the highest byte, then by the highest four bits
FAMILIES = {0xA7: dicom_causes.OUT_OF_RESOURCES, 0xA9: dicom_causes.DATA_SET_MISMATCH}
CANNOT_UNDERSTAND = 0xC


def is_warning(status: int) -> bool:
    """PS3.7, annex C.4: B000 to BFFF, 0001, and the two of attributes."""
    return status >> 12 == 0xB or status in (0x0001, 0x0107, 0x0116)


def failure(verb: Verb, status: int, command: Command) -> Fall:
    """The fall that a status which is neither success nor warning stands for; the partner's comment is its detail."""
    if verb is Verb.MOVE and (status == UNABLE_TO_PERFORM or status >> 12 == CANNOT_UNDERSTAND):
        return Fall(dicom_causes.SUBOPERATIONS_FAILED, told(status, command))
    return Fall(_cause(status), told(status, command))


def told(status: int, command: Command) -> str:
    """`A700 (out of space)`"""
    comment = commands.text(command, Field.COMMENT)
    return f"{status:04X} ({comment})" if comment else f"{status:04X}"


def _cause(status: int) -> Cause:
    if status in SINGLE:
        return SINGLE[status]
    if status >> 8 in FAMILIES:
        return FAMILIES[status >> 8]
    return dicom_causes.CANNOT_UNDERSTAND if status >> 12 == CANNOT_UNDERSTAND else dicom_causes.DIMSE_FAILED
