"""Acknowledgements of HL7 engines, whatever they hold."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from retabli.model.ladder import Fall
from retabli.net.hl7 import acknowledgements
from retabli.net.hl7.acknowledgements import ERROR_WORDS, ErrorTold
from retabli.net.hl7.messages import Delimiters, Unfit, parse

PIECES = st.sampled_from(
    [b"MSH", b"MSA", b"ERR", b"|", b"^", b"~", b"\\", b"&", b"\r", b"\n", b"AA", b"1", b"\xff", b" "]
)


@example(b"MSH&MSH&MSH")  # which the library asserts it never sees
@given(st.lists(PIECES, max_size=60).map(b"".join))
def test_nothing_that_an_engine_sends_raises_anything_but_a_verdict(content: bytes) -> None:
    for head in (b"", b"MSH|^~\\&|", b"MSH|^~\\&|EFS\rMSA|", b"MSH#$"):
        try:
            acknowledgements.parse(head + content)
        except Fall:
            pass


@given(st.lists(PIECES, max_size=60).map(b"".join))
def test_nothing_that_a_file_holds_raises_anything_but_a_sentence(content: bytes) -> None:
    for head in (b"", b"MSH|^~\\&|"):
        try:
            message = parse(head + content)
        except Unfit:
            continue
        assert message.made("RT0", 0.0).startswith(b"MSH")


def test_msa_is_read_wherever_it_stands() -> None:
    found = acknowledgements.parse(b"MSH|^~\\&|EFS|||||||A7|T|2.5\rSFT|x\rERR|||101|E\rMSA|AE|1\r")
    assert found is not None
    assert (found.code, found.control_id, found.errors, found.own_id) == (
        *("AE", "1", (ErrorTold("101", "E", ""),)),
        "A7",
    )


def test_the_first_acknowledgement_of_a_block_counts() -> None:
    found = acknowledgements.parse(b"MSH|^~\\&|EFS\rMSA|AE|1\rMSA|AA|1\r")
    assert found is not None
    assert found.code == "AE"


def test_many_errors_do_not_hide_the_acknowledgement() -> None:
    found = acknowledgements.parse(b"MSH|^~\\&|EFS\r" + b"ERR|||101|E\r" * 3000 + b"MSA|AE|1\r")
    assert found is not None
    assert (found.code, len(found.errors)) == ("AE", 8)


@pytest.mark.parametrize("code", ERROR_WORDS)
def test_every_error_of_the_table_has_words(code: str) -> None:
    assert ErrorTold(code, "E", "PID^1^3").told("fr").startswith(code)
    assert ErrorTold(code, "", "").told("en") == f"{code} {ERROR_WORDS[code]['en']}"


def test_what_would_delimit_a_value_is_escaped() -> None:
    delimiters = Delimiters(b"|", b"^~\\&")
    assert delimiters.escaped("a|b^c~d\\e&f") == rb"a\F\b\S\c\R\d\E\e\T\f"
    assert Delimiters(b"#", b".*!@").escaped("v1.2@x") == b"v1!S!2!T!x"
