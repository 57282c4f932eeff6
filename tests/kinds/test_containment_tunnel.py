"""The kind `containment` and the way out that hides in names."""

from typing import Any

import dns.flags
import dns.message
import dns.rcode
import pytest

from retabli.model.result import Outcome, Result
from retabli.net.containment import containment_causes as found
from tests.kinds.doors import DECLARED, HERE, TUNNEL, fell, tried
from tests.net.name_server import Fault, name_server


def resolving(answer: str | dns.rcode.Rcode | None, *, inside: bool = True, kind: str = "TXT") -> Fault:
    """Knows its inside name, and answers so to every name below the tunnel's domain."""

    def respond(query: dns.message.QueryMessage) -> list[bytes]:
        name = query.question[0].name
        response = dns.message.make_response(query)
        if name.to_text() == "gw.test.":
            if not inside:
                return []
            response.answer.append(dns.rrset.from_text(name, 60, "IN", "A", "192.0.2.1"))
        elif answer is None:
            return []
        elif isinstance(answer, dns.rcode.Rcode):
            response.set_rcode(answer)
        elif answer:
            response.answer.append(dns.rrset.from_text(name, 0, "IN", kind, answer))
        return [response.to_wire()]

    return respond


async def tunnelled(fault: Fault, *, control: dict[str, Any] | None = None, **keys: Any) -> Result:
    async with name_server({}, fault) as names:
        tunnel = {**TUNNEL, "nameserver": HERE, "port": names.port, **keys}
        given = {"alive": DECLARED} if control is None else control
        result = await tried("1s", dns_tunnel=tunnel, control=given)
    labels = {name.split(".")[0] for name, _, _ in names.asked if name.endswith(".t.test.")}
    assert all(len(label) == 32 for label in labels)
    return result


async def test_an_answer_of_our_own_server_outside_is_a_breach() -> None:
    result = await tunnelled(resolving('"from OUTSIDE"'))
    assert fell(result) == (Outcome.FAILED, "denied", found.DNS_TUNNEL_OPEN)
    without = await tunnelled(resolving('"from OUTSIDE"', inside=False), control={})
    assert fell(without) == (Outcome.FAILED, "denied", found.DNS_TUNNEL_OPEN)  # an answer is an answer


@pytest.mark.parametrize("answer", [dns.rcode.REFUSED, dns.rcode.SERVFAIL, None], ids=["refused", "servfail", "silent"])
async def test_a_living_resolver_that_does_not_ask_outside_proves_closure_while_the_domain_is_alive(
    answer: dns.rcode.Rcode | None,
) -> None:
    assert fell(await tunnelled(resolving(answer))) == (Outcome.OK, "alive", None)
    dead = await tunnelled(resolving(answer, inside=False))
    assert fell(dead) == (Outcome.UNKNOWN, "attempted", found.RESOLVER_FAILED)
    unknown = await tunnelled(resolving(answer), control={})
    assert fell(unknown) == (Outcome.UNKNOWN, "alive", found.CONTROLS_MISSING)


async def test_an_answer_from_outside_is_not_kept_waiting_for_the_resolvers_control() -> None:
    async with name_server({}, resolving('"OUTSIDE"', inside=False)) as names:
        tunnel = {**TUNNEL, "nameserver": HERE, "port": names.port}
        result = await tried("8s", dns_tunnel=tunnel)
    assert fell(result) == (Outcome.FAILED, "denied", found.DNS_TUNNEL_OPEN)
    assert result.seconds < 1.0


async def test_nxdomain_proves_nothing_unless_the_filter_is_known_to_say_that() -> None:
    result = await tunnelled(resolving(dns.rcode.NXDOMAIN))
    assert fell(result) == (Outcome.UNKNOWN, "denied", found.NOT_EXPECTED_SIGNATURE)
    assert "nxdomain" in result.detail
    assert (await tunnelled(resolving(dns.rcode.NXDOMAIN), denied=["nxdomain"])).outcome is Outcome.OK


async def test_a_resolver_that_does_not_know_its_inside_name_is_no_witness_of_what_it_keeps_in() -> None:
    result = await tunnelled(resolving(dns.rcode.NXDOMAIN), denied=["nxdomain"], inside_name="other.test")
    assert fell(result) == (Outcome.UNKNOWN, "attempted", found.RESOLVER_FAILED)


async def test_an_empty_answer_proves_nothing() -> None:
    result = await tunnelled(resolving(""))
    assert fell(result) == (Outcome.UNKNOWN, "denied", found.NOT_EXPECTED_SIGNATURE)


async def test_a_sinkhole_proves_the_tunnel_shut_and_another_answer_does_not() -> None:
    sunk = await tunnelled(resolving("0.0.0.0", kind="A"), type="A", control={})  # noqa: S104 - a sinkhole
    assert (sunk.outcome, sunk.rung, sunk.of) == (Outcome.OK, 2, 2)
    other = await tunnelled(resolving('"somebody else"'))
    assert fell(other) == (Outcome.UNKNOWN, "attempted", found.SOMEONE_ELSE_ANSWERS)
