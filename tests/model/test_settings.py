"""What settings mean when something is left out."""

import re

import pytest
from pydantic import ValidationError

from retabli.model.settings import Resolver, Submit, Tls, check_host, format_duration, parse_duration


def test_whoever_gives_mail_an_authority_and_no_mode_means_starttls() -> None:
    assert Submit.model_validate({"host": "relay", "tls": {"ca": "ca.pem"}}).tls.mode == "starttls"
    assert Submit.model_validate({"host": "relay", "tls": {"mode": "implicit"}}).tls.mode == "implicit"
    assert Submit.model_validate({"host": "relay"}).tls.mode == "none"
    assert Tls.model_validate({"ca": "ca.pem"}).mode == "implicit"


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("30s", 30.0), ("2m", 120.0), ("1h30m", 5400.0), ("1d", 86400.0)]
)
def test_durations_are_read_and_written_alike(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds
    assert format_duration(seconds) == text


@pytest.mark.parametrize("text", ["30", 30, "s", "1h30", "-1s", "1 s", True, None])
def test_a_duration_without_its_unit_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    "host",
    [
        "pacs.example",
        "pacs",
        "pacs.example.",
        "a_b.example",
        "hôpital.example",
        "192.0.2.1",
        "::1",
        "[::1]",
        "fe80::1%eth0",
    ],
)
def test_a_host_is_a_name_or_an_address(host: str) -> None:
    assert check_host(host) == host


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("https://pacs.example", '"https://pacs.example" is a web address: only the host is wanted here'),
        ("pacs.example:104", '"pacs.example:104" holds a port, which has a setting of its own'),
        ("", '"" is neither a name nor an address'),
        ("pacs example", '"pacs example" is neither a name nor an address'),
        ("pacs..example", '"pacs..example" is neither a name nor an address'),
        ("[::1", '"[::1" is neither a name nor an address'),
        ("pacs/", '"pacs/" is neither a name nor an address'),
        ("pacs\n", '"pacs\n" is neither a name nor an address'),
        ("a" * 64, f'"{"a" * 64}" is neither a name nor an address'),
    ],
)
def test_what_can_be_no_host_is_refused_where_it_is_written(host: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        check_host(host)


def test_a_name_server_is_named_by_its_address() -> None:
    assert Resolver(nameservers=("192.0.2.53", "2001:db8::53")).nameservers == ("192.0.2.53", "2001:db8::53")
    with pytest.raises(ValidationError, match="by whom should the name of a name server be resolved"):
        Resolver(nameservers=("ns.example",))
