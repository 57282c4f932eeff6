"""The kind `exec` against the distribution's monitoring plugins. Needs root only because the others here do."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from probes.exec import PLUGIN_CRITICAL, PLUGIN_UNKNOWN, PLUGIN_WARNING, Exec
from retabli.model.causes import Cause
from retabli.model.result import Outcome, Result
from tests.climbing import climb, settings
from tests.net.peers import closed_port, saying, serving

PLUGINS = Path("/usr/lib/nagios/plugins")

pytestmark = [pytest.mark.real, pytest.mark.skipif(not PLUGINS.is_dir(), reason="monitoring-plugins are not installed")]


async def plugin(name: str, *arguments: str, **keys: Any) -> Result:
    return await climb(settings(Exec, command=[str(PLUGINS / name), *arguments], **keys))


@pytest.mark.parametrize(
    ("status", "outcome", "cause", "word"),
    [
        (0, Outcome.OK, None, "OK"),
        (1, Outcome.OK, PLUGIN_WARNING, "WARNING"),
        (2, Outcome.FAILED, PLUGIN_CRITICAL, "CRITICAL"),
        (3, Outcome.UNKNOWN, PLUGIN_UNKNOWN, "UNKNOWN"),
    ],
)
async def test_each_verdict_is_read(status: int, outcome: Outcome, cause: Cause | None, word: str) -> None:
    result = await plugin("check_dummy", str(status), "synthetic")
    assert (result.outcome, result.cause) == (outcome, cause)
    assert f"{word}: synthetic" in (result.detail or result.properties["said"])


async def test_a_plugin_that_connects_measures_its_time() -> None:
    async with serving(saying(b"220 mail.chu.test\r\n")) as port:
        result = await plugin("check_tcp", "-H", "127.0.0.1", "-p", str(port), "-e", "220")
    assert result.outcome is Outcome.OK, result
    assert result.properties["measured"].startswith("time=")


async def test_a_plugin_that_finds_nobody_is_critical() -> None:
    result = await plugin("check_tcp", "-H", "127.0.0.1", "-p", str(closed_port()))
    assert (result.outcome, result.cause) == (Outcome.FAILED, PLUGIN_CRITICAL)
    assert "refused" in result.detail.lower()


async def test_a_disk_is_measured() -> None:
    result = await plugin("check_disk", "-w", "0%", "-c", "0%", "-p", "/")
    assert result.outcome is Outcome.OK, result
    assert result.properties["measured"].startswith("/=")


async def test_the_age_of_a_file_is_a_warning_and_then_critical(tmp_path: Path) -> None:
    path = tmp_path / "backup"
    path.write_text("x")
    os.utime(path, (time.time() - 600, time.time() - 600))
    warned = await plugin("check_file_age", "-w", "60", "-c", "3600", "-f", str(path))
    critical = await plugin("check_file_age", "-w", "60", "-c", "300", "-f", str(path))
    assert (warned.outcome, warned.whole, warned.cause) == (Outcome.OK, False, PLUGIN_WARNING)
    assert critical.cause is PLUGIN_CRITICAL


async def test_a_plugin_that_is_called_wrongly_is_unknown() -> None:
    result = await plugin("check_tcp")
    assert (result.outcome, result.cause) == (Outcome.UNKNOWN, PLUGIN_UNKNOWN)
