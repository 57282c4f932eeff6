"""The log as people read it, and as they take it away."""

import asyncio
import csv
import io
import json
import re
from collections.abc import Iterator, Sequence

import pytest

from retabli.model.record import Event
from retabli.store import LogRow, Which
from retabli.store.facts import ALL
from retabli.web.pages import log
from retabli.web.pages.log import EXPORTS
from tests.view.pictures import NOW
from tests.web.books import Book
from tests.web.serving import serving

HEAD = "ab" * 32
DAY = 86_400.0


def rows(number: int) -> list[LogRow]:
    """The newest first, a minute apart."""
    moved = {"was": "down", "now": "recovering"}
    return [
        LogRow(each, NOW - 60.0 * (number - each), "state", "mail-in", moved, HEAD) for each in range(number, 0, -1)
    ]


def numbers_shown(page: str) -> Iterator[str]:
    return (match[1] for match in re.finditer(r"<time datetime=\"[^\"]+\">(\d\d:\d\d:\d\d)</time></td>", page))


async def test_older_rows_are_reached_page_by_page_to_the_first() -> None:
    async with serving(log=Book(rows(450))) as served:
        address, seen = "/log", 0
        for _ in range(10):
            page = (await served.client.get(address)).text
            seen += len(list(numbers_shown(page)))
            older = re.search(r'href="([^"]+)" rel="next"', page)
            if older is None:
                break
            address = older[1].replace("&amp;", "&")
    assert seen == 450


async def test_rows_stand_under_their_day_with_its_year_and_to_the_second() -> None:
    book = Book([LogRow(2, NOW, "start", None, {}, HEAD), LogRow(1, NOW - 2 * DAY, "stop", None, {}, HEAD)])
    async with serving(log=book) as served:
        page = (await served.client.get("/log")).text
    assert page.index("lundi 3 juillet 2023") < page.index("10:00:00") < page.index("samedi 1er juillet 2023")


async def test_the_filters_choose_rows_in_the_site_s_time_and_stay_in_every_link() -> None:
    book = Book(rows(300))
    async with serving(log=book) as served:
        asked = "/log?flow=mail-in&kind=states&since=2023-07-03T09:00&until=2023-07-03T10:00&lang=en"
        page = (await served.client.get(asked)).text
    (which,) = book.asked
    assert (which.since, which.until, which.flow) == (NOW - 3600, NOW, "mail-in"), "09:00 in Paris is 07:00 UTC"
    assert which.events == ("state", "intent")
    links = re.findall(r'href="(/log\?[^"]+)"', page)
    turned, older, *exports = [each for each in links if "flow=" in each]
    kept = "flow=mail-in&amp;kind=states&amp;since=2023-07-03T09%3A00&amp;until=2023-07-03T10%3A00"
    assert turned == f"/log?{kept}&amp;lang=fr", "the same rows, in the other language"
    assert "before=101" in older
    assert len(exports) == 2
    assert all("kind=states" in each and "since=2023" in each and "lang=en" in each for each in (older, *exports))
    assert '<option value="states" selected>' in page


async def test_a_filter_hides_nothing_of_the_hour_that_autumn_has_twice() -> None:
    book = Book(rows(1))
    async with serving(log=book) as served:
        await served.client.get("/log?since=2023-10-29T02:30&until=2023-10-29T02:45")
    (which,) = book.asked
    assert (which.since, which.until) == (1698539400.0, 1698543900.0), "00:30 and 01:45 UTC"


async def test_what_is_no_moment_no_kind_and_no_number_is_refused_with_a_sentence() -> None:
    async with serving(log=Book(rows(1))) as served:
        for wrong in ("since=yesterday", "until=99999-01-01T00:00", "kind=all", "before=x", "format=pdf"):
            assert (await served.client.get(f"/log?{wrong}")).status_code == 400, wrong


async def test_a_start_that_added_many_flows_is_one_row() -> None:
    added = [LogRow(each, NOW, "config", flow, {"change": "added"}, HEAD) for each, flow in enumerate("abc", 1)]
    async with serving(log=Book(added[::-1])) as served:
        page = (await served.client.get("/log")).text
    assert "3 flux ajoutés à la configuration\u00a0: a, b, c" in page
    assert len(list(numbers_shown(page))) == 1


async def test_a_time_in_which_nobody_watched_is_marked_as_unknown() -> None:
    gap = LogRow(1, NOW, "gap", None, {"seconds": 300.0}, HEAD)
    async with serving(log=Book([gap])) as served:
        page = (await served.client.get("/log")).text
    assert re.search(r'<tr data-event="gap" data-state="unknown">.*#s-unknown.*Sans surveillance pendant', page)


async def test_why_a_running_daemon_did_not_watch_is_said() -> None:
    slept = LogRow(1, NOW, "gap", None, {"seconds": 300.0, "why": "asleep"}, HEAD)
    async with serving(log=Book([slept])) as served:
        page = (await served.client.get("/log")).text
    assert re.search(r"Sans surveillance pendant 5\Wmin\W: la machine dormait", page)


async def test_the_head_of_the_chain_stands_there_with_the_command_that_verifies_it() -> None:
    async with serving(log=Book(rows(3))) as served:
        page = (await served.client.get("/log")).text
    assert f"retabli log verify --noted 3:{HEAD}" in page


async def test_a_log_that_cannot_be_read_leaves_a_page_that_says_so() -> None:
    async with serving(log=Book(rows(3), broken="state.db: disk I/O error <b>")) as served:
        answer = await served.client.get("/log")
    assert answer.status_code == 200
    assert "La main courante ne peut pas être lue en ce moment" in answer.text
    assert "state.db: disk I/O error &lt;b&gt;" in answer.text


async def test_the_csv_has_every_row_in_utc_and_local_time_and_no_formula() -> None:
    book = Book([LogRow(251, NOW, "silence", "=cmd|x", {"by": "A", "why": "-1+1"}, HEAD), *rows(250)])
    async with serving(log=book) as served:
        french = await served.client.get("/log?format=csv")
        english = (await served.client.get("/log?format=csv&lang=en")).content.decode("utf-8-sig")
    assert french.headers["content-disposition"] == 'attachment; filename="retabli-log.csv"'
    assert french.content.startswith(b"\xef\xbb\xbfnumber;at;"), "as a French spreadsheet opens it"
    found = list(csv.DictReader(io.StringIO(english)))
    assert [int(each["number"]) for each in found] == list(range(1, 252))
    assert (found[-1]["at"], found[-1]["local"]) == ("2023-07-03T08:00:00Z", "2023-07-03T10:00:00+02:00")
    assert found[-1]["flow"] == "'=cmd|x"
    assert found[-1]["hash"] == HEAD


async def test_the_json_has_every_row_and_is_a_list_even_when_empty() -> None:
    async with serving(log=Book(rows(250))) as served:
        found = json.loads((await served.client.get("/log?format=json")).content)
        assert [each["number"] for each in found] == list(range(1, 251))
        assert found[-1]["unix"] == NOW
        assert found[-1]["said"] == "interrompu → en reprise"
    async with serving() as served:
        assert json.loads((await served.client.get("/log?format=json&flow=nothing")).content) == []


async def test_without_a_store_the_page_shows_what_is_at_hand() -> None:
    async with serving() as served:
        page = (await served.client.get("/log?kind=watch")).text
    assert "Sans surveillance pendant 5\u00a0min" in page
    assert "rétabli → retombé" not in page
    assert str(Event.STATE) not in re.findall(r'data-event="([a-z]+)"', page)


async def test_only_what_concerns_people_leaves_out_what_machines_did() -> None:
    book = Book(rows(1))
    async with serving(log=book) as served:
        await served.client.get("/log?kind=people")
    assert set(book.asked[0].events) == {"intent", "page", "resolve", "acknowledge", "silence", "deferred"}


async def test_no_cell_is_a_formula_in_whatever_program_opens_it_and_the_data_reads_back() -> None:
    hostile = "<script>;=cmd|'/C calc'!A0 \u202e\x1b[31m\x00"
    written = [
        LogRow(
            3, NOW, "state", "mail-in", {"was": "down", "now": "restored", "detail": "x;-1+cmd", "n": [1, -2]}, HEAD
        ),
        LogRow(2, NOW, "acknowledge", "\uff1dcmd()", {"by": hostile, "note": " +1"}, HEAD),
        LogRow(1, NOW, "silence", "\t@x", {"by": "-2+3", "why": hostile}, HEAD),
    ]
    async with serving(log=Book(written)) as served:
        for language, separator in (("fr", ";"), ("en", ",")):
            answer = await served.client.get(f"/log?format=csv&lang={language}")
            text = answer.content.decode("utf-8-sig")
            found = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=separator))
            assert [json.loads(each["data"]) for each in found] == [each.data for each in reversed(written)]
            for line in found:
                for cell in line.values():
                    assert not re.match(r"\s*[=+\-@\t\r\uff1d]", cell), cell
                    assert not re.search(r"[;\t|]\s*[=+\-@]", cell), f"for who opens it with another separator: {cell}"
            for char in "\u202e\x1b\x00":
                assert char not in text


async def test_more_exports_than_the_machine_should_bear_are_put_off() -> None:
    book = Endless(rows(1))
    async with serving(log=book) as served:
        streams = [served.client.stream("GET", "/log?format=json") for _ in range(EXPORTS)]
        for stream in streams:
            await stream.__aenter__()
        refused = await served.client.get("/log?format=csv")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "60")
        book.ended.set()
        for stream in streams:
            await stream.__aexit__(None, None, None)
        assert (await served.client.get("/log?format=csv")).status_code == 200


class Endless(Book):
    """Gives its second page only when it may end."""

    def __init__(self, written: list[LogRow]) -> None:
        super().__init__(written)
        self.ended = asyncio.Event()

    async def following(self, number: int, which: Which = ALL) -> Sequence[LogRow]:
        if number:
            await self.ended.wait()
        return await super().following(number, which)


async def test_a_store_that_takes_too_long_leaves_a_page_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(Book):
        async def entries(self, which: Which = ALL, *, limit: int = 200, before: int | None = None) -> Sequence[LogRow]:
            await asyncio.Event().wait()
            raise AssertionError

    monkeypatch.setattr(log, "PATIENCE", 0.01)
    async with serving(log=Slow(rows(1))) as served:
        answer = await served.client.get("/log?lang=en")
    assert answer.status_code == 200
    assert "it takes too long to answer" in answer.text
