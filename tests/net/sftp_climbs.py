"""How tests climb the ladder of `sftp`: its settings for the servers of tests.net.ssh_servers, and where it fell."""

from pathlib import Path
from typing import Any

import pytest

from probes.sftp import Sftp
from retabli.model.causes import Cause, Verdict
from retabli.model.result import Outcome, Result
from retabli.model.stages import Stage
from tests.climbing import settings
from tests.net.ssh_servers import PASSWORD, host_key, line_of


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """The right password, as a file."""
    path = tmp_path / "password"
    path.write_text(PASSWORD + "\n")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a server serves."""
    path = tmp_path / "served"
    path.mkdir()
    return path


def probe(port: int, secret: Path | None = None, **keys: Any) -> Sftp:
    given: dict[str, Any] = {"host": "127.0.0.1", "port": port, "user": "probe", "host_key": line_of(host_key())}
    if "key" not in keys:
        given["password"] = {"file": str(secret)}
    return settings(Sftp, **(given | keys))


def fell(result: Result, stage: Stage, cause: Cause) -> None:
    assert (result.stage, result.cause) == (stage, cause), result
    assert result.outcome is (Outcome.FAILED if cause.verdict is Verdict.FAILED else Outcome.UNKNOWN)
