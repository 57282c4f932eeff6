"""The outline of an XML document that somebody else wrote: read by expat, bounded, without DOCTYPE or entities."""

from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat

DEEPEST = 200  # elements within one another
MOST = 200_000  # elements
CHUNK = 65_536
TEXT = 4096  # characters of one value
NO_MEMORY = expat.errors.codes[expat.errors.XML_ERROR_NO_MEMORY]  # of ours: expat has no other exception

RIM = "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"
LCM = "urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0"
SUBMISSION = f"{LCM} SubmitObjectsRequest"
CLINICAL_DOCUMENT = "urn:hl7-org:v3 ClinicalDocument"


class Refused(ValueError):
    """It is no XML, or none that is read: why, in words of ours."""


@dataclass(slots=True)
class Described:
    """One document that METADATA.XML describes (ExtrinsicObject), by the values of its slots, names in lower case."""

    slots: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Outline:
    """`root` is `namespace name`. `documents` are the ExtrinsicObjects of ebXML registry metadata, in their order."""

    root: str = ""
    documents: list[Described] = field(default_factory=list)


def outline(content: bytes) -> Outline:
    """Raises: Refused; MemoryError: our machine lacks it, and nothing is known of the document."""
    reader = _Reader()
    try:
        for place in range(0, len(content), CHUNK):
            reader.parser.Parse(content[place : place + CHUNK], False)
        reader.parser.Parse(b"", True)
    except expat.ExpatError as error:
        if error.code == NO_MEMORY:
            raise MemoryError from error
        raise Refused(f"{expat.ErrorString(error.code)}, line {error.lineno}") from error
    except (ValueError, LookupError) as error:  # an encoding that nobody knows
        raise error if isinstance(error, Refused) else Refused("unknown encoding") from error
    return reader.found


class _Reader:
    def __init__(self) -> None:
        self.found = Outline()
        self._depth = self._elements = 0
        self._document: Described | None = None
        self._slot = ""
        self._text: list[str] | None = None
        self.parser = parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartDoctypeDeclHandler = self._refuse
        parser.EntityDeclHandler = self._refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters

    def _refuse(self, *_: object) -> NoReturn:
        raise Refused("it has a DOCTYPE or entities of its own")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._depth > DEEPEST or self._elements > MOST:
            raise Refused("it is nested or long beyond all bounds")
        if self._depth == 1:
            self.found.root = name[:200]
        elif name == f"{RIM} ExtrinsicObject":
            self._document = Described()
            self.found.documents.append(self._document)
        elif name == f"{RIM} Slot":
            self._slot = attributes.get("name", "").lower()
        elif name == f"{RIM} Value" and self._document is not None and self._slot:
            self._text = []

    def _end(self, name: str) -> None:
        self._depth -= 1
        if name == f"{RIM} ExtrinsicObject":
            self._document = None
        elif name == f"{RIM} Slot":
            self._slot = ""
        elif name == f"{RIM} Value" and self._text is not None:
            if self._document is not None:
                value = "".join(self._text).strip()[:TEXT]
                self._document.slots[self._slot] = self._document.slots.get(self._slot, "") + value
            self._text = None

    def _characters(self, data: str) -> None:
        if self._text is not None and len(self._text) < TEXT:
            self._text.append(data[:TEXT])
