"""A whole daemon as a process of its own: restored, dropped, killed, started again, reloaded, ended."""

import contextlib
import itertools
import json
import signal
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.daemon.living import Life, life_in


@pytest.fixture
async def life(tmp_path: Path) -> AsyncIterator[Life]:
    async with life_in(tmp_path, well=False) as life:
        yield life


async def test_down_recovering_restored_dropped_killed_and_resolved(life: Life) -> None:
    await life.start()
    await life.until_state("down")
    await life.watched.start()
    restored = await life.until_state("restored")
    await life.watched.stop()
    assert await life.hook.told(1) == ["firing"]
    dropped = await life.until_state("dropped")
    assert dropped["restored_at"] == restored["restored_at"]

    await life.end(signal.SIGKILL)
    await life.start()
    again = await life.until_state("dropped")
    assert (again["since"], again["restored_at"], again["drops"]) == (dropped["since"], restored["restored_at"], 1)
    assert again["incident"] == dropped["incident"]

    await life.watched.start()
    assert await life.hook.told(2) == ["firing", "resolved"]
    assert life.hook.bodies[0]["incident"] == life.hook.bodies[1]["incident"]
    await life.until_state("restored")
    assert await life.end(signal.SIGTERM) == 0
    assert len(life.hook.bodies) == 2

    code, out, _ = await life.command("log", "--config", str(life.config), "--format", "json")
    assert code == 0
    entries = [json.loads(line) for line in out.splitlines()] if out.startswith("{") else json.loads(out)
    states = [entry["data"]["now"] for entry in entries if entry["event"] == "state" and entry["flow"] == "port"]
    seen = [state for state, _ in itertools.groupby(state for state in states if state != "unknown")]
    assert seen == [
        "down",
        "recovering",
        "restored",
        "dropped",
        "recovering",
        "restored",
    ]
    assert (await life.command("log", "verify", "--config", str(life.config)))[0] == 0
    with contextlib.closing(sqlite3.connect(life.folder / "state.db")) as database:
        triggers = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
        for trigger in triggers:
            database.execute(f"DROP TRIGGER {trigger}")
        database.execute("UPDATE log SET data = replace(data, 'dropped', 'restored') WHERE data LIKE '%dropped%'")
        database.commit()
    code, out, err = await life.command("log", "verify", "--config", str(life.config))
    assert code == 1
    assert "row" in out + err


async def test_a_reload_takes_a_good_file_and_refuses_a_bad_one_whole(life: Life) -> None:
    await life.watched.start()
    await life.start()
    restored = await life.until_state("restored")
    life.write(flows="{title: Port, intent: opne, probes: {p: {kind: tpc}}}")
    async with httpx.AsyncClient(trust_env=False, base_url=f"http://127.0.0.1:{life.port}") as client:
        refused = await client.post("/-/reload")
        assert refused.status_code >= 400
        assert "did you mean" in refused.text
        assert "retabli_config_last_reload_successful 0.0" in (await client.get("/metrics")).text
        assert (await life.until_state("restored"))["since"] == restored["since"]
        newest = (await client.get("/api/v1/log?event=config&limit=1")).json()["entries"][0]["data"]
        assert newest["change"] == "refused"
        assert "did you mean" in newest["first"], "whoever reads the log learns that the old configuration runs"

        life.write()
        assert (await client.post("/-/reload")).is_success
        assert "retabli_config_last_reload_successful 1.0" in (await client.get("/metrics")).text
        assert (await life.until_state("restored"))["since"] == restored["since"]

        port = f"{{kind: tcp, host: 127.0.0.1, port: {life.watched.port}}}"
        life.write(flows=f"{{title: Closed now, intent: closed, probes: {{p: {port}}}}}")
        assert (await client.post("/-/reload")).is_success
    await life.until(lambda flow: flow["intent"] == "closed" and flow["state"] == "breached")
    assert "breached" in [body["reason"] for body in life.hook.bodies[: len(await life.hook.told(1))]]
    assert await life.end(signal.SIGINT) == 0


async def test_a_bad_configuration_starts_nothing_and_tells_every_fault(life: Life) -> None:
    life.write(flows="{title: Port, intent: opne, probes: {p: {kind: tpc}}}")
    code, out, err = await life.command("run", "--config", str(life.config))
    assert (code, out) == (2, "")
    lines = err.strip().splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"{life.config}:") for line in lines)
    assert not (life.folder / "state.db").exists()


async def test_a_port_that_is_taken_is_one_clear_line(life: Life) -> None:
    code, _, err = await life.command("run", "--config", str(life.config), "--listen", f"127.0.0.1:{life.hook.port}")
    assert code == 2
    assert f"cannot listen on 127.0.0.1:{life.hook.port}" in err.splitlines()[-1]
    assert "Traceback" not in err
