"""What Retabli and its peers both probe: one nginx and one unbound on every address of a network of the bench's own."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.real.servers import NGINX_BEGINS, UNBOUND_BEGINS, Server, accepts

NAME = "target.example"  # the name that the certificate bears
ASKED = "probe.example"  # the name that is asked of the name server
HTTP, HTTPS, SMTP, DNS = 8080, 8443, 8025, 8053
NEEDED = ("nginx", "unbound")
MAIL_MODULE = Path("/usr/lib/nginx/modules/ngx_mail_module.so")

_NGINX = (
    "load_module {module};\n"
    + NGINX_BEGINS.replace("worker_connections 64", "worker_connections 4096")
    + """
  server {{
    listen {http} backlog=4096;
    listen {https} ssl backlog=4096;
    ssl_certificate {folder}/chain.pem; ssl_certificate_key {folder}/key.pem;
    ssl_session_cache off; ssl_session_tickets off;
    location / {{ default_type text/plain; return 200 "It answers.\\n"; }}
  }}
}}
mail {{
  server_name {name};
  auth_http 127.0.0.1:1/;
  server {{
    listen {smtp} backlog=4096;
    protocol smtp; smtp_auth none; xclient off;
    ssl_certificate {folder}/chain.pem; ssl_certificate_key {folder}/key.pem;
    starttls on;
  }}
}}
"""
)

_UNBOUND = (
    UNBOUND_BEGINS
    + """
  port: {port}
  interface-automatic: yes
  access-control: 127.0.0.0/8 allow
  do-ip6: no
  local-zone: "example." static
  local-data: "{asked}. 60 IN A 192.0.2.1"
remote-control:
  control-enable: no
"""
)


@dataclass(frozen=True, slots=True)
class Counterparts:
    """Addresses that answer on HTTP, HTTPS, SMTP and DNS, and the authority that their certificate is of."""

    addresses: tuple[str, ...]
    authority: Path


def missing() -> list[str]:
    found = [name for name in NEEDED if shutil.which(name) is None]
    return found + ([] if MAIL_MODULE.exists() else ["libnginx-mod-mail"])


@contextmanager
def counterparts(folder: Path, number: int) -> Iterator[Counterparts]:
    """For as long as the block lasts. The certificate is of an elliptic curve: what most servers have today."""
    folder.mkdir()
    folder.chmod(0o755)
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    issued = authority.issue_cert(NAME, key_type=trustme.KeyType.ECDSA)
    authority.cert_pem.write_to_path(folder / "ca.pem")
    for blob in issued.cert_chain_pems:
        blob.write_to_path(folder / "chain.pem", append=True)
    issued.private_key_pem.write_to_path(folder / "key.pem")
    ports = {"http": HTTP, "https": HTTPS, "smtp": SMTP}
    (folder / "nginx.conf").write_text(_NGINX.format(module=MAIL_MODULE, folder=folder, name=NAME, **ports))
    (folder / "unbound.conf").write_text(_UNBOUND.format(port=DNS, folder=folder, asked=ASKED))
    nginx = ["nginx", "-e", f"{folder}/nginx.log", "-c", f"{folder}/nginx.conf"]
    servers = [
        Server(nginx, lambda: accepts(HTTP), folder / "nginx.out", listens=(HTTP, HTTPS, SMTP)),
        Server(["unbound", "-d", "-c", f"{folder}/unbound.conf"], lambda: accepts(DNS), folder / "unbound.out"),
    ]
    addresses = tuple(f"127.1.{place // 250}.{1 + place % 250}" for place in range(number))
    try:
        for server in servers:
            server.start()
        yield Counterparts(addresses, folder / "ca.pem")
    finally:
        for server in reversed(servers):
            server.stop()
