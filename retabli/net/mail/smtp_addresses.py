"""Mail addresses, as settings give them and as an envelope carries them (RFC 5321, section 4.1.2; RFC 6531)."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

# Dot-atoms only: nobody gives a probe a quoted local part, and what cannot hold a space or a bracket injects nothing.
_ADDRESS = re.compile(r"""[^\s\x00-\x1f\x7f@<>()\[\]\\,;:"]{1,64}@[^\s\x00-\x1f\x7f@<>()\\,;:"]{1,253}""")


def check_address(text: str) -> str:
    """The address itself.

    Raises:
        ValueError: it is none, as a sentence for the operator.
    """
    if not _ADDRESS.fullmatch(text) or ".." in text:
        raise ValueError(f"{text!r} is not a mail address: write name@domain.example")
    try:
        domain = to_ascii(text.rpartition("@")[2])
    except UnicodeError:
        domain = ""
    if not _ADDRESS.fullmatch(f"a@{domain}"):  # some letters become a blank or a bracket in ASCII
        raise ValueError(f"{text!r}: its domain is not a host name")
    return text


Address = Annotated[str, Field(json_schema_extra={"format": "email"}), AfterValidator(check_address)]


def is_international(address: str) -> bool:
    """Whether it needs SMTPUTF8: its local part has no ASCII form."""
    return not address.rpartition("@")[0].isascii()


def path(address: str) -> bytes:
    """`<local@domain>` as an envelope carries it, the domain in ASCII; `<>` for ""."""
    if not address:
        return b"<>"
    local, _, domain = check_address(address).rpartition("@")
    return f"<{local}@{to_ascii(domain)}>".encode()


def to_ascii(domain: str) -> str:
    return domain if domain.isascii() else domain.encode("idna").decode("ascii")
