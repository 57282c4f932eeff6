"""The settings of the kind `containment`, what they are written out to, and what they cannot mean."""

import itertools
import struct
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from probes.containment import Containment
from retabli.model import causes
from retabli.model.ladder import Fall
from retabli.model.settings import Proxy
from retabli.net.containment import containment_causes as found
from retabli.net.containment.questions import quic_question
from retabli.net.containment.verdict import Findings
from retabli.net.containment.ways import Controls, Fate, Sign, Way
from tests.climbing import settings
from tests.kinds.doors import DECLARED, TUNNEL

MAIN = {"proxies": {"main": Proxy(name="main", url="http://proxy.example:3128")}}
TO = {"to": "canary.example"}


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({}, "nothing is attempted"),
        ({"attempts": [TO]}, "a port is wanted"),
        ({"attempts": [{**TO, "port": 1, "ports": [2]}]}, "either port or ports"),
        ({"attempts": [{**TO, "port": 1, "protocol": "icmp"}]}, "icmp has no ports"),
        ({"attempts": [{**TO, "port": 1, "protocol": "http"}]}, "http goes through a proxy"),
        ({"attempts": [{**TO, "port": 1, "protocol": "udp", "via": "main"}]}, "no proxy takes udp"),
        ({"attempts": [{**TO, "port": 1, "family": 6, "via": "main"}]}, "a proxy chooses the family"),
        ({"attempts": [{**TO, "port": 1, "via": "mian"}]}, 'no proxy is called "mian" (did you mean "main"?)'),
        ({"attempts": [{**TO, "ports": "usual", "protocol": "udp"}]}, "ports: usual is direct"),
        ({"attempts": [{"to": "::", "port": 1}]}, "is nowhere"),
        ({"attempts": [{**TO, "ports": list(range(1, 34))}]}, "66 attempts in one probe"),
        ({"attempts": [{**TO, "port": 1, "says": "X", "via": "main"}]}, "says is for direct connections"),
        ({"attempts": [{**TO, "protocol": "icmp", "says": "X"}]}, "says is for direct connections"),
        ({"attempts": [{"to": "192.0.2.1", "port": 1, "family": 6}]}, "192.0.2.1 is no IPv6 address"),
        ({"attempts": [{**TO, "port": 1, "alive": {}}]}, "exactly one of promql and declared"),
        ({"attempts": [{**TO, "port": 1}], "deny_page": {}}, "a header or a body"),
        ({"attempts": [{**TO, "port": 1}], "deny_page": {"body": "("}}, "no regular expression"),
        ({"attempts": [{**TO, "port": 1}], "denied": ["nxdomain"]}, "denied"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        settings(Containment, context=MAIN, **keys)
    assert said in str(refused.value)


def test_attempts_are_written_out_compactly() -> None:
    probe = settings(
        Containment,
        context=MAIN,
        attempts=[
            {"to": ["a.example", "192.0.2.1"], "ports": [80, 443], "via": ["direct", "main"]},
            {"to": "a.example", "port": 80},  # once is enough
            {"to": "b.example", "ports": "usual"},
        ],
    )
    told = [str(way) for way in probe.ways]
    assert told[:4] == [
        "direct tcp 80 a.example",
        "via main http 80 a.example",
        "direct tcp 443 a.example",
        "via main http 443 a.example",
    ]
    assert len(told) == 8 + 11
    assert told[-3:] == ["direct udp 53 b.example", "direct udp 443 b.example", "direct icmp b.example"]


def test_what_must_stay_closed_is_never_told_as_an_opening_that_is_needed() -> None:
    probe = settings(
        Containment,
        context=MAIN,
        attempts=[{"to": "canary.example", "port": 443, "via": ["direct", "main"]}],
        control={
            "path": {"to": "gw.example", "port": 443},
            "alive": {"promql": {"url": "http://prom.example:9090", "query": "up"}},
        },
        dns_tunnel={**TUNNEL, "nameserver": "10.0.0.53"},
    )
    assert set(probe.openings()) == {
        ("gw.example", 443, "tcp"),
        ("proxy.example", 3128, "tcp"),
        ("prom.example", 9090, "tcp"),
        ("10.0.0.53", 53, "udp"),
        ("10.0.0.53", 53, "tcp"),
    }


def test_a_way_of_which_nothing_is_known_is_never_closed() -> None:
    """Whatever loses an attempt: what was not tried is not proven."""
    four, six = (Way("canary.example", 443, "tcp", family=family) for family in (4, 6))
    both = Way("canary.example", 443, "tcp")
    over_ipv4 = Fate(replace(both, family=4), Sign.ICMP)
    for wanted, fates in (
        ([both], []),
        ([four, six], [Fate(four, Sign.ICMP)]),
        ([both, Way("canary.example", 80, "tcp")], [over_ipv4]),
        ([both], [Fate(replace(both, family=6), detail="this machine has no IPv6 way out")]),
    ):
        findings = Findings(wanted, fates, Controls({}, {}), frozenset(Sign), lambda _: None, path_configured=False)
        with pytest.raises(Fall) as fall:
            findings.check_attempted()
        assert fall.value.cause is found.ROUND_NOT_JUDGED
    Findings([both], [over_ipv4], Controls({}, {}), frozenset(Sign), lambda _: None, False).check_attempted()


def test_what_is_unwise_is_told() -> None:
    attempt = {"to": "192.0.2.1", "port": 443}
    lacking = "without control.path and control.alive a timeout or reset or icmp (without firewalls) proves nothing"
    assert [*settings(Containment, attempts=[attempt]).warnings()] == [f"{lacking}: it stays unknown"]
    alone = settings(Containment, attempts=[attempt], denied=["icmp"], firewalls=["10.0.0.0/8"])
    assert [*alone.warnings()] == []
    said = " ".join(
        settings(
            Containment,
            context=MAIN,
            attempts=[{**attempt, "via": "main", "alive": DECLARED}],
            timeout="1s",
        ).warnings()
    )
    assert "a single lost packet would look like a closed door" in said
    assert 'proxy "main" is known by a status alone' in said
    assert "control" not in said
    named = [*settings(Containment, attempts=[{**attempt, "to": "canary.example", "alive": DECLARED}]).warnings()]
    assert any("every direct attempt goes by a name" in each for each in named)
    promql: dict[str, Any] = {"url": "http://prom.example:9090", "query": "canary_up"}
    path = {"to": "gw.example", "port": 443}
    shared: dict[str, Any] = {"attempts": [{**attempt, "ports": [80, 443], "port": None}], "control": {"path": path}}
    shared["control"]["alive"] = {"promql": promql}
    assert [*settings(Containment, **shared).warnings()] == [
        "control.alive is one for 2 doors: a dead one among them looks closed; name $to and $port"
    ]
    promql["query"] = 'canary_up{port="$port"}'
    assert not [*settings(Containment, **shared).warnings()]
    tunnel = [*settings(Containment, dns_tunnel=TUNNEL).warnings()]
    assert tunnel == ["without dns_tunnel.alive only a sinkhole proves the tunnel shut: the domain may be dead"]
    password: dict[str, Any] = {"env": "PASSWORD"}
    main = Proxy.model_validate({**MAIN["proxies"]["main"].model_dump(), "user": "probe", "password": password})
    mixed = [attempt, {"to": "a.example", "port": 443, "via": "main"}]
    said = " ".join(settings(Containment, attempts=mixed, context={"proxies": {"main": main}}).warnings())
    assert "try the other ways in one of their own" in said
    cut = settings(Containment, attempts=[attempt], denied=["cut"])
    assert any("cut needs says" in fault for fault in cut.faults())
    assert not [*settings(Containment, attempts=[{**attempt, "says": "X"}], denied=["cut"]).faults()]


def test_the_question_for_quic_is_long_enough_to_be_answered_and_of_no_version() -> None:
    question = quic_question()
    assert len(question) == 1200  # RFC 9000, section 14.1
    assert question[0] & 0x80
    assert struct.unpack_from("!I", question, 1)[0] & 0x0F0F0F0F == 0x0A0A0A0A  # RFC 9000, section 15


def test_only_an_answer_fails() -> None:
    failing = {cause.code for cause in Containment.CAUSES if cause.verdict is causes.Verdict.FAILED}
    assert failing == {"answered", "answered_ipv6", "proxy_lets_through", "dns_tunnel_open"}
    assert all(found.as_unjudged(cause, "")[0].verdict is causes.Verdict.UNKNOWN for cause in causes.COMMON)
    assert len(set(itertools.chain(found.PRECEDENCE))) == len(found.PRECEDENCE)
