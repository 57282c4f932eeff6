"""DICOM's own words in settings: AE titles, where we listen, kinds of images, and a patient that can be nobody."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from retabli.model.settings import split_host_port

MARK = "RETABLI"

Modality = Literal["CT", "MR", "CR", "DX", "MG", "US", "XA", "NM", "PT", "SC"]


def check_ae_title(text: str) -> str:
    """The AE title itself: 1 to 16 printable characters of ASCII, no backslash, no space around (PS3.5, 6.2).

    Raises:
        ValueError: it is none, as a sentence for the operator.
    """
    if not re.fullmatch(r"[!-~]([ -~]{0,14}[!-~])?", text) or "\\" in text:
        raise ValueError(f"{text!r} is no AE title: 1 to 16 characters of ASCII, without a backslash")
    return text


def check_marked(text: str) -> str:
    """A patient's number or name that bears our mark: an image of it can be taken for nobody's.

    Raises:
        ValueError: it does not, or DICOM cannot hold it, as a sentence for the operator.
    """
    if MARK not in text.upper():
        raise ValueError(f"{text!r} lacks the mark {MARK}: a test image must not be taken for a person's")
    if not re.fullmatch(r"[ -\[\]-~]{1,64}", text):
        raise ValueError(f"{text!r}: at most 64 characters of ASCII, without a backslash")
    return text


def check_listen(text: str) -> str:
    """`address:port` on which we listen.

    Raises:
        ValueError: it is none, as a sentence for the operator.
    """
    address, port = split_host_port(text, 0)
    if not re.fullmatch(r"[0-9a-fA-F.:%]+", address) or not 0 < port < 65536:
        raise ValueError(f"{text!r} is not where to listen: write 0.0.0.0:11112, 192.0.2.7:11112 or [::]:11112")
    return text


AeTitle = Annotated[str, Field(json_schema_extra={"maxLength": 16}), AfterValidator(check_ae_title)]
Marked = Annotated[str, AfterValidator(check_marked)]
Listen = Annotated[str, AfterValidator(check_listen)]
