"""A command of the operator's: its settings, what is wrong with them, and what its program finds around it."""

import asyncio
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from retabli.model import causes
from retabli.model.ladder import Fall
from retabli.model.settings import Secret, SecretRef
from retabli.net.folders.local_folder import looks

LARGEST_ARGUMENT = 131_072  # bytes that Linux takes as one argument (execve(2), MAX_ARG_STRLEN)

# All that a program of ours finds in its environment. Nothing of the daemon's own: it may hold secrets.
SURROUNDINGS = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}

Command = Annotated[tuple[str, ...], Field(strict=False, min_length=1, max_length=256)]
Variables = Mapping[str, str | Secret]
VariableSettings = dict[str, str | SecretRef]


def command_faults(command: Sequence[str]) -> Iterator[str]:
    if not command[0].startswith("/"):
        yield f'command must begin with an absolute path: "{command[0]}" is none'
    if any("\0" in word or len(word.encode()) >= LARGEST_ARGUMENT for word in command):
        yield "command has an argument that no program can be given"


def variable_faults(variables: Variables) -> Iterator[str]:
    for name, value in variables.items():
        if not name or "=" in name or "\0" in name:
            yield f'environment: no variable can be called "{name}"'
        if isinstance(value, str) and "\0" in value:
            yield f"environment: {name} has a NUL in it, which no variable can have"


def command_warnings(command: Sequence[str]) -> Iterator[str]:
    """What may be otherwise on the machine that runs it, or later."""
    path = Path(command[0])
    if not path.is_absolute():
        return
    try:
        mode = path.stat().st_mode
    except OSError as error:
        yield f"{path}: {error.strerror}"
        return
    if not stat.S_ISREG(mode) or not os.access(path, os.X_OK):
        yield f"{path} cannot be executed"


async def look_at(command: Sequence[str], patience: float) -> None:
    """Starting a program holds this whole process until the program's file has been read: first see if it can be.

    Raises:
        OSError: it is not there, or not for us.
        TimeoutError, Fall (`folder_hangs`): its disk does not answer.
    """
    path = command[0]
    async with asyncio.timeout(patience):
        await looks().look(("command", path), lambda _: os.stat(path))


def surroundings(variables: Variables) -> tuple[dict[str, str], list[bytes]]:
    """The program's whole environment, and which of its values are secrets.

    Raises:
        Fall: `secret_unreadable`.
    """
    values = SURROUNDINGS | {name: os.environ[name] for name in ("TZ",) if name in os.environ}
    secrets = []
    for name, value in variables.items():
        values[name] = value if isinstance(value, str) else value.text()
        if isinstance(value, Secret):
            if "\0" in values[name]:
                raise Fall(causes.SECRET_UNREADABLE, f"{value.place} has a NUL in it, which no variable can have")
            secrets.append(values[name].encode())
    return values, secrets


def without(output: bytes, secrets: Sequence[bytes]) -> bytes:
    """Programs that quote what they were given must not put it on a page."""
    for secret in secrets:
        output = output.replace(secret, b"***")
    return output
