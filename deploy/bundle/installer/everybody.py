"""The name `retabli` on everybody's PATH: a link, where root installs and nothing else stands there."""

import os
import shutil
from pathlib import Path

from .places import Places

FOLDER = Path("/usr/local/bin")


def link(places: Places) -> Path:
    return FOLDER / places.command.name


def ours(places: Places) -> bool:
    """Whether what stands there leads to what is installed here, be it there still or not."""
    there = link(places)
    return there.is_symlink() and os.readlink(there) == str(places.command)


def put(places: Places) -> str:
    """Put the link in place; how the program is called now, as a line."""
    there = link(places)
    if ours(places):
        return f"{there} leads to it"
    if os.path.lexists(there):
        return f"{there} is not ours and stays as it is: call {places.command}"
    try:
        there.symlink_to(places.command)
    except OSError as error:  # a read-only /usr costs nobody the installation
        return f"{there}: {error.strerror}: call {places.command}, or put {places.command.parent} on the PATH"
    return f"{there} leads to it: `retabli` is enough"


def none(places: Places) -> str | None:
    """How to call the program where no link is put, as a line; None where its name alone is enough."""
    found = shutil.which(places.command.name)
    if found is not None and os.path.realpath(found) == os.path.realpath(places.command):
        return None
    return f"it is on no PATH: call {places.command}, or put {places.command.parent} on the PATH"


def take_away(places: Places) -> str | None:
    """Remove the link if it is ours; what could not be, and why."""
    there = link(places)
    if ours(places):
        try:
            there.unlink()
        except OSError as error:
            return f"{there}: {error.strerror}"
    return None
