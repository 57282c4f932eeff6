"""What a unit remembers of its reports: the control ids it gave, whose message carried which, and what was answered."""

import hashlib
import hmac
import re
from typing import Any

from retabli.net.mail import tokens
from retabli.net.mail.mdn import Answer, Disposition
from retabli.net.mail.tokens import Token

MOST = 500  # of each that are remembered
CANDIDATES = 16  # control ids looked up in one text

# 20 characters, which is what MSH-10 may have before version 2.6 of HL7; nobody can guess it without the key.
_CONTROL_ID = re.compile(r"(?<![0-9A-Za-z])RT[0-9a-f]{18}(?![0-9A-Za-z])", re.IGNORECASE)


def control_id_of(key: bytes, token: Token) -> str:
    signature = hmac.new(key, f"retabli control id\0{token.text}".encode(), hashlib.sha256).hexdigest()
    return f"RT{signature[:18]}"


class ReportBook:
    """In the unit's memory, which its runs share: nothing in here awaits anything."""

    def __init__(self, memory: dict[str, Any], key: bytes) -> None:
        self.key = key
        self._given = _section(memory, "control_ids")
        self._carried = _section(memory, "carried")  # Message-ID → token
        self._answers = _section(memory, "answers")  # token's name, or Message-ID → what became of it

    def give(self, token: Token) -> str:
        """The control id under which this token's message is sent; found again by `find`."""
        given = control_id_of(self.key, token)
        _put(self._given, given, token.text)
        return given

    def find(self, text: str) -> Token | None:
        """The token that a text carries: itself, or the control id of its message. Only what we signed counts."""
        token = tokens.find(self.key, text)
        if token is not None:
            return token
        for count, match in enumerate(_CONTROL_ID.finditer(text)):
            if count == CANDIDATES:
                break
            known = self._given.get(f"RT{match.group()[2:].lower()}")
            if isinstance(known, str) and (token := tokens.verify(self.key, known)) is not None:
                return token
        return None

    def carried(self, message_id: str, token: Token) -> None:
        """This message brought the token: an answer may name nothing but the message."""
        if message_id:
            _put(self._carried, _short(message_id), token.text)

    def answered(self, disposition: Disposition, token: Token | None) -> Token | None:
        """Note what became of a report; the token it is about, if that is known yet."""
        what = [disposition.kind, disposition.read]
        message = _short(disposition.message_id)
        if token is None and isinstance(known := self._carried.get(message), str):
            token = tokens.verify(self.key, known)
        if token is not None:
            _put(self._answers, token.name, what)
        elif disposition.message_id:
            _put(self._answers, message, what)  # it may be read before the message that it is about
        return token

    def answer(self, token: Token) -> Answer | None:
        """What the recipient's side has said that it did with the report, if it said so."""
        messages = [message for message, text in self._carried.items() if text == token.text]
        for name in (token.name, *messages):
            match self._answers.get(name):
                case [str() as kind, bool() as read]:
                    return Answer(kind, read)
        return None


def _short(message_id: str) -> str:
    return hashlib.sha256(message_id.strip().encode("utf-8", "replace")).hexdigest()[:24]


def _put(section: dict[str, Any], name: str, value: Any) -> None:
    section.pop(name, None)
    section[name] = value
    while len(section) > MOST:
        section.pop(next(iter(section)))


def _section(memory: dict[str, Any], name: str) -> dict[str, Any]:
    book = memory.get("reports")
    if not isinstance(book, dict):
        memory["reports"] = book = dict[str, Any]()
    section = book.get(name)
    if not isinstance(section, dict):
        book[name] = section = dict[str, Any]()
    return section
