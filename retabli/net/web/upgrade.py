"""The upgrade to WebSocket: granted, refused, or swallowed by something in between, which a plain request tells."""

import asyncio
from dataclasses import replace

from retabli.model import causes
from retabli.model.ladder import Fall, Ladder
from retabli.net.web.bot_wall import bot_wall
from retabli.net.web.hosts import RUNGS
from retabli.net.web.http import Ask, Fields, fetch
from retabli.net.web.http_causes import (
    AUTH_REQUIRED,
    BOT_WALL,
    HTTP_CLIENT_ERROR,
    HTTP_SERVER_ERROR,
    RATE_LIMITED,
    REDIRECTED_AWAY,
    UNAVAILABLE,
)
from retabli.net.web.http_messages import field
from retabli.net.web.http_redirects import REDIRECTS
from retabli.net.web.websocket import NotUpgraded, WebSocket
from retabli.net.web.websocket_causes import UPGRADE_BLOCKED

PLAIN_ANSWER = 2.0  # seconds that a plain request has
# What is answered by whoever does not know, or was not handed, the Upgrade field; 426 (RFC 9110, 15.5.22) is the
# plainest. 505: a reverse proxy asked on in HTTP/1.0, as nginx does unless it is told otherwise.
UNAWARE = (400, 403, 426, 501, 505)


async def ask_upgrade(socket: WebSocket, fields: Fields, url: str, ask: Ask, patience: float) -> NotUpgraded | None:
    """Ask for the upgrade; what was answered instead, if it was not granted. `patience` in seconds.

    Where nothing is answered at all, the same address (`url`, http or https) is asked for plainly: if that is
    answered, it is the upgrade that does not get through.

    Raises:
        Fall: `upgrade_blocked`; and as `WebSocket.upgrade`.
        OSError: the connection is gone.
    """
    try:
        async with asyncio.timeout(patience):
            return await socket.upgrade(fields)
    except (TimeoutError, ConnectionResetError, BrokenPipeError) as error:
        said = "no answer" if isinstance(error, TimeoutError) else "the connection is cut"
        if await _answers_plainly(url, ask):
            raise Fall(UPGRADE_BLOCKED, f"{said}, while a plain request is answered") from error
        raise
    except Fall as fall:
        if fall.cause is causes.CLOSED_EARLY and await _answers_plainly(url, ask):
            raise Fall(UPGRADE_BLOCKED, f"{fall.detail}, while a plain request is answered") from fall
        raise


async def fall_of_refusal(answer: NotUpgraded, url: str, ask: Ask) -> Fall:
    """Whose refusal it is. A 5xx is the service's own, unless a plain request is answered well."""
    head = answer.head
    said = f"{head.status} {head.reason}".strip()
    if (wall := bot_wall(head.status, head.fields, answer.page, refused=True)) is not None:
        return Fall(BOT_WALL, f"{said}; {wall}")
    if head.status == 401:
        return Fall(AUTH_REQUIRED, said)
    if head.status == 429:
        return Fall(RATE_LIMITED, said)
    if head.status == 503 and field(head.fields, "Retry-After") is not None:
        return Fall(UNAVAILABLE, said)
    if head.status in UNAWARE or 200 <= head.status < 300:
        return Fall(UPGRADE_BLOCKED, said)
    if head.status in REDIRECTS:
        return Fall(REDIRECTED_AWAY, f"{said} to {field(head.fields, 'Location')}")
    if head.status < 500:
        return Fall(HTTP_CLIENT_ERROR, said)
    if await _answers_plainly(url, ask):
        return Fall(UPGRADE_BLOCKED, f"{said}, while a plain request is answered")
    return Fall(HTTP_SERVER_ERROR, said)


async def _answers_plainly(url: str, ask: Ask) -> bool:
    """Whether the address is answered, and not by a 5xx, when no upgrade is asked for."""
    try:
        async with asyncio.timeout(PLAIN_ANSWER):
            fetched = await fetch(Ladder(RUNGS), url, replace(ask, headers=(), follow="nowhere"))
    except (TimeoutError, Fall, OSError):
        return False
    return fetched.status < 500
