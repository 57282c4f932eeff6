"""What the log says of log-ins: who may act came in, how many failed; and no attacker fills it or writes into it."""

import asyncio
import json

import pytest

from retabli.model.record import Entry, Event
from retabli.store import spoken
from retabli.web.access.logins import AGAIN, FIRST, LONGEST, Logins
from tests.web.accounts import account, basic, guarded

KARIM = account("karim")


def logins() -> Logins:
    now = asyncio.get_running_loop().time
    return Logins(clock=now, wall=lambda: 1_700_000_000.0 + now())


def said(entry: Entry, language: str) -> str:
    assert entry.event is Event.LOGIN
    assert entry.flow is None
    return spoken.sentence(entry.event, json.loads(json.dumps(entry.data)), language)


async def test_who_may_act_is_told_at_once_and_who_only_sees_is_not() -> None:
    kept = logins()
    for name in ("wall", "karim", "root"):
        kept.came_in(account(name))
    assert [said(each, "en") for each in kept.rest()] == ["karim (may act)", "root (may administer)"]
    kept.came_in(account("wall"))
    assert kept.rest() == []


@pytest.mark.looptime
async def test_an_account_that_comes_in_again_and_again_is_told_once_in_a_while() -> None:
    kept = logins()
    for _ in range(50):
        kept.came_in(KARIM)
    assert len(kept.rest()) == 1
    await asyncio.sleep(AGAIN)
    kept.came_in(KARIM)
    assert len(kept.rest()) == 1


@pytest.mark.looptime
async def test_failures_are_one_row_with_what_they_were_aimed_at_and_no_address() -> None:
    kept = logins()
    began = asyncio.get_running_loop().time()
    for number in range(40):
        kept.failed(KARIM if number < 12 else None, f"10.0.0.{number % 3}")
    row = await kept.next()
    assert asyncio.get_running_loop().time() - began == pytest.approx(FIRST)
    assert "10.0.0" not in json.dumps(row.data)
    assert said(row, "fr").startswith("40 échecs depuis 2023-11-14 ")
    assert said(row, "fr").endswith(", de 3 adresses : karim (12), comptes inconnus (28)")
    assert said(row, "en").endswith(", from 3 addresses: karim (12), unknown accounts (28)")
    assert kept.rest() == []


async def test_one_failure_is_one_in_both_languages() -> None:
    kept = logins()
    kept.failed(KARIM, "10.0.0.1")
    (row,) = kept.rest()
    assert said(row, "fr").startswith("1 échec depuis")
    assert said(row, "fr").endswith(", d'une adresse : karim (1)")
    assert said(row, "en").endswith(", from one address: karim (1)")


@pytest.mark.looptime
async def test_a_day_of_attack_is_some_thirty_rows_and_after_a_lull_it_is_told_as_soon_as_at_first() -> None:
    kept, rows = logins(), list[Entry]()
    now = asyncio.get_running_loop().time

    async def attack() -> None:
        for number in range(24 * 60):
            kept.failed(None, f"2001:db8:{number:x}::/64")
            await asyncio.sleep(60)

    async def read() -> None:
        while True:
            rows.append(await kept.next())

    reading = asyncio.create_task(read())
    await attack()
    await asyncio.sleep(2 * LONGEST)
    assert 20 < len(rows) < 30
    assert sum(row.data["failed"] for row in rows) == 24 * 60, "and every one is counted"
    number, began = len(rows), now()
    kept.failed(None, "10.0.0.1")
    while len(rows) == number:
        await asyncio.sleep(10)
    assert now() - began <= FIRST + 10
    reading.cancel()


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"failed": None},
        {"failed": "x", "accounts": {"a": "b"}},
        {"failed": 3, "accounts": ["a"], "places": "many", "from": 5},
        {"failed": -1, "accounts": {"a": 5}},
        {"by": ["x"], "role": {"a": 1}},
    ],
)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_row_that_is_written_otherwise_is_told_as_far_as_it_goes(data: dict[str, object], language: str) -> None:
    assert isinstance(spoken.sentence(Event.LOGIN, data, language), str)


# by the daemon's own ways in ------------------------------------------------------------------------------------------


async def test_both_ways_in_count_the_failures_and_only_the_form_tells_who_came_in() -> None:
    async with guarded() as server:
        await server.log_in("karim", "wrong")
        await server.client.get("/metrics", auth=basic("karim", "wrong"))
        await server.client.get("/metrics", auth=basic("le mot de passe, au mauvais endroit", "karim"))
        await server.client.get("/metrics", auth=basic("root"))
        await server.log_in("karim")
        await server.log_in("wall")
        rows = server.access.logins.rest()
        assert [row.data.get("by") for row in rows] == ["karim", None]
        assert (rows[1].data["failed"], rows[1].data["accounts"]) == (3, {"karim": 2})
        assert "mauvais endroit" not in json.dumps([row.data for row in rows])


async def test_the_log_shows_it_to_those_who_may_see_and_nobody_else_is_shown_it() -> None:
    async with guarded() as server:
        view = server.served.view
        data = {"failed": 40, "from": "2023-07-03T08:00:00Z", "accounts": {"karim": 12}, "places": 3}
        for each in ({"by": "karim", "role": "act"}, data):
            view.logged(Entry(view.now, Event.LOGIN, None, each))
        for path in ("/public?lang=en", "/public/feed.atom", "/public/badge.svg", "/-/healthy"):
            assert "karim" not in (await server.client.get(path)).text, path
        await server.log_in("wall")
        page = (await server.client.get("/log?lang=en")).text
        assert "Log-in — karim (may act)" in page
        assert "from 3 addresses: karim (12), unknown accounts (28)" in page
        assert "Identification — karim (peut agir)" in (await server.client.get("/log?lang=fr&kind=watch")).text
        assert "karim" not in (await server.client.get("/feed.atom")).text
