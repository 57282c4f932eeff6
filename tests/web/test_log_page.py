"""The log as people read it, and as they take it away."""

import csv
import io
import json
import re
from collections.abc import Iterator

from retabli.model.record import Event
from retabli.store import LogRow
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
    older, *exports = [each for each in links if "flow=" in each]
    assert "before=101" in older
    assert len(exports) == 2
    assert all("kind=states" in each and "since=2023" in each and "lang=en" in each for each in (older, *exports))
    assert '<option value="states" selected>' in page


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
