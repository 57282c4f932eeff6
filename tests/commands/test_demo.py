"""`demo` as a newcomer meets it: what it says, in which language, and how it ends."""

import asyncio
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from commands.demo import HELD, DemoSwitches, spoken
from retabli.model.words import Words
from simulator.hospital import Hospital
from tests.commands.terminal import run
from tests.entrance import ENTRANCE, HOME, INSTALLED, PROGRAM


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "fr"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "fr_FR.UTF-8", "LC_ALL": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "fr_BE"}, "fr"),
        ({"LANG": "fr_CA", "LC_ALL": ""}, "fr"),
    ],
)
def test_it_speaks_the_terminal_s_language(environment: dict[str, str], language: str) -> None:
    assert spoken(environment) == language


async def test_its_switches_are_the_hospital_s_each_position_by_its_words(tmp_path: Path) -> None:
    hospital = Hospital(tmp_path)
    titles = dict.fromkeys(hospital.switches, Words("Un flux", "A flow"))
    switches = DemoSwitches(hospital, titles, HELD)
    [mail] = [each for each in switches.all() if each.flow == "mail-out"]
    assert (mail.title["fr"], mail.position) == ("Un flux", "open")
    assert mail.positions["silent"]["en"] == "relay silent"
    with pytest.raises(KeyError):
        await switches.set("mail-out", "melted")
    with pytest.raises(KeyError):
        await switches.set("nothing", "open")


@asynccontextmanager
async def playing(*words: str, **environment: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, list[str], str]]:
    """The demo on a port of the kernel's choice: the process, what it said at first, the page's address."""
    process = await asyncio.create_subprocess_exec(
        *(*ENTRANCE, "demo", "--listen", "127.0.0.1:0", *words),
        env={"PATH": "/usr/bin:/bin", **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        said: list[str] = []
        while not said or "Ctrl-C" not in said[-1]:
            line = await asyncio.wait_for(process.stdout.readline(), 20)
            assert line, await process.communicate()
            said.append(line.decode())
        address = re.search(r"http://[0-9.:]+", "".join(said))
        assert address is not None
        yield process, said, address[0]
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def test_it_says_where_the_page_is_the_page_says_what_it_is_and_ctrl_c_ends_it_quietly() -> None:
    async with playing("--hold", LANG="fr_FR.UTF-8") as (process, said, address):
        assert "Un hôpital simulé" in said[0]
        assert any(f"{PROGRAM} status --url {address}" in line for line in said)
        async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
            page = (await client.get("/")).text
            assert HELD["fr"] in page
            assert "coupé derrière le relais" in page
            cut = await client.post("/demo/switch", data={"flow": "mail-out", "position": "held"})
            assert cut.status_code == 303
            assert re.search(r'value="held" aria-pressed="true"', (await client.get("/")).text)
        process.send_signal(signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(), 5)
        assert (process.returncode, out, err) == (0, b"", b"")


async def test_a_flow_that_is_cut_drops_and_on_call_is_paged_on_the_terminal() -> None:
    async with playing("--hold", "--lang", "en") as (process, _said, address):
        async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
            await reaches(client, "card-payment", "restored")
            await client.post("/demo/switch", data={"flow": "card-payment", "position": "stopped"})
            await reaches(client, "card-payment", "dropped")
            assert process.stdout is not None
            rang = await asyncio.wait_for(process.stdout.readline(), 10)
            assert rang.decode() == "☎ Dropped: Payment by bank card\n"
            assert "on-call paged" in (await client.get("/flows/card-payment")).text


async def reaches(client: httpx.AsyncClient, flow: str, state: str) -> None:
    async with asyncio.timeout(20):
        while (await client.get(f"/api/v1/flows/{flow}")).json()["state"] != state:
            await asyncio.sleep(0.1)


async def test_an_english_terminal_is_given_an_english_page_and_english_groups() -> None:
    async with playing(LANG="C.UTF-8") as (_process, said, address):
        assert "A simulated hospital lives 21 June" in said[0]
        async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
            page = (await client.get("/")).text
            assert '<html lang="en">' in page
            assert "Demonstration: a simulated hospital; the dates" in page


def test_an_address_that_is_taken_is_told_in_two_lines_the_second_says_how_to_go_beside() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = run("demo", "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.count("\n") == 2, ended.stderr
    first, second = ended.stderr.splitlines()
    assert first.startswith("cannot listen on 127.0.0.1:")
    way = "retabli demo --listen 127.0.0.1:0" if INSTALLED else 'make run ARGS="--listen 127.0.0.1:0"'
    assert second.endswith(f": {way}")


@pytest.mark.skipif(INSTALLED, reason="of a checkout: an installed package is not found at all by such a Python")
def test_a_python_without_our_packages_is_told_which_one_to_take() -> None:
    words = [sys.executable, "-S", str(HOME / "daemon.py"), "status"]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.count("\n") == 1
    assert "lacks the package httpx" in ended.stderr
