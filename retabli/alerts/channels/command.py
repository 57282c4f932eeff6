"""A channel that runs a program of the operator's for each message, without a shell: an SMS gateway's, for one."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from retabli.alerts.channels import placeholders
from retabli.alerts.channels.channel import ATTEMPT, ChannelSettings, NotAccepted, Timeout, because_of
from retabli.alerts.channels.placeholders import Fields
from retabli.model.ladder import Fall
from retabli.model.record import Message
from retabli.model.result import clean
from retabli.model.settings import Secret, format_duration
from retabli.model.words import Words
from retabli.net.plugins.command import (
    LARGEST_ARGUMENT,
    Command,
    VariableSettings,
    command_faults,
    command_warnings,
    look_at,
    surroundings,
    variable_faults,
    without,
)
from retabli.net.plugins.process import MOST_OUTPUT, Ended, run

MOST_ARGUMENTS = 1_000_000  # bytes of all arguments together: Linux takes two million with the usual stack
LONGEST_KEY = 1000  # bytes
KEY = "RETABLI_KEY"


class Exec(ChannelSettings):
    """Exit status 0 accepts the message. `{title}` in an argument stands for that field of it; where no argument has
    such a placeholder, the message's text is added as the last one. The whole of it is on standard input, as JSON.

    The program finds its key in RETABLI_KEY: the same key is the same message, which it may have had before.
    It leads a process group of its own, which is ended after `timeout`, and finds nothing of the daemon's environment.
    """

    SUMMARY: ClassVar[tuple[str, str]] = (
        "Un programme est lancé pour chaque message (une passerelle SMS, par exemple), sans interpréteur de commandes.",
        "A program is run for each message (an SMS gateway's, for one), without a shell.",
    )

    kind: Literal["exec"]
    command: Command = Field(
        description="the program's absolute path, and its arguments, in which {summary} and the like stand for fields"
    )
    environment: VariableSettings = Field(
        default_factory=dict,
        description="more variables, in clear or as secrets; {env: NAME} hands on one of the daemon's own",
    )
    timeout: Timeout = Field(default=30.0, description=ATTEMPT)

    def build(self) -> "ExecChannel":
        return ExecChannel(self)

    def secrets(self) -> Iterator[Secret]:
        yield from (value for value in self.environment.values() if isinstance(value, Secret))

    def faults(self) -> Iterator[str]:
        yield from command_faults(self.command)
        if placeholders.has_placeholder(self.command[0]):
            yield "command: a message does not choose the program: its path takes no placeholder"
        else:
            yield from placeholders.faults(self.command, "command")
        yield from variable_faults(self.environment)
        if KEY in self.environment:
            yield f"environment: {KEY} is set by Retabli itself"

    def warnings(self) -> Iterator[str]:
        yield from command_warnings(self.command)


class ExecChannel:
    """One program a message; nothing is kept."""

    def __init__(self, settings: Exec) -> None:
        self._settings = settings

    async def send(self, message: Message) -> None:
        """
        Raises:
            NotAccepted: it cannot be started, did not end in time, or ended otherwise than by exit status 0.
        """
        try:
            environment, secrets = await asyncio.to_thread(surroundings, self._settings.environment)
            ended = await self._run(
                placeholders.fields_of(message), {**environment, KEY: _cut(message.key, LONGEST_KEY)}
            )
        except Fall as fall:
            raise because_of(fall) from fall
        _judge(ended, secrets, self._settings.timeout)

    async def close(self) -> None:
        """Programs end with their message."""

    async def _run(self, fields: Fields, environment: Mapping[str, str]) -> Ended:
        path, timeout = self._settings.command[0], self._settings.timeout
        try:
            await look_at(self._settings.command, timeout)
            body = json.dumps(fields).encode()
            return await run(arguments(self._settings.command, fields), environment, timeout, reads=body)
        except TimeoutError:
            raise NotAccepted(
                Words(f"{path} est sur un disque qui ne répond pas", f"{path} lies on a disk that does not answer")
            ) from None
        except OSError as error:
            raise NotAccepted(f"{path}: {error.strerror}") from error


def arguments(command: Sequence[str], fields: Fields) -> list[str]:
    """The program, and what it is given of the message."""
    path, *rest = command
    if not any(map(placeholders.has_placeholder, rest)):
        words = [*(placeholders.in_text(word, fields) for word in rest), _harmless(fields["text"])]
    else:
        words = [_filled(word, fields) for word in rest]
    most = min(MOST_ARGUMENTS // len(words), LARGEST_ARGUMENT - 1)
    return [path, *(_cut(word, most) for word in words)]


def _filled(word: str, fields: Fields) -> str:
    """What others wrote (a detail) must not be taken for an option."""
    value = placeholders.in_text(word, fields)
    return value if word.startswith("-") else _harmless(value)


def _harmless(value: str) -> str:
    """Where it begins like an option, a space stands before it."""
    return f" {value}" if value.startswith("-") else value


def _cut(word: str, most: int) -> str:
    """As long as a program can be given, and without NUL."""
    return word.replace("\0", " ").encode("utf-8", "replace")[:most].decode("utf-8", "ignore")


def _judge(ended: Ended, secrets: Sequence[bytes], timeout: float) -> None:
    if ended.too_long:
        said = f"more than {MOST_OUTPUT} bytes"
        raise NotAccepted(Words(f"le programme écrit au-delà de toute mesure ({said})", f"the program writes {said}"))
    if ended.timed_out:
        span = format_duration(timeout)
        raise NotAccepted(Words(f"le programme n'a pas fini en {span}", f"the program did not end within {span}"))
    if ended.status == 0:
        return
    output = without(ended.stderr, secrets).strip() or without(ended.stdout, secrets).strip()
    said = clean(output)
    how = (
        Words(f"un signal ({-ended.status}) a tué le programme", f"signal {-ended.status} killed the program")
        if ended.status < 0
        else Words(f"le programme finit par {ended.status}", f"the program ends with {ended.status}")
    )
    raise NotAccepted(Words(f"{how.fr} : {said}", f"{how.en}: {said}") if said else how)
