"""A mail that may bring a report, taken apart within bounds whatever is in it."""

import codecs
import encodings
import sys
import time
import tracemalloc

import pytest

from retabli.model.ladder import Fall, cause_of
from retabli.net.reports.report_book import ReportBook
from retabli.net.reports.report_mail import FINDINGS, LENGTH, examine, finding_of
from tests.faults.short_of_files import in_a_child, shortage
from tests.net.xdm_archives import archive

HEAD = b"From: sender@chu.example\r\n"
DISPOSITION = HEAD + b"Content-Disposition: attachment; "

FOLDED = b"".join(b"filename*%d=synthetic-and-long;\r\n " % number for number in range(58_000))

HOSTILE = {
    "headers": HEAD + b"a:b\r\n" * 59_000 + b"\r\n",
    "long headers": HEAD + (b"a:" + b"b" * 45 + b"\r\n") * 59_000 + b"\r\n",
    "parts": HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 190,
    "nested": HEAD
    + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i) for i in range(190)),
    "base64": DISPOSITION
    + b"filename=IHE_XDM.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    + (b"QUJD" * 19 + b"\r\n") * 38_000,
    "one line": HEAD + b"\r\n" + b"x" * 3_000_000,
    "quoted-printable": HEAD + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=41" * 1_000_000,
    "an encoded name": DISPOSITION + b"filename*0*=x''" + b"%41" * 500_000 + b"\r\n\r\n",
    "parameters": DISPOSITION + b"".join(b"filename*%d=x;" % i for i in range(100_000)) + b"\r\n\r\n",
    "folded parameters": DISPOSITION + FOLDED + b"\r\n\r\n",
    "words": DISPOSITION + b'filename="' + b"=?utf-8?q?a?= " * 150_000 + b'"\r\n\r\n',
    "a content type": HEAD + b"Content-Type: " + b"a/b;" * 600_000 + b"\r\n\r\n",
    "a folded content type": HEAD
    + b"Content-Type: multipart/mixed;\r\n"
    + b" a=synthetic-and-rather-long-as-well;\r\n" * 58_000
    + b"\r\n\r\n",
    "many types": HEAD + (b"Content-Type: multipart/mixed;" + b"a=b;" * 400 + b"\r\n") * 1500 + b"\r\n",
    "control ids": HEAD + b"\r\n" + b"RT0123456789abcdef01\r\n" * 50_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_mail_costs_little_time_and_memory(name: str) -> None:
    content = HOSTILE[name][: LENGTH - 1]
    book = ReportBook({}, b"key")
    began = time.process_time()
    token, finding = examine(content, book.find, ("xdm", "pdf"))
    assert time.process_time() - began < 2
    assert token is None
    assert finding_of(finding) is not None
    tracemalloc.start()
    try:
        examine(content, book.find, ("xdm", "pdf"))
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()


async def test_an_archive_that_cannot_be_read_for_want_of_open_files_is_not_called_broken() -> None:
    """`zipfile` loads the characters of the names in it (cp437) with the first archive."""
    content = DISPOSITION + b"filename=IHE_XDM.zip\r\n\r\n" + archive()

    async def work() -> list[str]:
        codecs.unregister(encodings.search_function)  # which forgets what was loaded
        encodings._cache.pop("cp437", None)
        sys.modules.pop("encodings.cp437", None)
        codecs.register(encodings.search_function)
        found = []
        for left in (0, 50):
            with shortage(left):
                try:
                    found.append(examine(content, ReportBook({}, b"key").find, ("xdm", "pdf"))[1])
                except Fall as fall:
                    cause = cause_of(fall)
                    found.append(cause.code if cause else "")
        return found

    assert await in_a_child(work) == ["local_resources", ""]


def test_a_finding_that_nobody_knows_is_no_whole_report() -> None:
    assert finding_of("") is None
    for code, cause in FINDINGS.items():
        fall = finding_of(f"{code}: detail: more")
        assert fall is not None
        assert (fall.cause, fall.detail) == (cause, "detail: more")
    fall = finding_of("of another version")
    assert fall is not None
    assert fall.cause.code == "archive_broken"
