"""Tokens: what we signed is known again, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retabli.net.mail import tokens
from retabli.net.mail.tokens import Purpose

KEY = b"the hospital's own key"
SENT = 1_688_371_200_000


@pytest.mark.parametrize("purpose", Purpose)
def test_a_token_is_known_again_with_all_its_fields(purpose: Purpose) -> None:
    token = tokens.sign(KEY, purpose, tokens.new_series(), 42, SENT)
    assert tokens.verify(KEY, token.text) == token
    assert (token.number, token.sent, token.purpose) == (42, SENT, purpose)


def test_a_token_survives_a_change_of_case_and_blanks_around_it() -> None:
    token = tokens.sign(KEY, Purpose.LOOP, tokens.new_series(), 1, SENT)
    assert tokens.verify(KEY, f"  {token.text.upper()} ") == token


def test_a_token_of_another_key_is_not_ours() -> None:
    token = tokens.sign(b"another key", Purpose.LOOP, tokens.new_series(), 1, SENT)
    assert tokens.verify(KEY, token.text) is None


@pytest.mark.parametrize("place", range(1, 5))
def test_no_field_can_be_changed_without_the_key(place: int) -> None:
    fields = tokens.sign(KEY, Purpose.LOOP, tokens.new_series(), 17, SENT).text.split(".")
    fields[place] = fields[place][:-1] + ("1" if fields[place][-1] != "1" else "2")
    assert tokens.verify(KEY, ".".join(fields)) is None


def test_the_same_number_of_one_purpose_is_not_signed_for_another() -> None:
    loop = tokens.sign(KEY, Purpose.LOOP, "0123456789ab", 1, SENT)
    beacon = tokens.sign(KEY, Purpose.BEACON, "0123456789ab", 1, SENT)
    assert loop.text != beacon.text


def test_a_token_is_found_in_a_subject_a_message_id_and_a_quoted_text() -> None:
    token = tokens.sign(KEY, Purpose.LOOP, tokens.new_series(), 7, SENT)
    for text in (f"Re: [Retabli probe] {token.text}", f"<{token.text}@chu.example>", f"> {token.text}.\n"):
        assert tokens.find(KEY, text) == token


def test_a_forged_token_before_ours_does_not_hide_it() -> None:
    token = tokens.sign(KEY, Purpose.LOOP, tokens.new_series(), 7, SENT)
    forged = tokens.sign(b"another key", Purpose.LOOP, tokens.new_series(), 7, SENT)
    assert tokens.find(KEY, f"{forged.text} {token.text}") == token


def test_a_text_full_of_forged_tokens_costs_a_bounded_number_of_signatures() -> None:
    forged = tokens.sign(b"another key", Purpose.LOOP, tokens.new_series(), 7, SENT)
    token = tokens.sign(KEY, Purpose.LOOP, tokens.new_series(), 7, SENT)
    assert tokens.find(KEY, f"{forged.text} " * tokens.MOST + token.text) is None


@given(st.text(max_size=300))
def test_no_text_that_we_did_not_sign_is_a_token(text: str) -> None:
    assert tokens.verify(KEY, text) is None
    assert tokens.find(KEY, text) is None


def test_two_series_are_never_the_same() -> None:
    assert len({tokens.new_series() for _ in range(1000)}) == 1000
