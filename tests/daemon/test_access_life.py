"""A daemon with accounts, as a process: a restart logs nobody out, a reload does, and its state holds no secret."""

import asyncio
import json
import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.commands.daemons import living
from tests.daemon.living import Life
from tests.entrance import ENTRANCE
from tests.web.accounts import PASSWORDS, hash_of

pytestmark = pytest.mark.timeout(90)


def admit(life: Life, *names: str, role: str = "view") -> None:
    """Accounts in the configuration, beside the address that it listens on."""
    users = ", ".join(f"{name}: {{role: {role}, hash: {{file: {name}.hash}}}}" for name in names)
    for name in names:
        (life.folder / f"{name}.hash").write_text(hash_of(PASSWORDS[name]).line)
    text = life.config.read_text().replace(
        f'"127.0.0.1:{life.port}"}}', f'"127.0.0.1:{life.port}", users: {{{users}}}}}'
    )
    life.config.write_text(text)


async def test_a_session_outlives_a_restart_and_not_the_account(tmp_path: Path) -> None:
    async with living(tmp_path) as life:
        admit(life, "wall", "karim")
        url = f"http://127.0.0.1:{life.port}"
        assert life.process is not None
        async with httpx.AsyncClient(base_url=url, trust_env=False) as wall:
            root = await wall.post("/-/reload")
            assert root.json()["reloaded"], "nobody was asked until then"
            assert (await wall.get("/metrics")).status_code == 401
            given = {"user": "wall", "password": PASSWORDS["wall"]}
            assert (await wall.post("/login", data=given, headers={"origin": url})).status_code == 303
            token = wall.cookies["retabli_session"]
            kept = tmp_path / "state.db.sessions"
            assert kept.stat().st_mode & 0o777 == 0o600
            assert token not in kept.read_text()
            assert await life.end(signal.SIGTERM) == 0
            life.until = anybody(life)  # type: ignore[method-assign]
            await life.start()
            page = await wall.get("/metrics")
            assert page.status_code == 200
            assert 'retabli_web_logins_total{outcome="accepted"} 0.0' in page.text
            life.write()
            admit(life, "karim")
            life.process.send_signal(signal.SIGHUP)
            while (await wall.get("/metrics")).status_code == 200:
                pass
            assert (await wall.get("/-/healthy")).status_code == 200


async def test_the_log_says_who_came_in_and_how_many_failed_also_those_of_the_last_minutes(tmp_path: Path) -> None:
    async with living(tmp_path) as life:
        url = f"http://127.0.0.1:{life.port}"
        admit(life, "karim", role="act")
        async with httpx.AsyncClient(base_url=url, trust_env=False, headers={"origin": url}) as browser:
            assert (await browser.post("/-/reload")).json()["reloaded"]
            for password in ("wrong", "wrong too"):
                await browser.post("/login", data={"user": "karim", "password": password})
            await browser.post("/login", data={"user": "karim", "password": PASSWORDS["karim"]})
            async with asyncio.timeout(20):
                while "Log-in — karim (may act)" not in (await browser.get("/log?lang=en")).text:
                    pass
        assert await life.end(signal.SIGTERM) == 0
        command = [*ENTRANCE, "log", "--state", str(tmp_path / "state.db"), "--format", "json"]
        printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=25).stdout
        written = [json.loads(line) for line in printed.splitlines()]
        assert [(row["data"].get("by"), row["data"].get("failed")) for row in written if row["event"] == "login"] == [
            ("karim", None),
            (None, 2),
        ]
        assert "127.0.0.1" not in json.dumps([row["data"] for row in written if row["event"] == "login"])


def anybody(life: Life):  # type: ignore[no-untyped-def]
    """Until it serves at all: what its flows are is not everybody's."""
    import asyncio
    import contextlib

    async def until(_wanted: object) -> dict[str, object]:
        async with asyncio.timeout(20), httpx.AsyncClient(trust_env=False) as client:
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    if (await client.get(f"http://127.0.0.1:{life.port}/-/ready")).status_code == 200:
                        return {}
                await asyncio.sleep(0.05)  # another process: there is nothing here to await

    return until
