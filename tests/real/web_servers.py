"""Squid and nginx of the distribution, each in the foreground on loopback, and the names they go by. Needs root."""

import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.net.peers import closed_port
from tests.real.servers import NGINX_BEGINS, UNBOUND_BEGINS, Server, accepts

_NAMES = (
    UNBOUND_BEGINS
    + """
  interface: {address}@53
  access-control: 127.0.0.0/8 allow
  do-ip6: no
  local-zone: "example." static
{data}
remote-control:
  control-enable: no
"""
)

_SQUID = """
http_port 127.0.0.1:{port}
visible_hostname proxy.chu.example
dns_nameservers {names}
dns_timeout 3 seconds
connect_timeout 2 seconds
pinger_enable off
shutdown_lifetime 0 seconds
pid_filename none
cache deny all
cache_log {folder}/cache.log
access_log none
coredump_dir {folder}
max_filedescriptors 1024
{account}
acl needed dstdomain {needed}
http_access allow needed
http_access deny all
"""

_ACCOUNT = """
auth_param basic program /usr/lib/squid/basic_ncsa_auth {folder}/accounts
auth_param basic children 1
acl known proxy_auth REQUIRED
http_access deny !known
"""

_NGINX = (
    NGINX_BEGINS
    + """
  default_type text/html;
  charset utf-8;
  limit_req_zone $binary_remote_addr zone=slow:64k rate=1r/m;
  limit_req_status 429;
  gzip on;
  gzip_min_length 0;
  gzip_comp_level 9;
  server {{
    listen 127.0.0.1:{plain};
    root {folder}/site;
    location = /upgrade {{ return 301 https://$host:{secure}/; }}
    location = /away {{ return 302 https://elsewhere.example/; }}
    location = /deep/page {{ return 302 /; }}
    location = /error {{ return 500; }}
    location = /maintenance {{ add_header Retry-After 120 always; return 503; }}
    location = /limited {{ limit_req zone=slow; try_files /index.html =404; }}
    location = /protected {{ auth_basic "x"; auth_basic_user_file {folder}/accounts; try_files /index.html =404; }}
  }}
  server {{
    listen 127.0.0.1:{secure} ssl;
    ssl_certificate {folder}/chain.pem;
    ssl_certificate_key {folder}/key.pem;
    root {folder}/site;
    location = /error {{ return 500; }}
  }}
  server {{
    listen 127.0.0.1:{mutual} ssl;
    ssl_certificate {folder}/chain.pem;
    ssl_certificate_key {folder}/key.pem;
    ssl_client_certificate {folder}/ca.pem;
    ssl_verify_client on;
    root {folder}/site;
  }}
}}
"""
)


@contextmanager
def _folder(name: str) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    folder.chmod(0o777)  # these servers leave root behind
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _answers(address: str) -> bool:
    try:
        socket.create_connection((address, 53), timeout=1.0).close()
    except OSError:
        return False
    return True


@contextmanager
def names(records: Mapping[str, str]) -> Iterator[str]:
    """The address of an unbound that knows these names and no others. Squid asks on port 53 only."""
    address = ".".join(["127", *(str(1 + secrets.randbelow(250)) for _ in range(3))])
    with _folder("unbound") as folder:
        data = "\n".join(f'  local-data: "{name}. A {value}"' for name, value in records.items())
        (folder / "unbound.conf").write_text(_NAMES.format(address=address, folder=folder, data=data))
        command = ["unbound", "-d", "-c", str(folder / "unbound.conf")]
        with _running(Server(command, lambda: _answers(address), folder / "log")):
            yield address


@dataclass
class Nginx:
    """`plain`, `secure` and `mutual` are its ports; the last demands a client certificate."""

    plain: int
    secure: int
    mutual: int
    folder: Path


@contextmanager
def nginx(authority: trustme.CA, *hosts: str, page: str) -> Iterator[Nginx]:
    """nginx with this page at `/`, and one of each trouble that `_NGINX` names."""
    with _folder("nginx") as folder:
        running = Nginx(closed_port(), closed_port(), closed_port(), folder)
        (folder / "site").mkdir()
        (folder / "site" / "index.html").write_text(page)
        (folder / "accounts").write_text("probe:{PLAIN}secret\n")
        certificate = authority.issue_cert(*hosts)
        (folder / "chain.pem").write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
        certificate.private_key_pem.write_to_path(folder / "key.pem")
        authority.cert_pem.write_to_path(folder / "ca.pem")
        ports = {"plain": running.plain, "secure": running.secure, "mutual": running.mutual}
        (folder / "nginx.conf").write_text(_NGINX.format(folder=folder, **ports))
        command = ["nginx", "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
        listens = tuple(ports.values())
        with _running(Server(command, lambda: all(map(accepts, listens)), folder / "log", listens=listens)):
            yield running


@dataclass
class Squid:
    port: int
    server: Server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def squid(names_at: str, *needed: str, account: str | None = None) -> Iterator[Squid]:
    """Squid that lets these hosts through, to nobody but `account` (`name:password`) when one is given."""
    with ExitStack() as stack:
        folder = stack.enter_context(_folder("squid"))
        port = closed_port()
        asks = ""
        if account is not None:
            name, _, password = account.partition(":")
            hashed = subprocess.run(
                ["openssl", "passwd", "-apr1", password], check=True, capture_output=True, text=True
            )
            (folder / "accounts").write_text(f"{name}:{hashed.stdout}")
            asks = _ACCOUNT.format(folder=folder)
        text = _SQUID.format(port=port, names=names_at, folder=folder, account=asks, needed=" ".join(needed))
        (folder / "squid.conf").write_text(text)
        command = ["squid", "--foreground", "-f", str(folder / "squid.conf")]
        server = Server(command, lambda: accepts(port), folder / "log", listens=(port,))
        stack.enter_context(_running(server))
        yield Squid(port, server)
