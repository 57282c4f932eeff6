"""The simulated SFTP server does what a real one does, as seen by OpenSSH's own words and by a client of asyncssh."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from simulator.serving import Serving
from simulator.sftp import SftpServer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "letters"
    path.mkdir()
    return path


@pytest.fixture
async def server(folder: Path) -> AsyncIterator[tuple[SftpServer, Serving]]:
    server = SftpServer(folder, "probe", "synthetic")
    async with Serving(server.talk) as serving:
        yield server, serving


def connect(server: SftpServer, serving: Serving, **keys: Any) -> Any:
    known = asyncssh.import_known_hosts(f"[127.0.0.1]:{serving.port} {server.host_key}\n")
    given: dict[str, Any] = {
        "known_hosts": known,
        "username": "probe",
        "password": "synthetic",
        "client_keys": None,
        "agent_path": None,
        "config": None,
        "preferred_auth": "password",
    }
    return asyncssh.connect("127.0.0.1", serving.port, **(given | keys))


async def test_a_file_is_written_read_and_removed(server: tuple[SftpServer, Serving], folder: Path) -> None:
    async with connect(*server) as connection, connection.start_sftp_client() as sftp:
        async with sftp.open("/letter.txt", "w") as file:
            await file.write("synthetic")
        assert await sftp.listdir("/") == [".", "..", "letter.txt"]
        assert (folder / "letter.txt").read_text() == "synthetic"
        await sftp.remove("/letter.txt")
    assert list(folder.iterdir()) == []


async def test_nothing_outside_of_its_folder_is_seen(server: tuple[SftpServer, Serving], folder: Path) -> None:
    (folder.parent / "secret").write_text("x")
    async with connect(*server) as connection, connection.start_sftp_client() as sftp:
        with pytest.raises(asyncssh.SFTPNoSuchFile):
            await sftp.stat("/../secret")


async def test_its_positions(server: tuple[SftpServer, Serving]) -> None:
    sftp_server, _ = server
    with pytest.raises(asyncssh.PermissionDenied):
        await connect(*server, password="wrong")
    sftp_server.position = "refuses"
    with pytest.raises(asyncssh.PermissionDenied):
        await connect(*server)
    sftp_server.position = "another_key"
    with pytest.raises(asyncssh.HostKeyNotVerifiable):
        await connect(*server)
    sftp_server.position = "readonly"
    async with connect(*server) as connection, connection.start_sftp_client() as sftp:
        assert await sftp.listdir("/") == [".", ".."]
        with pytest.raises(asyncssh.SFTPPermissionDenied):
            await sftp.open("/letter.txt", "w")
    sftp_server.position = "silent"
    with pytest.raises(TimeoutError):
        await connect(*server, connect_timeout=0.3)


async def test_when_it_stops_its_guests_are_cut_off_and_it_comes_back(server: tuple[SftpServer, Serving]) -> None:
    _, serving = server
    async with connect(*server) as connection:
        await serving.stop()
        await connection.wait_closed()
    with pytest.raises(ConnectionRefusedError):
        await connect(*server)
    await serving.open()
    async with connect(*server):
        pass
