"""What open pages and feeds must never do: show what was as what is, or hide a breach."""

import asyncio
import json
from typing import Any

import pytest

from retabli.model.record import Entry, Event
from retabli.model.states import Intent, State
from retabli.store import LogRow
from retabli.view import Feed, Site, View
from retabli.view.feed import RESYNC
from retabli.web.live import ANEW, PageStream
from retabli.web.pages import log
from retabli.web.pages.flows import FlowsPage
from retabli.web.pages.frame import Frame
from retabli.web.pages.headline import headline
from tests.view.pictures import NOW, flow, picture
from tests.web.books import Book
from tests.web.hearing import events
from tests.web.hospital import outlets
from tests.web.serving import Served, serving

HEAD = "ab" * 32


async def test_a_page_of_a_daemon_whose_clock_was_ahead_is_told_everything_again() -> None:
    async with serving() as served:
        since = served.view.revision + 3_600_000
        assert since < ANEW
        async with asyncio.timeout(10), served.client.stream("GET", f"/live?lang=fr&since={since}") as answer:
            told: set[str] = set()
            lines = answer.aiter_lines()
            while told != set(served.view.pictures):
                told |= {data["id"] for kind, data in await events(lines, "row") if kind == "row"}


async def test_a_page_that_was_made_before_a_flow_was_taken_away_is_told_to_take_itself_anew() -> None:
    async with serving() as served:
        made = served.view.revision
        served.view.forget("mail-in")
        told = await told_since(served, made)
        assert ("resync", {}) in told
        assert "resync" not in dict(await told_since(served, served.view.revision)), "one that was made since is not"


@pytest.mark.parametrize("intent", [Intent.OPEN, Intent.CLOSED])
async def test_a_page_that_was_made_before_a_flow_came_or_was_configured_anew_takes_itself_anew(intent: Intent) -> None:
    async with serving() as served:
        made = served.view.revision
        served.view.show(picture(flow("mail-in" if intent is Intent.CLOSED else "new", intent=intent)), None, None)
        assert ("resync", {}) in await told_since(served, made)


async def test_a_page_is_not_taken_anew_because_a_flow_that_stays_moved_meanwhile() -> None:
    async with serving() as served:
        made = served.view.revision
        served.view.show(picture(served.view.pictures["mail-in"].flow, State.DOWN), None, None)
        told = await told_since(served, made)
        assert "resync" not in dict(told)
        assert [data["id"] for kind, data in told if kind == "row"] == ["mail-in"]


async def told_since(served: Served, revision: int) -> list[tuple[str, Any]]:
    """What a page that was made at that revision is told, to the line on top that comes after all else."""
    async with asyncio.timeout(10), served.client.stream("GET", f"/live?lang=fr&since={revision}") as answer:
        lines = answer.aiter_lines()
        first = await events(lines, "beat")
        served.view.logged(Entry(NOW, Event.START))
        return [*first, *await events(lines, "log")]


@pytest.mark.parametrize("fails", ["top_html", "row"])
async def test_what_could_not_be_rendered_once_is_told_the_next_time(
    monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    faults = list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context["exception"]))
    async with serving() as served, asyncio.timeout(10):
        address = f"/live?lang=fr&since={served.view.revision}"
        async with served.client.stream("GET", address) as answer:
            lines = answer.aiter_lines()
            await events(lines, "beat")
            with monkeypatch.context() as short:
                short.setattr(FlowsPage, fails, out_of_memory)
                served.view.show(picture(served.view.pictures["rubis"].flow, State.DROPPED), None, None)
                await events(lines, "resync")
            served.view.show(served.view.pictures["rubis"], None, None)
            told = dict(await events(lines, "row", "top"))
    assert told["row"]["id"] == "rubis"
    assert "2 retombés" in told["top"]["title"]
    assert len(faults) == 1


async def test_a_reader_that_could_not_be_brought_up_to_date_takes_no_place_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    view, _ = outlets()
    stream = PageStream(view, FlowsPage(Frame(view)), "fr")
    monkeypatch.setattr(view, "changed_since", out_of_memory)
    with pytest.raises(MemoryError):
        stream.subscribe(0)
    assert len(stream.feed) == 0


def out_of_memory(*_: object, **__: object) -> str:
    raise MemoryError


async def test_a_program_that_comes_back_is_told_to_read_again_though_nothing_was_numbered_meanwhile() -> None:
    async with serving() as served, asyncio.timeout(10):
        async with served.client.stream("GET", "/api/v1/stream") as answer:
            served.view.show(picture(flow("mail-out"), State.RESTORED), None, None)
            await events(answer.aiter_lines(), "flow")
        served.view.show(picture(flow("mail-out"), State.DROPPED), None, None)  # while nobody listens
        async with served.client.stream("GET", "/api/v1/stream", headers={"last-event-id": "1"}) as answer:
            assert await events(answer.aiter_lines(), "resync") == [("resync", {})]


async def test_what_cannot_be_said_makes_pages_read_again_and_is_not_withheld() -> None:
    def broken(changed: object, logged: object) -> bytes:
        raise ValueError("no calendar has it")

    feed, faults = Feed(broken), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context["exception"]))
    with feed.subscribe() as reader:
        feed.touch("mail-out", urgent=True)
        async with asyncio.timeout(5):
            assert await anext(aiter(reader.chunks())) == RESYNC
    assert len(faults) == 1


@pytest.mark.parametrize("breaches", [1, 2, 3])
def test_a_breach_is_named_before_all_other_closed_flows_however_many_there_are(breaches: int) -> None:
    states = [State.UNKNOWN] * 3 + [State.BREACHED] * breaches
    pictures = [picture(flow(f"x{place}", intent=Intent.CLOSED), state) for place, state in enumerate(states)]
    said = headline(pictures, View(Site("CHU"), wall=lambda: NOW), "en")
    assert said.parts[0].state == "unknown", "none of them contained is nothing to be green about"
    assert said.parts[1].state == "breached"
    assert "breached" in said.tab


STRANGE: tuple[tuple[str, dict[str, object], float], ...] = (
    ("page", {"channels": 3}, NOW),
    ("gap", {"seconds": float("inf")}, NOW),
    ("gap", {"seconds": float("nan")}, NOW),
    ("silence", {"until": "9999-12-31T23:59:59Z", "by": "x"}, NOW),
    ("acknowledge", {"until": "0001-01-01T00:00:00+14:00"}, NOW),
    ("state", {"now": ["x"], "was": {"a": 1}, "cause": ["z"], "stage": {}, "side": [1], "because": [3]}, NOW),
    ("of a later version", {"a": "\ud800"}, NOW),
    ("start", {}, 1e18),
    ("start", {}, -1e14),
)


@pytest.mark.parametrize(("event", "data", "at"), STRANGE)
async def test_a_row_that_is_strange_is_shown_and_breaks_no_page(
    event: str, data: dict[str, object], at: float
) -> None:
    book = Book([LogRow(1, at, event, "mail-in", data, HEAD)])
    async with serving(log=book) as served:
        for address in ("/log", "/log?lang=en", "/log?format=csv", "/log?format=json", "/api/v1/log"):
            answer = await served.client.get(address)
            assert answer.status_code == 200, address
            if "json" in answer.headers["content-type"]:
                json.loads(answer.text)


async def test_exports_asked_for_in_the_same_moment_run_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "EXPORTS", 2)
    running, most = 0, 0

    class Slow(Book):
        async def following(self, number: int, which: object = None) -> list[LogRow]:
            nonlocal running, most
            running, most = running + 1, max(most, running + 1)
            await asyncio.sleep(0.01)
            running -= 1
            return []

    async with serving(log=Slow([])) as served:
        answers = await asyncio.gather(*(served.client.get("/log?format=csv") for _ in range(40)))
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert most == 2


async def test_a_report_of_before_any_calendar_is_refused_with_a_sentence() -> None:
    async def write(**_: object) -> str:
        return ""

    async with serving(report=write) as served:
        for ago in ("20000d", "99999999d", "9999999999999999d"):
            for form in ("", "&format=md"):
                assert (await served.client.get(f"/report?at={ago}{form}")).status_code == 400


async def test_an_instant_that_is_no_number_is_refused_and_answered_by_no_empty_log() -> None:
    async with serving() as served:
        for wrong in ("nan", "inf", "-inf"):
            assert (await served.client.get(f"/api/v1/log?since={wrong}")).status_code == 400
