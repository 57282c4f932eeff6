"""A DICOM partner: reached, associated with, and taken as far as agreed: echo, storage, search, retrieval."""

import asyncio
import secrets
from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.hosts import Host
from retabli.model.ladder import Fall, Ladder
from retabli.model.probe import Probe
from retabli.model.settings import Duration, Port, Tls, format_duration, split_host_port
from retabli.model.stages import Stage, stage
from retabli.net.dicom import dicom_causes, services, statuses
from retabli.net.dicom.association import ASSOCIATION, CONTEXT, Association, Partner, associate
from retabli.net.dicom.ct_image import CT, SyntheticImage, synthetic_image
from retabli.net.dicom.dicom_settings import MARK, AeTitle, Listen, Marked, Modality
from retabli.net.dicom.find import matches
from retabli.net.dicom.retrieval import Retrieval
from retabli.net.dicom.syntaxes import STORAGE, STUDY_ROOT_FIND, STUDY_ROOT_MOVE, UNCOMPRESSED, VERIFICATION

ECHO = stage("c_echo", fr="C-ECHO", en="C-ECHO")
NEGOTIATE = stage("negotiate", fr="types d'images négociés", en="kinds of images negotiated")
STORE = stage("store", fr="image envoyée (C-STORE)", en="image sent (C-STORE)")
FOUND = stage("found", fr="image retrouvée (C-FIND)", en="image found (C-FIND)")
RETRIEVED = stage("retrieved", fr="image récupérée (C-MOVE)", en="image retrieved (C-MOVE)")

Step = Literal["echo", "negotiate", "store", "find", "move"]
# The rungs that each step climbs; whoever stores has negotiated.
RUNGS: Mapping[str, tuple[Stage, ...]] = {
    "echo": (ECHO,),
    "negotiate": (NEGOTIATE,),
    "store": (NEGOTIATE, STORE),
    "find": (FOUND,),
    "move": (RETRIEVED,),
}

OFTEN = 300.0  # seconds: more images a day than one every five minutes deserve a word
OTHERS = 8  # answers to the question for one image: an archive that gives more does not heed the question
LOOK_AGAIN = 0.25  # seconds between two searches for an image that an archive may still be filing
PORT_SHARE = 0.3  # of the deadline, for which we wait for a receiver's port that another probe has


class Dicom(Probe):
    """One association in which everything is asked. An answered C-ECHO proves neither storage nor retrieval.

    The image that is sent is synthetic and marked, and a new one in each run: what is found and comes back is then what
    was stored now, and not a copy of yesterday's. All of a day are in one study.
    """

    LADDER: ClassVar[tuple[Stage, ...]] = (
        stages.RESOLVE,
        stages.CONNECT,
        stages.TLS,
        ASSOCIATION,
        CONTEXT,
        ECHO,
        NEGOTIATE,
        STORE,
        FOUND,
        RETRIEVED,
    )
    CAUSES: ClassVar[tuple[Cause, ...]] = (
        *dicom_causes.ASSOCIATING,
        *dicom_causes.ANSWERING,
        *dicom_causes.STORING,
    )
    SUMMARY: ClassVar[tuple[str, str]] = (
        "Un partenaire DICOM répond et, si on le demande, prend, retrouve et renvoie une image de synthèse.",
        "A DICOM partner answers and, where asked, takes, finds and sends back a synthetic image.",
    )

    kind: Literal["dicom"]
    host: Host
    port: Port = Field(default=104, description="104, or 11112 (IANA's both)")
    calling_ae: AeTitle = Field(default="RETABLI", description="our AE title, as the partner must know it")
    called_ae: AeTitle = Field(description="the partner's AE title")
    tls: Tls = Tls(mode="none")
    verify: Annotated[tuple[Step, ...], Field(strict=False, min_length=1)] = Field(
        default=("echo",),
        description="echo; negotiate: the partner takes `modalities`, nothing is sent; store: a synthetic CT image is "
        "sent; find: it is found there; move: it is sent back to us",
    )
    modalities: Annotated[tuple[Modality, ...], Field(strict=False, min_length=1)] = Field(
        default=("CT",), description="kinds of images that the partner must take from us"
    )
    patient_id: Marked = Field(default=f"{MARK}-TEST", description=f"of the synthetic patient; must contain {MARK}")
    patient_name: Marked = Field(default=f"{MARK}^TEST", description=f"of the synthetic patient; must contain {MARK}")
    image: Literal["fresh", "same"] = Field(
        default="fresh", description="what is sent: a new image each time, or the same one over and over"
    )
    renew: Duration = Field(
        default=86_400.0, description="how long the images are of the same study, or the same image, before a new one"
    )
    found_within: Duration = Field(default=3.0, description="how long the archive may take to file the image")
    move_to: AeTitle | None = Field(default=None, description="our AE title as a destination that the partner knows")
    move_from: AeTitle | None = Field(
        default=None, description="the AE title by which the partner brings it, where that is not called_ae"
    )
    receive: Listen | None = Field(
        default=None, description="address:port on which we await the image (in clear); the partner must reach it"
    )

    def climbs(self) -> tuple[Stage, ...]:
        asked = {rung for step in self.verify for rung in RUNGS[step]}
        climbed = asked | {stages.RESOLVE, stages.CONNECT, ASSOCIATION, CONTEXT}
        if self.tls.mode == "implicit":
            climbed.add(stages.TLS)
        return tuple(rung for rung in self.LADDER if rung in climbed)

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        if self.tls.mode == "starttls":
            yield "tls.mode starttls means nothing here: DICOM speaks TLS from the first byte (implicit) or not at all"
        for step in ("find", "move"):
            if step in self.verify and "store" not in self.verify:
                yield f"verify: {step} is for the image that store sends: add store"
        if "store" in self.verify and "CT" not in self.modalities:
            yield "verify: store sends a CT image: add CT to modalities"
        if "move" in self.verify and (self.move_to is None or self.receive is None):
            yield "verify: move needs move_to (our AE title as the partner knows it) and receive (where we listen)"
        if "find" in self.verify and self.found_within >= self.timeout:
            yield f"found_within ({self.found_within:g}s) is no shorter than timeout ({self.timeout:g}s)"
        if self.renew <= 0:
            yield "renew must be longer than nothing"

    def warnings(self) -> Iterator[str]:
        yield from super().warnings()
        if "store" not in self.verify:
            return
        fresh = self.image == "fresh"
        if fresh and self.every < OFTEN:
            yield f"{86_400 / self.every:.0f} images a day stay in the archive: every: 5m, or image: same, leaves fewer"
        if self.renew < 3600:
            yield f"renew: a new {'study' if fresh else 'image'} every {self.renew:g}s fills the partner's archive"
        if not fresh and {"find", "move"} & {*self.verify}:
            yield (
                "image: same: what is found may be an earlier run's copy; an archive that loses what it takes shows "
                f"after {format_duration(self.renew)} (renew) at worst"
            )

    def openings(self) -> Iterator[tuple[str, int, str]]:
        yield self.host, self.port, "tcp"

    async def run(self, ladder: Ladder) -> None:
        if "store" in self.verify:
            with ladder.ahead_of(STORE):
                await services.load()
        partner = Partner(self.host, self.port, self.calling_ae, self.called_ae, self.tls, self.resolver)
        async with await associate(ladder, partner, self._services()) as association:
            with ladder.rung(CONTEXT):
                self._judge_contexts(association)
            if "echo" in self.verify:
                with ladder.told_as(services.silent_service), ladder.rung(ECHO):
                    await services.echo(association)
            if NEGOTIATE in self.climbs():
                with ladder.rung(NEGOTIATE):
                    self._judge_images(association)
            if "store" in self.verify:
                await self._round(ladder, association)

    def _services(self) -> dict[str, tuple[str, ...]]:
        wanted = [VERIFICATION] if "echo" in self.verify else []
        if NEGOTIATE in self.climbs():
            wanted += [STORAGE[modality] for modality in self.modalities]
        wanted += [STUDY_ROOT_FIND] if "find" in self.verify else []
        wanted += [STUDY_ROOT_MOVE] if "move" in self.verify else []
        return dict.fromkeys(wanted, UNCOMPRESSED)

    def _judge_contexts(self, association: Association) -> None:
        """The echo's context must be granted; without an echo, any: the others are judged on their own rungs."""
        if "echo" in self.verify:
            association.granted(VERIFICATION)
        elif not association.grants_any():
            association.granted(next(iter(self._services())))

    def _judge_images(self, association: Association) -> None:
        """Every kind of image must be taken; all that are not are named."""
        refused: list[Fall] = []
        for modality in self.modalities:
            try:
                association.granted(STORAGE[modality])
            except Fall as fall:
                refused.append(fall)
        if refused:
            raise Fall(refused[0].cause, ", ".join(fall.detail for fall in refused))

    async def _round(self, ladder: Ladder, association: Association) -> None:
        """The image's way: there, found there, and back."""
        between = (self.host, self.port, self.calling_ae, self.called_ae)
        only = "" if self.image == "same" else secrets.token_hex(16)
        image = synthetic_image(self.patient_id, self.patient_name, ladder.wall(), self.renew, *between, only=only)
        with ladder.told_as(services.silent_service), ladder.rung(STORE):
            data = image.encoded(association.granted(CT).transfer)
            stored = await services.store(association, CT, image.uids.instance, data)
        ladder.describe("store_status", stored.told)
        if stored.warned and stored.status != statuses.COERCED:
            ladder.impair(dicom_causes.STORED_WITH_WARNING, stored.told)
        if "find" in self.verify:
            await self._find(ladder, association, image)
        if "move" in self.verify:
            retrieval = self._retrieval()
            with ladder.told_as(retrieval.late), ladder.rung(RETRIEVED):
                await retrieval.run(association, image)

    async def _find(self, ladder: Ladder, association: Association, image: SyntheticImage) -> None:
        """Search until it is found, for an archive may still be filing it."""
        missed: list[str] = []

        def late(cause: Cause, detail: str) -> tuple[Cause, str]:
            if missed and cause is causes.TIMEOUT:  # it did answer
                return dicom_causes.IMAGE_NOT_FOUND, missed[-1]
            return services.silent_service(cause, detail)

        with ladder.told_as(late), ladder.rung(FOUND):
            end = ladder.clock() + self.found_within
            while not await _is_found(association, image, missed):
                if ladder.clock() >= end:
                    raise Fall(dicom_causes.IMAGE_NOT_FOUND, f"{missed[-1]} after {self.found_within:g} s")
                await asyncio.sleep(LOOK_AGAIN)

    def _retrieval(self) -> Retrieval:
        address, port = split_host_port(self.receive or "", 0)
        return Retrieval(
            address, port, self.move_to or "", self.move_from or self.called_ae, patience=self.timeout * PORT_SHARE
        )


async def _is_found(association: Association, image: SyntheticImage, missed: list[str]) -> bool:
    """Whether a search sees the image; else `missed` gets what it saw instead."""
    answers = await matches(association, image.keys, OTHERS)
    if not answers.whole:
        raise Fall(dicom_causes.IMAGE_NOT_FOUND, f"more than {OTHERS} answers to the question for one image")
    if any(match.get("SOPInstanceUID") == image.uids.instance for match in answers.matches):
        return True
    missed.append(f"{len(answers.matches)} others are found" if answers.matches else "nothing is found")
    return False
