"""What a terminal can write: our signs where its encoding has them, else letters of ASCII."""

import codecs
import os
import unicodedata
from collections.abc import Mapping
from typing import TextIO

_LETTERS = {
    "\u202f": "\u00a0",  # which is made a space at the very end
    "\u00a0": "\u00a0",
    "’": "'",
    "‘": "'",
    "“": '"',
    "”": '"',
    "«": '"',
    "»": '"',
    "–": "-",
    "—": "-",
    "−": "-",
    "·": "|",
    "…": "...",
    "→": "->",
    "≥": ">=",
    "≤": "<=",
    "œ": "oe",
    "Œ": "OE",
    "æ": "ae",
    "Æ": "AE",
    "ß": "ss",
    "✓": "+",
    "✗": "x",
    "━": "#",
    "☎": "!",
}
_TABLE = str.maketrans(_LETTERS)


def knows_signs(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether what is read there knows more than ASCII. A file or a pipe takes what its encoding can hold."""
    encoding: str | None = stream.encoding
    if not encoding:
        return True  # a text in memory
    try:
        unicode = codecs.lookup(encoding).name.startswith("utf")
    except LookupError:
        return False
    if not unicode or not stream.isatty() or environment.get("PYTHONIOENCODING") or environment.get("PYTHONUTF8"):
        return unicode
    # Python writes UTF-8 even where the locale is C (PEP 538, PEP 540); it sets LC_CTYPE itself then.
    names = ("LC_ALL", "LANG" if environment.get("LANG") in ("C", "POSIX") else "LC_CTYPE", "LANG")
    return next((value for name in names if (value := environment.get(name))), "") not in ("C", "POSIX")


def in_ascii(text: str) -> str:
    """`Échec à « connexion » — réseau` → `Echec a "connexion" - reseau`; a space without break stays one."""
    return "\u00a0".join(_letters(piece) for piece in text.translate(_TABLE).split("\u00a0"))


def plain(text: str) -> str:
    """With ordinary spaces, once lines are made: the others are for nobody but those who search in vain."""
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def _letters(text: str) -> str:
    whole = unicodedata.normalize("NFKD", text)
    return "".join(each for each in whole if not unicodedata.combining(each)).encode("ascii", "replace").decode()
