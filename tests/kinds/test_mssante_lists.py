"""Where the kind `mssante` has its lists from an address: asked for now and then, within bounds, never in the way."""

import asyncio
import contextlib
import json
import tempfile
import tracemalloc
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from blockbuster import blockbuster_ctx

from retabli.model.ladder import Fall, Ladder
from retabli.model.result import Outcome, Result
from retabli.model.settings import Proxy
from retabli.net.mssante import white_list_copy
from retabli.net.mssante.mssante_causes import OWN_CERTIFICATE
from retabli.net.mssante.revocation import RevocationShelf
from tests.climbing import climb, run
from tests.faults.short_of_files import FILES_BUT_NO_PROBES, in_a_child, shortage
from tests.mssante_world import OURS, OWN_NAME, THEIR_NAME, THEIRS, Space, space, white_list
from tests.net.peers import Handler, closed_port, closing, endless, saying, silent, trickling
from tests.net.web_servers import NOT_HERE, Answer, Site, page, proxy, redirect, site


@pytest.fixture
def world(tmp_path: Path) -> Space:
    return space(tmp_path)


@pytest.fixture
async def port(world: Space) -> AsyncIterator[int]:
    async with world.server().listening() as port:
        yield port


def told(result: Result) -> tuple[str | None, str | None, bool]:
    return (
        result.stage.id if result.stage else None,
        result.cause.code if result.cause else None,
        result.outcome is Outcome.OK,
    )


GOOD = ("tls", None, True)
UNREACHABLE = ("tls", "white_list_unreachable", True)


def listed(world: Space, **dated: Any) -> str:
    return white_list(world.listed, **dated)


class Publisher:
    """Gives the list with an ETag, and 304 to whoever has it; `answer` replaces that. `asked` is every request."""

    def __init__(self, content: str | bytes, tag: str = '"v1"') -> None:
        self.content = content
        self.tag = tag
        self.answer: Answer | None = None
        self.running: Site | None = None

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert self.running is not None
        asked = self.running.requests[-1]
        if isinstance(self.answer, bytes):
            writer.write(self.answer)
        elif self.answer is not None:
            await self.answer(reader, writer)
        elif f"If-None-Match: {self.tag}".encode() in asked:
            writer.write(f"HTTP/1.1 304 Not Modified\r\nETag: {self.tag}\r\n\r\n".encode())
        else:
            writer.write(page(self.content, f"ETag: {self.tag}"))
        await writer.drain()


async def test_a_list_is_fetched_once_in_an_hour(world: Space, port: int) -> None:
    memory: dict[str, Any] = {}
    async with site(page(listed(world))) as running:
        probe = world.probe(port, white_list=running.url("/liste.xml"))
        for _ in range(3):
            assert told(await climb(probe, memory=memory)) == GOOD
        assert len(running.requests) == 1
    json.dumps(memory)
    assert len(json.dumps(memory)) < 2000, "only what this probe needs of the list is kept"


async def test_a_list_that_has_not_changed_is_not_sent_again(world: Space, port: int) -> None:
    memory: dict[str, Any] = {}
    publisher = Publisher(listed(world))
    async with site(publisher.talk) as running:
        publisher.running = running
        probe = world.probe(port, white_list={"url": running.url(), "refresh": "0s"})
        for _ in range(3):
            assert told(await climb(probe, memory=memory)) == GOOD
        assert [b'If-None-Match: "v1"' in request for request in running.requests] == [False, True, True]
        publisher.tag, publisher.content = '"v2"', white_list({OURS: [OWN_NAME]})
        assert told(await climb(probe, memory=memory)) == ("partner", "partner_unlisted", False)


async def test_a_list_that_we_could_not_ask_for_is_not_remembered_as_unreachable(world: Space, port: int) -> None:
    memory: dict[str, Any] = {}
    async with site(page(listed(world))) as running:
        probe = world.probe(port, white_list={"url": running.url(), "refresh": "0s"})
        assert told(await climb(probe, memory=memory)) == GOOD
        before = json.dumps(memory)

        async def work() -> list[Any]:
            with shortage(FILES_BUT_NO_PROBES):
                lacking = told(await run(probe, memory=memory))
            kept = json.dumps(memory) == before
            return [*lacking, kept, *told(await run(probe, memory=memory))]

        assert await in_a_child(work) == ["white_list", "local_resources", False, True, *GOOD]


async def test_an_unchanged_list_ages_all_the_same(world: Space, port: int) -> None:
    memory: dict[str, Any] = {}
    publisher = Publisher(listed(world, age=timedelta(hours=30)))
    async with site(publisher.talk) as running:
        publisher.running = running
        keys = {"url": running.url(), "refresh": "0s"}
        assert told(await climb(world.probe(port, white_list=keys), memory=memory)) == GOOD
        old = world.probe(port, white_list=keys | {"max_age": "1d"})
        assert told(await climb(old, memory=memory)) == ("white_list", "white_list_stale", False)


async def test_a_broken_list_stays_broken_until_it_changes(world: Space, port: int) -> None:
    memory: dict[str, Any] = {}
    publisher = Publisher(listed(world))
    async with site(publisher.talk) as running:
        publisher.running = running
        probe = world.probe(port, white_list={"url": running.url(), "refresh": "0s"})
        assert told(await climb(probe, memory=memory)) == GOOD
        publisher.tag, publisher.content = '"v2"', listed(world).replace("</ListeBlanche>", "")
        for _ in range(2):
            assert told(await climb(probe, memory=memory)) == ("tls", "white_list_unreadable", True)
        assert b'If-None-Match: "v2"' in running.requests[-1]
        publisher.tag, publisher.content = '"v3"', listed(world)
        assert told(await climb(probe, memory=memory)) == GOOD


async def test_a_list_that_was_never_good_is_not_fetched_at_every_run(world: Space, port: int) -> None:
    memory: dict[str, Any] = {}
    unreadable = ("white_list", "white_list_unreadable", False)
    async with site(page(listed(world).replace("</ListeBlanche>", ""))) as running:
        probe = world.probe(port, white_list=running.url())
        for _ in range(3):
            assert told(await climb(probe, memory=memory)) == unreadable
            memory = json.loads(json.dumps(memory))
        assert len(running.requests) == 1
        memory["white_list"]["asked"][0] -= white_list_copy.AGAIN
        assert told(await climb(probe, memory=memory)) == unreadable
        assert len(running.requests) == 2
    world.write_list(listed(world).replace("</ListeBlanche>", ""))
    memory = {}
    assert told(await climb(world.probe(port), memory=memory)) == unreadable
    assert told(await climb(world.probe(port), memory=memory)) == unreadable
    world.write_list()
    assert told(await climb(world.probe(port), memory=memory)) == GOOD


async def test_a_list_is_known_again_after_a_restart(world: Space, port: int) -> None:
    memory: dict[str, Any] = {}
    async with site(page(listed(world))) as running:
        probe = world.probe(port, white_list=running.url())
        assert told(await climb(probe, memory=memory)) == GOOD
        memory = json.loads(json.dumps(memory))
        memory["white_list"]["asked"][2] = memory["white_list"]["good"][2] = "another process"
        assert told(await climb(world.probe(port, white_list=running.url()), memory=memory)) == GOOD
        assert len(running.requests) == 1


async def test_a_list_is_asked_for_by_its_date_where_it_has_no_tag(world: Space, port: int) -> None:
    memory: dict[str, Any] = {}
    date = "Mon, 03 Jul 2023 06:00:00 GMT"
    async with site(page(listed(world), f"Last-Modified: {date}")) as running:
        probe = world.probe(port, white_list={"url": running.url(), "refresh": "0s"})
        for _ in range(2):
            assert told(await climb(probe, memory=memory)) == GOOD
        assert f"If-Modified-Since: {date}".encode() in running.requests[1]


@pytest.mark.parametrize(
    ("before", "stage"),
    [
        ({OURS: [OWN_NAME], THEIRS: ["CN=ancien,C=FR"]}, "tls"),
        ({OURS: [OWN_NAME]}, "partner"),
        ({OURS: ["CN=ancien,C=FR"], THEIRS: [THEIR_NAME]}, "own_domain"),
    ],
)
async def test_a_list_by_which_somebody_is_missing_is_asked_for_anew_before_its_time(
    world: Space, port: int, before: dict[str, list[str]], stage: str
) -> None:
    memory: dict[str, Any] = {}
    answers: dict[str, Answer] = {"/": page(white_list(before))}
    async with site(answers) as running:
        probe = world.probe(port, white_list=running.url())
        assert told(await climb(probe, memory=memory))[0] == stage
        assert told(await climb(probe, memory=memory))[0] == stage
        assert len(running.requests) == 1, "but not at every run"
        answers["/"] = page(listed(world))
        memory["white_list"]["asked"][0] -= white_list_copy.DOUBTED
        for _ in range(2):
            assert told(await climb(probe, memory=memory)) == GOOD
        assert len(running.requests) == 2
        memory["white_list"]["asked"][0] -= white_list_copy.DOUBTED
        assert told(await climb(probe, memory=memory)) == GOOD
        assert len(running.requests) == 2, "and nobody doubts it any more"


FAULTS: dict[str, Answer] = {
    "404": NOT_HERE,
    "500": page("", status="500 Internal Server Error"),
    "403 of a proxy": page("", "X-Squid-Error: ERR_ACCESS_DENIED 0", status="403 Forbidden"),
    "elsewhere": redirect("https://ailleurs.example/"),
    "closes": closing,
    "silent": silent,
    "not HTTP": saying(b"220 mail.example ESMTP\r\n", then=closing),
    "half": saying(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<ListeBlanche>", then=closing),
    "a drip": trickling(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", 0.02),
    "an endless head": endless(b"X: y\r\n" * 4000),
    "304 to whoever has nothing": saying(b"HTTP/1.1 304 Not Modified\r\n\r\n", then=closing),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_a_list_that_cannot_be_had_is_unknown_at_first_and_then_a_flow_that_is_not_whole(
    world: Space, port: int, fault: Answer
) -> None:
    async with site(fault) as running:
        probe = world.probe(port, white_list=running.url(), timeout="1s")
        assert told(await climb(probe)) == ("white_list", "white_list_unreachable", False)
    memory: dict[str, Any] = {}
    publisher = Publisher(listed(world), tag="")
    async with site(publisher.talk) as running:
        publisher.running = running
        white_list = {"url": running.url(), "refresh": "0s"}
        assert told(await climb(world.probe(port, white_list=white_list), memory=memory)) == GOOD
        publisher.answer = fault
        result = await climb(world.probe(port, white_list=white_list, timeout="1s"), memory=memory)
        unchanged = fault is FAULTS["304 to whoever has nothing"]  # and now we have something
        assert told(result) == (GOOD if unchanged else UNREACHABLE)


async def test_an_address_where_nobody_listens_is_not_the_partner_s_fault(world: Space, port: int) -> None:
    probe = world.probe(port, white_list=f"http://127.0.0.1:{closed_port()}/")
    result = await climb(probe)
    assert told(result) == ("white_list", "white_list_unreachable", False)
    assert result.cause is not None
    assert (result.cause.side.value, result.detail[:16]) == ("ours", "connect: refused")


async def test_an_address_that_failed_is_left_alone_for_a_while_when_there_is_a_copy(world: Space, port: int) -> None:
    memory: dict[str, Any] = {}
    publisher = Publisher(listed(world))
    async with site(publisher.talk) as running:
        publisher.running = running
        probe = world.probe(port, white_list={"url": running.url(), "refresh": "1h"})
        await climb(probe, memory=memory)
        publisher.answer = NOT_HERE
        memory["white_list"]["asked"][0] -= 3700
        assert told(await climb(probe, memory=memory)) == UNREACHABLE
        assert told(await climb(probe, memory=memory)) == UNREACHABLE
        assert len(running.requests) == 2
        publisher.answer = None
        memory["white_list"]["asked"][0] -= white_list_copy.AGAIN
        assert told(await climb(probe, memory=memory)) == GOOD


ENDLESS: dict[str, Handler] = {
    "1 GiB announced": saying(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", then=endless(b"<a/>" * 4096)),
    "without end": saying(b"HTTP/1.1 200 OK\r\n\r\n", then=endless(b"<Domaine>" * 4096)),
}


@pytest.mark.parametrize("flood", ENDLESS.values(), ids=ENDLESS.keys())
async def test_a_list_without_end_is_unreadable_and_fills_no_memory(world: Space, port: int, flood: Handler) -> None:
    async with site(flood) as running:
        probe = world.probe(port, white_list=running.url(), timeout="20s")
        tracemalloc.start()
        try:
            result = await climb(probe)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert told(result) == ("white_list", "white_list_unreadable", False)
    assert result.detail.endswith("more than 12582912 bytes")
    assert peak < 50_000_000


async def test_a_list_file_without_end_is_unreadable_and_a_pipe_is_never_opened(world: Space, port: int) -> None:
    with world.list_file.open("wb") as file:
        file.truncate(1 << 30)
    assert told(await climb(world.probe(port))) == ("white_list", "white_list_unreadable", False)
    result = await climb(world.probe(port, white_list="/dev/zero"))
    assert told(result) == ("white_list", "white_list_unreachable", False)


async def test_a_list_comes_over_tls_and_through_a_proxy(world: Space, port: int) -> None:
    context = world.server_context(asks=False)
    async with site(page(listed(world)), tls=context) as running, proxy() as through:
        keys: dict[str, Any] = {"url": running.url(), "proxy": "main", "tls": {"ca": str(world.authority.ca)}}
        proxies = {"proxies": {"main": Proxy(name="main", url=through.url)}}
        probe = world.probe(port, white_list=keys, context=proxies)
        assert told(await climb(probe)) == GOOD
        assert through.heads
        assert ("127.0.0.1", through.port, "tcp") in list(probe.openings())
        untrusted = world.probe(port, white_list=keys | {"tls": {}}, context=proxies)
        assert told(await climb(untrusted)) == ("white_list", "white_list_unreachable", False)


async def test_the_deadline_that_falls_on_the_list_is_the_list_s(world: Space, port: int) -> None:
    async with site(silent) as running:
        result = await climb(world.probe(port, white_list=running.url()), deadline=0.2)
    assert told(result) == ("white_list", "white_list_unreachable", False)
    assert result.outcome is Outcome.UNKNOWN


async def test_the_deadline_that_falls_on_our_own_certificate_is_nobody_else_s(world: Space, port: int) -> None:
    async with site(silent) as running:
        result = await climb(world.probe(port, crl=running.url()), deadline=0.3)
    assert told(result) == ("own_certificate", "local_stall", False)
    assert result.outcome is Outcome.UNKNOWN


def test_a_list_in_clear_is_unwise(world: Space) -> None:
    for address, unwise in (("http://liste.example/", True), ("https://liste.example/", False)):
        warnings = world.probe(25, white_list=address).warnings()
        assert any("in clear" in warning for warning in warnings) is unwise


def test_a_list_that_is_no_file_now_is_told_before_it_is_missed(world: Space, tmp_path: Path) -> None:
    missing = str(tmp_path / "nowhere.xml")
    assert f"{missing}: there is no such file now" in list(world.probe(25, white_list=missing).warnings())
    assert f"{missing}: there is no such file now" in list(world.probe(25, crl=missing).warnings())
    assert not any("no such file" in warning for warning in world.probe(25).warnings())


async def test_the_real_list_s_size_blocks_nobody_and_a_cancelled_reading_ends(world: Space, port: int) -> None:
    world.listed |= {f"d{number}.mssante.example": [f"CN=d{number},O=Synthétique,C=FR"] for number in range(9000)}
    world.write_list()
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.005)
            beats += 1

    probe = world.probe(port, crl=world.write_crl())
    task = asyncio.create_task(beat())
    with blockbuster_ctx():
        result = await climb(probe)
    assert told(result) == GOOD
    assert result.properties["white_list"].startswith("9003 entries")
    assert beats >= 5
    task.cancel()


async def test_a_reading_that_is_cancelled_leaves_its_thread_at_once(world: Space, port: int) -> None:
    world.list_file.write_text("<l>" + "<a/>" * 1_900_000 + "</l>")  # takes a second or two
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as one:
        loop.set_default_executor(one)
        result = await climb(world.probe(port), deadline=0.2)
        assert told(result) == ("white_list", "white_list_unreachable", False)
        began = loop.time()
        await asyncio.to_thread(int)  # waits for the only thread
        assert loop.time() - began < 1.0


# Revocation lists ---------------------------------------------------------------------------------------------------


async def test_a_revocation_list_is_fetched_once_and_judges_every_run(world: Space, port: int) -> None:
    good = world.authority.revocation_list(world.partner)
    async with site({"/a.crl": page(good)}) as running:
        probe = world.probe(port, crl=running.url("/a.crl"))
        for _ in range(3):
            assert told(await climb(probe)) == ("tls", "cert_revoked", False)
        assert len(running.requests) == 1


async def test_a_revocation_list_that_cannot_be_fetched_again_is_used_on(world: Space, port: int) -> None:
    good = world.authority.revocation_list()
    answers: dict[str, Answer] = {"/a.crl": page(good)}
    async with site(answers) as running:
        probe = world.probe(port, crl={"url": running.url("/a.crl"), "refresh": "0s"})
        assert told(await climb(probe)) == GOOD
        answers["/a.crl"] = NOT_HERE
        assert told(await climb(probe)) == GOOD
        answers["/a.crl"] = page(world.authority.revocation_list(world.partner))
        assert told(await climb(probe)) == ("tls", "cert_revoked", False)


async def test_a_revocation_list_that_could_not_be_put_aside_for_a_moment_is_had_at_the_next_run(
    world: Space, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its server says "unchanged" to whoever asks as if he had it, and there was none until the next one."""
    publisher = Publisher(world.authority.revocation_list(world.partner))
    async with site(publisher.talk) as running:
        publisher.running = running
        probe = world.probe(port, crl=running.url("/a.crl"))
        with monkeypatch.context() as moment:
            moment.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
            assert told(await climb(probe)) == ("own_certificate", "local_resources", False)
        assert told(await climb(probe)) == ("tls", "cert_revoked", False)
        assert len(running.requests) == 2


@pytest.mark.parametrize(("place", "left"), [("file", 0), ("address", FILES_BUT_NO_PROBES)])
async def test_a_revocation_list_that_we_could_not_have_for_want_of_a_file_is_our_own_lack(
    world: Space, place: str, left: int
) -> None:
    """It made the partner's flow one that is not whole."""
    path = Path(world.write_crl())
    async with site(page(path.read_bytes())) as running:
        probe = world.probe(9, crl=running.url() if place == "address" else str(path))
        shelf = RevocationShelf()

        async def work() -> list[Any]:
            ladder = Ladder((OWN_CERTIFICATE,))
            with contextlib.suppress(Fall), shortage(left), ladder.rung(OWN_CERTIFICATE):
                await shelf.lists(probe.crl, ladder, patience=5, resolver=None)
            lacking = ladder.fallen and str(ladder.fallen.cause)
            after = await shelf.lists(probe.crl, ladder, patience=5, resolver=None)
            return [lacking, len(after.paths), len(after.faults)]

        assert await in_a_child(work) == ["local_resources", 1, 0]


async def test_a_revocation_list_that_we_have_is_used_on_while_we_cannot_ask_for_another(world: Space) -> None:
    async with site(page(world.authority.revocation_list())) as running:
        probe = world.probe(9, crl={"url": running.url(), "refresh": "0s"})
        shelf = RevocationShelf()

        async def work() -> list[int]:
            ladder = Ladder((OWN_CERTIFICATE,))
            before = await shelf.lists(probe.crl, ladder, patience=5, resolver=None)
            with shortage(FILES_BUT_NO_PROBES):
                within = await shelf.lists(probe.crl, ladder, patience=5, resolver=None)
            return [len(within.paths), len(within.faults), within == before]

        assert await in_a_child(work) == [1, 0, True]


async def test_a_broken_revocation_list_is_not_sent_again_until_it_changes(world: Space, port: int) -> None:
    publisher = Publisher("no list at all")
    async with site(publisher.talk) as running:
        publisher.running = running
        probe = world.probe(port, crl=running.url("/a.crl"))
        for _ in range(2):
            assert told(await climb(probe)) == ("tls", "revocation_list_unusable", True)
        assert b"If-None-Match" in running.requests[-1]
        publisher.content, publisher.tag = world.authority.revocation_list(world.partner), '"v2"'
        assert told(await climb(probe)) == ("tls", "cert_revoked", False)


@pytest.mark.parametrize("fault", [NOT_HERE, page("<html>"), silent, closing])
async def test_a_revocation_list_that_cannot_be_had_leaves_revocation_unjudged(
    world: Space, port: int, fault: Answer
) -> None:
    async with site(fault) as running:
        probe = world.probe(port, crl=running.url(), timeout="1s")
        assert told(await climb(probe)) == ("tls", "revocation_list_unusable", True)


def test_two_probes_with_one_list_are_equal_and_dumped_alike(world: Space) -> None:
    one, other = world.probe(25, crl="x.crl"), world.probe(25, crl="x.crl")
    assert one._shelf is not other._shelf
    assert one.model_dump(mode="json") == other.model_dump(mode="json")
    assert one == other
    assert Ladder(one.climbs()).stages == one.climbs()
    assert THEIR_NAME in world.listed[THEIRS]
