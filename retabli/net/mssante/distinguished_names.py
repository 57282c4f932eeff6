"""Distinguished names as people and programs write them, brought to one form in which they can be compared.

The same name is written `CN=mx,O=CHU,C=FR` (RFC 4514: last first), `C=FR, O=CHU, CN=mx` and `/C=FR/O=CHU/CN=mx`; with
types by name, in any case, or by number; with values quoted, escaped or not at all; with other blanks and capitals.
"""

import re
import unicodedata
from collections import Counter

from cryptography import x509

Part = frozenset[tuple[str, str]]  # one relative name: its types and values; nearly always one
LENGTH = 2_000  # characters of a name that are looked at

_NUMBERS = {
    "CN": "2.5.4.3",
    "COMMONNAME": "2.5.4.3",
    "SN": "2.5.4.4",
    "SURNAME": "2.5.4.4",
    "SERIALNUMBER": "2.5.4.5",
    "C": "2.5.4.6",
    "COUNTRYNAME": "2.5.4.6",
    "L": "2.5.4.7",
    "LOCALITYNAME": "2.5.4.7",
    "ST": "2.5.4.8",
    "S": "2.5.4.8",
    "SP": "2.5.4.8",
    "STATEORPROVINCENAME": "2.5.4.8",
    "STREET": "2.5.4.9",
    "STREETADDRESS": "2.5.4.9",
    "O": "2.5.4.10",
    "ORGANIZATIONNAME": "2.5.4.10",
    "OU": "2.5.4.11",
    "ORGANIZATIONALUNITNAME": "2.5.4.11",
    "T": "2.5.4.12",
    "TITLE": "2.5.4.12",
    "BUSINESSCATEGORY": "2.5.4.15",
    "POSTALCODE": "2.5.4.17",
    "GN": "2.5.4.42",
    "G": "2.5.4.42",
    "GIVENNAME": "2.5.4.42",
    "DNQ": "2.5.4.46",
    "DNQUALIFIER": "2.5.4.46",
    "PSEUDONYM": "2.5.4.65",
    "ORGANIZATIONIDENTIFIER": "2.5.4.97",
    "UID": "0.9.2342.19200300.100.1.1",
    "USERID": "0.9.2342.19200300.100.1.1",
    "DC": "0.9.2342.19200300.100.1.25",
    "DOMAINCOMPONENT": "0.9.2342.19200300.100.1.25",
    "E": "1.2.840.113549.1.9.1",
    "EMAIL": "1.2.840.113549.1.9.1",
    "EMAILADDRESS": "1.2.840.113549.1.9.1",
}

# Where a type and its value begin. What stands between two of these is value, with whatever commas are in it: lists
# are written by people, who escape nothing.
_TYPE = re.compile(r"(?:^|(?<!\\)[,;/+\n])\s*((?:OID\.)?[0-9]+(?:\.[0-9]+)+|[A-Za-z][A-Za-z0-9-]*)\s*=", re.IGNORECASE)
_ESCAPED = re.compile(r"(?:\\[0-9A-Fa-f]{2})+|\\(.)", re.DOTALL)
_TEXT_TAGS = (0x0C, 0x13, 0x14, 0x16)  # UTF8String, PrintableString, TeletexString, IA5String (X.680, 8.4)


def parse_name(text: str) -> tuple[Part, ...] | None:
    """The relative names in a written name, in its order; None when it is none."""
    text = text.strip()[:LENGTH]
    places = [match for match in _TYPE.finditer(text) if not _within_quotes(text, match.start())]
    if not places or places[0].start() > 1 or text[: places[0].start()].strip():
        return None
    parts: list[Part] = []
    for place, following in zip(places, [*places[1:], None], strict=True):
        raw = text[place.end() : following.start() if following else len(text)]
        pair = (_number(place[1]), _plain(_unescaped(raw.strip())))
        joined = parts and text[place.start() : place.start() + 1] == "+"
        parts[-1:] = [parts[-1] | {pair}] if joined else [*parts[-1:], frozenset({pair})]
    return tuple(parts)


def name_of(name: x509.Name) -> tuple[Part, ...]:
    """The relative names of a certificate's subject, in its order."""
    return tuple(
        frozenset((attribute.oid.dotted_string, _plain(_as_text(attribute.value))) for attribute in relative)
        for relative in name.rdns
    )


def same_name(one: tuple[Part, ...], other: tuple[Part, ...]) -> bool:
    """Whether they are one name, in whatever order they are written.

    Both directions are common. Any other order is taken too: of one authority, no two certificates of two holders
    bear the same parts.
    """
    return Counter(one) == Counter(other)


def _number(kind: str) -> str:
    upper = kind.upper().removeprefix("OID.")
    return _NUMBERS.get(upper, upper)


def _within_quotes(text: str, place: int) -> bool:
    before = text[:place]
    return (before.count('"') - before.count('\\"')) % 2 == 1


def _unescaped(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = value[1:-1]
    elif re.fullmatch(r"#(?:[0-9A-Fa-f]{2}){2,}", value):
        return _from_ber(bytes.fromhex(value[1:]))
    return _ESCAPED.sub(_unescape, value)


def _unescape(match: re.Match[str]) -> str:
    if match[1] is not None:
        return match[1]
    return bytes.fromhex(match[0].replace("\\", "")).decode("utf-8", "replace")


def _from_ber(value: bytes) -> str:
    """The text in a value that was written as `#` and its encoding (RFC 4514, section 2.4); short ones only."""
    if value[0] in _TEXT_TAGS and value[1] == len(value) - 2 < 128:
        return value[2:].decode("utf-8", "replace")
    return value.hex()


def _as_text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.hex()


def _plain(value: str) -> str:
    """Without what does not tell names apart: capitals, compatibility forms, blanks (RFC 5280, 7.1; RFC 4518)."""
    return " ".join(unicodedata.normalize("NFKC", value).casefold().split())
