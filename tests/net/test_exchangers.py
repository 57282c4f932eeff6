"""Who takes a domain's mail: its exchangers in their order, itself without any, nobody when it says so."""

import pytest

from retabli.model.ladder import Fall
from retabli.net.mail.exchangers import MOST, exchangers_of
from tests.net.name_server import Zone, name_server


async def exchangers(zone: Zone) -> tuple[str, ...]:
    async with name_server(zone) as names:
        return await exchangers_of("chu.example", names.resolver)


async def test_the_most_preferred_comes_first() -> None:
    zone = {("chu.example", "MX"): ["20 b.example.", "5 a.example.", "100 c.example.", "5 a.example."]}
    assert await exchangers(zone) == ("a.example", "b.example", "c.example")


async def test_equals_share_the_load() -> None:
    zone = {("chu.example", "MX"): ["10 a.example.", "10 b.example.", "20 c.example."]}
    found = {await exchangers(zone) for _ in range(40)}
    assert found == {("a.example", "b.example", "c.example"), ("b.example", "a.example", "c.example")}


async def test_a_domain_without_any_is_its_own() -> None:
    assert await exchangers({("chu.example", "A"): ["192.0.2.1"]}) == ("chu.example",)


async def test_a_domain_that_takes_no_mail_has_none() -> None:
    assert await exchangers({("chu.example", "MX"): ["0 ."]}) == ()


async def test_a_domain_with_very_many_has_the_first_of_them() -> None:
    zone = {("chu.example", "MX"): [f"{number} mx{number}.example." for number in range(20)]}
    assert await exchangers(zone) == tuple(f"mx{number}.example" for number in range(MOST))


async def test_a_domain_that_does_not_exist_falls() -> None:
    with pytest.raises(Fall, match="nxdomain"):
        await exchangers({})
