"""What is asked of us: whole requests to the application, and what it reads of them by itself."""

import argparse
import asyncio
import gzip
import json
import re
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Scope

from commands import Refused
from commands._answers import address, shown
from commands._moments import parse_moment, parse_until
from retabli.alerts.channels.alertmanager_member import TooMuch, _alerts
from retabli.alerts.channels.channel import NotAccepted
from retabli.model.result import clean
from retabli.view import View
from retabli.web.app import build
from retabli.web.fields import LONGEST, Faulty, Fields, read
from retabli.web.guard import foreign, gzipped, takes_gzip
from retabli.web.instants import field_value, local_instant, written
from tests.fuzz.feeding import Fell, Taken, assert_one_line, finished, looped, outcome
from tests.fuzz.target import Target, words
from tests.web.hospital import SITE, outlets
from tests.web.on_call import Board

METHODS = ("GET", "HEAD", "POST", "PUT", "OPTIONS", "DELETE")
ENDLESS = ("/live", "/api/v1/stream")  # streams, which end when their reader does


@cache
def hospital() -> tuple[ASGIApp, View, Board]:
    """The application over a hospital in every state; its clock stands."""
    view, metrics = outlets(SITE)
    board = Board(view)
    return build(view, metrics, on_call=board), view, board


def web_request(data: bytes) -> None:
    """Any request is answered, none by a failure of ours; only a POST that is not another site's changes anything."""
    taken = Taken(data)
    method = METHODS[taken.number(len(METHODS))]
    target = taken.part().decode("latin-1")
    path, _, query = (target if target.startswith("/") else f"/{target}").partition("?")
    if any(path.startswith(each) for each in ENDLESS):
        return
    headers = [(b"host", b"127.0.0.1:9877")]
    for line in taken.part().split(b"\n"):
        name, colon, value = line.partition(b":")
        if colon:
            headers.append((name.strip().lower(), value.strip()))
    app, _, board = hospital()
    before = len(board.heard)
    status, answered, body = looped(_asked(app, _scope(method, path, query, headers), taken.rest))
    assert 200 <= status < 600
    assert status != 500, body[:200]
    assert answered["content-security-policy"].startswith("default-src 'none'")
    assert answered["x-content-type-options"] == "nosniff"
    if len(board.heard) > before:
        assert method == "POST"
        assert foreign(Headers(raw=headers)) is None
        _told_is_clean(board.heard[-1][1])
    if answered.get("content-encoding") == "gzip" and body:
        body = gzip.decompress(body)
    if answered.get("content-type", "").startswith("application/json") and method != "HEAD" and body:
        json.loads(body)


def _told_is_clean(told: dict[str, Any]) -> None:
    for name in ("by", "note", "why"):
        assert_one_line(str(told.get(name) or ""), LONGEST[name])


def _scope(method: str, path: str, query: str, headers: list[tuple[bytes, bytes]]) -> Scope:
    return {
        "type": "http",
        "http_version": "1.1",
        "asgi": {"version": "3.0"},
        "scheme": "http",
        "root_path": "",
        "method": method,
        "path": path,
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 9877),
    }


async def _asked(app: ASGIApp, scope: Scope, body: bytes) -> tuple[int, Headers, bytes]:
    heard: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    said: list[Message] = []

    async def receive() -> Message:
        if not heard:
            await asyncio.Event().wait()  # whoever asked stays until all is said
        return heard.pop()

    async def send(message: Message) -> None:
        said.append(message)

    await app(scope, receive, send)
    start = said[0]
    content = b"".join(each.get("body", b"") for each in said[1:])
    return start["status"], Headers(raw=start["headers"]), content


def form(data: bytes) -> None:
    """What is filled in is read, cleaned and bounded, or every fault of it is told in both languages."""
    taken = Taken(data)
    content_type = taken.part().decode("latin-1")
    _, view, _ = hospital()
    given = outcome(lambda: read(taken.rest, content_type), Faulty)
    if isinstance(given, Fell):
        return
    fields = Fields(given, ("by", "note", "until"), view)
    said = [fields.text("by"), fields.text("note", wanted=False)]
    until = fields.instant("until", wanted=False, furthest=30)
    faulty = _fault_of(fields)
    if faulty is not None:
        assert faulty.faults
        assert all(fault.said(language) for fault in faulty.faults for language in ("fr", "en"))
        return
    for text, name in zip(said, ("by", "note"), strict=True):
        assert_one_line(text, LONGEST[name])
    assert until is None or until <= view.unstamped_now + 30 * 86_400


def _fault_of(fields: Fields) -> Faulty | None:
    try:
        fields.check()
    except Faulty as faulty:
        return faulty
    return None


def instants(data: bytes) -> None:
    """An instant is one that a calendar has, and comes back as it was written; else it is refused."""
    text = data.decode("utf-8", "replace")
    _, view, _ = hospital()
    for read_ in (
        lambda: written(text, view),
        lambda: local_instant(text, view),
        lambda: local_instant(text, view, last=True),
    ):
        at = outcome(read_, ValueError)
        if not isinstance(at, Fell):
            assert 0 <= at < 1e12
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d", field_value(at, view))
            local = local_instant(field_value(at, view), view, last=True)
            assert -3601 <= local - at // 60 * 60 <= 3601
    now = view.unstamped_now
    outcome(lambda: parse_moment("--since", text, now, SITE.zone), Refused)
    until = outcome(lambda: parse_until("--until", text, datetime.fromtimestamp(now, UTC), SITE.zone), Refused)
    if not isinstance(until, Fell) and "1970-01-02" < until < "9998":
        assert written(until, view) > 0


def headers(data: bytes) -> None:
    """Whose POST it is and what encodings are taken is read of any header."""
    taken = Taken(data)
    origin, host, site, accept = (taken.part().decode("latin-1") for _ in range(4))
    given = {name: value for name, value in (("origin", origin), ("host", host), ("sec-fetch-site", site)) if value}
    why_not = foreign(Headers(given))
    if why_not is None and origin:
        assert urlsplit(origin).netloc.lower() == host.lower()
        assert site in ("", "same-origin", "none")
    takes = takes_gzip(accept)
    assert not takes or "gzip" in accept.lower()
    assert takes_gzip("br;q=1, gzip;q=0.5")
    for refusal in ("gzip;q=0", "gzip ; q = 0.000", "gzip;q=0.", ""):
        assert not takes_gzip(refusal)

    async def pieces() -> Any:
        for place in range(0, len(data), 7):
            yield data[place : place + 7]

    async def packed() -> bytes:
        return b"".join([each async for each in gzipped(pieces())])

    assert gzip.decompress(finished(packed())) == data


def told_to_us(data: bytes) -> None:
    """What an Alertmanager lists and what an operator gives as our address is read, or refused."""
    found = outcome(lambda: _alerts(data, {"receiver": "duty"}), NotAccepted, TooMuch)
    if not isinstance(found, Fell):
        for each in found:
            assert each.labels["incident"]
            assert each.labels["receiver"] == "duty"
    text = data.decode("utf-8", "replace")
    where = outcome(lambda: address(text), argparse.ArgumentTypeError)
    assert (
        isinstance(where, Fell)
        or where.startswith(("http://", "https://", *("HTTP", "Http", "hTTP")))
        or "://" in where
    )
    assert clean(shown(text)) == shown(text)


TARGETS = (
    Target(
        "web-request",
        web_request,
        words(
            r"\x00\x00\x00\x00  \x00\x00\x00\x02  /  /flows/mail-in  /flows/mail-in/acknowledge  /api/v1/flows  "
            r"/api/v1/flows/mail-in/history  /log?since=  ?lang=fr  ?format=csv  ?before=  ?limit=  "
            r"/report?at=  /metrics  /probe?target=mail-in/in  /badge/  /public  /static/  \x00  "
            r"accept-encoding: gzip\n  accept: text/html\n  accept: application/openmetrics-text\n  "
            r"if-none-match: *\n  origin: http://127.0.0.1:9877\n  sec-fetch-site: same-origin\n  "
            r"content-type: application/json\n  {\x22by\x22:\x22a\x22}  by=a&until=2h&why=b  %00  %ff  ..  "
            r"2023-07-03T08:00  99999  &  /-/reload  /openapi.json"
        ),
        longest=4096,
    ),
    Target(
        "form",
        form,
        words(
            r"application/json\x00  \x00  {\x22by\x22:  \x22a\x22  }  ,  by=  &  note=  until=2h  "
            r"until=2023-07-03T08:00:00%2B02:00  %00  %ff  \\ud800  text/plain\x00  1e999"
        ),
        (
            (b"\0", b"a&", b""),
            (b"\0", b"%41", b""),
            (b"\0by=", b"a", b""),
            (b"\0{", b"[", b""),
            (b'\0{"by":"', b"\\n", b'"}'),
        ),
        longest=16_384,
    ),
    Target(
        "instants",
        instants,
        words(
            r"2023-07-03T08:00:00+02:00  2h  30m  2023-10-29T02:30  0001-01-01  9999-12-31T23:59:59  T  +  "
            r"-23:59  Z  \x20  W01  24:00  18:30  1970-01-01T00:00"
        ),
        ((b"", b"1h", b""), (b"", b"T ", b"")),
    ),
    Target(
        "headers",
        headers,
        words(
            r"http://  [  ]  127.0.0.1:9877  \x00  same-origin  gzip  ;q=0  , \x20  q=  *  @  null  "
            r"\xe2\x84\x80  localhost"
        ),
        ((b"\0\0\0", b"gzip,", b"\0"), (b"\0\0\0gzip", b";q=1", b"\0"), (b"", b"http://", b"\0")),
    ),
    Target(
        "told-to-us",
        told_to_us,
        words(
            r"[{\x22labels\x22:{\x22incident\x22:\x22a\x22,\x22receiver\x22:\x22duty\x22},\x22startsAt\x22:  "
            r"\x222023-07-03T08:00:00Z\x22  }]  0001  9999  [  {  http://  @  [::1]  xn--  :"
        ),
        ((b"", b"[", b""), (b"", b"a@", b""), (b"//", b"/", b""), (b"http://", b"a.", b"")),
    ),
)
