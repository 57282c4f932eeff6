"""How near words come: the word error rate against pairs that are known, and within bounded time."""

import hashlib
import random
import time
import wave

import pytest

from retabli.net.speech.recording import SHIPPED, WORDS
from retabli.net.speech.words import MOST_EXPECTED, error_rate, words_of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Le patient est OUVERT.", "le patient, est… ouvert"),
        ("l'hôpital", "l’hôpital"),
        ("l'hôpital", "l ho\u0302pital"),
        ("aujourd'hui", "AUJOURDʼHUI"),
        ("compte-rendu", "compte rendu"),
        ("œdème ﬁn ①", "œdème fin 1"),
        ("Straße", "STRASSE"),
        ("«\u00a0oui\u00a0»", "oui"),
        ("a_b", "a b"),
    ],
)
def test_what_is_only_spelling_makes_no_difference(one: str, other: str) -> None:
    assert words_of(one) == words_of(other)


@pytest.mark.parametrize(
    ("one", "other"), [("hôpital", "hopital"), ("deux", "2"), ("de nouveau", "denouveau"), ("cou", "coup")]
)
def test_other_words_are_other_words(one: str, other: str) -> None:
    assert words_of(one) != words_of(other)


@pytest.mark.parametrize("text", ["", " ", "…!?", "\u200b", "'"])
def test_no_word_is_no_word(text: str) -> None:
    assert words_of(text) == ()


@pytest.mark.parametrize(
    ("expected", "heard", "rate"),
    [
        ("a b c d", "a b c d", 0.0),
        ("a b c d", "", 1.0),
        ("a b c d", "a b d", 0.25),  # left out
        ("a b c d", "a b x c d", 0.25),  # put in
        ("a b c d", "a b x d", 0.25),  # mistaken
        ("a b c d", "b c d a", 0.5),  # moved: left out here, put in there
        ("a b c d", "d c b a", 1.0),
        ("a b c d", "w x y z", 1.0),
        ("a", "a b c", 2.0),
        ("the cat sat on the mat", "the cat sit on mat", 2 / 6),
        ("wreck a nice beach", "recognise speech", 1.0),
    ],
)
def test_the_rate_of_known_pairs(expected: str, heard: str, rate: float) -> None:
    assert error_rate(expected.split(), heard.split()) == pytest.approx(rate)


def test_the_distance_is_levenshteins() -> None:
    """By the recursion of its definition, on many short texts."""

    def distance(one: tuple[str, ...], other: tuple[str, ...]) -> int:
        if not one or not other:
            return len(one) + len(other)
        if one[0] == other[0]:
            return distance(one[1:], other[1:])
        return 1 + min(distance(one[1:], other), distance(one, other[1:]), distance(one[1:], other[1:]))

    chance = random.Random(7)  # noqa: S311 - no secret
    for _ in range(200):
        expected, heard = (tuple(chance.choices("abc", k=chance.randint(1, 5))) for _ in range(2))
        if len(heard) <= 2 * len(expected):
            assert error_rate(expected, heard) == distance(expected, heard) / len(expected)


def test_no_text_takes_long_and_one_that_goes_on_is_above_one() -> None:
    began = time.monotonic()
    rate = error_rate(["a"] * MOST_EXPECTED, words_of("b " * 1_000_000))
    assert time.monotonic() - began < 1.0
    assert rate > 1
    assert error_rate(["a"] * 4, ["a"] * 100) > 1


def test_no_words_expected_is_refused() -> None:
    with pytest.raises(ValueError, match="no words"):
        error_rate((), ("a",))


def test_the_shipped_recording_is_what_it_is_said_to_be() -> None:
    with wave.open(str(SHIPPED)) as reader:
        assert (reader.getnchannels(), reader.getsampwidth(), reader.getframerate()) == (1, 2, 16_000)
        assert 4.0 < reader.getnframes() / 16_000 < 5.0
    assert SHIPPED.stat().st_size < 200_000
    assert hashlib.sha256(SHIPPED.read_bytes()).hexdigest() == (
        "8d4d1f79e838b344881d398c62373204a68cc9fb1f42a06139e36ebbf6b40a84"
    )
    assert len(words_of(WORDS)) == 13
