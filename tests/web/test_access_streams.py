"""Streams end with the session or the account that they were opened by, and passwords cost what they should."""

import asyncio
import base64
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from retabli.web.access import checking, throttle
from retabli.web.access.checking import Busy, Checking
from retabli.web.access.policy import Policy
from retabli.web.access.throttle import Throttle, place
from tests.web.accounts import PASSWORDS, Guarded, account, basic, guarded, hash_of, policy

STREAMS = ("/live?lang=fr", "/api/v1/stream")


@asynccontextmanager
async def listening(server: Guarded, path: str, **keys: object) -> AsyncIterator[httpx.Response]:
    async with server.client.stream("GET", path, **keys) as answer:  # type: ignore[arg-type]
        assert answer.status_code == 200
        yield answer


@pytest.mark.parametrize("path", STREAMS)
async def test_a_stream_ends_when_its_session_does(path: str) -> None:
    async with guarded() as server, asyncio.timeout(10):
        await server.log_in("wall")
        async with listening(server, path) as answer:
            lines = answer.aiter_lines()
            await anext(lines)
            assert (await server.client.post("/logout", headers=server.own)).status_code == 303
            assert [line async for line in lines][-1:] in ([], [""]), "whole, and at its end"


@pytest.mark.parametrize("path", STREAMS)
@pytest.mark.parametrize("changed", [policy("karim"), Policy(), Policy({"wall": account("wall", password="un autre")})])
async def test_a_stream_ends_when_a_reload_takes_its_account(path: str, changed: Policy) -> None:
    async with guarded() as server, asyncio.timeout(10):
        async with listening(server, path, auth=basic("wall")) as answer:
            lines = answer.aiter_lines()
            await anext(lines)
            server.access.adopt(policy())  # nothing changed: it goes on
            server.access.adopt(changed)
            async for _ in lines:
                pass


async def test_a_stream_that_was_open_to_all_ends_when_accounts_come() -> None:
    async with guarded(Policy()) as server, asyncio.timeout(10):
        async with listening(server, "/api/v1/stream") as answer:
            lines = answer.aiter_lines()
            await anext(lines)
            server.access.adopt(policy())
            async for _ in lines:
                pass


async def test_a_connection_that_is_kept_is_asked_at_each_request() -> None:
    async with guarded() as server:
        await server.log_in("wall")
        assert (await server.client.get("/metrics")).status_code == 200
        server.access.adopt(policy("karim"))
        assert (await server.client.get("/metrics")).status_code == 401


# passwords ------------------------------------------------------------------------------------------------------------


async def test_a_scrape_every_few_seconds_costs_one_comparison_in_minutes() -> None:
    async with guarded() as server:
        for _ in range(20):
            assert (await server.client.get("/metrics", auth=basic("wall"))).status_code == 200
            server.clock.now += 5
        assert server.outcomes == ["accepted"]
        server.clock.now += checking.REMEMBERED
        await server.client.get("/metrics", auth=basic("wall"))
        assert server.outcomes == ["accepted"] * 2


async def test_what_is_remembered_is_forgotten_with_another_password() -> None:
    async with guarded() as server:
        assert (await server.client.get("/metrics", auth=basic("wall"))).status_code == 200
        server.access.adopt(Policy({"wall": account("wall", password="un autre mot de passe")}))
        assert (await server.client.get("/metrics", auth=basic("wall"))).status_code == 401


@pytest.mark.parametrize(
    "given",
    [
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b":password").decode(),
        "Basic " + "A" * 60_000,
        "Bearer x",
        "",
    ],
)
async def test_what_is_no_password_is_refused_and_compared_with_nothing(given: str) -> None:
    async with guarded() as server:
        answer = await server.client.get("/metrics", headers={"authorization": given})
        assert answer.status_code == 401
        assert server.outcomes == []


@pytest.mark.parametrize("password", ["\0", "x\0y", "x" * 1025, "é" * 600, "", " "])
async def test_no_password_is_too_odd_to_be_refused(password: str) -> None:
    async with guarded() as server:
        answer = await server.client.get("/metrics", auth=basic("wall", password))
        assert (answer.status_code, server.outcomes) == (401, ["refused"])


async def test_who_guesses_waits_longer_each_time_and_nobody_else_does() -> None:
    async with guarded() as server:
        waits = []
        for _ in range(12):
            answer = await server.log_in("karim", "wrong")
            if answer.status_code == 429:
                waits.append(int(answer.headers["retry-after"]))
                server.clock.now += waits[-1]
        assert waits == sorted(waits)
        assert waits[-1] > waits[0]
        assert (await server.log_in("karim", "wrong")).status_code == 401
        assert (await server.log_in("karim")).status_code == 429, "the right one, too: else it could be guessed"
        other = await server.access.verified("karim", PASSWORDS["karim"], "192.0.2.9")
        assert other.name == "karim", "from elsewhere nobody is locked out"
        assert (await server.log_in("wall")).status_code == 303
        server.clock.now += 61
        assert (await server.log_in("karim")).status_code == 303


def test_an_account_that_is_attacked_from_everywhere_is_open_to_its_owner_from_anywhere() -> None:
    limits = Throttle()
    limits.charge("karim", "192.0.2.1", 0.0)
    limits.succeeded("karim", "192.0.2.1")
    for number in range(1000):
        limits.charge("karim", f"10.0.{number // 250}.{number % 250}", float(number))
    assert limits.wait("karim", "192.0.2.1", 1000.0) == 0.0
    assert limits.wait("karim", "198.51.100.1", 1000.0) == 0.0, "a telephone that was never seen has a try of its own"
    limits.charge("karim", "198.51.100.1", 1000.0)
    assert limits.wait("karim", "198.51.100.1", 1000.0) == 1.0


def test_a_network_of_ipv6_is_one_address() -> None:
    assert place("2001:db8::1") == place("2001:db8::ffff:1") != place("2001:db8:0:1::1")
    assert place("::ffff:192.0.2.1") == place("192.0.2.1") != place("192.0.2.2")


def test_what_is_remembered_of_failures_is_bounded_and_passes() -> None:
    limits = Throttle()
    for number in range(20_000):
        limits.charge(f"user{number}", f"10.{number // 65536}.{number // 256 % 256}.{number % 256}", 0.0)
    assert len(limits) <= 3 * throttle.MOST
    limits.charge("karim", "192.0.2.1", 0.0)
    for _ in range(20):
        limits.charge("karim", "192.0.2.1", 1.0)
    assert limits.wait("karim", "192.0.2.1", 1.0) == 60.0
    assert limits.wait("karim", "192.0.2.1", throttle.QUIET + 2.0) == 0.0


@pytest.mark.timeout(120)
async def test_ten_thousand_log_ins_at_once_starve_nobody() -> None:
    """By far the most are refused without being compared, and what is remembered of them is little."""
    async with guarded() as server:
        access = server.access

        async def tries(number: int) -> None:
            with pytest.raises(Exception, match=r"refused|delayed|busy"):
                await access.verified(f"user{number % 3000}", "wrong", f"10.9.{number % 4}.{number % 250}")

        flood = asyncio.gather(*(tries(number) for number in range(10_000)))
        assert access._checking._under_way.total() <= checking.WAITING
        async with asyncio.timeout(30):
            assert (await server.client.get("/public")).status_code == 200
            await flood
        assert len(access.throttle) < 10_000
        assert len(access._said) <= 500
        assert server.outcomes.count("refused") <= 200
        assert (await server.log_in()).status_code == 303


async def test_comparisons_wait_for_their_turn_and_no_address_has_all_of_them() -> None:
    comparing = Checking()
    right = hash_of(PASSWORDS["wall"])
    waiting = [asyncio.create_task(comparing.matches(right, PASSWORDS["wall"], "192.0.2.1")) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await comparing.matches(right, "x", "192.0.2.1")
    assert await comparing.matches(right, "x", "192.0.2.2") is False
    assert await asyncio.gather(*waiting) == [True, True]
    comparing.close()


async def test_a_comparison_that_no_thread_could_be_had_for_takes_nobody_s_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    comparing = Checking()
    right = hash_of(PASSWORDS["wall"])
    with monkeypatch.context() as shortage:
        shortage.setattr(threading.Thread, "start", none)
        for _ in range(checking.EACH):
            with pytest.raises(RuntimeError):
                await comparing.matches(right, PASSWORDS["wall"], "192.0.2.1")
    assert await comparing.matches(right, PASSWORDS["wall"], "192.0.2.1")
    comparing.close()


async def test_refusals_are_told_once_a_minute_and_never_what_was_typed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "retabli.access")
    async with guarded() as server:
        for _ in range(4):
            await server.log_in("my secret password", "another secret")
        await server.log_in()
        said = [record.getMessage() for record in caplog.records if record.name == "retabli.access"]
        assert said == ["log-in refused: no account of ours from 127.0.0.1", "logged in: karim from 127.0.0.1"]
