"""How tests climb the ladder of `sftp`: its settings for the servers of tests.net.ssh_servers, and where it fell."""

from pathlib import Path
from typing import Any

import pytest

from probes.sftp import Sftp
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
