"""Whether a partner's images arrive: how old its newest study is in our own archive."""

from collections.abc import Iterator
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from retabli.model import stages
from retabli.model.causes import Cause
from retabli.model.hosts import Host
from retabli.model.ladder import Ladder
from retabli.model.probe import Probe
from retabli.model.profile import ProfileRef
from retabli.model.settings import Duration, Port, ProxyRef, SecretRef, Tls, format_duration
from retabli.model.stages import Stage
from retabli.net.dicom import receive_causes
from retabli.net.dicom.archive_settings import archive_faults, road, sent_in_clear
from retabli.net.dicom.association import ASSOCIATION, CONTEXT, Partner
from retabli.net.dicom.dicom_settings import AeTitle
from retabli.net.dicom.dicomweb import AUTHORISED, QUERY, Archive, Visit
from retabli.net.dicom.find import SEARCH, climbed_by_find
from retabli.net.dicom.newest import NEWEST, RECENT, Source, Wanted, climb_to_newest
from retabli.net.dicom.own_archive import TAGS, Attribute, ByFind, ByWeb
from retabli.net.web.http_settings import WebAddress, web_openings

WEEK = 7 * 86_400.0
MONDAY = 1_767_571_200.0  # some Monday, 00:00 UTC: profiles repeat every week


class DicomReceive(Probe):
    """The age counts only the seconds in which something was expected. It is that of the study, not of its arrival:
    allow for the time from the examination to the transfer. No patient's name or number is asked for, kept or shown.
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
        ASSOCIATION,
        CONTEXT,
        SEARCH,
        NEWEST,
        RECENT,
    )
    CAUSES: ClassVar[tuple[Cause, ...]] = receive_causes.CAUSES
    SUMMARY: ClassVar[tuple[str, str]] = (
        "Les images d'un partenaire arrivent : âge de son examen le plus récent dans notre archive.",
        "A partner's images arrive: the age of its newest study in our archive.",
    )
    EVERY: ClassVar[str | None] = "5m"

    kind: Literal["dicom_receive"]
    url: WebAddress | None = Field(default=None, description="our archive's DICOMweb root: it is asked by QIDO-RS")
    host: Host | None = Field(default=None, description="or the archive itself: it is asked by C-FIND")
    port: Port = 104
    calling_ae: AeTitle = Field(default="RETABLI", description="our AE title, as the archive knows it")
    called_ae: AeTitle | None = Field(default=None, description="the archive's AE title")
    partner: str = Field(
        min_length=1, max_length=64, pattern=r"^[^\\]*$", description="as its images name it; * and ? stand for others"
    )
    match_attribute: Attribute = Field(
        default="InstitutionName", description=f"where its images name it: {', '.join(TAGS)}"
    )
    max_age: Duration = Field(
        description="of its newest study, from when it was made (not received), normal silence not counted"
    )
    look_back: Duration = Field(default=30 * 86_400.0, description="how far back its studies are looked for")
    profile: ProfileRef = Field(
        default=[], validate_default=True, description="times in which silence is normal, in the site's time zone"
    )
    limit: int = Field(default=200, ge=1, le=300, description="studies asked for at once")
    user: str | None = None
    password: SecretRef | None = None
    token: SecretRef | None = Field(default=None, description="a bearer token, instead of user and password")
    tls: Tls | None = Field(default=None, description="with url, the address says whether it is spoken")
    proxy: ProxyRef | None = None

    @model_validator(mode="after")
    def _check_road(self) -> Self:
        if (self.url is None) == (self.host is None):
            raise ValueError("our archive is named by url (QIDO-RS) or by host (C-FIND), one of them")
        if self.host is not None and self.called_ae is None:
            raise ValueError("called_ae is missing: the archive's AE title")
        return self

    def climbs(self) -> tuple[Stage, ...]:
        if self.url is None:
            return (*climbed_by_find(self._archive), NEWEST, RECENT)
        by_web = {ASSOCIATION, CONTEXT, SEARCH}
        return road(self.url, self.proxy, tuple(stage for stage in self.LADDER if stage not in by_web))

    def openings(self) -> Iterator[tuple[str, int, str]]:
        if self.url is not None:
            yield from web_openings((self.url,), self.proxy)
        else:
            yield self.host or "", self.port, "tcp"

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        if self.url is not None:
            yield from archive_faults(self.url, self.tls or Tls(), self.user, self.password, self.token)
        elif self.user is not None or self.token is not None or self.proxy is not None:
            yield "user, token and proxy go with url: C-FIND has none of them"
        elif self.tls is not None and self.tls.mode == "starttls":
            yield "DICOM knows no STARTTLS: tls.mode is none or implicit"
        days = [MONDAY + day * WEEK / 7 for day in range(7)]
        if any(self.profile.expected(day - self.look_back, day) <= self.max_age for day in days):
            yield (
                f"look_back ({format_duration(self.look_back)}) is too short: with max_age and profile, a study from "
                "before it could still be recent enough"
            )

    def warnings(self) -> Iterator[str]:
        yield from super().warnings()
        yield from sent_in_clear(self.url or "", self.user, self.token)

    async def run(self, ladder: Ladder) -> None:
        wanted = Wanted(self.partner, self.max_age, self.look_back, self.profile)
        await climb_to_newest(ladder, self._source(ladder), wanted)

    def _source(self, ladder: Ladder) -> Source:
        if self.url is None:
            return ByFind(ladder, self._archive, self.partner, self.match_attribute, self.limit)
        root, tls = self.url.rstrip("/"), self.tls or Tls()
        archive = Archive(root, self.user, self.password, self.token, tls, self.proxy, self.resolver)
        return ByWeb(Visit(ladder, archive), self.partner, self.match_attribute, self.limit)

    @property
    def _archive(self) -> Partner:
        """The archive as it is met on the C-FIND road: in clear, unless TLS is set."""
        tls = self.tls or Tls(mode="none")
        return Partner(self.host or "", self.port, self.calling_ae, self.called_ae or "", tls, self.resolver)
