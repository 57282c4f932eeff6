"""What an archive says of an image that it was given: stored, stored with a warning, or why not (PS3.18, 10.5.3)."""

from retabli.model.causes import Cause
from retabli.model.ladder import Fall, Ladder
from retabli.net.dicom.commands import Verb
from retabli.net.dicom.dicom_causes import TRANSFER_SYNTAX_UNSUPPORTED
from retabli.net.dicom.dicom_json import SOP_INSTANCE, Dataset, items_of, read_dataset, text_of
from retabli.net.dicom.dicomweb_causes import STOW_REFUSED, STOW_UNCONFIRMED
from retabli.net.dicom.marked_image import Uids
from retabli.net.dicom.statuses import DUPLICATE, failure
from retabli.net.web.http import Fetched

REFERENCED = "00081199"  # Referenced SOP Sequence: what it has stored
FAILED = "00081198"  # Failed SOP Sequence
OTHER_FAILURES = "0008119A"
REFERENCED_INSTANCE = "00081155"
FAILURE_REASON = "00081197"
WARNING_REASON = "00081196"
PROCESSING_FAILURE = 0x0110
TRANSFER_SYNTAX = 0xC122  # of the reasons in PS3.18, I.2.2, the one that no C-STORE is answered with


def judge_stored(ladder: Ladder, fetched: Fetched, uids: Uids, *, again: bool) -> None:
    """Whether our image was stored. A warning (coerced, elements discarded) is told as a property.

    `again`: it was given the same image before; that it has it already is then what is wanted.

    Raises:
        Fall: by the reason that is given (`out_of_resources`, `sop_class_unsupported`, …), `stow_refused` without one;
            `stow_unconfirmed` when a success does not name our image.
    """
    said = f"{fetched.status} {fetched.head.reason}"
    answer = None if fetched.cut else read_dataset(fetched.body)
    reason = _reason(answer, uids) if answer is not None else None
    if reason is not None:
        if reason == DUPLICATE and again:
            return
        raise Fall(_cause_of(reason), f"{said}, reason {reason:04X}")
    if fetched.status not in (200, 202):
        raise Fall(STOW_REFUSED, f"{said}, without a reason")
    stored = _item_of(answer, REFERENCED, uids) if answer is not None else None
    if stored is None:
        raise Fall(STOW_UNCONFIRMED, said)
    warning = text_of(stored, WARNING_REASON)
    if warning is not None and warning.isdecimal():
        ladder.describe("warning", f"{int(warning):04X}")


def _cause_of(reason: int) -> Cause:
    return TRANSFER_SYNTAX_UNSUPPORTED if reason == TRANSFER_SYNTAX else failure(Verb.STORE, reason, {}).cause


def _reason(answer: Dataset, uids: Uids) -> int | None:
    """Why our image was not stored: its own failure, else the first that is told; None when none is.

    A failure without a reason is one in processing.
    """
    failed = _item_of(answer, FAILED, uids) or next(
        (item for tag in (FAILED, OTHER_FAILURES) for item in items_of(answer, tag)), None
    )
    if failed is None:
        return None
    reason = text_of(failed, FAILURE_REASON) or ""
    return int(reason) if reason.isdecimal() and len(reason) <= 5 else PROCESSING_FAILURE


def _item_of(answer: Dataset, sequence: str, uids: Uids) -> Dataset | None:
    return next(
        (
            item
            for item in items_of(answer, sequence)
            if uids.instance in (text_of(item, REFERENCED_INSTANCE), text_of(item, SOP_INSTANCE))
        ),
        None,
    )
