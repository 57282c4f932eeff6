"""Postfix and Dovecot of the distribution, each an ordinary process of the test's own, on loopback, from a folder of
its own: started, waited for, stopped, frozen and ended by its process id. Needs root.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.mail_servers import HOST, identity
from tests.net.peers import closed_port

PATIENCE = 15.0  # seconds a server may take to be ready, or to end


def speaks_first(port: int) -> bool:
    """Whether the server on that port greets."""
    try:
        with socket.create_connection((HOST, port), timeout=1.0) as sock:
            return bool(sock.recv(1))
    except OSError:
        return False


def accepts(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1.0).close()
    except OSError:
        return False
    return True


@dataclass
class Server:
    """One server in the foreground, the leader of a process group of its own."""

    command: list[str]
    ready: Callable[[], bool]
    log: Path
    listens: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    frozen: bool = False

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self._await(self.ready, "is not ready")

    def stop(self) -> None:
        """End it, and everything it started."""
        process = self.process
        if process is None:
            return
        if self.frozen:  # it would handle nothing else
            self._signal(signal.SIGKILL)
            self.frozen = False
        else:
            process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(PATIENCE)
        self.process = None
        end = time.monotonic() + PATIENCE
        while any(accepts(port) for port in self.listens) and time.monotonic() < end:
            time.sleep(0.01)  # its children follow it within moments

    def kill(self) -> None:
        """SIGKILL: it writes nothing down any more."""
        assert self.process is not None
        self._signal(signal.SIGKILL)
        self.process.wait(PATIENCE)
        self.process, self.frozen = None, False

    def freeze(self) -> None:
        """SIGSTOP: the kernel goes on accepting connections, and nothing answers."""
        self._signal(signal.SIGSTOP)
        self.frozen = True

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)
        self.frozen = False

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        os.killpg(self.process.pid, number)

    def _await(self, condition: Callable[[], bool], otherwise: str) -> None:
        end = time.monotonic() + PATIENCE
        while not condition():
            dead = self.process is None or self.process.poll() is not None
            if dead or time.monotonic() > end:
                self.stop()
                raise RuntimeError(f"{self.command[0]} {otherwise}:\n{self.log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.02)


@contextmanager
def _folder(name: str) -> Iterator[Path]:
    """A folder that the servers' own users may enter, with a path short enough for sockets in it."""
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_identity(folder: Path, fault: str = "good") -> tuple[Path, Path]:
    """The paths of a certificate chain and a key, with the fault that is named."""
    certificate, key = folder / f"{fault}.crt", folder / f"{fault}.key"
    for path, content in zip((certificate, key), identity(fault), strict=True):
        path.write_bytes(content)
    key.chmod(0o600)
    return certificate, key


# Dovecot -----------------------------------------------------------------------------------------------------------


@dataclass
class Dovecot(Server):
    """`imap` speaks clear text with STARTTLS, `imaps` and `pop3s` TLS from the first byte. Paths are its sockets."""

    folder: Path = Path()
    imap: int = 0
    imaps: int = 0
    pop3: int = 0

    @property
    def lmtp(self) -> Path:
        return self.folder / "lmtp"

    @property
    def auth(self) -> Path:
        return self.folder / "auth"


_DOVECOT = """
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/dovecot.log
protocols = imap pop3 lmtp
listen = {host}
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
disable_plaintext_auth = yes
auth_mechanisms = plain login
auth_failure_delay = 0 secs
auth_username_format = %Ln
first_valid_uid = 1
mail_location = maildir:~/Maildir
passdb {{
  driver = passwd-file
  args = scheme=plain {folder}/users
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}/mail/%n
}}
namespace inbox {{
  inbox = yes
  mailbox Junk {{
    auto = create
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service lmtp {{
  unix_listener {folder}/lmtp {{
    mode = 0666
  }}
}}
service auth {{
  unix_listener {folder}/auth {{
    mode = 0666
  }}
}}
{extra}
"""


@contextmanager
def dovecot(users: Mapping[str, str] | None = None, *, certificate: str = "good", extra: str = "") -> Iterator[Dovecot]:
    """Dovecot with these accounts (name → password; `probe`: `secret` by default). `certificate` names its fault."""
    with _folder("dovecot") as folder:
        (folder / "mail").mkdir()
        shutil.chown(folder / "mail", "nobody", "nogroup")
        accounts = users or {"probe": "secret"}
        (folder / "users").write_text("".join(f"{name}:{password}\n" for name, password in accounts.items()))
        chain, key = write_identity(folder, certificate)
        imap, imaps, pop3 = closed_port(), closed_port(), closed_port()
        config = folder / "dovecot.conf"
        config.write_text(
            _DOVECOT.format(
                folder=folder, host=HOST, certificate=chain, key=key, extra=extra, imap=imap, imaps=imaps, pop3=pop3
            )
        )
        server = Dovecot(
            ["dovecot", "-F", "-c", str(config)],
            lambda: speaks_first(imap) and (folder / "lmtp").exists(),
            folder / "dovecot.log",
            (imap, imaps, pop3),
            folder=folder,
            imap=imap,
            imaps=imaps,
            pop3=pop3,
        )
        try:
            server.start()
            yield server
        finally:
            server.stop()


# Postfix -----------------------------------------------------------------------------------------------------------


@dataclass
class Postfix(Server):
    """`ports` has one for each service that was asked for; `port` is the first one's."""

    folder: Path = Path()
    ports: Mapping[str, int] = field(default_factory=dict)

    @property
    def port(self) -> int:
        return next(iter(self.ports.values()))

    def flush(self) -> None:
        """Have everything that waits in the queue tried now."""
        subprocess.run(["postqueue", "-c", str(self.folder), "-f"], check=True)


# How the configuration of an nginx begins that keeps to its folder; what it serves follows, and one more brace.
UNBOUND_BEGINS = """
server:
  do-daemonize: no
  use-syslog: no
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  module-config: "iterator"
"""
NGINX_BEGINS = """
daemon off;
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
"""

POSTFIX = "/usr/lib/postfix/sbin"

_MASTER = """
postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
"""


def submission(boxes: Dovecot) -> dict[str, str]:
    """What makes a service of Postfix one that takes mail from these accounts, over TLS, and from nobody else."""
    return {
        "smtpd_sasl_auth_enable": "yes",
        "smtpd_sasl_type": "dovecot",
        "smtpd_sasl_path": str(boxes.auth),
        "smtpd_tls_auth_only": "yes",
        "smtpd_relay_restrictions": "permit_sasl_authenticated, reject",
    }


@contextmanager
def postfix(
    main: Mapping[str, str] | None = None,
    *,
    services: Mapping[str, Mapping[str, str]] | None = None,
    recipients: tuple[str, ...] = ("probe",),
    lmtp: Path | None = None,
) -> Iterator[Postfix]:
    """Postfix for the domain `chu.test`, with these local recipients; nobody may relay but by `main`.

    `main` are settings of main.cf (`{folder}` in them is its folder), `services` name → that smtpd's own settings,
    each on a port of its own. Mail for `chu.test` goes to `lmtp` (Dovecot's socket), or is discarded.
    """
    with _folder("postfix") as folder:
        for name, owner in (("queue", "root"), ("data", "postfix")):
            (folder / name).mkdir()
            shutil.chown(folder / name, owner)
        (folder / "recipients").write_text("".join(f"{name} x\n" for name in recipients))
        chain, key = write_identity(folder)
        given = {
            "compatibility_level": "3.6",
            "queue_directory": "{folder}/queue",
            "data_directory": "{folder}/data",
            "maillog_file": "{folder}/mail.log",
            "maillog_file_prefixes": "/tmp, /var, {folder}",
            "myhostname": "mail.chu.test",
            "mydestination": "chu.test",
            "mynetworks": "",
            "inet_interfaces": HOST,
            "inet_protocols": "ipv4",
            "smtpd_peername_lookup": "no",
            "alias_maps": "",
            "local_recipient_maps": "texthash:{folder}/recipients",
            "mailbox_transport": f"lmtp:unix:{lmtp}" if lmtp else "discard:",
            "smtpd_tls_cert_file": str(chain),
            "smtpd_tls_key_file": str(key),
            "smtpd_tls_security_level": "may",
            **(main or {}),
        }
        lines = (f"{name} = {value}".replace("{folder}", str(folder)) for name, value in given.items())
        (folder / "main.cf").write_text("\n".join(lines) + "\n")
        wanted = services or {"smtp": {}}
        ports = {name: closed_port() for name in wanted}
        master = _MASTER + "".join(_smtpd(ports[name], own, folder) for name, own in wanted.items())
        (folder / "master.cf").write_text(master)
        subprocess.run(["postfix", "-c", str(folder), "check"], check=True, capture_output=True)  # makes its folders
        server = Postfix(
            [f"{POSTFIX}/master", "-c", str(folder), "-s"],  # `postfix start-fg` would put a shell in between
            lambda: all(map(accepts, ports.values())) and speaks_first(next(iter(ports.values()))),
            folder / "postfix.out",
            tuple(ports.values()),
            folder=folder,
            ports=ports,
        )
        try:
            server.start()
            yield server
        finally:
            server.stop()


def _smtpd(port: int, settings: Mapping[str, str], folder: Path) -> str:
    options = "".join(
        f"\n  -o {{ {name} = {value} }}".replace("{folder}", str(folder)) for name, value in settings.items()
    )
    return f"{HOST}:{port} inet n - n - - smtpd{options}\n"
