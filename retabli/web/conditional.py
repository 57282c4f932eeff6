"""What readers ask for again and again, and keep: it is sent only when it has changed (RFC 9110)."""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import Response

NONE: Mapping[str, str] = MappingProxyType({})
EMBEDDED = {"cross-origin-resource-policy": "cross-origin"}  # a picture that pages of other servers place


def conditional(request: Request, body: bytes, media_type: str, more: Mapping[str, str] = NONE) -> Response:
    """The body with its tag, or 304 to whoever has this very one (RFC 9110, section 13.1.2)."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
    headers = {"etag": tag, "cache-control": "no-cache", **more}
    held = request.headers.get("if-none-match", "")
    if held.strip() == "*" or tag in (each.strip().removeprefix("W/") for each in held.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)
