"""The simulated recogniser gives the words of the shipped recording, wants its own tokens, and has its faults."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from probes.speech import Speech
from retabli.model.result import Outcome, Result
from retabli.net.speech.recording import SHIPPED, WORDS
from simulator.recogniser import KNOWN, Recogniser
from simulator.serving import Serving
from tests.climbing import climb, settings


@pytest.fixture
def recogniser() -> Recogniser:
    return Recogniser("probe", "s3cret")


@pytest.fixture
async def port(recogniser: Recogniser) -> AsyncIterator[int]:
    async with Serving(recogniser.talk) as serving:
        yield serving.port


async def probed(port: int, tmp_path: Path, *, scheme: str = "http", account: str = "s3cret", **keys: Any) -> Result:
    (tmp_path / "password").write_text(account)
    service = {
        "url": f"http://127.0.0.1:{port}/token",
        "user": "probe",
        "password": {"file": str(tmp_path / "password")},
    }
    if scheme == "ws":
        keys["websocket"] = {"end": "{}"}
    return await climb(settings(Speech, url=f"{scheme}://127.0.0.1:{port}/listen", token_service=service, **keys))


def test_it_knows_the_words_of_the_shipped_recording() -> None:
    assert set(KNOWN.values()) == {WORDS}


@pytest.mark.parametrize("scheme", ["http", "ws"])
async def test_it_listens_and_each_position_is_a_fault_of_its_own(
    scheme: str, recogniser: Recogniser, port: int, tmp_path: Path
) -> None:
    assert (await probed(port, tmp_path, scheme=scheme)).outcome is Outcome.OK
    for position, stage, code in (
        ("no_licence", "licence", "licence_exhausted"),
        ("wrong_words", "words", "wrong_text"),
        ("empty", "recognised", "empty_text"),
        ("refuses_token", "token", "token_refused"),
    ):
        recogniser.position = position
        result = await probed(port, tmp_path, scheme=scheme)
        assert result.stage is not None
        assert result.cause is not None
        assert (result.stage.id, result.cause.code) == (stage, code)
    recogniser.position = "silent"
    assert (await probed(port, tmp_path, scheme=scheme, timeout="300ms")).outcome is Outcome.FAILED
    recogniser.position = "listens"
    assert (await probed(port, tmp_path, scheme=scheme)).outcome is Outcome.OK


async def test_another_account_is_given_no_token(port: int, tmp_path: Path) -> None:
    result = await probed(port, tmp_path, account="guess")
    assert result.cause is not None
    assert result.cause.code == "auth_refused"


async def test_a_client_that_is_not_ours_sees_the_same(port: int) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        token = (await client.post("/token", auth=("probe", "s3cret"))).json()["access_token"]
        presented = {"Authorization": f"Bearer {token}"}
        recording = SHIPPED.read_bytes()
        assert (await client.post("/", content=recording, headers=presented)).json() == {"text": WORDS}
        assert (await client.post("/", content=recording[:-2], headers=presented)).json() == {"text": ""}
        assert (await client.post("/", content=recording)).status_code == 401
        assert (await client.get("/", headers=presented)).status_code == 405


async def test_another_account_is_admitted_in_place_of_the_one_before(
    recogniser: Recogniser, port: int, tmp_path: Path
) -> None:
    recogniser.admit("probe", "another")
    result = await probed(port, tmp_path)
    assert result.cause is not None
    assert result.cause.credential
    assert (await probed(port, tmp_path, account="another")).outcome is Outcome.OK
