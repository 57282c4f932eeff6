"""The log's page: filtered, paged back to its first row, exported, with its chain's head."""

import csv
import io
import json
import re
from collections.abc import Sequence
from typing import Any

from retabli.store import LogRow, StoreError
from retabli.web import Asked
from tests.view.pictures import NOW
from tests.web.kept import Kept
from tests.web.serving import serving

HOSTILE = "<script>alert(1)</script>;=cmd|'/C calc'!A0 \u202e\x1b[31m\x00"


def row(
    number: int, event: str = "state", flow: str | None = "mail-in", at: float | None = None, **data: Any
) -> LogRow:
    data = data or {"was": "recovering", "now": "restored"}
    return LogRow(number, NOW - 1000 + number if at is None else at, event, flow, data, f"{number:064x}")


def many(number: int) -> Sequence[LogRow]:
    return [row(each) for each in range(1, number + 1)]


def numbers(page: str) -> list[int]:
    return [int(each) for each in re.findall(r'<td class="number">(\d+)</td>', page)]


async def test_it_is_paged_back_to_its_first_row() -> None:
    async with serving(log=Kept(many(250))) as served:
        page, seen, address = "", list[int](), "/log?lang=en"
        while True:
            page = (await served.client.get(address)).text
            seen += numbers(page)
            older = re.search(r'href="(/log\?[^"]*)" rel="next"', page)
            if older is None:
                break
            address = older[1].replace("&amp;", "&")
            assert "lang=en" in address
    assert seen == list(range(250, 0, -1))
    assert '<a href="/log?lang=en">← Newest</a>' in page
    assert "data-live" not in page, "what is past does not renew itself"


async def test_it_is_filtered_by_flow_kind_and_time_in_the_site_s_zone() -> None:
    kept = Kept(many(3))
    async with serving(log=kept) as served:
        query = "flow=mail-in&event=page&from=2023-07-03T09:00&until=2023-07-03T10:00"
        page = (await served.client.get(f"/log?{query}")).text
        assert kept.asked[-1][0] == Asked(NOW - 3600, NOW, "mail-in", ("page",))
        for filled in ('value="2023-07-03T09:00"', 'value="page" selected', 'value="mail-in" selected'):
            assert filled in page, filled
        await served.client.get("/log?event=people")
        assert set(kept.asked[-1][0].events) == {"intent", "page", "resolve", "acknowledge", "silence", "deferred"}
        wrong = await served.client.get("/log?from=yesterday%3Cscript%3E")
        assert wrong.status_code == 400
        assert "Cette date ne peut pas être lue" in wrong.text
        assert "<script>" not in wrong.text


async def test_the_head_of_the_chain_is_shown_with_how_to_verify_it() -> None:
    async with serving(log=Kept(many(7))) as served:
        page = (await served.client.get("/log?lang=en")).text
    assert "The log has 7 rows" in page
    assert f"retabli log verify --noted 7:{7:064x}" in page


async def test_a_log_that_cannot_be_read_leaves_the_page_whole_and_says_so() -> None:
    async with serving(log=Kept([], fault=StoreError("the disk is gone"))) as served:
        answer = await served.client.get("/log?lang=en")
    assert answer.status_code == 200
    assert "The whole log could not be read" in answer.text
    assert "restored → dropped" in answer.text, "what is at hand in memory"
    assert "the disk is gone" not in answer.text


async def test_the_csv_opens_in_a_french_excel_and_computes_nothing() -> None:
    rows = [
        row(1, "acknowledge", by=HOSTILE, note="+1"),
        row(2, "state", flow="=cmd()", was="restored", now="dropped"),
        row(3, "state", at=NOW, was="recovering", now="restored", detail="x;-1+cmd", numbers=[1, -2]),
    ]
    async with serving(log=Kept(rows)) as served:
        answer = await served.client.get("/log?format=csv")
        english = await served.client.get("/log?format=csv&lang=en")
    assert answer.content.startswith("\ufeff".encode()), "without it, Excel takes é for Ã©"
    assert 'filename="main-courante-2023-07-03.csv"' in answer.headers["content-disposition"]
    text = answer.text.lstrip("\ufeff")
    found = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=";"))
    assert list(found[0]) == ["number", "at", "local", "event", "flow", "title", "said", "data", "hash"]
    assert (found[2]["at"], found[2]["local"]) == ("2023-07-03T08:00:00Z", "2023-07-03 10:00:00")
    assert found[2]["title"] == "Messagerie : réception"
    assert found[2]["said"] == "en reprise → rétabli"
    assert found[2]["hash"] == rows[2].hash
    assert [json.loads(each["data"]) for each in found] == [each.data for each in rows], "and is read back as it was"
    for line in (*found, *csv.DictReader(io.StringIO(english.text.lstrip("\ufeff"), newline=""))):
        for cell in line.values():
            assert not re.match(r"[=+\-@\t\r]", cell), cell
            assert not re.search(r"[;\t]\s*[=+\-@]", cell), (
                f"a formula, for who opens it with another separator: {cell}"
            )
    for char in "\u202e\x1b\x00":
        assert char not in text


async def test_the_json_is_one_object_with_every_row_its_number_and_its_hash() -> None:
    rows = many(5)
    async with serving(log=Kept(rows)) as served:
        answer = await served.client.get("/log?format=json&event=state")
        nothing = await served.client.get("/log?format=json&event=gap")
        assert (await served.client.get("/log?format=xml")).status_code == 400
    found = answer.json()
    assert found["head"] == {"number": 5, "hash": rows[-1].hash}
    assert [(each["number"], each["unix"], each["hash"]) for each in found["rows"]] == [
        (each.number, each.at, each.hash) for each in rows
    ]
    assert found["rows"][0]["data"] == rows[0].data
    assert nothing.json()["rows"] == []


async def test_what_people_wrote_is_inert_on_the_page() -> None:
    rows = [row(1, "acknowledge", by=HOSTILE, note=HOSTILE), row(2, "silence", by=HOSTILE, why=HOSTILE)]
    async with serving(log=Kept(rows)) as served:
        page = (await served.client.get("/log")).text
    assert "&lt;script&gt;" in page
    for bad in ("<script>", "\u202e", "\x1b", "\x00"):
        assert bad not in page
