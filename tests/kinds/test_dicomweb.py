"""The kind `dicomweb`: each thing that an archive over the web does wrong, by a server that really does it."""

import asyncio
import json
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import trustme
from blockbuster import blockbuster_ctx
from pydantic import ValidationError

from probes.dicomweb import Dicomweb
from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.ladder import Ladder
from retabli.model.result import Outcome, Result
from retabli.model.settings import Proxy
from retabli.net.dicom import dicom_causes, dicomweb, dicomweb_causes
from retabli.net.dicom.captured_image import PATIENT_ID, same_uids, synthetic_image
from retabli.net.dicom.dicomweb import AUTHORISED, GIVEN_BACK, QUERY, STORED
from retabli.net.web import http_causes, proxy_causes
from simulator.dicomweb import ImageArchive
from simulator.serving import Serving
from tests.climbing import climb, settings
from tests.net.peers import closed_port, closing, endless, saying, server_context, silent
from tests.net.web_servers import Answer, cutting, page, proxy, redirect, site

ALL = ["query", "store", "retrieve"]
SAME = same_uids(PATIENT_ID)
PATIENT = "DOE^JANE"  # in no result may this be seen
SEARCH = f"/dicom-web/studies?PatientID={PATIENT_ID}&limit=10"
STOW = "/dicom-web/studies"
WADO = f"/dicom-web/studies/{SAME.study}/series/{SAME.series}/instances/{SAME.instance}"


def dataset(**values: Any) -> dict[str, Any]:
    """Tags as `t0020000D=…`: a text or number is one value, a list is a sequence."""
    return {
        name[1:]: {"vr": "SQ", "Value": value} if isinstance(value, list) else {"vr": "UI", "Value": [value]}
        for name, value in values.items()
    }


def answer(content: Any, status: str = "200 OK") -> bytes:
    return page(json.dumps(content), "Content-Type: application/dicom+json", status=status)


OURS = dataset(t0020000D=SAME.study, t00100020=PATIENT_ID)
NOTHING = page("", status="204 No Content")
MISSING = page("", status="404 Not Found")


def stored(status: str = "200 OK", *, uid: str = SAME.instance, **more: Any) -> bytes:
    return answer(dataset(t00081199=[dataset(t00081155=uid, **more)]), status)


def refused(reason: int | None, status: str = "409 Conflict", tag: str = "t00081198") -> bytes:
    failure = dataset(t00081155=SAME.instance) | ({} if reason is None else dataset(t00081197=reason))
    return answer(dataset(**{tag: [failure]}), status)


def image(file: bytes, kind: str = 'multipart/related; type="application/dicom"; boundary="b b"') -> bytes:
    body = b"--b b\r\nContent-Type: application/dicom\r\n\r\n" + file + b"\r\n--b b--\r\n"
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def visiting(url: str, *verify: str, **keys: Any) -> Dicomweb:
    return settings(Dicomweb, url=url, verify=list(verify) or ["query"], **keys)


async def visited(answers: Answer | Mapping[str, Answer], *verify: str, **keys: Any) -> Result:
    async with site(answers) as running:
        result = await climb(visiting(running.url("/dicom-web"), *verify, **keys))
    assert PATIENT not in str(result)
    return result


def fell(result: Result) -> tuple[Any, Cause | None]:
    return result.stage, result.cause


# What holds ----------------------------------------------------------------------------------------------------------


async def test_an_archive_is_searched_given_an_image_and_gives_it_back() -> None:
    archive = ImageArchive("CLINIQUE SIMULEE", ZoneInfo("Europe/Paris"))
    async with Serving(archive.talk) as serving:
        result = await climb(visiting(f"http://127.0.0.1:{serving.port}/dicom-web/", *ALL))
    assert result.outcome is Outcome.OK
    assert [rung.stage.id for rung in result.rungs] == [
        "resolve",
        "connect",
        "request",
        "response",
        "authorised",
        "query",
        "stored",
        "given_back",
    ]
    assert result.of == len(result.rungs)
    assert next(iter(archive.images)).startswith("2.25.")


async def test_over_tls_there_is_a_rung_more(authority: trustme.CA, ca_file: Path) -> None:
    context = server_context(authority.issue_cert("127.0.0.1"))
    async with site(answer([]), tls=context) as running:
        result = await climb(visiting(running.url("/dicom-web"), tls={"ca": str(ca_file)}))
    assert result.outcome is Outcome.OK
    assert stages.TLS in [rung.stage for rung in result.rungs]
    assert result.of == len(result.rungs)


async def test_the_search_asks_for_our_own_mark_alone_and_presents_who_asks(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret\n")
    (tmp_path / "token").write_text("t0ken\n")
    context = {"folder": tmp_path}
    async with site({SEARCH: answer([OURS])}) as running:
        url = running.url("/dicom-web/")
        account = visiting(url, user="probe", password={"file": "password"}, context=context)
        assert (await climb(account)).outcome is Outcome.OK
        assert (await climb(visiting(url, token={"file": "token"}, context=context))).outcome is Outcome.OK
    first, second = (request.split(b"\r\n") for request in running.requests)
    assert b"Accept: application/dicom+json" in first
    assert b"Authorization: Basic cHJvYmU6czNjcmV0" in first
    assert b"Authorization: Bearer t0ken" in second
    assert "s3cret" not in repr(account)
    assert len(list(account.secrets())) == 1


@pytest.mark.parametrize("empty", [NOTHING, answer([]), page("")], ids=["204", "[]", "no body"])
async def test_an_archive_without_our_images_is_well(empty: bytes) -> None:
    assert (await visited(empty)).outcome is Outcome.OK


async def test_what_is_stored_is_a_dicom_file_that_bears_our_marks() -> None:
    async with site({STOW: stored()}) as running:
        result = await climb(visiting(running.url("/dicom-web"), "store", image="same"))
    assert result.outcome is Outcome.OK
    head, _, body = running.requests[0].partition(b"\r\n\r\n")
    assert b'Content-Type: multipart/related; type="application/dicom"; boundary=retabli-' in head
    assert synthetic_image(SAME)[:600] in body or b"RETABLI-TEST" in body
    assert body.count(b"RETABLI") >= 4


async def test_a_fresh_image_is_a_new_one_each_time() -> None:
    archive = ImageArchive("CLINIQUE SIMULEE", ZoneInfo("Europe/Paris"))
    async with Serving(archive.talk) as serving:
        for kind in ("fresh", "fresh", "same", "same"):
            await climb(visiting(f"http://127.0.0.1:{serving.port}/dicom-web", "store", image=kind))
    assert len(archive.images) == 3


async def test_a_warning_is_told_and_is_no_failure() -> None:
    result = await visited({STOW: stored("202 Accepted", t00081196=0xB000)}, "store", image="same")
    assert result.outcome is Outcome.OK
    assert result.properties["warning"] == "B000"


async def test_an_archive_that_has_the_same_image_already_is_well_and_one_with_a_fresh_one_is_not() -> None:
    duplicate = {STOW: refused(0x0111)}
    assert (await visited(duplicate, "store", image="same")).outcome is Outcome.OK
    assert fell(await visited(duplicate, "store")) == (STORED, dicom_causes.DIMSE_FAILED)


# Who is let in -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verify", ["query", "store"])
@pytest.mark.parametrize(
    ("status", "presents", "cause"),
    [
        ("401 Who", False, causes.AUTH_REQUIRED),
        ("401 Who", True, causes.AUTH_REFUSED),
        ("403 No", True, dicomweb_causes.DICOMWEB_FORBIDDEN),
        ("403 No", False, dicomweb_causes.DICOMWEB_FORBIDDEN),
    ],
)
async def test_who_is_not_let_in_learns_why(
    status: str, presents: bool, cause: Cause, verify: str, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("wrong")
    account = {"user": "probe", "password": {"file": "password"}} if presents else {}
    result = await visited(page("", status=status), verify, context={"folder": tmp_path}, **account)
    assert fell(result) == (AUTHORISED, cause)
    assert cause.credential is (cause is causes.AUTH_REFUSED)


async def test_who_may_search_and_not_store_falls_there() -> None:
    result = await visited({SEARCH: NOTHING, STOW: page("", status="403 No")}, *ALL)
    assert fell(result) == (STORED, dicomweb_causes.DICOMWEB_FORBIDDEN)
    assert result.rung == 6


async def test_a_secret_that_cannot_be_read_or_presented_is_ours(tmp_path: Path) -> None:
    (tmp_path / "two-lines").write_text("to\nken")
    for name in ("gone", "two-lines"):
        result = await visited(NOTHING, token={"file": name}, context={"folder": tmp_path})
        assert (result.outcome, result.cause) == (Outcome.UNKNOWN, causes.SECRET_UNREADABLE)
        assert "ken" not in result.detail.replace("two-lines", "")


# The search ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (MISSING, dicomweb_causes.DICOMWEB_ABSENT),
        (page("", status="501 No"), dicomweb_causes.DICOMWEB_ABSENT),
        (page("", status="400 What"), http_causes.HTTP_CLIENT_ERROR),
        (page("", status="500 Oops"), http_causes.HTTP_SERVER_ERROR),
        (page("", "Retry-After: 9", status="503 Later"), http_causes.UNAVAILABLE),
        (page("", status="429 Slower"), http_causes.RATE_LIMITED),
        (page("", status="300 Choose"), http_causes.UNEXPECTED_STATUS),
        (redirect("http://elsewhere.example/"), http_causes.REDIRECTED_AWAY),
        (redirect("/dicom-web/studies"), http_causes.TOO_MANY_REDIRECTS),
        (page("", "CF-Mitigated: challenge", status="403 No"), http_causes.BOT_WALL),
        (page(f"<h1>Login</h1>{PATIENT}"), dicomweb_causes.NOT_DICOM_JSON),
        (answer({"error": PATIENT}), dicomweb_causes.NOT_DICOM_JSON),
        (answer([PATIENT]), dicomweb_causes.NOT_DICOM_JSON),
        (answer([{"PatientName": PATIENT}]), dicomweb_causes.NOT_DICOM_JSON),
        (answer([dataset(t00100020=PATIENT_ID)]), dicomweb_causes.NOT_DICOM_JSON),
        (page("[" * 200_000), dicomweb_causes.NOT_DICOM_JSON),
        (page("9" * 100_000), dicomweb_causes.NOT_DICOM_JSON),
        (answer([dataset(t00100020=PATIENT, t0020000D="1.2")]), dicomweb_causes.WRONG_STUDIES),
        (answer([dataset(t0020000D="1.2")]), dicomweb_causes.WRONG_STUDIES),
        (page(b" " * 1_100_000), causes.TOO_LONG),
        (answer([{}] * 3_000), causes.TOO_LONG),
    ],
    ids=lambda value: value.code if isinstance(value, Cause) else "",
)
async def test_a_search_that_does_not_work_has_its_cause(said: bytes, cause: Cause) -> None:
    result = await visited(said)
    if cause is http_causes.BOT_WALL:
        assert fell(result) == (AUTHORISED, cause)
    elif cause in (http_causes.TOO_MANY_REDIRECTS, http_causes.REDIRECTED_AWAY):
        assert result.cause is cause
    else:
        assert fell(result) == (QUERY, cause)
    assert (result.outcome is Outcome.FAILED) is (cause.verdict.value == "failed")


# Storing -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (refused(0xA700), dicom_causes.OUT_OF_RESOURCES),
        (refused(0xA7FF, "202 Accepted"), dicom_causes.OUT_OF_RESOURCES),
        (page("", status="507 Full"), dicom_causes.OUT_OF_RESOURCES),
        (refused(0x0122), dicom_causes.SOP_CLASS_UNSUPPORTED),
        (refused(0xC122), dicom_causes.TRANSFER_SYNTAX_UNSUPPORTED),
        (refused(0x0124), dicom_causes.DICOM_NOT_AUTHORISED),
        (refused(0xA900), dicom_causes.DATA_SET_MISMATCH),
        (refused(0xC000), dicom_causes.CANNOT_UNDERSTAND),
        (refused(0x0110), dicom_causes.DIMSE_FAILED),
        (refused(None, "200 OK"), dicom_causes.DIMSE_FAILED),
        (refused(0xA700, "200 OK", "t0008119A"), dicom_causes.OUT_OF_RESOURCES),
        (page("", status="409 Conflict"), dicomweb_causes.STOW_REFUSED),
        (page("", status="400 What"), dicomweb_causes.STOW_REFUSED),
        (page("", status="413 Large"), dicomweb_causes.STOW_REFUSED),
        (page("", status="415 Type"), dicomweb_causes.STOW_UNSUPPORTED),
        (page("", status="405 No"), dicomweb_causes.STOW_ABSENT),
        (MISSING, dicomweb_causes.STOW_ABSENT),
        (page("", status="500 Oops"), http_causes.HTTP_SERVER_ERROR),
        (page("", status="503 Busy"), http_causes.HTTP_SERVER_ERROR),
        (redirect("/dicom-web/studies", status="301 Moved"), http_causes.UNEXPECTED_STATUS),
        (page(""), dicomweb_causes.STOW_UNCONFIRMED),
        (page("<NativeDicomModel/>"), dicomweb_causes.STOW_UNCONFIRMED),
        (page("[" * 200_000), dicomweb_causes.STOW_UNCONFIRMED),
        (stored(uid="1.2.3"), dicomweb_causes.STOW_UNCONFIRMED),
    ],
    ids=lambda value: value.code if isinstance(value, Cause) else "",
)
async def test_an_image_that_is_not_stored_has_its_reason(said: bytes, cause: Cause) -> None:
    result = await visited({SEARCH: NOTHING, STOW: said}, "query", "store", image="same")
    assert fell(result) == (STORED, cause)
    assert result.outcome is (Outcome.UNKNOWN if cause is dicomweb_causes.STOW_UNCONFIRMED else Outcome.FAILED)


async def test_an_archive_that_dies_between_search_and_store_falls_at_the_store() -> None:
    for handler, cause in ((cutting, causes.RESET), (closing, causes.CLOSED_EARLY), (silent, causes.TIMEOUT)):
        timeout = "1s" if handler is silent else "8s"
        result = await visited({SEARCH: NOTHING, STOW: handler}, "query", "store", timeout=timeout)
        assert fell(result) == (STORED, cause)
        assert result.rungs[-2].stage is QUERY


# Retrieving ----------------------------------------------------------------------------------------------------------

FILE = synthetic_image(SAME)
CORRUPT = FILE[:-300] + bytes([FILE[-300] ^ 1]) + FILE[-299:]


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (image(FILE), None),
        (
            page(FILE).replace(b"text/html; charset=utf-8", b"application/dicom"),
            None,
        ),
        (image(FILE.replace(b"RETABLI^SYNTHETIC", b"RETABLI^SYNTHETIK")), None),  # coerced, and still our image
        (image(CORRUPT), dicom_causes.IMAGE_ALTERED),
        (image(FILE[:-64]), dicom_causes.IMAGE_ALTERED),
        (image(FILE.replace(SAME.instance.encode(), b"9" * len(SAME.instance))), dicom_causes.IMAGE_ALTERED),
        (image(b"<html>"), dicom_causes.IMAGE_ALTERED),
        (image(FILE, "multipart/related"), dicom_causes.IMAGE_ALTERED),
        (image(FILE, "multipart/related; boundary=other"), dicom_causes.IMAGE_ALTERED),
        (page(bytes(1_100_000)), dicom_causes.IMAGE_ALTERED),
        (page("", status="204 No Content"), http_causes.UNEXPECTED_STATUS),
        (page("", status="410 Gone"), dicomweb_causes.IMAGE_MISSING),
        (page("", status="403 No"), dicomweb_causes.DICOMWEB_FORBIDDEN),
        (page("", status="406 No"), http_causes.HTTP_CLIENT_ERROR),
        (page("", status="500 Oops"), http_causes.HTTP_SERVER_ERROR),
    ],
)
async def test_what_comes_back_is_our_image_or_says_what_it_is(said: bytes, cause: Cause | None) -> None:
    result = await visited({STOW: stored(), WADO: said}, "store", "retrieve", image="same")
    assert fell(result) == (GIVEN_BACK, cause)


async def test_an_image_that_the_archive_takes_in_a_moment_later_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dicomweb, "PAUSE", 0.01)
    asked: list[int] = []

    async def in_a_moment(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(1)
        writer.write(MISSING if len(asked) < 3 else image(FILE))

    result = await visited({STOW: stored(), WADO: in_a_moment}, "store", "retrieve", image="same")
    assert result.outcome is Outcome.OK
    assert len(asked) == 3
    result = await visited({STOW: stored(), WADO: MISSING}, "store", "retrieve", image="same")
    assert fell(result) == (GIVEN_BACK, dicomweb_causes.IMAGE_MISSING)


async def test_a_deadline_while_the_image_is_waited_for_says_that_it_is_missing() -> None:
    result = await visited({STOW: stored(), WADO: MISSING}, "store", "retrieve", image="same", timeout="800ms")
    assert fell(result) == (GIVEN_BACK, dicomweb_causes.IMAGE_MISSING)


LISTED = "/dicom-web/studies/{}/instances?limit=1&includefield=0020000E"
THEIRS = "/dicom-web/studies/1.2/series/1.3/instances/1.4/metadata"


async def test_without_a_store_an_earlier_image_of_ours_is_retrieved_whole() -> None:
    listed = answer([dataset(t0020000E=SAME.series, t00080018=SAME.instance)])
    answers = {SEARCH: answer([OURS]), LISTED.format(SAME.study): listed, WADO: image(FILE)}
    assert (await visited(answers, "query", "retrieve")).outcome is Outcome.OK
    result = await visited(answers | {WADO: image(CORRUPT)}, "query", "retrieve")
    assert fell(result) == (GIVEN_BACK, dicom_causes.IMAGE_ALTERED)


async def test_of_a_test_study_that_is_not_ours_only_a_description_is_retrieved() -> None:
    listed = answer([dataset(t0020000E="1.3", t00080018="1.4", t00100010=PATIENT)])
    described = answer([dataset(t00080018="1.4", t00100010=PATIENT)])
    async with site({LISTED.format("1.2"): listed, THEIRS: described}) as running:
        result = await climb(visiting(running.url("/dicom-web"), "retrieve", study="1.2"))
    assert result.outcome is Outcome.OK
    assert PATIENT not in str(result)
    assert all(b"application/dicom+json" in request for request in running.requests)


@pytest.mark.parametrize(
    ("listed", "described", "cause"),
    [
        (answer([]), MISSING, dicomweb_causes.IMAGE_MISSING),
        (answer([dataset(t0020000E="../..", t00080018="1.4")]), MISSING, dicomweb_causes.IMAGE_MISSING),
        (MISSING, MISSING, dicomweb_causes.IMAGE_MISSING),
        (answer([dataset(t0020000E="1.3", t00080018="1.4")]), MISSING, dicomweb_causes.IMAGE_MISSING),
        (answer([dataset(t0020000E="1.3", t00080018="1.4")]), answer([]), dicom_causes.IMAGE_ALTERED),
        (answer([dataset(t0020000E="1.3", t00080018="1.4")]), page("<html>"), dicomweb_causes.NOT_DICOM_JSON),
    ],
)
async def test_a_test_study_that_does_not_come_has_its_cause(listed: bytes, described: bytes, cause: Cause) -> None:
    answers = {LISTED.format("1.2"): listed, THEIRS: described}
    assert fell(await visited(answers, "retrieve", study="1.2")) == (GIVEN_BACK, cause)


async def test_an_identifier_that_is_none_leads_nowhere() -> None:
    listed = answer([dataset(t0020000E="../../..", t00080018="1.4")])
    async with site({LISTED.format("1.2"): listed}) as running:
        await climb(visiting(running.url("/dicom-web"), "retrieve", study="1.2"))
    assert len(running.requests) == 1


async def test_where_nothing_of_ours_is_held_no_retrieval_can_be_judged() -> None:
    result = await visited({SEARCH: NOTHING}, "query", "retrieve")
    assert (result.outcome, result.stage, result.cause) == (
        Outcome.UNKNOWN,
        GIVEN_BACK,
        dicomweb_causes.NOTHING_OF_OURS,
    )


async def test_a_study_that_only_bears_our_mark_is_not_taken_for_ours() -> None:
    answers = {SEARCH: answer([dataset(t0020000D="1.2", t00100020=PATIENT_ID)])}
    assert fell(await visited(answers, "query", "retrieve")) == (GIVEN_BACK, dicomweb_causes.NOTHING_OF_OURS)


# The road ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("peer", "stage", "cause"),
    [
        (silent, stages.RESPONSE, causes.TIMEOUT),
        (closing, stages.RESPONSE, causes.CLOSED_EARLY),
        (cutting, stages.RESPONSE, causes.RESET),
        (saying(b"SSH-2.0-x\r\n"), stages.RESPONSE, causes.GARBAGE),
        (endless(b"HTTP/1.1 100 Continue\r\n\r\n"), stages.RESPONSE, causes.TOO_LONG),
    ],
)
async def test_a_peer_that_is_no_web_server_falls_before_the_archive_is_judged(
    peer: Answer, stage: Any, cause: Cause
) -> None:
    timeout = "500ms" if cause is causes.TIMEOUT else "8s"
    assert fell(await visited(peer, timeout=timeout)) == (stage, cause)


async def test_nobody_there_is_refused() -> None:
    result = await climb(visiting(f"http://127.0.0.1:{closed_port()}/dicom-web"))
    assert fell(result) == (stages.CONNECT, causes.REFUSED)


@pytest.mark.parametrize(
    ("denies", "cause"),
    [
        (page("", "X-Squid-Error: ERR_ACCESS_DENIED 0", status="403 Forbidden"), proxy_causes.PROXY_DENIED),
        (page("", "X-Squid-Error: ERR_DNS_FAIL 0", status="503 Unavailable"), proxy_causes.PROXY_CANNOT_RESOLVE),
        (page("", "X-Squid-Error: ERR_CONNECT_FAIL 111", status="503 No"), proxy_causes.PROXY_CANNOT_CONNECT),
    ],
)
async def test_a_proxy_in_between_is_told_from_the_archive_at_every_request(denies: bytes, cause: Cause) -> None:
    async with site({STOW: stored(), WADO: image(FILE)}) as running:
        for only, stage in (("", stages.RESPONSE), ("/series/", GIVEN_BACK)):
            async with proxy(denies=denies, only=only) as filtering:
                context = {"proxies": {"main": Proxy(url=filtering.url)}}
                url = running.url("/dicom-web")
                probe = visiting(url, "store", "retrieve", image="same", proxy="main", context=context)
                assert fell(await climb(probe)) == (stage, cause)


async def test_through_a_proxy_that_lets_us_pass_all_is_well() -> None:
    async with site({STOW: stored(), WADO: image(FILE)}) as running, proxy() as filtering:
        context = {"proxies": {"main": Proxy(url=filtering.url)}}
        url = running.url("/dicom-web")
        probe = visiting(url, "store", "retrieve", image="same", proxy="main", context=context)
        assert (await climb(probe)).outcome is Outcome.OK
    assert len(filtering.heads) == 2


async def test_a_proxy_that_dies_after_the_first_request_is_told_as_at_the_first() -> None:
    """It answers the store for the archive, and nobody listens any more when the image is to come back."""

    async def answer_and_die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
        server.close()
        writer.write(stored())
        writer.close()

    server = await asyncio.start_server(answer_and_die, "127.0.0.1", 0)
    context = {"proxies": {"main": Proxy(url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")}}
    url = "http://archive.example/dicom-web"
    probe = visiting(url, "store", "retrieve", image="same", proxy="main", context=context)
    assert fell(await climb(probe)) == (GIVEN_BACK, proxy_causes.PROXY_DOWN)


# Bounds --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [SEARCH, STOW, WADO])
async def test_an_endless_answer_costs_no_memory_and_ends(path: str) -> None:
    flood = b"HTTP/1.1 200 OK\r\nContent-Type: application/dicom+json\r\n\r\n"

    async def drown(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(flood)
        await endless(b"[{}," * 16_384)(reader, writer)

    answers: dict[str, Answer] = {SEARCH: NOTHING, STOW: stored(), WADO: image(FILE)}
    tracemalloc.start()
    try:
        result = await visited(answers | {path: drown}, *ALL, image="same", timeout="9s")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert result.outcome is not Outcome.OK
    assert peak < 50_000_000


async def test_the_loop_is_not_blocked_by_the_making_of_an_image() -> None:
    async with site({SEARCH: NOTHING, STOW: stored(), WADO: image(FILE)}) as running:
        probe = visiting(running.url("/dicom-web"), *ALL, image="same")
        ladder = Ladder(probe.climbs())
        with blockbuster_ctx():
            await probe.run(ladder)


# Settings ------------------------------------------------------------------------------------------------------------

URL = "http://archive.example/dicom-web"


def test_only_what_is_verified_is_climbed() -> None:
    assert [stage.id for stage in visiting(URL).climbs()][-2:] == ["authorised", "query"]
    assert visiting(URL, "store").climbs()[-2:] == (AUTHORISED, STORED)
    main = {"proxies": {"main": Proxy(url="http://proxy.example:3128")}}
    tunnelled = visiting("https://archive.example/x", proxy="main", context=main)
    assert stages.PROXY in tunnelled.climbs()
    assert stages.PROXY not in visiting(URL, proxy="main", context=main).climbs()


def test_the_opening_is_the_archives_or_the_proxys() -> None:
    assert list(visiting(URL).openings()) == [("archive.example", 80, "tcp")]
    assert list(visiting("https://archive.example/x").openings()) == [("archive.example", 443, "tcp")]
    main = {"proxies": {"main": Proxy(url="http://proxy.example:3128")}}
    assert list(visiting(URL, proxy="main", context=main).openings()) == [("proxy.example", 3128, "tcp")]


@pytest.mark.parametrize(
    ("keys", "word"),
    [
        ({"verify": ["store"], "patient_id": "DUPONT"}, "RETABLI"),
        ({"verify": ["retrieve"]}, "nothing to retrieve"),
        ({"study": "1.2"}, "study is retrieved from only"),
        ({"verify": ["store", "retrieve"], "study": "1.2"}, "study is retrieved from only"),
        ({"user": "probe"}, "go together"),
        ({"user": "a:b", "password": {"env": "X"}}, "colon"),
        ({"user": "a", "password": {"env": "X"}, "token": {"env": "Y"}}, "not both"),
        ({"tls": {"mode": "none"}}, "tls.mode"),
        ({"url": f"{URL}?tenant=1"}, "neither ? nor #"),
        ({"timeout": "2m"}, "longer than every"),
    ],
)
def test_settings_that_cannot_be_meant_are_faults(keys: dict[str, Any], word: str) -> None:
    assert [fault for fault in settings(Dicomweb, **{"url": URL, **keys}).faults() if word in fault]


def test_settings_that_are_meant_are_none() -> None:
    assert not list(visiting(URL, *ALL, every="5m").faults())
    assert not list(visiting(URL, "query", "retrieve").faults())
    assert not list(visiting(URL, "retrieve", study="1.2.3").faults())
    assert not list(visiting(URL, *ALL, every="5m").warnings())


def test_what_is_unwise_is_a_warning() -> None:
    assert any("images a day" in said for said in visiting(URL, "store").warnings())
    assert any("earlier run's copy" in said for said in visiting(URL, *ALL, image="same").warnings())
    assert any("in clear" in said for said in visiting(URL, token={"env": "X"}).warnings())


@pytest.mark.parametrize(
    "keys",
    [
        {"verify": []},
        {"verify": ["delete"]},
        {"patient_id": "RETABLI*"},
        {"study": "../x"},
        {"url": "ftp://archive.example"},
    ],
)
def test_what_cannot_be_is_refused_at_once(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(Dicomweb, **{"url": URL, **keys})
