"""What a reader finds on a page: texts however they are written, telephone numbers, within bounded time."""

import time

import pytest

from retabli.net.web.page_text import holds, telephone_numbers, text_of


@pytest.mark.parametrize(
    "source",
    [
        "Prendre rendez-vous à l'hôpital",
        "<p>Prendre&nbsp;rendez-vous\n   à l&rsquo;h&ocirc;pital</p>",
        "Prendre\u00a0rendez-vous à l’hôpital",
        "Prendre rendez-vous a\u0300 l'ho\u0302pital",
    ],
)
def test_a_text_is_found_as_a_reader_sees_it(source: str) -> None:
    assert holds(source, "Prendre rendez-vous à l'hôpital")
    assert not holds(source, "Prendre rendez-vous à la clinique")


@pytest.mark.parametrize(
    "number",
    [
        "02 99 28 43 21",
        "02.99.28.43.21",
        "02-99-28-43-21",
        "0299284321",
        "02&nbsp;99&nbsp;28&#160;43&nbsp;21",
        "02\u202f99\u202f28\u202f43\u202f21",
        "+33 2 99 28 43 21",
        "+33 (0)2 99 28 43 21",
        "0033299284321",
        '<a href="tel:+33299284321">Appeler</a>',
    ],
)
def test_a_french_number_is_known_however_it_is_written(number: str) -> None:
    assert telephone_numbers(f"<li>Standard : {number}</li>") == {"0299284321"}


def test_short_numbers_other_figures_and_what_no_reader_sees_are_no_telephone_numbers() -> None:
    page = """<p>Composez le 15, le 112 ou le 36 24. SIRET 263 500 076 00017. Le 02/07/2023 à 09:15.</p>
    <td>02</td><td>99 28 43 21</td> 1234567890 02992843210
    <script>var id = "0299284321";</script><!-- 02 99 28 43 22 --><style>.a{b:0299284323}</style>"""
    assert telephone_numbers(page) == frozenset()


def test_different_numbers_are_counted_and_the_same_one_twice_is_one() -> None:
    page = '02 99 28 43 21 <a href="tel:0299284321">02.99.28.43.21</a> 02 99 28 43 22 / 0 800 123 456'
    assert telephone_numbers(page) == {"0299284321", "0299284322", "0800123456"}


def test_a_page_is_read_in_its_own_charset_and_never_in_a_strange_one() -> None:
    assert text_of("hôpital".encode("latin-1"), "text/html; charset=ISO-8859-1") == "hôpital"
    assert text_of(b'<meta charset="windows-1252">' + "hôpital".encode("cp1252"), "text/html").endswith("hôpital")
    assert text_of("hôpital".encode("cp1252"), "text/html") == "hôpital"
    assert text_of("hôpital".encode(), "text/html; charset=nonsense") == "hôpital"
    assert text_of("hôpita".encode() + "ô".encode()[:1], "text/html") == "hôpita"  # cut within a character
    assert text_of(b"a" * 1000, "text/html; charset=zip") == "a" * 1000


@pytest.mark.parametrize(
    "piece",
    [
        "<",
        "<a",
        "<script",
        "<!--",
        "0",
        "02 99 ",
        "0 1 ",
        "&",
        "&#1",
        "href = tel:",
        "a\u0301\u0316",
        "e\u0301",
        "+33 ",
    ],
)
def test_no_page_takes_more_time_than_its_length_allows(piece: str) -> None:
    def seconds(length: int) -> float:
        page = piece * (length // len(piece))
        began = time.process_time()
        telephone_numbers(page)
        holds(page, "not there")
        return time.process_time() - began

    small = min(seconds(20_000) for _ in range(3))
    assert seconds(160_000) < 8 * 4 * max(small, 0.002)  # a quadratic one takes 64 times as long
