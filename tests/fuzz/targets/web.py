"""What web servers and what stands before them say: HTTP, pages, redirects, proxies, JSON, WebSocket, PromQL."""

import gzip
import html
import json
import zlib

import h11
import httptools
import httpx

from retabli.model.causes import Cause
from retabli.model.ladder import Fall
from retabli.model.settings import Denied, Proxy
from retabli.net.speech.speech_settings import Sign
from retabli.net.speech.transcripts import Reading, is_final
from retabli.net.web.bot_wall import bot_wall
from retabli.net.web.http import Fetched
from retabli.net.web.http_messages import Answer, Head, write_request
from retabli.net.web.http_redirects import Onward, onward
from retabli.net.web.http_transport import Transport, read_body
from retabli.net.web.json_paths import at, check_path, read_json
from retabli.net.web.page_text import holds, telephone_numbers, text_of, without_scripts
from retabli.net.web.promql_answer import Vector, vector_of
from retabli.net.web.proxy_causes import judge_connect, marked
from retabli.net.web.websocket import Ended, WebSocket, fall_of_end
from tests.fuzz.feeding import Fell, Heard, Taken, alike, assert_one_line, finished, looped, outcome
from tests.fuzz.target import Target, words

HTTP_FALLS = ("garbage", "too_long", "closed_early")
MOST = 20_000  # bytes of a body that are wanted


def http_answer(data: bytes) -> None:
    """An answer is the same however it comes; what h11, which is strict, reads of it too, it reads alike."""
    taken = Taken(data)
    method = ("GET", "HEAD", "CONNECT", "POST")[taken.number(4)]
    found = alike(taken.rest, lambda pieces: outcome(lambda: finished(_answer(pieces, method))))
    if isinstance(found, Fell):
        assert found.cause in HTTP_FALLS
        return
    head, body = found
    assert 100 <= head.status <= 999
    assert head.version.count(".") == 1
    assert isinstance(body, Fell) or len(body) <= len(taken.rest)
    strict = _by_h11(taken.rest, method)
    if strict is not None and strict[0] == head.status and not isinstance(body, Fell) and method != "CONNECT":
        assert strict[1] == body, f"h11 reads {strict[1]!r}"


async def _answer(pieces: list[bytes], method: str) -> tuple[Head, bytes | Fell]:
    answer = Answer(Heard(pieces), method)
    head = await answer.head()
    body = b""
    try:
        async for piece in answer.body():
            body += piece
    except Fall as fall:
        return head, Fell(fall.cause.code)
    return head, body


def _by_h11(data: bytes, method: str) -> tuple[int, bytes] | None:
    """Status and whole body as h11 reads them; None where it reads none."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("Host", "a.test"), ("Connection", "close")]))
    client.send(h11.EndOfMessage())
    try:
        client.receive_data(data)
        client.receive_data(b"")
        status, body = 0, b""
        while True:
            event = client.next_event()
            if isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return status, body
            elif event in (h11.NEED_DATA, h11.PAUSED) or isinstance(event, h11.ConnectionClosed):
                return None
    except h11.RemoteProtocolError:
        return None


class _Request:
    """What httptools sees of a request."""

    def __init__(self) -> None:
        self.begun = self.ended = 0
        self.names: list[bytes] = []

    def on_message_begin(self) -> None:
        self.begun += 1

    def on_header(self, name: bytes, value: bytes) -> None:
        self.names.append(name.lower())
        assert b"\r" not in value
        assert b"\n" not in value

    def on_message_complete(self) -> None:
        self.ended += 1


def http_request(data: bytes) -> None:
    """Whatever a request is made of, it is one request, which says itself where it ends; or it is refused."""
    taken = Taken(data)
    method, target = taken.part().decode("latin-1"), taken.part()
    fields = [(taken.part(), taken.part()) for _ in range(3) if taken.rest]
    written = outcome(lambda: write_request(method, target, fields, taken.rest), ValueError)
    if isinstance(written, Fell):
        assert written.cause == "ValueError"
        return
    head, _, body = written.partition(b"\r\n\r\n")
    assert body == taken.rest
    assert head.count(b"\r\n") == head.count(b"\n") == head.count(b"\r")
    if method not in ("GET", "POST", "PUT", "HEAD", "OPTIONS") or not target.startswith(b"/"):
        return
    seen = _Request()
    httptools.HttpRequestParser(seen).feed_data(written)
    assert (seen.begun, seen.ended) == (1, 1)
    assert seen.names.count(b"content-length") <= 1
    assert b"transfer-encoding" not in seen.names


def http_body(data: bytes) -> None:
    """A body that is unpacked is what was packed, or `garbage`; never more than is wanted."""
    for coding, packed in (
        (b"gzip", data),
        (b"deflate", data),
        (b"gzip", gzip.compress(data, 1, mtime=0)),
        (b"deflate", zlib.compress(data, 1)),
        (b"x-gzip, identity", gzip.compress(data * 40, 1, mtime=0)),
    ):
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (coding, len(packed))
        found = alike(head + packed, lambda pieces: outcome(lambda: finished(_body(pieces))))
        if isinstance(found, Fell):
            assert found.cause == "garbage"
            assert packed == data
            continue
        body, cut = found
        assert len(body) <= MOST
        assert cut == (len(body) == MOST) or not cut
        if packed != data:
            assert (data * 40).startswith(body)


async def _body(pieces: list[bytes]) -> tuple[bytes, bool]:
    transport = Transport(Heard(pieces))
    return await read_body(await transport.receive(httpx.Request("GET", "http://a.test/")), MOST)


def redirect(data: bytes) -> None:
    """A redirect leads to http or https, carries no account, and to another host only a GET or HEAD that may."""
    taken = Taken(data)
    status = (301, 302, 303, 307, 308)[taken.number(5)]
    method = ("GET", "POST", "HEAD")[taken.number(3)]
    location = taken.rest.replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b"")
    request = httpx.Request(method, "https://a.test:8443/b/c?d")
    response = httpx.Response(status, headers=[(b"location", location)])
    for follow in ("nowhere", "same_host", "anywhere"):
        found = onward(request, response, follow, 0, "elsewhere")
        if not isinstance(found, Onward):
            assert found is None or (isinstance(found[0], Cause) and isinstance(found[1], str))
            continue
        assert follow != "nowhere"
        assert found.url.scheme in ("http", "https")
        assert found.url.host
        assert not found.url.userinfo
        assert found.same == (found.url.scheme == "https" and (found.url.raw_host, found.url.port) == (b"a.test", 8443))
        assert found.same or (follow == "anywhere" and found.method in ("GET", "HEAD"))
        assert found.url.host.lower().rstrip(".") not in ("localhost", "127.0.0.1", "::1", "0.0.0.0")  # noqa: S104
        assert onward(request, response, follow, 5, "elsewhere") != found, "but not for ever"


def page(data: bytes) -> None:
    """A page's text holds what stands on it; telephone numbers are ten digits that stand there."""
    taken = Taken(data)
    content_type = taken.part().decode("latin-1")
    source = text_of(taken.rest, content_type)
    assert len(source) <= len(taken.rest)
    try:
        assert taken.rest.decode() == source or content_type or b"<meta" in taken.rest.lower()
    except UnicodeDecodeError:
        pass
    middle = source[len(source) // 3 : len(source) // 3 + 20]
    assert holds(source, middle)
    if middle.isalnum() and middle.isascii():
        assert holds(html.escape(source), middle)
    kept = without_scripts(source)
    assert len(kept) <= len(source) + 3 * source.count("<")
    for number in telephone_numbers(source):
        assert len(number) == 10
        assert number.isdigit()
        assert number.startswith("0")
        assert telephone_numbers(f"<p>{number}</p>") == {number}
    assert telephone_numbers(source + " <script>01 23 45 67 89</script>") == telephone_numbers(source) or "<" in source


def proxy_answer(data: bytes) -> None:
    """An answer to CONNECT that is no 2xx is a fall that names the proxy; 407 is never a denial of the site."""
    taken = Taken(data)
    status = taken.number(700)
    names = (b"X-Squid-Error", b"Proxy-Status", b"X-Filter", b"cf-mitigated")
    fields = tuple((name, taken.part()) for name in names if taken.rest)
    head = Head(status, "1.1", taken.part().decode("latin-1"), fields)
    proxy = Proxy(url="http://proxy.test:3128", denied=Denied(header="X-Filter: denied", body="blocked"))
    fall = judge_connect(proxy, head, taken.rest, presented=bool(status % 2))
    assert fall.detail.startswith("proxy proxy.test:3128")
    assert_one_line(fall.detail)
    assert status != 407 or fall.cause.code in ("proxy_auth_refused", "proxy_auth_required")
    told = marked(fields)
    assert told is None or isinstance(told[0], Cause)
    wall = bot_wall(status, fields, taken.rest, refused=True)
    assert wall is not None or bot_wall(status, fields, taken.rest, refused=False) is None


def json_answer(data: bytes) -> None:
    """What a path finds in a document is in it, and its steps are taken as they are written."""
    taken = Taken(data)
    path = taken.text()
    document = outcome(lambda: read_json(taken.rest))
    try:
        known = json.loads(taken.rest)
    except (ValueError, RecursionError):
        assert isinstance(document, Fell)
        return
    if isinstance(document, Fell):
        assert taken.rest.count(b"[") + taken.rest.count(b"{") > 900, (
            "what is nested is read as deep as the stack has room"
        )
        return
    assert document == known or str(known) == str(document)
    if isinstance(outcome(lambda: check_path(path), ValueError), Fell):
        return
    found = at(document, path)
    assert None not in found
    if isinstance(document, dict) and "." not in path and path != "*":
        assert found == ([document[path]] if document.get(path) is not None else [])


def transcript(data: bytes) -> None:
    """A recogniser's answer is a text, nothing, or a fall; one that tells of an error is never a text."""
    document = outcome(lambda: read_json(data))
    if isinstance(document, Fell):
        return
    reading = Reading("results.*.text", "error", Sign(status=(401,)), Sign(body="exhausted"), presented=True)
    text = outcome(lambda: reading.text(document))
    error = document.get("error") if isinstance(document, dict) else None
    if isinstance(text, Fell):
        assert text.cause in ("recogniser_error", "no_transcript")
    else:
        assert error in (None, False, "", 0, {}, [])
        assert text is None or text or at(document, "results.*.text")
    assert is_final(document, None)
    assert isinstance(is_final(document, "final=true"), bool)
    refused = reading.refusal(401, data.decode("utf-8", "replace"))
    assert refused is not None
    assert_one_line(refused.detail)


def promql_answer(data: bytes) -> None:
    """Samples come only out of a success without warnings; each is a number with labels, at an instant there is."""
    fetched = Fetched(Head(200, "1.1", "OK", ()), httpx.Headers(), data, False, "http://a.test/", 0, "", False, None)
    found = outcome(lambda: vector_of(fetched))
    if isinstance(found, Fell):
        return
    assert isinstance(found, Vector)
    answer = json.loads(data)
    assert answer["status"] == "success"
    assert not answer.get("warnings")
    assert (found.at is None) == (not found.samples)
    assert all(isinstance(each.value, float) and str(each) for each in found.samples)


def websocket(data: bytes) -> None:
    """An upgrade is granted by the right key alone; messages are whole and the same however they come."""
    taken = Taken(data)
    granted = taken.number(4) > 0
    found = alike(taken.rest, lambda pieces: looped(_conversation(pieces, granted)))
    for message in found:
        if isinstance(message, Ended):
            fall = fall_of_end(message)
            assert fall is None or fall.detail.startswith("closed with")
        elif isinstance(message, str | bytes):
            assert len(message) <= len(taken.rest)


async def _conversation(pieces: list[bytes], granted: bool) -> list[object]:
    """What is received, up to the end or a fall."""
    heard = Heard([] if granted else pieces)
    socket = WebSocket(heard, "ws://a.test/b")
    found: list[object] = []
    try:
        if granted:
            key = socket._protocol.key  # what the right answer is made of
            from websockets.utils import accept_key

            answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            heard._pieces = [
                *reversed([p for p in pieces if p]),
                f"{answer}Sec-WebSocket-Accept: {accept_key(key)}\r\n\r\n".encode(),
            ]
        refused = await socket.upgrade(())
        if refused is not None:
            found.append((refused.head, refused.page))
            return found
        assert granted, "upgraded without the key"
        while not isinstance(found[-1:] and found[-1], Ended) and len(found) < 50:
            found.append(await socket.receive())
    except Fall as fall:
        found.append(Fell(fall.cause.code))
    return found


_JSON = (
    b'{"',
    b'":',
    b"[",
    b"]",
    b"}",
    b"null",
    b"true",
    b'"text"',
    b'"results"',
    b"1e999",
    b"9" * 30,
    b"\\ud800",
    b",",
)
TARGETS = (
    Target(
        "http-answer",
        http_answer,
        words(
            r"HTTP/1.1 200 OK\r\n  HTTP/1.0 407 \r\n  HTTP/1.1 100 Continue\r\n\r\n  "
            r"Content-Length: 3\r\n  Transfer-Encoding: chunked\r\n  3\r\nabc\r\n  0\r\n\r\n  \r\n\r\n  "
            r"\n  3;x=y\r\n  :\x20"
        ),
        (
            (b"\0\0\0\0HTTP/1.1 200 OK\r\n", b"A: b\r\n", b"\r\n"),
            (b"\0\0\0\0HTTP/1.1 200 OK\r\nA: ", b"b", b"\r\n\r\n"),
            (b"\0\0\0\0", b"HTTP/1.1 100 C\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"),
            (b"\0\0\0\0HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n", b"0\r\n\r\n"),
            (b"\0\0\0\0HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1", b";a=b", b"\r\na\r\n0\r\n\r\n"),
        ),
    ),
    Target(
        "http-request", http_request, words(r"GET\x00  POST\x00  /\x00  Host\x00a.test\x00  \r\n  Content-Length\x00")
    ),
    Target(
        "http-body",
        http_body,
        words(
            r"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03  x\x9c  "
            r"\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00"
        ),
        ((b"", b"a", b""), (b"", gzip.compress(b"", mtime=0), b"")),
        longest=16_384,
    ),
    Target(
        "redirect",
        redirect,
        words(
            r"\x00\x00\x00\x00\x00\x00\x00\x00  http://  https://a.test:8443  //  @  [::1]  localhost  "
            r"127.0.0.1  \\  %  ..  xn--  \xe3\x80\x82  :99999  javascript:  \xc2\xad  #  ?"
        ),
        (
            (b"\0" * 8, b"a", b""),
            (b"\0" * 8, b"../", b""),
            (b"\0" * 8, b"./", b""),
            (b"\0" * 8 + b"//", b"a.", b"/"),
            (b"\0" * 8 + b"//", b"\xc3\xa9", b"/"),
            (b"\0" * 8, b"%", b""),
            (b"\0" * 8, b"@", b""),
        ),
    ),
    Target(
        "page",
        page,
        words(
            r"text/html; charset=  utf-16  \x00  <meta charset=  <script>  </script  <!--  -->  &#  "
            r"&eacute;  01 23 45 67 89  +33 (0)1  href=tel:  &#x  "
            r"1111111111111111111111111111111111111111  \xc2\xad  \xe2\x80\x99  <style  >"
        ),
        (
            (b"\0", b"<", b""),
            (b"\0", b"<!--", b""),
            (b"\0", b"<script", b""),
            (b"\0", b"&#1", b""),
            (b"\0&#", b"1", b""),
            (b"\0&#", b"0", b"65"),
            (b"\0&#x", b"f", b""),
            (b"\0", b"&a", b""),
            (b"\0", b"01", b""),
            (b"\0", b"0 1 2 3 ", b""),
            (b"\0", b"+33 ", b""),
            (b"\0", b"href=tel:", b""),
            (b"\0", b"a\xcc\x81", b""),
            (b"\0a", b"\xcc\x81\xcc\x96", b""),
            (b"\0", b"<meta ", b""),
            (b"\0<meta", b" charset", b""),
            (b"charset", b" ", b"\0x"),
        ),
    ),
    Target(
        "proxy-answer",
        proxy_answer,
        words(
            r"\x00\x00\x01\x97  \x00\x00\x01\x93  ERR_ACCESS_DENIED 0  ; error=dns_error  \x00  denied  "
            r"blocked  captcha"
        ),
        ((b"\0\0\x01\x93a\0", b";error", b"\0\0\0"), (b"\0\0\x01\x93\0\0\0\0\0", b"captch", b"")),
    ),
    Target(
        "json-answer",
        json_answer,
        words(
            r"{\x22  \x22:  [  ]  }  null  true  \x22text\x22  \x22results\x22  1e999  "
            r"999999999999999999999999999999  \\ud800  ,  text\x00  results.*.text\x00  *\x00  0.1\x00"
        ),
        ((b"*\0", b"[", b""), (b"*.*.*.*\0[", b"[1],", b"1]"), (b"a\0", b"9", b""), (b'*\0"', b"\\u0041", b'"')),
    ),
    Target(
        "transcript",
        transcript,
        words(
            r"{\x22  \x22:  [  ]  }  null  true  \x22text\x22  \x22results\x22  1e999  "
            r"999999999999999999999999999999  \\ud800  ,  \x22error\x22  exhausted  \x22final\x22"
        ),
        ((b'{"error":', b"[", b"]" * 900 + b"}"),),
    ),
    Target(
        "promql-answer",
        promql_answer,
        words(
            r"{\x22  \x22:  [  ]  }  null  true  \x22text\x22  \x22results\x22  1e999  "
            r"999999999999999999999999999999  \\ud800  ,  "
            r"{\x22status\x22:\x22success\x22,\x22data\x22:{\x22resultType\x22:\x22vector\x22,\x22result\x22:[  "
            r"{\x22metric\x22:{\x22a\x22:\x22b\x22},\x22value\x22:[1,\x222\x22]}  \x22scalar\x22  "
            r"\x22warnings\x22:[\x22  ]}}  \x22NaN\x22  \x22+Inf\x22  \x22error\x22"
        ),
        ((b'{"status":"error","errorType":"', b"a", b'"}'),),
    ),
    Target(
        "websocket",
        websocket,
        words(
            r"\x00\x00\x00\x01  \x81\x03abc  \x01\x01a  \x80\x01b  \x89\x00  \x88\x02\x03\xe8  "
            r"\x82~\x00\x80  \x82\x7f  \xff  HTTP/1.1 101 S\r\n  HTTP/1.1 403 F\r\n\r\n  "
            r"Upgrade: websocket\r\n"
        ),
        ((b"\0\0\0\1", b"\x89\0", b""), (b"\0\0\0\1\x01\0", b"\0\0", b""), (b"\0\0\0\1", b"\x81\0", b"")),
        longest=20_000,
    ),
)
