"""Who a request really comes from, and what a proxy in front of us says of it: believed only of one that is trusted."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from retabli.web.access.policy import IpAddress, Proxy, address_of

# What a proxy adds to a request that it passes on (RFC 7239; RFC 9110, section 7.6.3; and what stood before them).
FORWARDING = ("forwarded", "via", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "client-ip", "true-client-ip")
LONGEST = 128  # characters of a user's name that a proxy gives
GROUPS = 16_384  # … and of the groups


@dataclass(frozen=True, slots=True)
class Peer:
    """`address` is the client's, as far as it can be known; `direct`: somebody on this machine, and no proxy."""

    address: str
    direct: bool
    secure: bool
    trusted: bool


def peer_of(scope: Any, headers: Headers, proxy: Proxy | None) -> Peer:
    client = scope.get("client")
    near = address_of(client[0]) if client else None
    trusted = proxy is not None and proxy.trusts(near)
    loopback = near is not None and near.is_loopback
    secure = scope.get("scheme") == "https"
    if trusted or loopback:  # whoever is on this machine fools nobody but themselves
        said = headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
        secure = secure or said == "https"
    address = near
    if trusted and proxy is not None:
        address = _furthest(headers.getlist("x-forwarded-for"), proxy) or near
    # HTTP/1.0 is what nginx speaks to those behind it, and no browser or tool of today.
    direct = loopback and not trusted and scope.get("http_version") != "1.0" and not is_forwarded(headers)
    return Peer(str(address) if address is not None else "", direct, secure, trusted)


def is_forwarded(headers: Headers) -> bool:
    return any(name in FORWARDING or name.startswith("x-forwarded") for name in headers)


def _furthest(lines: Iterable[str], proxy: Proxy) -> IpAddress | None:
    """The nearest address that is no trusted proxy's: what stands before it anybody may have written."""
    for written in reversed([each for line in lines for each in line.split(",")]):
        found = address_of(written)
        if found is None:
            return None
        if not proxy.trusts(found):
            return found
    return None


@dataclass(frozen=True, slots=True)
class Introduced:
    """Whom a trusted proxy has let through, by its headers."""

    user: str
    role: str
    groups: str


def introduced(headers: Headers, proxy: Proxy, *, trusted: bool) -> Introduced | None:
    """
    Raises:
        HTTPException: 403, somebody else than the proxy says who they are; 400, a header of it stands twice or is none.
    """
    if not proxy.user_header or proxy.user_header not in headers:
        return None
    if not trusted:
        raise HTTPException(403, f"the header {proxy.user_header} is believed of a trusted proxy alone: see web.proxy")
    user, role, groups = (
        _single(headers, name, most)
        for name, most in (
            (proxy.user_header, LONGEST),
            (proxy.role_header, LONGEST),
            (proxy.groups_header, GROUPS),
        )
    )
    if not user:
        return None
    if not user.isprintable() or set(user) & set("()"):
        raise HTTPException(400, f"the header {proxy.user_header} holds no name of a user")
    return Introduced(user, role, groups)


def _single(headers: Headers, name: str, most: int) -> str:
    if not name:
        return ""
    values = list(_values(headers, name))
    if len(values) > 1:
        raise HTTPException(400, f"the header {name} stands there more than once")
    if values and len(values[0]) > most:
        raise HTTPException(400, f"the header {name} is longer than {most} characters")
    return values[0].strip() if values else ""


def _values(headers: Headers, name: str) -> Iterator[str]:
    """Headers are bytes; proxies write UTF-8 into them."""
    for value in headers.getlist(name):
        raw = value.encode("latin-1")
        try:
            yield raw.decode()
        except UnicodeDecodeError:
            yield value
