"""What a target of fuzzing is: a parser that is fed bytes, and says what must hold of whatever comes of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
FOUND = HERE / "found"
LARGEST = 65_536  # bytes of an input that is made to take long


@dataclass(frozen=True, slots=True)
class Target:
    """`check` returns when what must hold of these bytes holds, and raises whatever else happened.

    `words` are the format's own, which no mutation would find by chance. `pumps` are (before, again, after): what is
    repeated to see that a parser's time grows with its input and not with its square. `longest` is how many bytes can
    reach the parser.
    """

    name: str
    check: Callable[[bytes], None]
    words: tuple[bytes, ...] = ()
    pumps: tuple[tuple[bytes, bytes, bytes], ...] = ()
    longest: int = LARGEST

    @property
    def seeds(self) -> list[bytes]:
        """What it is known to read, in the order of the files' names."""
        return [file.read_bytes() for file in files_in(CORPUS / self.name)]

    @property
    def regressions(self) -> list[Path]:
        """Inputs by which something was once broken."""
        return list(files_in(FOUND / self.name))


def files_in(folder: Path) -> Iterator[Path]:
    return (file for file in sorted(folder.glob("*")) if file.is_file())


def words(text: str) -> tuple[bytes, ...]:
    """The words of a text, two blanks between each other, with Python's escapes in them."""
    return tuple(word.encode().decode("unicode_escape").encode("latin-1") for word in text.split("  ") if word)
