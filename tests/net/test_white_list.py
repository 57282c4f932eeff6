"""The white list's XML: read to its end or not at all, in whatever form it comes."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retabli.model.ladder import Fall
from retabli.net.mssante import white_list
from retabli.net.mssante.mssante_causes import WHITE_LIST_UNREADABLE
from retabli.net.mssante.white_list import plain_domain, read_date, read_listing
from tests.net.expat_short_of_memory import short_of_memory

DATED = "<DateDeGeneration>2023-07-03T06:00:00+02:00</DateDeGeneration>"


def entry(domain: str, *names: str) -> str:
    dns = "".join(f"<DNCertificatOperateur>{name}</DNCertificatOperateur>" for name in names)
    return f"<Domaine><Nom>{domain}</Nom>{dns}</Domaine>"


def test_a_domain_with_several_names_has_them_in_one_entry_in_several_or_line_by_line() -> None:
    entries = entry("a.example", "CN=1", "CN=2") + entry("A.Example.", "CN=2", "\n CN=3 \n CN=4\n") + entry("b.example")
    listing = read_listing(f"<l>{DATED}{entries}</l>".encode(), ["a.example", "b.example", "c.example"])
    assert listing.names == {"a.example": ("CN=1", "CN=2", "CN=3", "CN=4"), "b.example": ()}
    assert listing.entries == 3
    assert listing.generated == datetime(2023, 7, 3, 4, tzinfo=UTC).timestamp()


def test_whom_to_call_about_a_domain_is_kept() -> None:
    contact = "<SupportContact> support@a.example\n 02 99 00 00 00 </SupportContact>"
    text = f"<l>{entry('b.example')}<Domaine>{contact}<Nom>a.example</Nom></Domaine></l>"
    listing = read_listing(text.encode(), ["a.example", "b.example"])
    assert listing.support == {"a.example": "support@a.example 02 99 00 00 00"}


@pytest.mark.parametrize("encoding", ["UTF-8", "ISO-8859-1", "UTF-16", "windows-1252"])
def test_every_encoding_that_is_declared_is_read(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><l>{entry("a.example", "O=Hôpital")}</l>'
    assert read_listing(text.encode(encoding), ["a.example"]).names == {"a.example": ("O=Hôpital",)}


def test_names_of_elements_may_have_a_prefix_and_any_case() -> None:
    text = (
        '<m:LISTE xmlns:m="urn:x"><m:DATEDEGENERATION>2023-07-03</m:DATEDEGENERATION>'
        "<m:domaine><m:nom>a.example</m:nom>"
        "<m:dnCertificatOperateur><![CDATA[CN=a & b]]></m:dnCertificatOperateur></m:domaine></m:LISTE>"
    )
    listing = read_listing(text.encode(), ["a.example"])
    assert listing.names == {"a.example": ("CN=a & b",)}
    assert listing.generated is not None


def test_only_a_domain_s_own_name_names_it() -> None:
    text = f"<l><Domaine><Contact><Nom>a.example</Nom></Contact><Nom>b.example</Nom></Domaine>{entry('c.example')}</l>"
    assert set(read_listing(text.encode(), ["a.example", "b.example"]).names) == {"b.example"}


@pytest.mark.parametrize(
    "text",
    [
        f"<l>{entry('a.example', 'CN=a')}",
        f"<l>{entry('a.example', 'CN=a')}</l><l>",
        f"<l>{entry('a.example', 'CN=a')}</m>",
        "<l/>",
        f"<l>{entry('a.example', 'CN=&a;')}</l>",
        f"<!DOCTYPE l><l>{entry('a.example', 'CN=a')}</l>",
        f"<l>{entry('a.example', 'x' * 5000)}</l>",
        f"<l>{'<x>' * 20}{entry('a.example', 'CN=a')}{'</x>' * 20}</l>",
    ],
)
def test_what_is_not_a_whole_list_is_unreadable(text: str) -> None:
    with pytest.raises(Fall) as fall:
        read_listing(text.encode(), ["a.example"])
    assert fall.value.cause is WHITE_LIST_UNREADABLE


def test_a_list_of_too_many_entries_is_unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(white_list, "MOST_ENTRIES", 3)
    with pytest.raises(Fall, match="more than 3 entries"):
        read_listing(f"<l>{entry('a.example', 'CN=a') * 4}</l>".encode(), ["a.example"])


def test_of_a_domain_with_too_many_names_some_are_kept() -> None:
    text = "<l>" + "".join(entry("a.example", f"CN={number}") for number in range(1000)) + "</l>"
    assert len(read_listing(text.encode(), ["a.example"]).names["a.example"]) == white_list.MOST_NAMES
    long = f"<l>{entry('a.example', 'x' * 1001, 'CN=a')}</l>"
    assert read_listing(long.encode(), ["a.example"]).names == {"a.example": ("CN=a",)}


@pytest.mark.parametrize(
    "text",
    [
        "<l " + " ".join(f"a{number}='x'" for number in range(100_000)) + "/>",
        "<l><!--" + "x" * 1_000_000 + "--></l>",
        "<l><?x " + "x" * 1_000_000 + "?></l>",
        "<" + "l" * 1_000_000 + "/>",
        "<l a='" + "x" * 1_000_000 + "'/>",
    ],
)
def test_one_tag_or_comment_without_end_is_not_waited_for(text: str) -> None:
    with pytest.raises(Fall, match="a tag or comment of more than 262144 bytes"):
        read_listing(text.encode(), ["a.example"])


def test_a_list_of_too_many_elements_is_unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(white_list, "MOST_ELEMENTS", 10)
    with pytest.raises(Fall, match="more than 10 elements"):
        read_listing(f"<l>{'<x/>' * 20}{entry('a.example', 'CN=a')}</l>".encode(), ["a.example"])


def test_a_large_list_is_no_long_piece() -> None:
    blank = entry("b.example", "CN=b") + " \n" * 1000
    listing = read_listing(f"<l>{blank * 500}{entry('a.example', 'CN=a')}</l>".encode(), ["a.example"])
    assert listing.entries == 501


def test_a_reading_that_is_stopped_ends() -> None:
    with pytest.raises(Fall, match="stopped"):
        read_listing(f"<l>{entry('a.example', 'CN=a')}</l>".encode(), ["a.example"], lambda: True)


@given(st.binary(max_size=400))
def test_no_content_is_ever_too_odd(content: bytes) -> None:
    with pytest.raises(Fall):
        read_listing(b"<l>" + content, ["a.example"])


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2023-07-03T06:15:00+02:00", 4),
        ("2023-07-03T06:15:00Z", 6),
        ("2023-07-03T06:15:00.1234567Z", 6),
        ("2023-07-03 06:15", 6),
        ("03/07/2023 06:15:00", 6),
        ("3.7.2023 à 06:15", 6),
        (" 2023-07-03\n", 0),
    ],
)
def test_dates_are_read_as_they_are_written(text: str, hour: int) -> None:
    seconds = read_date(text)
    assert seconds is not None
    found = datetime.fromtimestamp(seconds, UTC)
    assert (found.year, found.month, found.day, found.hour) == (2023, 7, 3, hour)


@pytest.mark.parametrize("text", ["", "hier", "2023-13-01", "31/02/2023", "99999999999", "2023-07-03T25:00"])
def test_what_is_no_date_is_none(text: str) -> None:
    assert read_date(text) is None


@pytest.mark.parametrize(
    ("written", "plain"),
    [(" CHU.Example. ", "chu.example"), ("@chu.example", "chu.example"), ("hôpital.example", "xn--hpital-ixa.example")],
)
def test_a_domain_is_compared_in_one_form(written: str, plain: str) -> None:
    assert plain_domain(written) == plain


def test_a_list_for_which_expat_has_no_memory_is_not_called_unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(white_list, "expat", short_of_memory())
    with pytest.raises(MemoryError):
        read_listing(f"<l>{entry('a.example', 'CN=1')}</l>".encode(), ["a.example"])
