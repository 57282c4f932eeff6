"""How far the words that were heard are from those that were said: the word error rate."""

import unicodedata
from collections.abc import Sequence

LONGEST = 20_000  # characters of a text that are looked at
MOST_EXPECTED = 200  # words
MOST_MARKS = 30  # on one letter
APOSTROPHES = "\u02b9\u02bb\u02bc"  # which Unicode counts among the letters; the others are punctuation


def words_of(text: str) -> tuple[str, ...]:
    """The words, without what is only spelling: case, punctuation, hyphens, apostrophes of any shape, and the several
    ways in which Unicode writes the same character (NFKC)."""
    safe = _stream_safe(text[:LONGEST])
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", safe).casefold())
    kept = "".join(char if _is_of_a_word(char) else " " for char in folded)
    return tuple(kept.split())


def _stream_safe(text: str) -> str:
    """Without marks beyond those that any language puts on a letter (UAX 15, section 13): they are sorted in the square
    of their number."""
    if text.isascii():
        return text
    kept, marks = [], 0
    for char in text:
        marks = marks + 1 if unicodedata.combining(char) else 0
        if marks <= MOST_MARKS:
            kept.append(char)
    return "".join(kept)


def _is_of_a_word(char: str) -> bool:
    return unicodedata.category(char)[0] in "LMN" and char not in APOSTROPHES


def error_rate(expected: Sequence[str], heard: Sequence[str]) -> float:
    """Words put in, left out or mistaken (Levenshtein's distance), per expected word; more than 1 is possible.

    What goes on beyond twice the expected length is not looked at: the rate is above 1 by then.
    """
    if not expected:
        raise ValueError("no words are expected")
    heard = heard[: 2 * len(expected) + 1]
    before = list(range(len(heard) + 1))
    for row, wanted in enumerate(expected, 1):
        now = [row]
        for column, word in enumerate(heard, 1):
            now.append(min(before[column] + 1, now[-1] + 1, before[column - 1] + (wanted != word)))
        before = now
    return before[-1] / len(expected)
