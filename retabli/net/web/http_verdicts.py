"""The verdicts on a web site's answer that every kind over HTTP shares: whose refusal it is, what its page lacks."""

from collections.abc import Iterable

from retabli.model import causes
from retabli.model.causes import Cause
from retabli.model.ladder import Fall
from retabli.model.settings import Proxy
from retabli.net.own_threads import in_thread
from retabli.net.web.bot_wall import bot_wall
from retabli.net.web.http import Fetched
from retabli.net.web.http_causes import (
    AUTH_REQUIRED,
    BOT_WALL,
    HTTP_CLIENT_ERROR,
    HTTP_SERVER_ERROR,
    RATE_LIMITED,
    TEXT_MISSING,
    UNAVAILABLE,
    UNEXPECTED_STATUS,
)
from retabli.net.web.http_settings import PageExpect
from retabli.net.web.page_text import holds, text_of
from retabli.net.web.proxy_causes import PROXY_DENIED, denied_by_status_alone

LARGE = 65_536  # bytes of a page that is looked through beside the loop rather than in it


def judge_answer(fetched: Fetched, expect: PageExpect, *, proxy: Proxy | None, authorised: bool) -> None:
    """Whether this is an answer of the wanted status; else, whose refusal it is.

    `authorised`: the request presented credentials. A proxy's own answers have fallen before this.

    Raises:
        Fall: `bot_wall`, `proxy_denied`, `redirected_away`, `too_many_redirects`, `auth_refused`, `auth_required`,
            `rate_limited`, `unavailable`, `http_client_error`, `http_server_error`, `unexpected_status`.
    """
    status, head = fetched.status, fetched.head
    if expect.wants(status):
        return
    if (wall := bot_wall(status, head.fields, fetched.body, refused=True)) is not None:
        raise Fall(BOT_WALL, f"{status}; {wall}")
    if proxy is not None and not fetched.tunnelled and (denied := denied_by_status_alone(proxy, head)) is not None:
        raise Fall(PROXY_DENIED, denied)
    if fetched.stopped is not None:
        raise Fall(*fetched.stopped)
    where = f" at {fetched.url}" if fetched.redirects else ""
    wait = fetched.headers.get("retry-after")
    until = f"; Retry-After: {wait}" if wait else ""
    raise Fall(_cause_of_status(fetched, authorised=authorised), f"{status} {head.reason}{where}{until}")


def _cause_of_status(fetched: Fetched, *, authorised: bool) -> Cause:
    status = fetched.status
    if status == 401:
        return causes.AUTH_REFUSED if authorised else AUTH_REQUIRED
    if status == 429:
        return RATE_LIMITED
    if status == 503 and "retry-after" in fetched.headers:
        return UNAVAILABLE
    if 400 <= status < 500:
        return HTTP_CLIENT_ERROR
    return HTTP_SERVER_ERROR if status >= 500 else UNEXPECTED_STATUS


async def page_of(fetched: Fetched) -> str:
    """The page as text."""
    content_type = fetched.headers.get("content-type", "")
    if len(fetched.body) <= LARGE:
        return text_of(fetched.body, content_type)
    return await in_thread(text_of, fetched.body, content_type)


async def missing_from(page: str, texts: Iterable[str]) -> list[str]:
    """Those of the texts that are not on the page."""

    def look() -> list[str]:
        return [text for text in texts if not holds(page, text)]

    return look() if len(page) <= LARGE else await in_thread(look)


async def judge_texts(fetched: Fetched, page: str, expect: PageExpect) -> None:
    """Whether every expected text is on the page.

    Raises:
        Fall: `text_missing`; or `bot_wall` when the page that came instead is one.
    """
    missing = await missing_from(page, expect.text)
    if not missing:
        return
    if (wall := bot_wall(fetched.status, fetched.head.fields, fetched.body, refused=False)) is not None:
        raise Fall(BOT_WALL, f"{fetched.status}; {wall}")
    raise Fall(TEXT_MISSING, f'"{missing[0]}"{looked_at(fetched)}')


def looked_at(fetched: Fetched) -> str:
    """How much of a page was looked at, when it was not all of it."""
    return f" in the first {len(fetched.body)} bytes" if fetched.cut else ""
