"""The simulated engines answer a client that is not ours, and mail what another program can open."""

import asyncio
import email
import io
import zipfile
from collections.abc import AsyncIterator

import hl7
import pytest
from hl7.mllp import open_hl7_connection

from simulator.engine import MllpEngine, ReportsEngine
from simulator.serving import Serving
from simulator.smtp import Envelope

REPORT = "MSH|^~\\&|A|B|C|D|20230703||ORU^R01|M1|T|2.5.1\rPID|1||TEST\rOBR|1||F-17\r"


async def answer(serving: Serving) -> hl7.Message:
    reader, writer = await open_hl7_connection("127.0.0.1", serving.port)
    try:
        writer.writemessage(hl7.parse(REPORT))
        async with asyncio.timeout(0.5):
            return await reader.readmessage()
    finally:
        writer.close()


@pytest.fixture
async def engine() -> AsyncIterator[tuple[MllpEngine, Serving]]:
    engine = MllpEngine()
    async with Serving(engine.talk) as serving:
        yield engine, serving


@pytest.mark.parametrize(("position", "code"), [("accepts", "AA"), ("refuses", "AE"), ("rejects", "AR")])
async def test_it_acknowledges_as_its_position_says(
    engine: tuple[MllpEngine, Serving], position: str, code: str
) -> None:
    engine[0].position = position
    told = await answer(engine[1])
    assert (str(told["MSA"][0][1]), str(told["MSA"][0][2])) == (code, "M1")
    assert ("ERR" in str(told)) is (code != "AA")


async def test_it_is_silent_or_closes(engine: tuple[MllpEngine, Serving]) -> None:
    engine[0].position = "silent"
    with pytest.raises(TimeoutError):
        await answer(engine[1])
    engine[0].position = "closes"
    with pytest.raises(asyncio.IncompleteReadError):
        await answer(engine[1])


async def test_it_mails_each_report_unless_it_is_stuck() -> None:
    posted: list[Envelope] = []
    engine = ReportsEngine(posted.append, "reports@chu.example", "prescriber@outside.example")
    async with Serving(engine.talk) as serving:
        await answer(serving)
        engine.position = "stuck"
        await answer(serving)
        engine.position = "broken_archive"
        await answer(serving)
    assert [envelope.recipients for envelope in posted] == [("prescriber@outside.example",)] * 2
    whole, broken = (_archive(envelope) for envelope in posted)
    with zipfile.ZipFile(io.BytesIO(whole)) as opened:
        assert opened.testzip() is None
        assert b"F-17" in opened.read("IHE_XDM/SUBSET01/DOC0001.XML")
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(broken))
    assert b"F-17" in posted[0].message


def _archive(envelope: Envelope) -> bytes:
    parts = email.message_from_bytes(envelope.message).walk()
    found = next(part for part in parts if part.get_filename() == "IHE_XDM.zip").get_payload(decode=True)
    assert isinstance(found, bytes)
    return found
