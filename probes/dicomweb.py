"""An archive over the web (DICOMweb): it is asked, takes a synthetic image, and gives it back."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.ladder import Ladder
from retabli.model.probe import Probe
from retabli.model.settings import ProxyRef, SecretRef, Tls
from retabli.model.stages import Stage
from retabli.net.dicom import dicomweb_causes
from retabli.net.dicom.archive_settings import archive_faults, road, sent_in_clear
from retabli.net.dicom.captured_image import PATIENT_ID, fresh_uids, same_uids
from retabli.net.dicom.dicom_settings import MARK
from retabli.net.dicom.dicomweb import AUTHORISED, GIVEN_BACK, QUERY, STORED, Archive, Visit
from retabli.net.web import http_causes, proxy_causes
from retabli.net.web.http_settings import WebAddress, web_openings

Service = Literal["query", "retrieve", "store"]
NEVER_MET = (http_causes.TEXT_MISSING, http_causes.TLS_INTERCEPTED)  # no text and no issuer is expected here
OFTEN = 300.0  # seconds: more images a day than one every five minutes deserve a word


class Dicomweb(Probe):
    """No patient is asked for: the query names our own mark alone, and what is retrieved is ours, or a test study's
    description.

    An archive may give an image back from its memory: that its disk is full can then not be seen from here.
    """

    LADDER: ClassVar[tuple[Stage, ...]] = (
        stages.RESOLVE,
        stages.CONNECT,
        stages.PROXY,
        stages.TLS,
        stages.REQUEST,
        stages.RESPONSE,
        AUTHORISED,
        QUERY,
        STORED,
        GIVEN_BACK,
    )
    CAUSES: ClassVar[tuple[Cause, ...]] = (
        causes.AUTH_REFUSED,
        *dicomweb_causes.CAUSES,
        *(cause for cause in http_causes.CAUSES if cause not in NEVER_MET),
        *proxy_causes.CAUSES,
    )
    SUMMARY: ClassVar[tuple[str, str]] = (
        "Une archive d'images répond par DICOMweb : recherche, dépôt d'une image d'essai, relecture.",
        "An image archive answers over DICOMweb: query, store of a synthetic image, retrieve.",
    )
    EVERY: ClassVar[str | None] = "1m"

    kind: Literal["dicomweb"]
    url: WebAddress = Field(description="the DICOMweb root, under which /studies lies")
    verify: tuple[Service, ...] = Field(
        default=("query",), strict=False, min_length=1, description="what must work: query, store, retrieve"
    )
    user: str | None = None
    password: SecretRef | None = None
    token: SecretRef | None = Field(default=None, description="a bearer token, instead of user and password")
    tls: Tls = Tls()
    proxy: ProxyRef | None = None
    patient_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = Field(
        default=PATIENT_ID, description=f"of the synthetic images; {MARK} must be in it"
    )
    image: Literal["fresh", "same"] = Field(
        default="fresh",
        description="what is stored: a new image each time, or the same one over and over, of which an old copy may "
        "come back",
    )
    study: Annotated[str, StringConstraints(pattern=r"^[0-9.]{1,64}$")] | None = Field(
        default=None, description="the UID of a test study to retrieve from, where nothing is stored"
    )

    def climbs(self) -> tuple[Stage, ...]:
        left_out = {
            QUERY: "query" not in self.verify,
            STORED: "store" not in self.verify,
            GIVEN_BACK: "retrieve" not in self.verify,
        }
        return road(self.url, self.proxy, tuple(stage for stage in self.LADDER if not left_out.get(stage)))

    def openings(self) -> Iterator[tuple[str, int, str]]:
        yield from web_openings((self.url,), self.proxy)

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        yield from archive_faults(self.url, self.tls, self.user, self.password, self.token)
        if MARK not in self.patient_id:
            yield f"patient_id must hold {MARK}: no image may be taken for a patient's"
        if "retrieve" in self.verify and "store" not in self.verify and "query" not in self.verify and not self.study:
            yield "nothing to retrieve: verify store or query as well, or name a test study (study)"
        if self.study is not None and ("retrieve" not in self.verify or "store" in self.verify):
            yield "study is retrieved from only where verify has retrieve, and not store"

    def warnings(self) -> Iterator[str]:
        yield from super().warnings()
        yield from sent_in_clear(self.url, self.user, self.token)
        if "store" in self.verify and "retrieve" not in self.verify:
            yield "some archives say that they stored an image and did not: verify retrieve as well"
        if {"store", "retrieve"} <= {*self.verify} and self.image == "same":
            yield "image: same: an earlier run's copy may come back; an archive that loses what it takes is not seen"
        if "store" in self.verify and self.image == "fresh" and self.every < OFTEN:
            yield f"{86_400 / self.every:.0f} images a day stay in the archive: every: 5m, or image: same, leaves fewer"

    async def run(self, ladder: Ladder) -> None:
        archive = Archive(
            self.url.rstrip("/"), self.user, self.password, self.token, self.tls, self.proxy, self.resolver
        )
        visit = Visit(ladder, archive)
        study = self.study
        if "query" in self.verify:
            ours = await visit.find_ours(self.patient_id)
            study = study or ours
        if "store" in self.verify:
            same = self.image == "same"
            uids = same_uids(self.patient_id) if same else fresh_uids(self.patient_id, ladder.wall())
            await visit.store(uids, self.patient_id, again=same)
            if "retrieve" in self.verify:
                await visit.retrieve(uids)
        elif "retrieve" in self.verify:
            await visit.retrieve_of(study)
