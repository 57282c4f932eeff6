"""Whether the state is still where it was opened, and what is saved of one that is not."""

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from retabli.model.stamps import stamp
from retabli.store.chain import Verdict
from retabli.store.copies import pour, verdict_of
from retabli.store.copying import keep
from retabli.store.facts import StoreError
from retabli.store.faults import told
from retabli.store.owning import make_folder
from retabli.store.reader import Reader
from retabli.store.schema import beside


@dataclass(frozen=True, slots=True)
class Place:
    """The files as they were when they were opened: the state, and what SQLite has beside it."""

    path: Path
    file: os.stat_result
    others: tuple[tuple[Path, os.stat_result], ...]

    @classmethod
    def of(cls, path: Path) -> "Place":
        """
        Raises:
            OSError: there is no such file.
        """
        return cls(path, path.stat(), tuple((each, each.stat()) for each in beside(path) if each.exists()))

    def why_gone(self) -> str | None:
        """Where the file is not at its path any more, in words; None: it is, or nobody can say."""
        try:
            here = os.path.samestat(self.path.stat(), self.file)
        except (FileNotFoundError, NotADirectoryError):
            return "was moved or deleted while it was in use, or its folder was unmounted"
        except OSError:
            return None  # a disk that fails is told by what cannot be written on it
        return None if here else "was replaced by another file while it was in use"

    def save(self, reader: Reader, folder: Path, at: float) -> str:
        """A copy of what is still open, though its file has no name any more: the next start finds it. A sentence."""
        try:
            with told(folder):
                make_folder(folder)
            kept = keep(folder, partial(_filled, reader), at)
            with told(self.path):
                self._set_log_aside(at)
        except StoreError as error:
            return f"and what it held could not be saved: {error}"
        return f"all that it held was saved as {kept.generation.path}"

    def _set_log_aside(self, at: float) -> None:
        """Our log beside somebody else's file: whoever opens that would mix them."""
        if not self.path.exists():
            return
        for path, was in self.others:
            if path.exists() and os.path.samestat(path.stat(), was):
                path.rename(path.with_name(path.name.replace(self.path.name, f"{self.path.name}.left-{stamp(at)}", 1)))


def _filled(reader: Reader, part: Path) -> Verdict:
    pour(reader, part)
    return verdict_of(part)
