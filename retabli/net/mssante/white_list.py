"""The white list of the trusted space: XML that ties each mail domain to the names of its operator's certificates.

    <ListeBlanche>
      <DateDeGeneration>2023-07-03T06:00:00+02:00</DateDeGeneration>
      <Domaine>
        <Nom>chu.mssante.example</Nom>
        <DNCertificatOperateur>CN=mx.chu.example,OU=…,O=…,ST=…,C=FR</DNCertificatOperateur>
        <SupportContact>…</SupportContact> <DateMAJ>…</DateMAJ>
      </Domaine> …

A domain may have several names, in one entry or in several. A list that does not end as XML must end is no list: what
is missing from its end would pass for not listed.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from xml.parsers import expat

from retabli.model.ladder import Fall
from retabli.model.result import clean
from retabli.net.mssante.mssante_causes import WHITE_LIST_UNREADABLE

LARGEST = 12_582_912  # bytes; the real one is some 4 MB
CHUNK = 32_768
DEEPEST = 16
MOST_ENTRIES = 200_000
MOST_ELEMENTS = 2_000_000
LONGEST_PIECE = 262_144  # bytes of one tag or comment: the parser looks at it whole, and lets nobody else run meanwhile
MOST_NAMES = 32  # of one domain; there are two to five, and what is kept of a list stays small
LONGEST_NAME = 1_000  # characters
LONGEST_TEXT = 4_000  # characters
NO_MEMORY = expat.errors.codes[expat.errors.XML_ERROR_NO_MEMORY]  # of ours: expat has no other exception


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list says of some domains. `generated` is its own date, in Unix seconds, when it bears one; `names` has
    the certificates' names of those of the domains that are listed, `support` whom to call about them; `entries` counts
    the whole list."""

    generated: float | None
    entries: int
    names: Mapping[str, tuple[str, ...]]
    support: Mapping[str, str] = field(default_factory=dict)


def plain_domain(text: str) -> str:
    """A mail domain as it is compared: in ASCII (RFC 5891), lower case, without a dot at its end."""
    domain = text.strip().removeprefix("@").rstrip(".").lower()
    try:
        return domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError:
        return domain


def read_listing(content: bytes, domains: Collection[str], stop: Callable[[], bool] = lambda: False) -> Listing:
    """What the list says of these domains. Takes some tenths of a second for the real one: not for the loop.

    `stop` is asked between pieces, so that a run which was cancelled leaves nothing working behind it.

    Raises:
        Fall: `white_list_unreadable`: not well-formed to its end, no list, or beyond its bounds.
        MemoryError: our machine lacks it, and nothing is known of the list.
    """
    reader = _Reader({plain_domain(domain) for domain in domains})
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        for place in range(0, len(content), CHUNK):
            if stop():
                raise Fall(WHITE_LIST_UNREADABLE, "its reading was stopped")
            parser.Parse(content[place : place + CHUNK], False)
            if place + CHUNK - parser.CurrentByteIndex > LONGEST_PIECE:
                raise Fall(WHITE_LIST_UNREADABLE, f"a tag or comment of more than {LONGEST_PIECE} bytes")
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        if error.code == NO_MEMORY:
            raise MemoryError from error
        words = expat.ErrorString(error.code)
        raise Fall(WHITE_LIST_UNREADABLE, f"{words}, line {error.lineno}, {reader.entries} entries before") from error
    except (ValueError, LookupError) as error:  # an encoding that nobody knows
        raise Fall(WHITE_LIST_UNREADABLE, str(error)) from error
    if not reader.entries:
        raise Fall(WHITE_LIST_UNREADABLE, f"no Domaine in it; its root is {reader.root}")
    names = {domain: tuple(found) for domain, found in reader.names.items()}
    return Listing(reader.generated, reader.entries, MappingProxyType(names), MappingProxyType(reader.support))


def _refuse_doctype(*_: object) -> None:
    raise Fall(WHITE_LIST_UNREADABLE, "it declares a document type, which could declare entities")


@dataclass(slots=True)
class _Reader:
    """What has been seen so far. Names of elements are compared without their prefix and case."""

    wanted: Collection[str]
    names: dict[str, list[str]] = field(default_factory=dict)
    support: dict[str, str] = field(default_factory=dict)
    generated: float | None = None
    entries: int = 0
    root: str = ""
    _path: list[str] = field(default_factory=list)
    _text: list[str] = field(default_factory=list)
    _length: int = 0
    _elements: int = 0
    _domain: str = ""
    _own: list[str] = field(default_factory=list)
    _support: str = ""

    def start(self, name: str, _: Mapping[str, str]) -> None:
        local = name.rpartition(":")[2].lower()
        self.root = self.root or local[:60]
        if len(self._path) >= DEEPEST:
            raise Fall(WHITE_LIST_UNREADABLE, f"elements within elements, more than {DEEPEST} deep")
        self._path.append(local)
        self._elements += 1
        if self._elements > MOST_ELEMENTS:
            raise Fall(WHITE_LIST_UNREADABLE, f"more than {MOST_ELEMENTS} elements")
        self._text.clear()
        self._length = 0
        if local == "domaine":
            self.entries += 1
            self._domain = self._support = ""
            self._own = []
            if self.entries > MOST_ENTRIES:
                raise Fall(WHITE_LIST_UNREADABLE, f"more than {MOST_ENTRIES} entries")

    def text(self, data: str) -> None:
        self._length += len(data)
        if self._length > LONGEST_TEXT:
            raise Fall(WHITE_LIST_UNREADABLE, f"a text of more than {LONGEST_TEXT} characters")
        self._text.append(data)

    def end(self, _: str) -> None:
        local = self._path.pop()
        if local == "nom" and self._path[-1:] == ["domaine"]:
            self._domain = plain_domain("".join(self._text))
        elif local == "dncertificatoperateur":
            lines = map(str.strip, "".join(self._text).splitlines())
            self._own += [line for line in lines if 0 < len(line) <= LONGEST_NAME][:MOST_NAMES]
        elif local == "supportcontact":
            self._support = clean("".join(self._text), 200)
        elif local == "datedegeneration" and self.generated is None:
            self.generated = read_date("".join(self._text))
        elif local == "domaine" and self._domain in self.wanted:
            found = self.names.setdefault(self._domain, [])
            found += [name for name in self._own if name not in found][: MOST_NAMES - len(found)]
            if self._support:
                self.support.setdefault(self._domain, self._support)
        self._text.clear()
        self._length = 0


_FRENCH = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(.*)", re.DOTALL)
_FRACTION = re.compile(r"[.,](\d+)")


def read_date(text: str) -> float | None:
    """Unix seconds of a date as lists bear it (ISO 8601, or day/month/year), UTC where it names no zone; else None."""
    text = " ".join(text.split())
    if french := _FRENCH.fullmatch(text):
        text = f"{french[3]}-{french[2]:0>2}-{french[1]:0>2}{french[4]}"
    text = _FRACTION.sub(lambda match: f".{match[1][:6]:0<6}", text.replace(" à ", " "))
    try:
        date = datetime.fromisoformat(text)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
