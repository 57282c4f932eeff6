"""The log as a file to be kept: whole or filtered, written as it is read, so that its length costs nothing.

CSV is for people who open it with a spreadsheet, and French ones do it with Excel: it takes a file for UTF-8 only if
it begins with a byte order mark, and a French Excel splits at semicolons. So there is a mark always, and the separator
is of the reader's language. Programs take JSON, or `retabli log --format csv`: commas, and no mark.
"""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from retabli.model.record import Entry
from retabli.store import LogRow
from retabli.store.exported import Exported, csv_head, csv_rows, json_row
from retabli.view import View
from retabli.web.answers import streamed
from retabli.web.seams import Asked, LogReader
from retabli.web.sentences import sentence

BYTE_ORDER_MARK = "\ufeff"
SEPARATORS = {"fr": ";", "en": ","}


def export(
    request: Request,
    log: LogReader,
    asked: Asked,
    view: View,
    *,
    form: str,
    language: str,
    running: Callable[[int], None],
) -> Response:
    """`form` is csv or json; `running` is told when it begins and ends."""
    exported = _exported(view, language)
    pieces = _csv(log, asked, exported, language) if form == "csv" else _json(log, asked, exported, view)

    async def counted() -> AsyncIterator[bytes]:
        running(1)
        try:
            async for piece in pieces:
                yield piece
        finally:
            running(-1)

    kind = "text/csv; charset=utf-8" if form == "csv" else "application/json"
    response = streamed(request, counted(), kind)
    today = datetime.fromtimestamp(view.now, view.site.zone).strftime("%Y-%m-%d")
    name = "main-courante" if language == "fr" else "log"
    response.headers["content-disposition"] = f'attachment; filename="{name}-{today}.{form}"'
    return response


def _exported(view: View, language: str) -> Exported:
    def title(flow: str) -> str:
        picture = view.pictures.get(flow)
        return picture.flow.title[language] if picture else ""

    def said(row: LogRow) -> str:
        return sentence(Entry(row.at, row.event, row.flow, row.data), view, language)

    return Exported(view.site.zone, title, said, view.stamp)


async def _csv(log: LogReader, asked: Asked, exported: Exported, language: str) -> AsyncIterator[bytes]:
    separator = SEPARATORS[language]
    yield (BYTE_ORDER_MARK + csv_head(separator)).encode()

    def encode(rows: Sequence[LogRow]) -> bytes:
        return csv_rows(rows, exported, separator).encode()

    async for piece in log.pieces(asked, encode):
        yield piece


async def _json(log: LogReader, asked: Asked, exported: Exported, view: View) -> AsyncIterator[bytes]:
    """One object; its rows one a line, so that what reads lines can too."""
    number, digest = await log.head()
    heading = {**view.heading(), "head": {"number": number, "hash": digest}}
    yield (json.dumps(heading, ensure_ascii=False)[:-1] + ', "rows": [').encode()
    comma = b"\n"

    def encode(rows: Sequence[LogRow]) -> bytes:
        return ",\n".join(json_row(row, exported) for row in rows).encode()

    async for piece in log.pieces(asked, encode):
        yield comma + piece
        comma = b",\n"
    yield b"\n]}\n"
