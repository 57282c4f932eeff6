"""The kind `dicom_receive`: a partner's silence, and everything for which it must not be taken."""

import asyncio
import contextlib
import fnmatch
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from probes.dicom_receive import DicomReceive
from retabli.model import stages
from retabli.model.causes import Cause
from retabli.model.result import Outcome, Result
from retabli.model.settings import Proxy
from retabli.net.dicom import receive_causes
from retabli.net.dicom.association import ASSOCIATION
from retabli.net.dicom.dicom_settings import MARK
from retabli.net.dicom.dicomweb import AUTHORISED, QUERY
from retabli.net.dicom.find import SEARCH
from retabli.net.dicom.newest import NEWEST, RECENT
from tests.climbing import climb, settings
from tests.net.peers import Handler, closed_port, closing, serving, silent
from tests.net.web_servers import page, proxy

PARTNER = "CHU DE TEST"
PARIS = ZoneInfo("Europe/Paris")
PATIENT = "DOE^JANE"  # in no result may this be seen


@dataclass(frozen=True)
class Study:
    """`ago`: how long before now it was made. `shown`: how much of its time the archive shows, in characters."""

    ago: timedelta
    of: str | None = PARTNER
    shown: int = 6
    now: datetime = field(default_factory=lambda: datetime.now(PARIS))

    @property
    def made(self) -> datetime:
        return (self.now.astimezone(UTC) - self.ago).astimezone(PARIS)

    @property
    def values(self) -> dict[str, str]:
        named = {} if self.of is None else {"InstitutionName": self.of}
        return {"StudyDate": f"{self.made:%Y%m%d}", "StudyTime": f"{self.made:%H%M%S}"[: self.shown]} | named


def ago(**how_long: float) -> Study:
    return Study(timedelta(**how_long))


@dataclass
class Shelf:
    """An archive's studies, and how it searches them. `cap`: gives so many at most, and says so if it is `honest`."""

    studies: list[Study]
    cap: int = 1000
    honest: bool = False
    ignores_partner: bool = False
    ignores_time: bool = False
    breaks_off: bool = False  # by C-FIND: it ends as if we had told it to, where there is more
    dates: str | None = None  # what it gives instead of each date
    asked: list[dict[str, str]] = field(default_factory=list)

    def search(self, asked: dict[str, str]) -> list[dict[str, str]]:
        self.asked.append(asked)
        held = [study.values for study in sorted(self.studies, key=lambda study: -study.ago)]
        return [values for values in held if self._wanted(values, asked)]

    def _wanted(self, values: dict[str, str], asked: dict[str, str]) -> bool:
        named = values.get("InstitutionName", PARTNER)
        if not fnmatch.fnmatchcase(named, asked["InstitutionName"]) and not self.ignores_partner:
            return False
        for name in ("StudyDate",) if self.ignores_time else ("StudyDate", "StudyTime"):
            first, _, last = asked.get(name, "").partition("-")
            if not (first or "0") <= values[name] <= (last or "9"):
                return False
        return True


TAGS = {"00080080": "InstitutionName", "StudyDate": "StudyDate", "StudyTime": "StudyTime"}


@contextlib.asynccontextmanager
async def by_web(shelf: Shelf) -> AsyncIterator[dict[str, Any]]:
    """The shelf behind QIDO-RS: the keys that name it. It adds a patient to every study, as the standard has it."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        query = dict(parse_qsl(urlsplit(head.split(b" ")[1].decode()).query))
        found = shelf.search({TAGS[name]: value for name, value in query.items() if name in TAGS})
        most = min(shelf.cap, int(query["limit"]))
        answer = [
            {
                "00080020": {"vr": "DA", "Value": [shelf.dates or values["StudyDate"]]},
                "00080030": {"vr": "TM", "Value": [values["StudyTime"]] if values["StudyTime"] else []},
                "00100010": {"vr": "PN", "Value": [{"Alphabetic": PATIENT}]},
            }
            | ({"00080080": {"vr": "LO", "Value": [values["InstitutionName"]]}} if "InstitutionName" in values else {})
            for values in found[:most]
        ]
        more = ['Warning: 299 archive "There are 7 additional results that can be requested"']
        writer.write(page(json.dumps(answer), *(more if shelf.honest and len(found) > most else [])))

    async with serving(talk) as port:
        yield {"url": f"http://127.0.0.1:{port}/dicom-web"}


@contextlib.asynccontextmanager
async def by_find(shelf: Shelf) -> AsyncIterator[dict[str, Any]]:
    """The shelf behind C-FIND, by pynetdicom's own server."""
    from pydicom.dataset import Dataset
    from pynetdicom import AE, evt

    def find(event: Any) -> Iterator[tuple[int, Dataset | None]]:
        asked = {name: str(event.identifier.get(name, "")) for name in ("InstitutionName", "StudyDate", "StudyTime")}
        asked["keys"] = " ".join(element.keyword for element in event.identifier)
        found = shelf.search(asked)
        for values in found[: shelf.cap]:
            match = Dataset()
            for name, value in values.items():
                setattr(match, name, value)
            match.StudyDate = shelf.dates or match.StudyDate
            yield 0xFF00, match
        if shelf.breaks_off and len(found) > shelf.cap:
            yield 0xFE00, None

    entity = AE(ae_title="ARCHIVE")
    entity.add_supported_context("1.2.840.10008.5.1.4.1.2.2.1")
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_FIND, find)])
    assert server is not None
    try:
        yield {"host": "127.0.0.1", "port": server.server_address[1], "called_ae": "ARCHIVE"}
    finally:
        await asyncio.to_thread(server.shutdown)


ROADS = pytest.mark.parametrize("road", [by_web, by_find], ids=["QIDO", "C-FIND"])


def receiving(*, max_age: str = "2h", **keys: Any) -> DicomReceive:
    context = {"timezone": "Europe/Paris"} | keys.pop("context", {})
    return settings(DicomReceive, **{"partner": PARTNER, "max_age": max_age, **keys}, context=context)


async def received(road: Any, shelf: Shelf, *, memory: dict[str, Any] | None = None, **keys: Any) -> Result:
    async with road(shelf) as where:
        result = await climb(receiving(**where, **keys), memory=memory)
    assert PATIENT not in f"{result} {memory}"
    return result


def fell(result: Result) -> tuple[Outcome, Any, Cause | None]:
    return result.outcome, result.stage, result.cause


# Fresh and late ------------------------------------------------------------------------------------------------------


@ROADS
async def test_a_recent_study_is_fresh(road: Any) -> None:
    result = await received(road, Shelf([ago(minutes=10), ago(days=3), ago(days=20)]))
    assert fell(result) == (Outcome.OK, RECENT, None)
    assert result.of == len(result.rungs) == result.rung
    assert result.properties["newest"].startswith(f"{datetime.now(PARIS) - timedelta(minutes=10):%Y-%m-%d %H:}")


@ROADS
async def test_a_newest_study_that_is_too_old_is_late_and_says_how_old_it_is(road: Any) -> None:
    result = await received(road, Shelf([ago(hours=4), ago(days=3)]))
    assert fell(result) == (Outcome.FAILED, RECENT, receive_causes.NO_NEW_STUDY)
    assert "4h ago: 4h count, of 2h at most" in result.detail


@ROADS
async def test_studies_of_weeks_ago_are_late_too(road: Any) -> None:
    result = await received(road, Shelf([ago(days=12), ago(days=25)]))
    assert fell(result) == (Outcome.FAILED, RECENT, receive_causes.NO_NEW_STUDY)
    assert "12d" in result.detail or "11d" in result.detail


@ROADS
async def test_a_well_partner_costs_one_question(road: Any) -> None:
    shelf = Shelf([ago(minutes=10)])
    await received(road, shelf)
    assert len(shelf.asked) == 1


async def test_a_time_of_normal_silence_does_not_count() -> None:
    all_but_an_hour_ago = datetime.now(PARIS) - timedelta(hours=1)
    shelf = Shelf([ago(hours=30)])
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    today, yesterday = days[all_but_an_hour_ago.weekday()], days[all_but_an_hour_ago.weekday() - 1]
    before = days[all_but_an_hour_ago.weekday() - 2]
    result = await received(by_web, shelf, profile=[today, yesterday, before])
    assert fell(result)[0] is Outcome.OK
    assert fell(await received(by_web, shelf))[2] is receive_causes.NO_NEW_STUDY


# What must not be taken for silence, or for life ---------------------------------------------------------------------


@ROADS
async def test_a_partner_that_was_never_seen_may_be_misspelt_and_is_unknown(road: Any) -> None:
    memory: dict[str, Any] = {}
    result = await received(road, Shelf([Study(timedelta(minutes=1), "ANOTHER")]), memory=memory)
    assert fell(result) == (Outcome.UNKNOWN, NEWEST, receive_causes.NEVER_RECEIVED)
    assert not memory


async def test_a_partner_that_was_seen_once_is_late_when_none_of_its_studies_is_left() -> None:
    memory: dict[str, Any] = {}
    assert (await received(by_web, Shelf([ago(minutes=1)]), memory=memory)).outcome is Outcome.OK
    result = await received(by_web, Shelf([]), memory=memory)
    assert fell(result) == (Outcome.FAILED, NEWEST, receive_causes.NO_NEW_STUDY)
    other = await received(by_web, Shelf([]), memory=memory, partner="ANOTHER")
    assert other.cause is receive_causes.NEVER_RECEIVED


@ROADS
async def test_an_archive_that_ignores_the_partner_makes_nobody_fresh(road: Any) -> None:
    shelf = Shelf([Study(timedelta(minutes=1), "ANOTHER"), ago(hours=5)], ignores_partner=True)
    assert (await received(road, shelf)).cause is receive_causes.NO_NEW_STUDY


@ROADS
async def test_studies_that_do_not_say_whose_they_are_prove_nothing(road: Any) -> None:
    unnamed = Study(timedelta(minutes=1), None)
    for studies in ([unnamed], [unnamed, ago(hours=5)], [Study(timedelta(days=9), None)]):
        result = await received(road, Shelf(studies, ignores_partner=True))
        assert fell(result)[::2] == (Outcome.UNKNOWN, receive_causes.MATCH_IGNORED)
    assert (await received(road, Shelf([unnamed, ago(minutes=5)], ignores_partner=True))).outcome is Outcome.OK


@pytest.mark.parametrize("road", [by_web, by_find])
async def test_a_synthetic_image_that_we_stored_ourselves_is_nobodys_arrival(road: Any) -> None:
    ours = Study(timedelta(minutes=1), of=MARK)
    result = await received(road, Shelf([ours, ago(days=3)]), partner="*")
    assert fell(result) == (Outcome.FAILED, RECENT, receive_causes.NO_NEW_STUDY)


async def test_wildcards_and_letters_match_as_an_archive_matches_them() -> None:
    shelf = Shelf([Study(timedelta(minutes=1), "Chu  de Test")], ignores_partner=True)
    for partner, outcome in ((PARTNER, Outcome.OK), ("chu*", Outcome.OK), ("CHU?DE?TEST", Outcome.OK)):
        assert (await received(by_web, shelf, partner=partner)).outcome is outcome
    assert (await received(by_web, shelf, partner="CHU")).cause is receive_causes.NEVER_RECEIVED


@ROADS
async def test_studies_of_the_future_are_no_life_and_no_silence(road: Any) -> None:
    ahead = Study(-timedelta(minutes=40))
    result = await received(road, Shelf([ahead, ago(hours=5)]))
    assert fell(result) == (Outcome.UNKNOWN, RECENT, receive_causes.STUDY_IN_FUTURE)
    assert (await received(road, Shelf([ahead]))).cause is receive_causes.STUDY_IN_FUTURE
    assert (await received(road, Shelf([ahead, ago(minutes=5)]))).outcome is Outcome.OK


async def test_a_slip_of_years_hides_no_silence() -> None:
    result = await received(by_web, Shelf([Study(-timedelta(days=4000)), ago(hours=5)]))
    assert result.cause is receive_causes.NO_NEW_STUDY


async def test_a_clock_that_is_a_minute_ahead_is_right_enough() -> None:
    assert (await received(by_web, Shelf([Study(-timedelta(minutes=1))]))).outcome is Outcome.OK


async def test_an_archive_that_gives_dates_alone_is_believed_as_far_as_they_go() -> None:
    dated = Shelf([Study(timedelta(days=2), shown=0)], ignores_time=True)
    assert (await received(by_web, dated, max_age="3d12h")).outcome is Outcome.OK
    assert (await received(by_web, dated, max_age="12h")).cause is receive_causes.NO_NEW_STUDY
    today = Shelf([Study(timedelta(), shown=0)], ignores_time=True)
    result = await received(by_web, today, max_age="1m")
    midnight = datetime.now(PARIS).hour == 0 and datetime.now(PARIS).minute < 2
    assert midnight or fell(result) == (Outcome.UNKNOWN, RECENT, receive_causes.ONLY_A_DATE)


async def test_dates_that_cannot_be_read_are_the_archives_fault() -> None:
    result = await received(by_web, Shelf([ago(minutes=1)], dates="yesterday"))
    assert fell(result) == (Outcome.UNKNOWN, RECENT, receive_causes.ARCHIVE_GARBAGE)


# Archives that give only a part --------------------------------------------------------------------------------------
# `max_age` is close to the studies' age, so that their day is among those asked for first, at any hour of the night.


@ROADS
async def test_an_archive_that_caps_its_answers_in_silence_is_asked_for_what_is_newer(road: Any) -> None:
    """It gives the oldest first: those that it gives are late, and one that it does not give at once is not."""
    shelf = Shelf([Study(timedelta(minutes=150 - 10 * number)) for number in range(15)], cap=4)
    result = await received(road, shelf)
    assert result.outcome is Outcome.OK
    shelf = Shelf([Study(timedelta(hours=4, minutes=number)) for number in range(15)], cap=4)
    result = await received(road, shelf, max_age="3h59m")
    assert result.cause is receive_causes.NO_NEW_STUDY
    assert "4h ago" in result.detail


async def test_a_search_that_the_archive_breaks_off_is_a_part_and_without_an_answer_says_nothing() -> None:
    shelf = Shelf([Study(timedelta(minutes=150 - 10 * number)) for number in range(15)], cap=4, breaks_off=True)
    assert (await received(by_find, shelf)).outcome is Outcome.OK
    nothing = Shelf(shelf.studies, cap=0, breaks_off=True)
    result = await received(by_find, nothing)
    assert fell(result) == (Outcome.UNKNOWN, SEARCH, receive_causes.ARCHIVE_UNASKED)
    assert result.detail.startswith("search_broken_off")
    again = Shelf([Study(timedelta(hours=4, minutes=number)) for number in range(9)], cap=4, breaks_off=True)
    again.ignores_time = True
    assert (await received(by_find, again, max_age="3h59m")).cause is receive_causes.ANSWER_CAPPED


@ROADS
async def test_where_no_end_is_reached_nothing_is_said(road: Any) -> None:
    shelf = Shelf([Study(timedelta(hours=3, seconds=30 * number)) for number in range(60)], cap=1)
    result = await received(road, shelf, max_age="2h59m")
    assert fell(result) == (Outcome.UNKNOWN, RECENT, receive_causes.ANSWER_CAPPED)
    assert len(shelf.asked) <= 12


async def test_an_archive_that_says_it_has_more_and_does_not_give_it_is_not_believed() -> None:
    shelf = Shelf([Study(timedelta(hours=4, minutes=number)) for number in range(9)], cap=4, honest=True)
    shelf.ignores_time = True
    assert (await received(by_web, shelf, max_age="3h59m")).cause is receive_causes.ANSWER_CAPPED
    full = Shelf(shelf.studies, ignores_time=True)
    assert (await received(by_web, full, limit=4, max_age="3h59m")).cause is receive_causes.ANSWER_CAPPED


async def test_older_studies_that_are_only_given_in_part_do_not_make_silence_doubtful() -> None:
    shelf = Shelf([Study(timedelta(days=9, hours=number)) for number in range(9)], cap=4, honest=True)
    result = await received(by_web, shelf)
    assert fell(result) == (Outcome.FAILED, RECENT, receive_causes.NO_NEW_STUDY)
    assert "none since" in result.detail


# Our own archive -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "stage", "cause"),
    [
        (page("", status="401 Who"), AUTHORISED, receive_causes.ARCHIVE_LOGIN_REFUSED),
        (page("", status="403 No"), AUTHORISED, receive_causes.ARCHIVE_REFUSES),
        (page("", status="404 Not Found"), QUERY, receive_causes.ARCHIVE_UNASKED),
        (page("", status="500 Oops"), QUERY, receive_causes.ARCHIVE_UNASKED),
        (page("", "Retry-After: 9", status="503 Later"), QUERY, receive_causes.ARCHIVE_UNASKED),
        (page(f"<h1>{PATIENT}"), QUERY, receive_causes.ARCHIVE_GARBAGE),
        (page(b" " * 1_100_000), QUERY, receive_causes.ARCHIVE_GARBAGE),
        (b"SSH-2.0-x\r\n\r\n", stages.RESPONSE, receive_causes.ARCHIVE_GARBAGE),
        (None, stages.RESPONSE, receive_causes.ARCHIVE_UNASKED),
    ],
)
async def test_an_archive_that_cannot_be_asked_says_nothing_of_the_partner(
    answer: bytes | None, stage: Any, cause: Cause, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("wrong")

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer is None:
            await asyncio.Event().wait()
        writer.write(answer or b"")

    async with serving(talk) as port:
        account = {"user": "probe", "password": {"file": "password"}, "context": {"folder": tmp_path}}
        keys: dict[str, Any] = {"url": f"http://127.0.0.1:{port}/x", "timeout": "500ms", **account}
        result = await climb(receiving(**keys))
    assert fell(result) == (Outcome.UNKNOWN, stage, cause)
    assert PATIENT not in str(result)
    assert cause.credential is (cause is receive_causes.ARCHIVE_LOGIN_REFUSED)


@pytest.mark.parametrize(
    ("handler", "stage"), [(silent, ASSOCIATION), (closing, ASSOCIATION)], ids=["silent", "closing"]
)
async def test_an_archive_that_does_not_associate_says_nothing_of_the_partner(handler: Handler, stage: Any) -> None:
    async with serving(handler) as port:
        where: dict[str, Any] = {"host": "127.0.0.1", "port": port, "called_ae": "ARCHIVE"}
        result = await climb(receiving(**where, timeout="500ms"))
    assert fell(result)[:2] == (Outcome.UNKNOWN, stage)
    assert result.cause in (receive_causes.ARCHIVE_UNASKED, receive_causes.ARCHIVE_REFUSES)


async def test_an_archive_that_does_not_know_our_title_refuses_us() -> None:
    from pynetdicom import AE

    entity = AE(ae_title="ARCHIVE")
    entity.add_supported_context("1.2.840.10008.5.1.4.1.2.2.1")
    entity.require_calling_aet = ["SOMEBODY"]
    server = entity.start_server(("127.0.0.1", 0), block=False)
    assert server is not None
    try:
        where: dict[str, Any] = {"host": "127.0.0.1", "port": server.server_address[1], "called_ae": "ARCHIVE"}
        result = await climb(receiving(**where))
    finally:
        await asyncio.to_thread(server.shutdown)
    assert fell(result) == (Outcome.UNKNOWN, ASSOCIATION, receive_causes.ARCHIVE_REFUSES)
    assert result.detail.startswith("calling_ae_unknown")


async def test_nobody_there_says_nothing_of_the_partner() -> None:
    for where in ({"url": f"http://127.0.0.1:{closed_port()}/x"}, {"host": "127.0.0.1", "port": closed_port()}):
        keys = where | ({"called_ae": "ARCHIVE"} if "host" in where else {})
        result = await climb(receiving(**keys))
        assert fell(result) == (Outcome.UNKNOWN, stages.CONNECT, receive_causes.ARCHIVE_UNASKED)
        assert "refused" in result.detail


async def test_an_archive_that_dies_after_its_first_answer_says_nothing_of_the_partner() -> None:
    asked: list[int] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.append(1)
        if len(asked) == 1:
            writer.write(page("[]"))

    async with serving(talk) as port:
        result = await climb(receiving(url=f"http://127.0.0.1:{port}/x"))
    assert fell(result) == (Outcome.UNKNOWN, QUERY, receive_causes.ARCHIVE_UNASKED)


async def test_a_filter_in_between_says_nothing_of_the_partner() -> None:
    denies = page("", "X-Squid-Error: ERR_ACCESS_DENIED 0", status="403 Forbidden")
    async with proxy(denies=denies) as filtering:
        context = {"proxies": {"main": Proxy(url=filtering.url)}}
        result = await climb(receiving(url="http://archive.example/x", proxy="main", context=context))
    assert fell(result) == (Outcome.UNKNOWN, stages.RESPONSE, receive_causes.ARCHIVE_UNASKED)
    assert "proxy_denied" in result.detail


# Questions and settings ----------------------------------------------------------------------------------------------


async def test_over_find_nothing_of_a_patient_is_asked_for() -> None:
    shelf = Shelf([ago(minutes=1)])
    await received(by_find, shelf)
    assert set(shelf.asked[0]["keys"].split()) == {"QueryRetrieveLevel", "StudyDate", "StudyTime", "InstitutionName"}


@pytest.mark.parametrize("partner", [PARTNER, "Hôpital d'Été & fils", "A=B+C,D"])
async def test_over_the_web_a_name_is_asked_for_in_characters_that_every_archive_understands(partner: str) -> None:
    """A widespread one decodes no percent: what would need one is asked for as `*`, and judged of the answer."""
    asked: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).split(b" ")[1])
        now = datetime.now(PARIS)
        study = {"00080020": f"{now:%Y%m%d}", "00080030": f"{now:%H%M%S}", "00080080": partner}
        writer.write(page(json.dumps([{tag: {"vr": "LO", "Value": [value]} for tag, value in study.items()}])))

    async with serving(talk) as port:
        result = await climb(receiving(url=f"http://127.0.0.1:{port}/x", partner=partner))
    assert result.outcome is Outcome.OK
    assert not {b"%", b"+", b" "} & {asked[0][place : place + 1] for place in range(len(asked[0]))}


WEB = {"url": "http://archive.example/dicom-web"}
FIND = {"host": "archive.example", "called_ae": "ARCHIVE"}


def test_each_road_has_its_rungs_and_its_opening() -> None:
    by_web_rungs = [stage.id for stage in receiving(**WEB).climbs()]
    assert by_web_rungs[-4:] == ["authorised", "query", "newest", "recent"]
    by_find_rungs = [stage.id for stage in receiving(**FIND).climbs()]
    assert by_find_rungs == ["resolve", "connect", "association", "context", SEARCH.id, "newest", "recent"]
    assert "tls" in [stage.id for stage in receiving(**FIND, tls={}).climbs()]
    assert list(receiving(**WEB).openings()) == [("archive.example", 80, "tcp")]
    assert list(receiving(**FIND).openings()) == [("archive.example", 104, "tcp")]


@pytest.mark.parametrize(
    ("keys", "word"),
    [
        ({**WEB, "look_back": "1h"}, "look_back"),
        ({**WEB, "max_age": "23d", "profile": ["sat-sun"]}, "look_back"),
        ({**WEB, "user": "probe"}, "go together"),
        ({**WEB, "tls": {"mode": "none"}}, "tls.mode"),
        ({**FIND, "user": "probe", "password": {"env": "X"}}, "go with url"),
        ({**FIND, "tls": {"mode": "starttls"}}, "STARTTLS"),
    ],
)
def test_settings_that_cannot_be_meant_are_faults(keys: dict[str, Any], word: str) -> None:
    assert [fault for fault in receiving(**keys, every="5m").faults() if word in fault]


def test_settings_that_are_meant_are_none() -> None:
    for keys in (WEB, FIND, {**FIND, "tls": {"mode": "implicit"}}, {**WEB, "profile": ["mon-fri 20:00-07:00", "sun"]}):
        assert not list(receiving(**keys, every="5m").faults())
    assert any("in clear" in said for said in receiving(**WEB, token={"env": "X"}).warnings())


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {**WEB, **FIND},
        {"host": "archive.example"},
        {**WEB, "match_attribute": "PatientName"},
        {**WEB, "partner": "A\\B"},
        {**FIND, "called_ae": "MORE THAN SIXTEEN!"},
    ],
)
def test_what_cannot_be_is_refused_at_once(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        receiving(**keys)


def test_the_sites_time_zone_is_meant_without_a_profile_too() -> None:
    assert receiving(**WEB).profile.zone == PARIS
