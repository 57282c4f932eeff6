"""IHE XDM archives: what is whole passes, and each way to be broken or hostile is told, within bounds."""

import tracemalloc
import zipfile

import pytest

from retabli.model.causes import Cause
from retabli.model.ladder import Fall
from retabli.net.reports import report_causes, xdm, xml_outline
from retabli.net.reports.xml_outline import Refused, outline
from simulator.engine import xdm_archive
from tests.net.expat_short_of_memory import short_of_memory
from tests.net.xdm_archives import LCM, SET, archive, bomb, cda, described, metadata, packed, slot, submission


def judged(content: bytes) -> tuple[Cause | None, str]:
    try:
        xdm.judge(content, lambda _: None)
    except Fall as fall:
        return fall.cause, fall.detail
    return None, ""


WITHOUT_SIZE = f"<rim:ExtrinsicObject>{slot('URI', 'DOC0001.XML')}</rim:ExtrinsicObject>"


@pytest.mark.parametrize(
    "content",
    [
        archive(),
        xdm_archive("x"),
        archive(packing=zipfile.ZIP_STORED),
        archive({"DOC0001.XML": cda("a"), "DOC0002.XML": cda("b")}),
        archive({"DOC0001.XML": cda("a"), "DOC0002.XML": b"<styles/>"}),
        archive({"DOC0001.XML": cda("a")}, submission(described("1|doc0001.xml", cda("a")))),
        archive({"DOC0001.XML": cda("a")}, submission(WITHOUT_SIZE)),
        archive({"DOC0001.XML": b"\xef\xbb\xbf" + cda("a")}),
        archive({"DOC0001.XML": cda("a").decode().encode("utf-16")}),
    ],
)
def test_an_archive_that_is_whole_passes(content: bytes) -> None:
    assert judged(content) == (None, "")


def test_what_is_unpacked_is_shown() -> None:
    seen: list[bytes] = []
    xdm.judge(archive({"DOC0001.XML": cda("the mark")}), seen.append)
    assert [b"SubmitObjectsRequest" in seen[0], b"the mark" in seen[1]] == [True, True]


ELEMENT = "<rim:ExtrinsicObject/>"


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", report_causes.ARCHIVE_BROKEN),
        (b"PK\x03\x04 and no more", report_causes.ARCHIVE_BROKEN),
        (archive()[:-10], report_causes.ARCHIVE_BROKEN),
        (archive()[30:], report_causes.ARCHIVE_BROKEN),
        (archive().replace(b"ClinicalDocument", b"ClinicalDocumenT"), None),  # it is packed: nothing to replace
        (
            archive(packing=zipfile.ZIP_STORED).replace(b"urn:hl7-org:v3", b"urn:hl7-org:v4"),
            report_causes.ARCHIVE_BROKEN,
        ),
        (archive(packing=zipfile.ZIP_BZIP2), report_causes.ARCHIVE_BROKEN),
        (archive(packing=zipfile.ZIP_LZMA), report_causes.ARCHIVE_BROKEN),
        (archive(content=None), report_causes.METADATA_MISSING),
        (packed({}), report_causes.METADATA_MISSING),
        (packed({"METADATA.XML": metadata(DOC0001=cda("x"))}), report_causes.METADATA_MISSING),
        (archive(content=b"no xml"), report_causes.METADATA_BROKEN),
        (archive(content=b"<a/>"), report_causes.METADATA_BROKEN),
        (archive(content=f"<lcm:Other {LCM}/>".encode()), report_causes.METADATA_BROKEN),
        (archive(content=submission()), report_causes.METADATA_BROKEN),
        (archive(content=submission(ELEMENT)), report_causes.METADATA_BROKEN),
        (archive(content=submission(ELEMENT * 200)), report_causes.METADATA_BROKEN),
        (archive(content=b"<!DOCTYPE a>" + metadata(DOC0001=cda("x"))), report_causes.METADATA_BROKEN),
        (archive({}, metadata(DOC0001=cda("x"))), report_causes.DOCUMENT_MISSING),
        (archive({}, submission(described("../../secret", b""))), report_causes.DOCUMENT_MISSING),
        (archive({"DOC0001.XML": cda("y")}, metadata(DOC0001=cda("x"))), report_causes.DOCUMENT_ALTERED),
        (archive({"DOC0001.XML": cda("yy")}, metadata(DOC0001=cda("x"))), report_causes.DOCUMENT_ALTERED),
        (archive({"DOC0001.XML": b"<ClinicalDocument/>"}), report_causes.DOCUMENT_NOT_CDA),
        (archive({"DOC0001.XML": cda("x")[:-3]}), report_causes.DOCUMENT_NOT_CDA),
        (archive({"DOC0001.XML": b"%PDF-1.4"}), report_causes.DOCUMENT_NOT_CDA),
        (archive({"DOC0001.XML": b"<?xml version='1.0' encoding='none'?>" + cda("x")}), report_causes.DOCUMENT_NOT_CDA),
        (bomb(), report_causes.ARCHIVE_BOMB),
        (packed({f"{SET}/{number}": b"" for number in range(101)}), report_causes.ARCHIVE_BOMB),
        (packed({f"{SET}/{number}": b"\0" * (5 << 20) for number in range(4)}), report_causes.ARCHIVE_BOMB),
        (packed({"../../etc/passwd": b""}), report_causes.ARCHIVE_BOMB),
        (packed({"/etc/passwd": b""}), report_causes.ARCHIVE_BOMB),
        (packed({"C:\\x": b""}), report_causes.ARCHIVE_BOMB),
        (packed({"a/b/c/d/e/f/g": b""}), report_causes.ARCHIVE_BOMB),
        (packed({"x" * 60_000: b"", "y" * 60_000: b""}), report_causes.ARCHIVE_BOMB),
    ],
)
def test_each_way_to_be_broken_is_told(content: bytes, cause: Cause) -> None:
    assert judged(content)[0] == cause


def test_a_size_that_lies_is_found_out_before_the_bomb_unpacks() -> None:
    honest = bomb(32)
    declared = (32 << 20).to_bytes(4, "little")
    lying = honest.replace(declared, (1000).to_bytes(4, "little"))
    tracemalloc.start()
    try:
        cause, detail = judged(lying)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert cause is report_causes.ARCHIVE_BROKEN
    assert detail == "it cannot be unpacked as it declares (BadZipFile)"
    assert peak < 4_000_000


def test_a_table_of_contents_that_lies_or_is_endless_is_refused_before_it_is_read() -> None:
    whole = archive()
    place = whole.rindex(b"PK\x05\x06")
    endless = whole[: place + 12] + (1 << 31).to_bytes(4, "little") + whole[place + 16 :]
    assert judged(endless)[0] is report_causes.ARCHIVE_BOMB
    zip64 = whole[:place] + b"PK\x06\x07" + b"\0" * 16 + whole[place:]
    assert judged(zip64)[0] is report_causes.ARCHIVE_BOMB
    commented = whole[:-2] + (100).to_bytes(2, "little") + b"c" * 100
    assert judged(commented)[0] is None


def test_a_document_that_is_described_again_and_again_is_not_read_again_and_again() -> None:
    large = b"<a>" + b" " * 3_000_000 + b"</a>"
    hostile = archive({"DOC0001.XML": large}, submission(*[described("DOC0001.XML", large)] * 90))
    assert judged(hostile)[0] is report_causes.ARCHIVE_BOMB


def test_an_encrypted_entry_does_not_open() -> None:
    whole = bytearray(archive())
    for signature, flags in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        place = 0
        while (place := whole.find(signature, place)) >= 0:
            whole[place + flags] |= 1
            place += 4
    assert judged(bytes(whole))[0] is report_causes.ARCHIVE_BROKEN


def test_no_damaged_archive_raises_anything_else() -> None:
    whole = archive()
    for place in range(len(whole)):
        for value in (0, 0xFF):
            judged(whole[:place] + bytes([value]) + whole[place + 1 :])
        judged(whole[:place])


def test_a_document_nested_or_long_without_end_is_refused() -> None:
    for content in (b"<a>" * 300, b"<a>" + b"<b/>" * 250_000, b"<a " + b"x" * 1000, b"", b"\0" * 10):
        with pytest.raises(Refused):
            outline(content)


def test_entities_are_refused_and_never_resolved() -> None:
    laughs = b'<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><a>&c;</a>'
    for content in (laughs, b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', b"<a>&undefined;</a>"):
        with pytest.raises(Refused):
            outline(content)


def test_a_document_for_which_expat_has_no_memory_is_not_called_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has one exception for all that keeps it from going on."""
    monkeypatch.setattr(xml_outline, "expat", short_of_memory())
    with pytest.raises(MemoryError):
        judged(archive())
