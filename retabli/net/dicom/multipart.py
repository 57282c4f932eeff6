"""One DICOM file as it travels over the web: a part of multipart/related (DICOM PS3.18, 8.6.1.2; RFC 2387)."""

import re
import secrets

BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,70})"|([^";\s]{1,70}))', re.IGNORECASE)  # RFC 2046, 5.1.1


def written(file: bytes) -> tuple[str, bytes]:
    """The Content-Type and the body that carry this one file."""
    boundary = f"retabli-{secrets.token_hex(12)}"
    head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    body = head + file + f"\r\n--{boundary}--\r\n".encode()
    return f'multipart/related; type="application/dicom"; boundary={boundary}', body


def first_part(body: bytes, content_type: str) -> bytes | None:
    """The first part's content; the body itself where it is no multipart; None when its framing is broken."""
    if not content_type.lower().lstrip().startswith("multipart/"):
        return body
    match = BOUNDARY.search(content_type)
    if match is None:
        return None
    delimiter = b"--" + (match[1] or match[2]).encode("latin-1", "replace")
    begin = body.find(delimiter)
    if begin < 0:
        return None
    head_end = body.find(b"\r\n\r\n", begin)
    end = body.find(b"\r\n" + delimiter, head_end) if head_end >= 0 else -1
    return body[head_end + 4 : end] if end >= 0 else None
