"""Answers that several addresses give: JSON in one line, and what is long piece by piece."""

import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from retabli.web.guard import gzipped, takes_gzip


def answer(value: Any, status: int = 200) -> Response:
    said = json.dumps(value, ensure_ascii=False) + "\n"
    # Half a character, which a damaged row may hold, is written as JSON writes it.
    return Response(said.encode(errors="backslashreplace"), status, media_type="application/json")


def streamed(request: Request, pieces: AsyncIterator[bytes], media_type: str, *, level: int = 1) -> Response:
    """A long answer, piece by piece, compressed for those who take it; `level` is zlib's."""
    headers = {"vary": "Accept, Accept-Encoding"}
    if takes_gzip(request.headers.get("accept-encoding", "")):
        headers["content-encoding"] = "gzip"
        pieces = gzipped(pieces, level)
    return StreamingResponse(pieces, media_type=media_type, headers=headers)
