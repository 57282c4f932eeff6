"""Whether a partner's images arrive: how old its newest study is in our own archive."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from retabli.model import stages
from retabli.model.causes import Cause
from retabli.model.ladder import Ladder
from retabli.model.probe import Probe
from retabli.model.profile import ProfileRef
from retabli.model.settings import Duration, ProxyRef, SecretRef, Tls, format_duration
from retabli.model.stages import Stage
from retabli.net.dicom import receive_causes
from retabli.net.dicom.archive_settings import account_faults, opening, road, sent_in_clear
from retabli.net.dicom.dicomweb import AUTHORISED, QUERY, Archive, Visit
from retabli.net.dicom.newest import FRESH, NEWEST, ByWeb, Wanted, climb_to_newest
from retabli.net.dicom.receive_causes import as_our_archives
from retabli.net.dicom.studies import tag_of
from retabli.net.web.http_settings import WebAddress

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
        NEWEST,
        FRESH,
    )
    CAUSES: ClassVar[tuple[Cause, ...]] = receive_causes.CAUSES
    SUMMARY: ClassVar[tuple[str, str]] = (
        "Les images d'un partenaire arrivent : âge de son examen le plus récent dans notre archive.",
        "A partner's images arrive: the age of its newest study in our archive.",
    )
    EVERY: ClassVar[str | None] = "5m"

    kind: Literal["dicom_receive"]
    url: WebAddress = Field(description="our archive's DICOMweb root, under which /studies lies")
    partner: str = Field(
        min_length=1, max_length=64, pattern=r"^[^\\]*$", description="as its images name it; * and ? stand for others"
    )
    match_attribute: Attribute = Field(default="InstitutionName", description="where its images name it")
    max_age: Duration = Field(description="of its newest study, times of normal silence not counted")
    look_back: Duration = Field(default=30 * 86_400.0, description="how far back its studies are looked for")
    profile: ProfileRef = Field(
        default=[], validate_default=True, description="times in which silence is normal, in the site's time zone"
    )
    limit: int = Field(default=200, ge=1, le=1000, description="studies asked for at once")
    user: str | None = None
    password: SecretRef | None = None
    token: SecretRef | None = Field(default=None, description="a bearer token, instead of user and password")
    tls: Tls = Tls()
    proxy: ProxyRef | None = None

    def climbs(self) -> tuple[Stage, ...]:
        return road(self.url, self.proxy, self.LADDER)

    def openings(self) -> Iterator[tuple[str, int, str]]:
        yield opening(self.url, self.proxy)

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        yield from account_faults(self.tls, self.user, self.password, self.token)
        days = [MONDAY + day * WEEK / 7 for day in range(7)]
        if any(self.profile.expected(day - self.look_back, day) <= self.max_age for day in days):
            yield (
                f"look_back ({format_duration(self.look_back)}) is too short: with max_age and profile, a study from "
                "before it could still be recent enough"
            )

    def warnings(self) -> Iterator[str]:
        yield from super().warnings()
        yield from sent_in_clear(self.url, self.user, self.token)

    async def run(self, ladder: Ladder) -> None:
        archive = Archive(
            self.url.rstrip("/"), self.user, self.password, self.token, self.tls, self.proxy, self.resolver
        )
        visit = Visit(ladder, archive)
        source = ByWeb(visit, self.partner, tag_of(self.match_attribute), self.limit)
        with ladder.told_as(as_our_archives):
            await climb_to_newest(ladder, source, Wanted(self.partner, self.max_age, self.look_back, self.profile))
