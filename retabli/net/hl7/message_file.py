"""The file that a message is sent from: checked with the configuration, and again before each send."""

import hashlib
import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationInfo, WithJsonSchema

from retabli.model import causes
from retabli.model.ladder import Fall
from retabli.model.settings import File, Settings
from retabli.net.hl7.hl7_causes import NOT_A_TEST
from retabli.net.hl7.messages import LARGEST, Message, NotATest, Unfit, has_unnamed_characters, parse, prove_test

_FILE: TypeAdapter[Path] = TypeAdapter(File)

# A word that marks the agreed test patient.
PatientMark = Annotated[str, Field(pattern=r"^[!-~][ -~]+[!-~]$")]


class MessageFile(Settings):
    """A message's file as it was when the configuration was read; another content is another configuration."""

    path: Path
    digest: str
    asks_for_commit: bool = False
    asks_for_application: bool = True
    names_its_characters: bool = True

    def warnings(self, expect: Collection[str]) -> Iterator[str]:
        """What of it is allowed and unwise, given the acknowledgements that are expected."""
        if not self.names_its_characters:
            yield f"{self.path}: it has letters beyond ASCII, and MSH-18 does not say how they are written"
        if "CA" in expect and not self.asks_for_commit and "AA" not in expect:
            yield f"{self.path}: MSH-15 does not ask for the commit acknowledgement (CA) that is expected"
        if "AA" in expect and not self.asks_for_application and "CA" not in expect:
            yield f"{self.path}: MSH-16 does not ask for the application's acknowledgement (AA) that is expected"

    def faults(self, mark: str | None) -> list[str]:
        """Why this message may not be sent, as sentences for `check`."""
        try:
            prove_test(parse(_read(self.path)), mark)
        except (Unfit, OSError) as error:
            return [_sentence(self.path, error)]
        return []

    def load(self, mark: str | None) -> Message:
        """The message as its file is now.

        Raises:
            Fall: `file_unreadable`; `not_a_test`, however the file became so.
        """
        try:
            message = parse(_read(self.path))
            prove_test(message, mark)
        except NotATest as error:
            raise Fall(NOT_A_TEST, _sentence(self.path, error)) from error
        except (Unfit, OSError) as error:
            raise Fall(causes.FILE_UNREADABLE, _sentence(self.path, error)) from error
        return message


def _read(path: Path) -> bytes:
    """A regular file only: a pipe would keep us waiting."""
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise Unfit("it is no regular file")
        return file.read(LARGEST + 1)


def _sentence(path: Path, error: Unfit | OSError) -> str:
    return f"{path}: {error.strerror if isinstance(error, OSError) else error}"


def _message_file(value: object, info: ValidationInfo) -> object:
    if isinstance(value, MessageFile):
        return value
    path = _FILE.validate_python(value, context=info.context)
    try:
        content = _read(path)
        message = parse(content)
    except (Unfit, OSError) as error:
        raise ValueError(_sentence(path, error)) from error
    return MessageFile(
        path=path,
        digest=hashlib.sha256(content).hexdigest(),
        asks_for_commit=message.asks_for_commit,
        asks_for_application=message.asks_for_application or message.is_original_mode,
        names_its_characters=not has_unnamed_characters(message, content),
    )


MessageFileRef = Annotated[
    MessageFile, BeforeValidator(_message_file), WithJsonSchema({"type": "string", "format": "path"})
]
