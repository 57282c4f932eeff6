"""An archive over the web (DICOMweb, DICOM PS3.18): it is asked, is given a synthetic image, and gives it back."""

import asyncio
import base64
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.ladder import Fall, Ladder
from retabli.model.settings import Proxy, Resolver, Secret, Tls
from retabli.model.stages import Stage, stage
from retabli.net.dicom import multipart
from retabli.net.dicom.captured_image import is_ours, synthetic_image, what_differs
from retabli.net.dicom.dicom_causes import IMAGE_ALTERED, OUT_OF_RESOURCES
from retabli.net.dicom.dicom_json import PATIENT_ID, SERIES, SOP_INSTANCE, STUDY, Dataset, datasets_in, text_of
from retabli.net.dicom.dicomweb_causes import (
    DICOMWEB_ABSENT,
    DICOMWEB_FORBIDDEN,
    IMAGE_MISSING,
    NOT_DICOM_JSON,
    NOTHING_OF_OURS,
    STOW_ABSENT,
    STOW_REFUSED,
    STOW_UNSUPPORTED,
    WRONG_STUDIES,
)
from retabli.net.dicom.marked_image import Uids
from retabli.net.dicom.stow import judge_stored
from retabli.net.own_threads import in_thread
from retabli.net.web.http import Ask, Fetched, fetch
from retabli.net.web.http_causes import HTTP_CLIENT_ERROR, HTTP_SERVER_ERROR
from retabli.net.web.http_settings import PageExpect, check_field_value
from retabli.net.web.http_verdicts import judge_answer

AUTHORISED = stage("authorised", fr="accès autorisé", en="access granted")
QUERY = stage("query", fr="recherche (QIDO-RS)", en="query (QIDO-RS)")
STORED = stage("stored", fr="image déposée (STOW-RS)", en="image stored (STOW-RS)")
GIVEN_BACK = stage("given_back", fr="image rendue (WADO-RS)", en="image given back (WADO-RS)")

ROAD = (stages.RESOLVE, stages.CONNECT, stages.PROXY, stages.TLS, stages.REQUEST, stages.RESPONSE)
JSON = "application/dicom+json"
IMAGE = 'multipart/related; type="application/dicom"'
MOST = 1_048_576  # bytes of an answer
UID = re.compile(r"[0-9.]{1,64}")  # PS3.5, 9.1
TRIES = 3  # at retrieving what was stored a moment ago: some archives take images in beside the answer
PAUSE = 1.0  # seconds between them

QUERY_STATUSES: Mapping[int, Cause] = {403: DICOMWEB_FORBIDDEN, 404: DICOMWEB_ABSENT, 501: DICOMWEB_ABSENT}
STORE_STATUSES: Mapping[int, Cause] = {
    403: DICOMWEB_FORBIDDEN,
    404: STOW_ABSENT,
    405: STOW_ABSENT,
    413: STOW_REFUSED,
    415: STOW_UNSUPPORTED,
    501: STOW_ABSENT,
    507: OUT_OF_RESOURCES,
}
RETRIEVE_STATUSES: Mapping[int, Cause] = {403: DICOMWEB_FORBIDDEN, 404: IMAGE_MISSING, 410: IMAGE_MISSING}

Judge = Callable[[Fetched], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Archive:
    """Where the service is, who we are there, and how it is reached. `root` has no slash at its end."""

    root: str
    user: str | None = None
    password: Secret | None = None
    token: Secret | None = None
    tls: Tls = field(default_factory=Tls)
    proxy: Proxy | None = None
    resolver: Resolver | None = None

    @property
    def authorised(self) -> bool:
        return self.user is not None or self.token is not None

    def address(self, path: str, **query: str) -> str:
        asked = f"?{urlencode(query, safe='*?')}" if query else ""
        return f"{self.root}/{path}{asked}"

    def ask(self, accept: str) -> Ask:
        """A GET of that media type.

        Raises:
            Fall: `secret_unreadable`.
        """
        headers = [("Accept", accept)]
        if self.token is not None:
            headers.append(("Authorization", f"Bearer {_token(self.token)}"))
        elif self.user is not None:
            password = self.password.text() if self.password is not None else ""
            presented = base64.b64encode(f"{self.user}:{password}".encode()).decode("ascii")
            headers.append(("Authorization", f"Basic {presented}"))
        return Ask(headers=tuple(headers), tls=self.tls, proxy=self.proxy, resolver=self.resolver, most=MOST)


def _token(secret: Secret) -> str:
    try:
        return check_field_value(secret.text())
    except ValueError:
        raise Fall(causes.SECRET_UNREADABLE, f"{secret.place} holds what no header can") from None


class Visit:
    """One climb at an archive. Its first request climbs the road; each further one is whole within its own rung."""

    def __init__(self, ladder: Ladder, archive: Archive) -> None:
        self.ladder = ladder
        self.archive = archive
        self._aside = Ladder(ROAD)
        self._arrived = False
        self._awaiting = False

    # The three services ---------------------------------------------------------------------------------------------

    async def query(self, path: str, **query: str) -> "Found":
        """What a search finds (QIDO-RS, PS3.18, 10.6). Climbs QUERY."""
        found: list[Found] = []

        async def judge(fetched: Fetched) -> None:
            self._judge_status(fetched, ("200", "204"), QUERY_STATUSES)
            warning = fetched.headers.get("warning", "").lower()
            found.append(Found(await _datasets_of(fetched), "299" in warning and "additional" in warning))

        await self._request(QUERY, self.archive.address(path, **query), self.archive.ask(JSON), judge)
        return found[0]

    async def find_ours(self, patient_id: str) -> str | None:
        """Search for our own images alone, so that no patient is in the answer. A study's UID, if there is one.

        Climbs QUERY.

        Raises:
            Fall: `wrong_studies` when others are in it all the same, and what any query raises.
        """
        ours: list[str] = []

        async def judge(fetched: Fetched) -> None:
            self._judge_status(fetched, ("200", "204"), QUERY_STATUSES)
            for dataset in await _datasets_of(fetched):
                if text_of(dataset, PATIENT_ID) != patient_id:
                    raise Fall(WRONG_STUDIES, f"PatientID={patient_id} was asked for")
                study = text_of(dataset, STUDY)
                if study is None:
                    raise Fall(NOT_DICOM_JSON, "a study without its UID")
                if is_ours(study):
                    ours.append(study)

        address = self.archive.address("studies", PatientID=patient_id, limit="10")
        await self._request(QUERY, address, self.archive.ask(JSON), judge)
        return ours[0] if ours else None

    async def store(self, uids: Uids, patient_id: str, *, again: bool) -> None:
        """Give it a synthetic image (STOW-RS, PS3.18, 10.5). Climbs STORED. `again`: it may well have it already."""
        with self.ladder.ahead_of(STORED):
            image = await in_thread(synthetic_image, uids, patient_id=patient_id)  # the first imports pydicom
        content_type, body = multipart.written(image)
        asked = self.archive.ask(JSON)
        headers = (*asked.headers, ("Content-Type", content_type))
        ask = replace(asked, method="POST", headers=headers, body=body, follow="nowhere")

        async def judge(fetched: Fetched) -> None:
            if fetched.status in (200, 202, 400, 409):
                judge_stored(self.ladder, fetched, uids, again=again)
            else:
                self._judge_status(fetched, ("200",), STORE_STATUSES)

        await self._request(STORED, self.archive.address("studies"), ask, judge)

    async def retrieve(self, uids: Uids) -> None:
        """Have our image back and compare it (WADO-RS, PS3.18, 10.4). Climbs GIVEN_BACK."""
        address = self.archive.address(f"studies/{uids.study}/series/{uids.series}/instances/{uids.instance}")

        async def judge(fetched: Fetched) -> None:
            self._judge_status(fetched, ("200",), RETRIEVE_STATUSES)
            file = multipart.first_part(fetched.body, fetched.headers.get("content-type", ""))
            if fetched.cut or file is None:
                raise Fall(IMAGE_ALTERED, "larger than it was" if fetched.cut else "broken multipart/related")
            if (differs := what_differs(file, uids)) is not None:
                raise Fall(IMAGE_ALTERED, differs)

        await self._request(GIVEN_BACK, address, self.archive.ask(IMAGE), judge, tries=TRIES)

    async def retrieve_of(self, study: str | None) -> None:
        """Have something of a stored study back: an image of ours whole, of another study only what describes one.

        Climbs GIVEN_BACK.

        Raises:
            Fall: `nothing_of_ours` without a study, and what `retrieve` raises.
        """
        if study is None:
            with self.ladder.rung(GIVEN_BACK):
                raise Fall(NOTHING_OF_OURS)
        found: list[Uids] = []

        async def judge(fetched: Fetched) -> None:
            self._judge_status(fetched, ("200", "204"), RETRIEVE_STATUSES)
            for dataset in await _datasets_of(fetched):
                series, instance = text_of(dataset, SERIES), text_of(dataset, SOP_INSTANCE)
                if _is_uid(series) and _is_uid(instance):
                    found.append(Uids(study, series or "", instance or ""))
            if not found:
                raise Fall(IMAGE_MISSING, f"no instance in study {study}")

        address = self.archive.address(f"studies/{study}/instances", limit="1", includefield=SERIES)
        await self._request(GIVEN_BACK, address, self.archive.ask(JSON), judge)
        if is_ours(found[0].instance):
            await self.retrieve(found[0])
        else:
            await self._retrieve_metadata(found[0])

    async def _retrieve_metadata(self, uids: Uids) -> None:
        path = f"studies/{uids.study}/series/{uids.series}/instances/{uids.instance}/metadata"

        async def judge(fetched: Fetched) -> None:
            self._judge_status(fetched, ("200",), RETRIEVE_STATUSES)
            held = [text_of(dataset, SOP_INSTANCE) for dataset in await _datasets_of(fetched)]
            if held != [uids.instance]:
                raise Fall(IMAGE_ALTERED, f"the metadata of {len(held)} instances, and not of the one asked for")

        await self._request(GIVEN_BACK, self.archive.address(path), self.archive.ask(JSON), judge)

    # Requests -------------------------------------------------------------------------------------------------------

    async def _request(self, rung: Stage, address: str, ask: Ask, judge: Judge, *, tries: int = 1) -> None:
        ladder = self.ladder
        if not self._arrived:
            fetched = await fetch(ladder, address, ask)
            self._arrived = True
            with ladder.rung(AUTHORISED):
                self._judge_access(fetched)
            with ladder.rung(rung):
                await judge(fetched)
            return
        with ladder.told_as(self._as_it_fell), ladder.rung(rung):
            for left in reversed(range(tries)):
                fetched = await fetch(self._aside, address, ask)
                if fetched.status != 404 or not left:
                    break
                self._awaiting = True
                await asyncio.sleep(PAUSE)
                self._awaiting = False
            await judge(fetched)

    def _as_it_fell(self, found: Cause, detail: str) -> tuple[Cause, str]:
        """What fell on the way of a further request is told as it would have been on the first one's."""
        if self._awaiting:  # the deadline, while it says that it does not have the image
            return IMAGE_MISSING, "404 until the end"
        fallen = self._aside.fallen
        return (found, detail) if fallen is None or fallen.cause is None else (fallen.cause, fallen.detail)

    def _judge_access(self, fetched: Fetched) -> None:
        """Whether we may ask at all; every other status is for the service's own rung to judge.

        Raises:
            Fall: `auth_refused`, `auth_required`, `dicomweb_forbidden`, or whose refusal a 403 is otherwise.
        """
        if fetched.status in (401, 403):
            self._judge_status(fetched, ("200",), QUERY_STATUSES)

    def _judge_status(self, fetched: Fetched, wanted: Sequence[str], meaning: Mapping[int, Cause]) -> None:
        try:
            judge_answer(
                fetched,
                PageExpect(status=tuple(wanted)),
                proxy=self.archive.proxy,
                authorised=self.archive.authorised,
            )
        except Fall as fall:
            known = meaning.get(fetched.status)
            if known is None or fall.cause not in (HTTP_CLIENT_ERROR, HTTP_SERVER_ERROR):
                raise
            raise Fall(known, fall.detail) from None


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found. `more`: the archive says that it has more than it gave (PS3.18, 8.3.4.4)."""

    datasets: list[Dataset]
    more: bool


async def _datasets_of(fetched: Fetched) -> list[Dataset]:
    if fetched.cut:
        raise Fall(causes.TOO_LONG, f"more than {MOST} bytes")
    return await datasets_in(fetched.body, fetched.headers.get("content-type", ""))


def _is_uid(text: str | None) -> bool:
    return text is not None and UID.fullmatch(text) is not None
