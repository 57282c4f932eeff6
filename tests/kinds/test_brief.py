"""Which runs share an instant: those that take us well under a millisecond."""

from typing import Any

import pytest

from probes import kind


@pytest.mark.parametrize(
    ("settings", "brief"),
    [
        ({"kind": "tcp", "host": "a.example", "port": 1}, True),
        ({"kind": "dns", "name": "a.example"}, True),
        ({"kind": "icmp", "host": "a.example"}, True),
        ({"kind": "http", "url": "http://a.example/"}, True),
        ({"kind": "http", "url": "https://a.example/"}, False),
        ({"kind": "web", "targets": ["http://a.example/", "http://b.example/"]}, True),
        ({"kind": "web", "targets": ["http://a.example/", "https://b.example/"]}, False),
        ({"kind": "tls", "host": "a.example", "port": 443}, False),
        ({"kind": "smtp", "host": "a.example", "port": 25, "tls": {"mode": "starttls"}}, False),
    ],
)
def test_a_kind_says_whether_its_runs_are_brief(settings: dict[str, Any], brief: bool) -> None:
    assert kind(settings["kind"]).model_validate(settings).brief is brief
