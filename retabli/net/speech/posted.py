"""The recording posted over HTTP, and the text that is answered."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Literal

import httpx

from retabli.model import stages
from retabli.model.ladder import Fall, Ladder
from retabli.net.connection import Connection
from retabli.net.speech.recording import Recording
from retabli.net.speech.speech_causes import AUDIO_REFUSED, NO_TRANSCRIPT, TOKEN, TOKEN_REFUSED
from retabli.net.speech.transcripts import SHOWN, Reading, is_page
from retabli.net.web.bot_wall import bot_wall
from retabli.net.web.http import Ask, Fetched, Fields, fetch
from retabli.net.web.http_causes import BOT_WALL, REDIRECTED_AWAY
from retabli.net.web.http_redirects import REDIRECTS
from retabli.net.web.http_settings import PageExpect
from retabli.net.web.http_verdicts import judge_answer
from retabli.net.web.json_paths import read_json
from retabli.net.web.proxy_causes import denied_by_status_alone

MOST_ANSWER = 262_144  # bytes
AUDIO_REFUSALS = (413, 415)
AUDIO_OR_PAGE = (400, 422)  # the recogniser's own, unless a page says that they are from something in between


def written(
    recording: Recording,
    upload: Literal["raw", "multipart"],
    content_type: str,
    field: str,
    fields: dict[str, str],
) -> tuple[str, bytes]:
    """The request's content type and body: the audio alone, or as the file of a form (RFC 7578)."""
    if upload == "raw":
        return content_type, recording.audio
    form = httpx.Request(
        "POST",
        "http://form.invalid/",
        data=fields,
        files={field: (recording.name, recording.audio, content_type)},
    )
    return form.headers["Content-Type"], form.read()


async def post(
    ladder: Ladder, url: str, ask: Ask, reading: Reading, opened: Callable[[Connection], Awaitable[Fields]]
) -> tuple[Fetched, float]:
    """Climb to the recogniser and post what `ask` holds: the answer, and the seconds from the last byte of audio to
    the end of it. `opened` is awaited before anything is sent, and gives the fields that present us.

    Raises:
        Fall: the causes of each rung.
    """

    def judge(fetched: Fetched) -> None:
        _judge(fetched, ask, reading)

    asked = replace(ask, method="POST", follow="nowhere", most=MOST_ANSWER)
    fetched = await fetch(ladder, url, asked, judge, opened)
    return fetched, ladder.spent(stages.RESPONSE) or 0.0


def _judge(fetched: Fetched, ask: Ask, reading: Reading) -> None:
    """Whose refusal an answer is, if it is one."""
    status = fetched.status
    said = f"{status} {fetched.head.reason}".strip()
    by_proxy = ask.proxy is not None and not fetched.tunnelled and denied_by_status_alone(ask.proxy, fetched.head)
    if not by_proxy:
        refusal = reading.refusal(status, fetched.body.decode("utf-8", "replace"))
        if refusal is not None:
            raise refusal
        own = not is_page(fetched.headers.get("content-type"))
        if status == 403 and reading.presented and own:
            raise Fall(TOKEN_REFUSED, said, rung=TOKEN)
        if status in REDIRECTS:
            raise Fall(REDIRECTED_AWAY, f"{said} to {fetched.headers.get('location')}")
        if status in AUDIO_REFUSALS or (status in AUDIO_OR_PAGE and own):
            raise Fall(AUDIO_REFUSED, f"{said}; {begin_of(fetched.body)}")
    judge_answer(fetched, PageExpect(), proxy=ask.proxy, authorised=reading.presented)


def begin_of(body: bytes) -> str:
    return body[:SHOWN].decode("utf-8", "replace")


def text_of_answer(fetched: Fetched, reading: Reading) -> str | None:
    """The text that was answered; None when there is none.

    Raises:
        Fall: `no_transcript`, `bot_wall`, `recogniser_error`.
    """
    if (wall := bot_wall(fetched.status, fetched.head.fields, fetched.body, refused=False)) is not None:
        raise Fall(BOT_WALL, f"{fetched.status}; {wall}")
    try:
        document = read_json(fetched.body)
    except Fall as fall:
        cut = f" ({MOST_ANSWER} bytes of it)" if fetched.cut else ""
        raise Fall(NO_TRANSCRIPT, fall.detail + cut) from fall
    return reading.text(document)
