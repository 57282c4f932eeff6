"""Authentication-Results: the receiving server is believed, the message's own claims are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retabli.net.mail.authentication_results import Authentication, read

GOOD = (
    "mx.outside.example; dkim=pass (2048-bit key; unprotected) header.d=chu.example header.s=s1;\r\n"
    "\tspf=pass smtp.mailfrom=probe@chu.example; dmarc=pass (p=REJECT; sp=none) header.from=chu.example"
)
FAILING = "mx.outside.example 1; spf=softfail smtp.mailfrom=chu.example; dkim=none; dmarc=fail (p=none)"


def test_the_results_of_the_three_methods_are_read() -> None:
    assert dict(read([GOOD]).results) == {"spf": "pass", "dkim": "pass", "dmarc": "pass"}
    assert dict(read([FAILING]).results) == {"spf": "softfail", "dkim": "none", "dmarc": "fail"}


def test_a_version_after_the_servers_name_is_no_part_of_it() -> None:
    assert read([FAILING], "MX.outside.example").by == "mx.outside.example"


def test_what_the_message_brought_along_is_not_believed() -> None:
    forged = "evil.example; spf=pass; dkim=pass; dmarc=pass"
    assert dict(read([FAILING, forged]).results)["dmarc"] == "fail"
    assert dict(read([forged, FAILING], "mx.outside.example").results)["dmarc"] == "fail"
    assert read([forged], "mx.outside.example") == Authentication()


def test_a_servers_two_headers_count_together() -> None:
    both = read(["mx.outside.example; spf=pass", "mx.outside.example; dmarc=pass", "old.example; dkim=fail"])
    assert dict(both.results) == {"spf": "pass", "dmarc": "pass"}


def test_one_good_signature_of_several_is_enough() -> None:
    header = "mx; dkim=fail header.d=list.example; dkim=pass header.d=chu.example; dkim=fail header.d=x.example"
    assert dict(read([header]).results) == {"dkim": "pass"}


@pytest.mark.parametrize(
    "header",
    ["", ";", "mx.outside.example; none", "mx; spf", "mx; spf=<script>", 'mx; reason="spf=pass"', "mx; (spf=pass)"],
)
def test_what_says_nothing_gives_no_result(header: str) -> None:
    assert dict(read([header]).results) == {}


def test_comments_and_quotes_cannot_smuggle_a_result_in() -> None:
    header = 'mx; spf=fail reason="; dmarc=pass" (; dkim=pass ((; dmarc=pass)))'
    assert dict(read([header]).results) == {"spf": "fail"}


@given(st.lists(st.text(max_size=200), max_size=4))
def test_any_text_is_read_without_an_error(headers: list[str]) -> None:
    read(headers)
