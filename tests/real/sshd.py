"""OpenSSH's server of the distribution, in the foreground on loopback, with keys and a folder of the test's own."""

import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.net.peers import closed_port
from tests.real.servers import Server, accepts

SEPARATION = Path("/run/sshd")  # where sshd wants an empty folder to shut its helper in

_CONFIGURATION = """
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/{host_key}
PidFile none
AuthorizedKeysFile {folder}/probe.pub
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
LogLevel VERBOSE
"""


def make_key(folder: Path, name: str, kind: str = "ed25519") -> Path:
    """A private key without a passphrase; its public half lies beside it."""
    path = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "synthetic", "-f", path], check=True)
    return path


@dataclass
class Sshd(Server):
    """`folder` has its keys; `place` is the folder that it serves."""

    folder: Path = Path()
    place: Path = Path()
    port: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)

    def configure(self, *, host_key: str = "host", **settings: str) -> None:
        """Write its configuration anew; it takes effect with the next start."""
        given = {"Subsystem": "sftp internal-sftp", "PasswordAuthentication": "no"} | dict(self.settings) | settings
        text = _CONFIGURATION.format(folder=self.folder, port=self.port, host_key=host_key)
        text += "".join(f"{name} {value}\n" for name, value in given.items() if value)
        (self.folder / "sshd_config").write_text(text)

    def restart(self, *, host_key: str = "host", **settings: str) -> None:
        self.stop()
        self.configure(host_key=host_key, **settings)
        self.start()

    def account(self, **keys: Any) -> dict[str, Any]:
        """As the settings of `sftp` have it."""
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "user": "root",
            "key": {"file": str(self.folder / "probe")},
            "host_key": (self.folder / "host.pub").read_text(),
            "directory": str(self.place),
        } | keys


@contextmanager
def sshd(**settings: str) -> Iterator[Sshd]:
    """A server for the key `probe`; settings are sshd_config's own, an empty one is left out."""
    SEPARATION.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sshd-") as folder:
        Path(folder).chmod(0o755)  # its file service may run as somebody else
        with _sshd(Path(folder), settings) as server:
            yield server


@contextmanager
def _sshd(folder: Path, settings: Mapping[str, str]) -> Iterator[Sshd]:
    for name in ("host", "probe", "stranger"):
        make_key(folder, name)
    place = folder / "in"
    place.mkdir()
    port = closed_port()
    server = Sshd(
        ["/usr/sbin/sshd", "-D", "-e", "-f", str(folder / "sshd_config")],
        lambda: accepts(port),
        folder / "log",
        (port,),
        folder=folder,
        place=place,
        port=port,
        settings=settings,
    )
    server.configure()
    server.start()
    try:
        yield server
    finally:
        server.stop()
