"""The hospital's image archive over DICOMweb: it takes what it is given, is searched, and gives it back.

A partner's studies arrive in it for as long as its position lets them. All of it is synthetic and kept in memory.
"""

import asyncio
import fnmatch
import json
import re
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, tzinfo
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from simulator import http

MOST_BODY = 1 << 20
MOST_IMAGES = 64  # kept; the oldest goes
SILENCE = 7200.0  # seconds for which a partner that sends nothing has sent nothing
ROOT = "/dicom-web"
BOUNDARY = b"simulated-archive"
JSON = "application/dicom+json"
IMAGE = re.compile(r"/studies/([0-9.]+)/series/([0-9.]+)/instances/([0-9.]+)(/metadata)?")
INSTANCES = re.compile(r"/studies/([0-9.]+)/instances")
VRS = {
    "00080018": "UI",
    "00080020": "DA",
    "00080030": "TM",
    "00080080": "LO",
    "00100020": "LO",
    "0020000D": "UI",
    "0020000E": "UI",
}
RANGES = {"StudyDate": "00080020", "StudyTime": "00080030"}
KEYWORDS = {"PatientID": "00100020", "InstitutionName": "00080080", "StudyInstanceUID": "0020000D"}

Answer = tuple[int, str, bytes]


@dataclass(frozen=True, slots=True)
class Image:
    """What was stored: the whole file, and by tag what a search needs of it."""

    file: bytes
    values: dict[str, str]


class ImageArchive:
    """`position`: "answers"; "partner_silent" (no study of the partner has arrived for two hours), "full" (nothing is
    stored: A700), "forbidden" (403), "error" (500) or "silent"."""

    def __init__(self, partner: str, zone: tzinfo) -> None:
        self.partner = partner
        self.zone = zone
        self.position = "answers"
        self.images: OrderedDict[str, Image] = OrderedDict()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await http.read_request(reader)
        body = await http.read_body(reader, request, MOST_BODY)
        if self.position == "silent":
            await asyncio.sleep(3600)
        status, kind, content = self._answer(request.method, request.target, body)
        await http.say(writer, status, content, kind)

    def _answer(self, method: str, target: str, body: bytes) -> Answer:
        refused = {"forbidden": 403, "error": 500}.get(self.position)
        if refused is not None:
            return refused, "text/plain", b""
        split = urlsplit(target)
        path = unquote(split.path).removeprefix(ROOT)
        if method == "POST" and path == "/studies":
            return self._store(body)
        if path == "/studies":
            return _found(self._studies(dict(parse_qsl(split.query))))
        if (match := INSTANCES.fullmatch(path)) is not None:
            held = [image.values for image in self.images.values() if image.values["0020000D"] == match[1]]
            return _found(held[:1])
        if (match := IMAGE.fullmatch(path)) is not None and match[3] in self.images:
            image = self.images[match[3]]
            if match[4]:
                return _found([image.values])
            part = b"--" + BOUNDARY + b"\r\nContent-Type: application/dicom\r\n\r\n" + image.file
            kind = f'multipart/related; type="application/dicom"; boundary={BOUNDARY.decode()}'
            return 200, kind, part + b"\r\n--" + BOUNDARY + b"--\r\n"
        return 404, "text/plain", b"no such thing"

    def _store(self, body: bytes) -> Answer:
        from pydicom import dcmread

        delimiter = body[: body.find(b"\r\n")]
        file = body[body.find(b"\r\n\r\n") + 4 : body.rfind(b"\r\n" + delimiter)]
        read = dcmread(BytesIO(file), stop_before_pixels=True)
        values = {tag: str(read[int(tag, 16)].value) for tag in VRS if int(tag, 16) in read}
        uid = values["00080018"]
        outcome: dict[str, Any] = {"00081155": {"vr": "UI", "Value": [uid]}}
        if self.position == "full":
            outcome["00081197"] = {"vr": "US", "Value": [0xA700]}
            return 409, JSON, json.dumps({"00081198": {"vr": "SQ", "Value": [outcome]}}).encode()
        self.images[uid] = Image(file, values)
        while len(self.images) > MOST_IMAGES:
            self.images.popitem(last=False)
        return 200, JSON, json.dumps({"00081199": {"vr": "SQ", "Value": [outcome]}}).encode()

    def _studies(self, query: dict[str, str]) -> list[dict[str, str]]:
        held = {image.values["0020000D"]: image.values for image in self.images.values()}
        wanted = {KEYWORDS.get(name, name): value for name, value in query.items()}
        found = [study for study in (*held.values(), self._newest()) if _matches(study, wanted)]
        return found[: int(query.get("limit", "100"))]

    def _newest(self) -> dict[str, str]:
        """The partner's last study: made just now, or as long ago as it is silent."""
        arrived_at = time.time() - (SILENCE if self.position == "partner_silent" else 0.0)
        made = datetime.fromtimestamp(arrived_at, self.zone)
        return {
            "00080020": made.strftime("%Y%m%d"),
            "00080030": made.strftime("%H%M%S.%f"),
            "00080080": self.partner,
            "00100020": "SIMULATED-PATIENT",
            "0020000D": f"2.25.{int(arrived_at * 1000)}",
        }


def _matches(study: dict[str, str], wanted: dict[str, str]) -> bool:
    for name, tag in RANGES.items():
        first, _, last = wanted.get(name, "-").partition("-")
        if not (first or "0") <= study[tag] <= (last or "9"):
            return False
    return all(fnmatch.fnmatchcase(study.get(tag, ""), value) for tag, value in wanted.items() if tag in VRS)


def _found(held: list[dict[str, str]]) -> Answer:
    if not held:
        return 204, JSON, b""
    as_json = [{tag: {"vr": VRS[tag], "Value": [value]} for tag, value in values.items()} for values in held]
    return 200, JSON, json.dumps(as_json).encode()
