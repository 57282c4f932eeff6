"""What monitoring plugins say is read as their guidelines have it, and within bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retabli.net.plugins.plugin_output import MOST_VALUES, Value, read_output


@pytest.mark.parametrize(
    ("output", "text", "values"),
    [
        (b"DISK OK - free space: / 3326 MB", "DISK OK - free space: / 3326 MB", ()),
        (b"OK | time=0.25s;1;2;0;10", "OK", (Value("time", 0.25, "s", 1, 2, 0, 10),)),
        (b"OK|/=2643MB;5948;5958;0;5968", "OK", (Value("/", 2643, "MB", 5948, 5958, 0, 5968),)),
        (b"OK | 'a b'=1 'it''s'=2%", "OK", (Value("a b", 1), Value("it's", 2, "%"))),
        (b"OK | a=U b=3", "OK", (Value("b", 3),)),
        (b"OK | a=1;10:20;@5:;;", "OK", (Value("a", 1),)),
        (b"OK | a=1,5s b=-2e3", "OK", (Value("a", 1.5, "s"), Value("b", -2000))),
        (b"OK | a=1e999 b=nan c=1", "OK", (Value("c", 1),)),
        (b"first | a=1\nlong text\nmore | b=2\nc=3", "first", (Value("a", 1), Value("b", 2), Value("c", 3))),
        (b"", "", ()),
        (b"\n\n", "", ()),
        (b"| a=1", "", (Value("a", 1),)),
        (b"OK | = =1 a= 'x'=", "OK", ()),
        (b"\xff\xfe OK", "\ufffd\ufffd OK", ()),
    ],
)
def test_the_first_line_is_the_text_and_numbers_are_read(output: bytes, text: str, values: tuple[Value, ...]) -> None:
    said = read_output(output)
    assert (said.text, said.values) == (text, values)


def test_the_values_are_bounded_in_number_and_their_labels_in_length() -> None:
    said = read_output(b"OK | " + b" ".join(b"x" * 1000 + b"%d=1" % number for number in range(1000)))
    assert len(said.values) == MOST_VALUES
    assert max(len(value.label) for value in said.values) == 40


def test_a_value_is_shown_with_its_unit() -> None:
    assert str(Value("time", 0.25, "s", 1)) == "time=0.25s"


@given(st.binary(max_size=300))
def test_any_output_is_read(output: bytes) -> None:
    assert len(read_output(output).values) <= MOST_VALUES
