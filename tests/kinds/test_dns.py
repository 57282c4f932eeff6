"""The kind `dns`."""

from typing import Any

import dns.rcode
import pytest
from pydantic import ValidationError

from probes.dns import ANSWERS_DIFFER, Dns
from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.result import Measure, Outcome, Result
from retabli.net.nameservers import Patience
from tests.climbing import climb, settings
from tests.net.name_server import Fault, garbage_with_our_id, mute, name_server, noise, rcode, truncated

ZONE = {
    ("www.test", "A"): ["192.0.2.1", "192.0.2.2"],
    ("www.test", "AAAA"): ["2001:db8::1"],
    ("chu.test", "MX"): ["10 Mail.chu.test.", "20 backup.chu.test."],
    ("chu.test", "TXT"): ['"v=spf1 ip4:192.0.2.1" " -all"'],
    ("alias.test", "CNAME"): ["www.test."],
    ("1.2.0.192.in-addr.arpa", "PTR"): ["www.test."],
}


async def asked(
    fault: Fault | None = None, *, by_tcp: Fault | None = None, timeout: str = "10s", **keys: Any
) -> Result:
    async with name_server(ZONE, fault, by_tcp=by_tcp) as server:
        resolver = {"nameservers": ["127.0.0.1"], "port": server.port}
        return await climb(settings(Dns, resolver=resolver, timeout=timeout, **keys))


async def test_any_answer_will_do_where_none_is_expected() -> None:
    result = await asked(name="www.test")
    assert (result.outcome, result.stage, result.of) == (Outcome.OK, stages.RESOLVE, 1)
    assert result.properties["answers"] == "192.0.2.1, 192.0.2.2"
    assert result.measures[Measure.DNS_LOOKUP] > 0


@pytest.mark.parametrize(
    "keys",
    [
        {"name": "www.test", "expect": ["192.0.2.2", "192.0.2.1"]},
        {"name": "www.test", "type": "aaaa", "expect": ["2001:0db8:0::1"]},
        {"name": "chu.test", "type": "MX", "expect": ["20 BACKUP.chu.test", "10 mail.chu.test."]},
        {"name": "chu.test", "type": "TXT", "expect": ["v=spf1 ip4:192.0.2.1 -all"]},
        {"name": "chu.test", "type": "TXT", "expect": ['"v=spf1 ip4:192.0.2.1" " -all"']},
        {"name": "alias.test", "expect": ["192.0.2.1", "192.0.2.2"]},
        {"name": "alias.test", "type": "CNAME", "expect": ["www.test."]},
        {"name": "192.0.2.1", "type": "PTR", "expect": ["www.test."]},
    ],
    ids=lambda keys: f"{keys['name']} {keys.get('type', 'A')}",
)
async def test_the_expected_answers_are_recognised_however_they_are_written(keys: dict[str, Any]) -> None:
    result = await asked(**keys)
    assert (result.outcome, result.stage, result.rung) == (Outcome.OK, stages.CONTENT, 2), result


@pytest.mark.parametrize(
    ("expect", "detail"),
    [
        (["192.0.2.1"], "unexpected 192.0.2.2"),
        (["192.0.2.1", "192.0.2.2", "192.0.2.3"], "missing 192.0.2.3"),
        (["192.0.2.9"], "missing 192.0.2.9; unexpected 192.0.2.1, 192.0.2.2"),
    ],
)
async def test_answers_that_differ_are_named(expect: list[str], detail: str) -> None:
    result = await asked(name="www.test", expect=expect)
    assert (result.outcome, result.stage, result.cause) == (Outcome.FAILED, stages.CONTENT, ANSWERS_DIFFER)
    assert result.detail == detail


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (rcode(dns.rcode.NXDOMAIN), causes.NXDOMAIN),
        (rcode(dns.rcode.NOERROR), causes.NO_DATA),
        (rcode(dns.rcode.SERVFAIL), causes.SERVFAIL),
        (rcode(dns.rcode.REFUSED), causes.DNS_REFUSED),
        (garbage_with_our_id, causes.DNS_GARBAGE),
        (noise, causes.DNS_GARBAGE),
        (mute, causes.DNS_TIMEOUT),
    ],
    ids=["nxdomain", "no data", "servfail", "refused", "garbage", "noise", "mute"],
)
async def test_each_failure_has_its_cause(fault: Fault, cause: Cause) -> None:
    result = await asked(fault, name="www.test", timeout="10s" if fault is noise else "200ms")
    assert (result.outcome, result.stage, result.cause) == (Outcome.FAILED, stages.RESOLVE, cause)


def test_a_silent_server_is_given_up_within_half_of_the_usual_deadline() -> None:
    assert Patience().seconds <= settings(Dns, name="www.test").deadline / 2


async def test_a_long_answer_comes_by_tcp() -> None:
    assert (await asked(truncated, name="www.test", expect=["192.0.2.1", "192.0.2.2"])).outcome is Outcome.OK
    cut = await asked(truncated, by_tcp=mute, name="www.test")
    assert (cut.cause, "TCP" in cut.detail) == (causes.DNS_TIMEOUT, True)


@pytest.mark.parametrize(
    ("keys", "word"),
    [
        ({"type": "B"}, "no type"),
        ({"type": "ANY"}, "nobody stores"),
        ({"expect": ["www.test"]}, "no A record"),
        ({"type": "MX", "expect": ["mail.test."]}, "no MX record"),
    ],
)
def test_a_question_that_makes_no_sense_is_a_fault_of_the_configuration(keys: dict[str, Any], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        settings(Dns, name="www.test", **keys)


def test_the_openings_it_needs_are_those_to_its_name_servers() -> None:
    probe = settings(Dns, name="www.test", resolver={"nameservers": ["192.0.2.53"]})
    assert list(probe.openings()) == [("192.0.2.53", 53, "udp"), ("192.0.2.53", 53, "tcp")]
