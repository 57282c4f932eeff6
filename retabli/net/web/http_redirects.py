"""Where a redirect may lead: nowhere, to the same host, or anywhere but to this machine (RFC 9110, 15.4)."""

import ipaddress
from dataclasses import dataclass
from typing import Literal

import httpx

from retabli.model import causes
from retabli.model.causes import Cause
from retabli.model.ladder import Fall
from retabli.net.web.http_causes import REDIRECTED_AWAY, TOO_MANY_REDIRECTS

MOST_REDIRECTS = 5
REDIRECTS = (301, 302, 303, 307, 308)
PORTS = {"http": 80, "https": 443}

Follow = Literal["nowhere", "same_host", "anywhere"]


@dataclass(frozen=True, slots=True)
class Onward:
    """The next hop. `same`: it is the same host, and may be sent what was meant for it."""

    url: httpx.URL
    method: str
    same: bool


def onward(
    request: httpx.Request, response: httpx.Response, follow: Follow, redirects: int, first_place: str | None
) -> Onward | tuple[Cause, str] | None:
    """The next hop, or why there is none; None when the answer names no place to go or none is to be gone to.

    `redirects` were followed already; `first_place` is where the first address lies (see `place`).
    """
    location = response.headers.get("location")
    if location is None or follow == "nowhere":
        return None
    try:
        there = request.url.join(location)
        host = there.raw_host.decode("ascii") if there.host else ""  # `host` raises where its xn-- means nothing
    except (httpx.InvalidURL, ValueError):
        return causes.GARBAGE, f"redirects to {location}"
    to = f"{response.status_code} to {there}"
    if there.scheme not in PORTS or not host or there.userinfo:
        return REDIRECTED_AWAY, to
    same = _same_host(request.url, there)
    if not same and (follow != "anywhere" or _names_this_machine(host, first_place)):
        return REDIRECTED_AWAY, to
    if redirects >= MOST_REDIRECTS:
        return TOO_MANY_REDIRECTS, to
    method = _method(request.method, response.status_code)
    if not same and method not in ("GET", "HEAD"):
        return REDIRECTED_AWAY, to
    return Onward(there, method, same)


def _method(method: str, status: int) -> str:
    """RFC 9110, 15.4.2 to 15.4.4: what clients do."""
    if status == 303 and method != "HEAD":
        return "GET"
    return "GET" if status in (301, 302) and method == "POST" else method


def _same_host(here: httpx.URL, there: httpx.URL) -> bool:
    """The same host, and the same scheme and port or a step up to https."""
    if here.raw_host.lower() != there.raw_host.lower():
        return False
    if here.scheme == there.scheme:
        return here.port == there.port
    return here.scheme == "http"


def place(address: str) -> str:
    """Where an address lies, as far as a redirect is concerned: `elsewhere` is the only place for everybody."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    if parsed.is_loopback or parsed.is_unspecified:
        return "this machine"
    return "this link" if parsed.is_link_local else "elsewhere"


def judge_redirected_address(address: str, first_place: str | None) -> None:
    """Whether a redirect may lead to this address, its name resolved; before it is connected to.

    Raises:
        Fall: `redirected_away`, to this machine or link from anywhere but there.
    """
    if place(address) not in ("elsewhere", first_place):
        raise Fall(REDIRECTED_AWAY, f"the redirect leads to {address}, which is {place(address)}")


def _names_this_machine(host: str, first_place: str | None) -> bool:
    """Whether a redirect's host is this machine or link by its very name; other names show when they are resolved."""
    bare = host.strip("[]").rstrip(".").lower()
    if bare == "localhost" or bare.endswith(".localhost"):
        return first_place != "this machine"
    try:
        return place(bare) not in ("elsewhere", first_place)
    except ValueError:
        return False
