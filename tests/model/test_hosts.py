"""What can be a host, and what an operator writes in its place."""

import re

import pytest
from pydantic import ValidationError

from retabli.model.hosts import check_host
from retabli.model.settings import Resolver


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
    assert Resolver(nameservers=("192.0.2.53", "[2001:db8::53]")).nameservers == ("192.0.2.53", "[2001:db8::53]")
    with pytest.raises(ValidationError, match="by whom should the name of a name server be resolved"):
        Resolver(nameservers=("ns.example",))
