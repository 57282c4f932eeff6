"""Orthanc with its DICOMweb plugin, in a network namespace of its own: it listens on every interface. Needs root."""

import asyncio
import ctypes
import http.client
import json
import os
import secrets
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

from retabli.model.probe import Probe
from retabli.model.result import Result
from retabli.net.dicom.captured_image import PATIENT_ID, fresh_uids, synthetic_image
from tests.climbing import climb
from tests.real.servers import NGINX_BEGINS, Server, accepts

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
WEB, DICOM = 8042, 4242  # in its own namespace every port is free
USER, PASSWORD, TITLE = "probe", "s3cret", "ARCHIVE"
NEW_NETWORK = 0x40000000  # CLONE_NEWNET (<linux/sched.h>)

T = TypeVar("T")

SECURE = 8443
_FRONT = (
    NGINX_BEGINS
    + """
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {identity};
    ssl_certificate_key {identity};
    location / {{ proxy_pass http://127.0.0.1:{behind}; }}
  }}
}}
"""
)


def inside(namespace: str, work: Callable[[], T]) -> T:
    """What the work gives, done by a thread that has entered the namespace, as have the threads that it starts."""
    given: list[T] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            with Path(f"/run/netns/{namespace}").open() as entrance:
                if ctypes.CDLL(None, use_errno=True).setns(entrance.fileno(), NEW_NETWORK) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            given.append(work())
        except BaseException as error:  # noqa: BLE001 - it is raised again where it was asked for
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]
    return given[0]


@dataclass
class Orthanc:
    """A running archive. `settings` are Orthanc's own, over those here."""

    namespace: str
    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)
    plugged: bool = True

    def __post_init__(self) -> None:
        configuration = {
            "Name": TITLE,
            "DicomAet": TITLE,
            "DicomPort": DICOM,
            "HttpPort": WEB,
            "StorageDirectory": str(self.folder / "storage"),
            "IndexDirectory": str(self.folder / "index"),
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": True,
            "RegisteredUsers": {USER: PASSWORD},
            "DicomAlwaysAllowFind": True,
            "Plugins": [str(PLUGIN)] if self.plugged else [],
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        }
        path = self.folder / "orthanc.json"
        path.write_text(json.dumps(configuration | self.settings))
        command = ["ip", "netns", "exec", self.namespace, shutil.which("Orthanc") or "", str(path)]
        self.server = Server(command, self._is_ready, self.folder / "log")

    def _is_ready(self) -> bool:
        return inside(self.namespace, lambda: accepts(WEB) and accepts(DICOM))

    def climb(self, probe: Probe, memory: dict[str, Any] | None = None) -> Result:
        return inside(self.namespace, lambda: asyncio.run(climb(probe, memory=memory)))

    def receive(self, partner: str, made: datetime) -> None:
        """A study of the partner arrives, made at that (local) time."""
        from pydicom import dcmread

        image = dcmread(BytesIO(synthetic_image(fresh_uids(PATIENT_ID))))
        image.InstitutionName = partner
        image.StudyInstanceUID = f"2.25.{made.timestamp():.0f}"
        image.SeriesInstanceUID = f"{image.StudyInstanceUID}.1"
        image.StudyDate, image.StudyTime = f"{made:%Y%m%d}", f"{made:%H%M%S}"
        written = BytesIO()
        image.save_as(written)
        inside(self.namespace, lambda: self._post(written.getvalue()))

    def _post(self, file: bytes) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", WEB, timeout=5)
        try:
            connection.request("POST", "/instances", file, {"Authorization": "Basic cHJvYmU6czNjcmV0"})
            assert connection.getresponse().status == 200
        finally:
            connection.close()


@contextmanager
def namespace() -> Iterator[str]:
    """A network of its own with nothing but loopback."""
    name = f"retabli-{os.getpid()}-{secrets.token_hex(4)}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


@contextmanager
def orthanc(*, plugged: bool = True, disk: str | None = None, **settings: Any) -> Iterator[Orthanc]:
    """`disk`: its images lie on a file system of that size alone."""
    folder = Path(tempfile.mkdtemp(prefix="orthanc-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        storage = folder / "storage"
        storage.mkdir()
        if disk is not None:
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={disk}", "tmpfs", str(storage)], check=True)
            stack.callback(subprocess.run, ["umount", str(storage)], check=True)
        archive = Orthanc(stack.enter_context(namespace()), folder, settings, plugged)
        archive.server.start()
        stack.callback(archive.server.stop)
        yield archive


@contextmanager
def front(archive: Orthanc, identity: Path) -> Iterator[None]:
    """nginx before the archive, to speak TLS for it: the distribution's Orthanc dies of its first HTTPS request.

    `identity`: a file with the key and the certificates.
    """
    path = archive.folder / "nginx.conf"
    path.write_text(_FRONT.format(folder=archive.folder, port=SECURE, behind=WEB, identity=identity))
    command = ["ip", "netns", "exec", archive.namespace, shutil.which("nginx") or "", "-c", str(path)]
    server = Server(command, lambda: inside(archive.namespace, lambda: accepts(SECURE)), archive.folder / "nginx.log")
    server.start()
    try:
        yield
    finally:
        server.stop()
