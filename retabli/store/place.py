"""Whether the state is still where it was opened, and what is saved of one that is not."""

import os
from functools import partial
from pathlib import Path

from retabli.store.chain import Verdict
from retabli.store.copies import pour, verdict_of
from retabli.store.copying import keep
from retabli.store.facts import StoreError
from retabli.store.faults import told
from retabli.store.reader import Reader


def why_gone(path: Path, opened: os.stat_result) -> str | None:
    """Where the file that was opened is not at its path any more, in words; None: it is, or nobody can say."""
    try:
        return None if os.path.samestat(path.stat(), opened) else "was replaced by another file while it was in use"
    except (FileNotFoundError, NotADirectoryError):
        return "was moved or deleted while it was in use, or its folder was unmounted"
    except OSError:
        return None  # a disk that fails is told by what cannot be written on it


def saved(reader: Reader, folder: Path, at: float) -> str:
    """A copy of what is still open, though its file has no name any more: the next start finds it. A sentence."""
    try:
        with told(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = keep(folder, partial(_filled, reader), at)
    except StoreError as error:
        return f"and what it held could not be saved: {error}"
    return f"all that it held was saved as {kept.generation.path}"


def _filled(reader: Reader, part: Path) -> Verdict:
    pour(reader, part)
    return verdict_of(part)
