"""A log of any length is taken away in pages: neither are all its rows held, nor does wording them hold the loop."""

import asyncio
import threading
from collections.abc import MutableMapping, Sequence
from typing import Any

import pytest

from retabli.store import LogRow, Which
from retabli.store.exports import Export
from retabli.store.facts import ALL
from retabli.web import build
from retabli.web.pages import log
from tests.view.pictures import NOW
from tests.web.books import PAGE, Book
from tests.web.hospital import outlets

PAGES = 30
Message = MutableMapping[str, Any]


class Counted(Book):
    """Counts the pages of rows that it was asked for."""

    pages = 0

    async def following(self, number: int, which: Which = ALL) -> Sequence[LogRow]:
        self.pages += 1
        return await super().following(number, which)


def counted() -> Counted:
    rows = [LogRow(each, NOW, "start", None, {}, "ab") for each in range(PAGE * PAGES, 0, -1)]
    return Counted(rows)


async def exported(book: Book, form: str, reader: "Reader") -> None:
    view, metrics = outlets()
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/log",
        "raw_path": b"/log",
        "root_path": "",
        "query_string": f"format={form}".encode(),
        "headers": [(b"host", b"127.0.0.1")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    await build(view, metrics, log=book)(scope, reader.receive, reader.send)


class Reader:
    """Takes one piece after another, and notes how many pages had been asked for by then."""

    def __init__(self, book: Counted) -> None:
        self._book = book
        self._gone = asyncio.Event()
        self.asked: list[int] = []
        self.body = b""

    async def receive(self) -> Message:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        for _ in range(20):  # who reads slowly: whatever would run ahead has time to
            await asyncio.sleep(0)
        if message["type"] == "http.response.body" and message.get("body"):
            self.asked.append(self._book.pages)
            self.body += message["body"]


@pytest.mark.parametrize("form", ["csv", "json"])
async def test_a_page_of_rows_is_asked_for_only_when_the_one_before_was_taken(form: str) -> None:
    book = counted()
    reader = Reader(book)
    await exported(book, form, reader)
    assert len(reader.asked) >= PAGES
    assert all(pages <= piece for piece, pages in enumerate(reader.asked, 1)), "no page ahead of its reader"
    assert reader.body.count(b"start") >= PAGE * PAGES, "and every row came"


@pytest.mark.parametrize("form", ["csv", "json"])
async def test_no_row_is_worded_in_the_thread_of_the_loop(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []

    class Noting(Export):
        def _local(self, row: LogRow) -> str:
            threads.append(threading.get_ident())
            return super()._local(row)

    monkeypatch.setattr(log, "Export", Noting)
    book = counted()
    await exported(book, form, Reader(book))
    assert len(threads) == PAGE * PAGES
    assert threading.get_ident() not in threads
