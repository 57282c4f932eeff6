"""What an engine answers: whose message it acknowledges, how, and the errors it tells by code.

Of an answer only codes, severities and positions are kept. Its free texts (MSA-3, ERR-7, ERR-8, the code's own text)
could quote a patient and are never read.
"""

import re
from dataclasses import dataclass
from typing import Any

from retabli.model.ladder import Fall
from retabli.model.words import Words
from retabli.net.hl7.hl7_causes import NOT_HL7

SEGMENT_LENGTH = 1024  # characters of one segment that are read
MOST_ERRORS = 8
MOST_TOLD = 3

_HEADER = re.compile(rb"MSH([!-~])([!-~]{1,8}?)\1")
_CODE = re.compile(r"[A-Za-z]{0,8}[-_.]?[0-9]{1,6}")
_LOCATION = re.compile(r"[A-Z][A-Z0-9]{2}(\^[0-9]{0,3}){0,5}")
_ID = re.compile(r"[0-9A-Za-z._:-]{1,40}")

# HL7 table 0357.
ERROR_WORDS = {
    "0": Words("message accepté", "message accepted"),
    "100": Words("segments dans le désordre", "segment sequence error"),
    "101": Words("champ obligatoire absent", "required field missing"),
    "102": Words("type de donnée erroné", "data type error"),
    "103": Words("valeur absente de la table", "table value not found"),
    "104": Words("valeur trop longue", "value too long"),
    "200": Words("type de message non pris en charge", "unsupported message type"),
    "201": Words("événement non pris en charge", "unsupported event code"),
    "202": Words("messages de test non pris en charge (MSH-11)", "unsupported processing id (MSH-11)"),
    "203": Words("version non prise en charge", "unsupported version id"),
    "204": Words("identifiant inconnu", "unknown key identifier"),
    "205": Words("identifiant en double", "duplicate key identifier"),
    "206": Words("dossier verrouillé", "application record locked"),
    "207": Words("erreur interne de l'application", "application internal error"),
}


@dataclass(frozen=True, slots=True)
class ErrorTold:
    """One error: its code (table 0357, or the engine's own), severity (table 0516) and place, each may be empty."""

    code: str
    severity: str
    location: str

    def told(self, language: str) -> str:
        words = ERROR_WORDS.get(self.code)
        parts = [f"{self.code} {words[language]}" if words else self.code]
        parts += [f"({self.severity})"] if self.severity else []
        parts += [self.location] if self.location else []
        return " ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """MSA-1, MSA-2, and the errors that ERR (or MSA-6 of old versions) tells."""

    code: str
    control_id: str
    errors: tuple[ErrorTold, ...] = ()
    own_id: str = ""  # MSH-10 of the acknowledgement itself
    asks_for_commit: bool = False  # its own MSH-15: it is a message that wants to be acknowledged in turn

    @property
    def is_commit(self) -> bool:
        return self.code in ("CA", "CE", "CR")

    def told(self, language: str) -> str:
        """`101 required field missing (E) PID^1^3; …`"""
        told = [each for each in (error.told(language) for error in self.errors[:MOST_TOLD]) if each]
        more = len(self.errors) - MOST_TOLD
        return "; ".join(told) + (f"; +{more}" if more > 0 else "")


def parse(content: bytes) -> Acknowledgement | None:
    """The acknowledgement that a block holds; None for an HL7 message that is none (it has no MSA).

    Raises:
        Fall: `not_hl7`.
    """
    import hl7

    header = _HEADER.match(content[:SEGMENT_LENGTH])
    if header is None or len({*header[1], *header[2]}) != 1 + len(header[2]):
        raise Fall(NOT_HL7, "it does not begin with MSH and its delimiters")
    try:
        message = hl7.parse(_wanted(content))
        segments = {str(segment[0]): segment for segment in reversed(message)}  # the first of each name
        if "MSA" not in segments:
            return None
        errors = [each for segment in message if str(segment[0]) == "ERR" for each in _errors(segment, message)]
        head, answer = segments["MSH"], segments["MSA"]
    except (hl7.HL7Exception, LookupError, ValueError, AssertionError) as error:  # the library asserts what it was sent
        raise Fall(NOT_HL7, f"it cannot be read ({type(error).__name__})") from error
    component = message.separators[3]
    return Acknowledgement(
        code=_value(answer, 1)[:8].strip(),
        control_id=_value(answer, 2).strip(),
        errors=tuple(errors or _old_condition(_value(answer, 6), component))[:MOST_ERRORS],
        own_id=_told_if(_ID, _value(head, 10)),
        asks_for_commit=_value(head, 15).strip() in ("AL", "SU"),
    )


def known_id(text: str) -> str:
    """A control id that may be told: it has the form of one."""
    return _told_if(_ID, text) or ("nothing" if not text else "something that is no identifier")


def _wanted(content: bytes) -> str:
    """The segments that are read, cut, and few: what else an answer holds costs nothing."""
    kept: list[str] = []
    errors = 0
    for line in content.replace(b"\n", b"\r").split(b"\r"):
        name = line[:3]
        if not kept or name == b"MSA":
            kept.append(line[:SEGMENT_LENGTH].decode("latin-1"))
        elif name == b"ERR" and errors < MOST_ERRORS:
            errors += 1
            kept.append(line[:SEGMENT_LENGTH].decode("latin-1"))
        if name == b"MSA" and len(kept) > MOST_ERRORS + 2:
            break
    return "\r".join(kept) + "\r"


def _value(segment: Any, number: int) -> str:
    return str(segment[number]) if len(segment) > number else ""


def _errors(segment: Any, message: Any) -> list[ErrorTold]:
    """ERR of version 2.5 on (2.16.5: ERR-2 place, ERR-3 code, ERR-4 severity), or of old ones (ERR-1)."""
    _, _, repetition, component, subcomponent = message.separators
    if _value(segment, 3) or _value(segment, 2):
        code = _value(segment, 3).split(component)[0].strip()
        place = _value(segment, 2).split(repetition)[0].replace(component, "^")
        severity = _value(segment, 4).strip()
        return [ErrorTold(_code(code), severity if severity in ("E", "F", "I", "W") else "", _place(place))]
    found = []
    for told in _value(segment, 1).split(repetition)[:MOST_ERRORS]:
        parts = told.split(component)
        code = parts[3].split(subcomponent)[0] if len(parts) > 3 else ""
        found.append(ErrorTold(_code(code), "", _place("^".join(parts[:3]))))
    return found


def _old_condition(field: str, component: str) -> list[ErrorTold]:
    """MSA-6, where versions before 2.5 put the error's code (2.16.8.6)."""
    return [ErrorTold(_code(field.split(component)[0]), "", "")] if field.strip() else []


def _code(text: str) -> str:
    return _told_if(_CODE, text.strip()) or ("a code of the engine's own" if text.strip() else "no code")


def _place(text: str) -> str:
    return _told_if(_LOCATION, text.strip("^ "))


def _told_if(pattern: re.Pattern[str], text: str) -> str:
    return text if pattern.fullmatch(text) else ""
