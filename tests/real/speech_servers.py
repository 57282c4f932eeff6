"""pocketsphinx as a recogniser, in a process of its own; nginx before it as a reverse proxy; recordings by flite."""

import os
import subprocess
import sys
import tempfile
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.net.peers import closed_port
from tests.real.servers import NGINX_BEGINS, Server, accepts

ROOT = Path(__file__).parent.parent.parent

# Only /upgraded hands the Upgrade field on, as nginx must be told to: it is a field of one hop (RFC 9110, 7.8).
_NGINX = (
    NGINX_BEGINS
    + """
  server {{
    listen 127.0.0.1:{secure} ssl;
    ssl_certificate {folder}/chain.pem;
    ssl_certificate_key {folder}/key.pem;
    location / {{ proxy_pass http://127.0.0.1:{posted}; }}
    location /small {{ client_max_body_size 64k; proxy_pass http://127.0.0.1:{posted}; }}
    location /outdated {{ proxy_pass http://127.0.0.1:{streamed}; }}
    location /stripped {{ proxy_http_version 1.1; proxy_pass http://127.0.0.1:{streamed}; }}
    location /stopped {{ proxy_pass http://127.0.0.1:{closed}; }}
    location /upgraded {{
      proxy_pass http://127.0.0.1:{streamed};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
    }}
  }}
}}
"""
)


@dataclass
class Recogniser:
    """The ports at which it is posted to, and spoken to over WebSocket; both in clear."""

    posted: int
    streamed: int
    server: Server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.posted}"

    @property
    def websocket(self) -> str:
        return f"ws://127.0.0.1:{self.streamed}"


@contextmanager
def recogniser() -> Iterator[Recogniser]:
    with tempfile.TemporaryDirectory(prefix="recogniser-") as folder:
        ports = closed_port(), closed_port()
        command = [sys.executable, "-m", "tests.real.recogniser", *map(str, ports)]
        server = Server(command, lambda: all(map(accepts, ports)), Path(folder) / "log", listens=ports)
        before = os.getcwd()
        os.chdir(ROOT)  # `-m` looks from where it is started
        try:
            server.start()
        finally:
            os.chdir(before)
        try:
            yield Recogniser(*ports, server)
        finally:
            server.stop()


@contextmanager
def before(recogniser: Recogniser, authority: trustme.CA, *hosts: str) -> Iterator[int]:
    """The port of an nginx that speaks TLS for it."""
    with tempfile.TemporaryDirectory(prefix="nginx-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        certificate = authority.issue_cert(*hosts)
        (folder / "chain.pem").write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
        certificate.private_key_pem.write_to_path(folder / "key.pem")
        secure = closed_port()
        text = _NGINX.format(
            folder=folder,
            secure=secure,
            posted=recogniser.posted,
            streamed=recogniser.streamed,
            closed=closed_port(),
        )
        (folder / "nginx.conf").write_text(text)
        command = ["nginx", "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
        server = Server(command, lambda: accepts(secure), folder / "log", listens=(secure,))
        server.start()
        try:
            yield secure
        finally:
            server.stop()


def spoken(words: str, path: Path) -> Path:
    """A recording of these words by a synthetic voice."""
    subprocess.run(["flite", "-voice", "rms", "-t", words, "-o", str(path)], check=True)
    return path


def samples(path: Path, values: bytes) -> Path:
    """A recording of these samples."""
    with wave.open(str(path), "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(16_000)
        writer.writeframes(values)
    return path
