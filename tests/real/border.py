"""A hospital's border in network namespaces of the test's own: inside, a firewall that routes, and outside. Needs root.

                inside  ── 192.0.2.0/24, 2001:db8:1::/64 ──  firewall  ── 198.51.100.0/24, 2001:db8:2::/64 ──  outside

Nothing leaves these namespaces. The firewall takes connections at GATEWAY:443 (the path) and asks the canary itself
when its witness is asked (alive).
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.real.servers import UNBOUND_BEGINS, Server

ROOT = Path(__file__).parents[2]
GATEWAY, GATEWAY6 = "192.0.2.1", "2001:db8:1::1"
CANARY, CANARY6 = "198.51.100.10", "2001:db8:2::10"
PORT = 443
TUNNEL = "t.outside.example"

_UNBOUND = (
    UNBOUND_BEGINS
    + """
{interfaces}
  access-control: 0.0.0.0/0 allow
  access-control: ::0/0 allow
{rest}
remote-control:
  control-enable: no
"""
)
OUTSIDE_NAMES = f"""
  local-zone: "{TUNNEL}." redirect
  local-data: '{TUNNEL}. 0 TXT "TUNNEL"'
  local-zone: "outside.example." static
  local-data: "canary.outside.example. A {CANARY}"
  local-data: "canary.outside.example. AAAA {CANARY6}"
"""
INSIDE_NAMES = f"""
  local-zone: "chu.example." static
  local-data: "gw.chu.example. A {GATEWAY}"
  local-data: "gw.chu.example. AAAA {GATEWAY6}"
  local-zone: "sunk.example." redirect
  local-data: "sunk.example. A 0.0.0.0"
  local-data: "sunk.example. AAAA ::"
  local-zone: "filtered.example." redirect
  local-data: "filtered.example. A 198.51.100.80"
"""
FORWARDS = f"""
forward-zone:
  name: "outside.example."
  forward-addr: {CANARY}
"""
REFUSES = '  local-zone: "outside.example." refuse\n'

_SQUID = """
http_port {gateway}:3128
visible_hostname proxy.chu.example
dns_nameservers {gateway}
connect_timeout 2 seconds
pinger_enable off
shutdown_lifetime 0 seconds
pid_filename none
cache deny all
cache_log {folder}/cache.log
access_log none
coredump_dir {folder}
max_filedescriptors 1024
acl needed dst {needed}
http_access {verdict} needed
http_access deny all
"""


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Border:
    """The three namespaces. `rule` is what the firewall does with what goes out; "" lets all through."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.inside, self.firewall, self.outside = (f"rl-{os.getpid()}-{end}" for end in ("in", "fw", "out"))

    def build(self) -> None:
        for name in (self.inside, self.firewall, self.outside):
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("link", "add", "wan", "netns", self.inside, "type", "veth", "peer", "name", "lan", "netns", self.firewall)
        ip("link", "add", "net", "netns", self.firewall, "type", "veth", "peer", "name", "far", "netns", self.outside)
        self._bring_up(self.firewall, "net", "198.51.100.1/24", "2001:db8:2::1/64")
        self._bring_up(self.outside, "far", f"{CANARY}/24", f"{CANARY6}/64")
        self.mend()
        ip("-n", self.outside, "route", "add", "default", "via", "198.51.100.1")
        ip("-n", self.outside, "-6", "route", "add", "default", "via", "2001:db8:2::1")
        # Rounds follow each other at once here, and a kernel says "closed" by ICMP once a second at most.
        unhurried = ["net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0"]
        self.run(self.firewall, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", *unhurried)
        self.run(self.outside, "sysctl", "-qw", *unhurried)

    def _bring_up(self, name: str, link: str, *addresses: str) -> None:
        ip("-n", name, "link", "set", link, "up")
        for address in addresses:
            nodad = ["nodad"] if ":" in address else []
            ip("-n", name, "addr", "replace", address, "dev", link, *nodad)

    def mend(self) -> None:
        """Whatever a test cut off: the link between inside and the firewall, as it should be."""
        self._bring_up(self.firewall, "lan", f"{GATEWAY}/24", f"{GATEWAY6}/64")
        self._bring_up(self.inside, "wan", "192.0.2.2/24", "2001:db8:1::2/64")
        ip("-n", self.inside, "route", "replace", "default", "via", GATEWAY)
        ip("-n", self.inside, "-6", "route", "replace", "default", "via", GATEWAY6)

    def pull(self, name: str, link: str) -> None:
        ip("-n", name, "link", "set", "dev", link, "down")

    def take_ipv6_away(self) -> None:
        ip("-n", self.inside, "-6", "addr", "flush", "dev", "wan", "scope", "global")
        ip("-n", self.inside, "-6", "route", "flush", "default")

    def remove(self) -> None:
        for name in (self.inside, self.firewall, self.outside):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)

    def run(self, name: str, *command: str, text: str | None = None) -> str:
        words = ["ip", "netns", "exec", name, *command]
        done = subprocess.run(words, input=text, capture_output=True, text=True, cwd=ROOT, check=False)
        assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def rule(self, *rules: str, turned: str = "") -> None:
        """The firewall's rules for what goes out; `turned` is one for what it turns elsewhere before."""
        self._rules(self.firewall, "filter hook forward priority 0", *rules)
        if turned:
            chain = f"chain turn {{\ntype nat hook prerouting priority -100;\n{turned}\n}}"
            self.run(self.firewall, "nft", "-f", "-", text=f"table inet turning {{\n{chain}\n}}\n")

    def own_rule(self, *rules: str) -> None:
        """What the machine inside forbids itself."""
        self._rules(self.inside, "filter hook output priority 0", *rules)

    def reject_at_the_target(self, *rules: str) -> None:
        """What the canary's own machine forbids."""
        self._rules(self.outside, "filter hook input priority 0", *rules)

    def _rules(self, name: str, hook: str, *rules: str) -> None:
        lines = "\n".join(rules)
        chain = f"chain border {{\ntype {hook}; policy accept;\n{lines}\n}}"
        self.run(name, "nft", "-f", "-", text=f"flush ruleset\ntable inet border {{\n{chain}\n}}\n")

    def rounds(self, keys: dict[str, Any], number: int = 3) -> dict[str, Any]:
        """What so many rounds of such a probe, standing inside, make of the flow."""
        said = self.run(
            self.inside, sys.executable, "-X", "dev", "-m", "tests.real.rounds", json.dumps(keys), str(number)
        )
        found: dict[str, Any] = json.loads(said)
        return found

    # What runs in them ------------------------------------------------------------------------------------------------

    @contextmanager
    def serving(self, name: str, command: list[str], ready: list[str], log: str) -> Iterator[Server]:
        """A server in that namespace, ready when that command succeeds there."""

        def is_ready() -> bool:
            words = ["ip", "netns", "exec", name, *ready]
            return subprocess.run(words, capture_output=True, check=False, timeout=5).returncode == 0

        server = Server(["ip", "netns", "exec", name, *command], is_ready, self.folder / log)
        try:
            server.start()
            yield server
        finally:
            server.stop()

    @contextmanager
    def outsiders(self, name: str, *words: str) -> Iterator[Server]:
        log = f"{'-'.join(words).replace(':', '.').replace('/', '.')}.log"
        (self.folder / log).write_text("")
        command = [sys.executable, "-m", "tests.real.outside", *words]
        with self.serving(name, command, ["grep", "-qx", "ready", str(self.folder / log)], log) as server:
            yield server

    @contextmanager
    def unbound(self, name: str, *interfaces: str, rest: str) -> Iterator[Server]:
        folder = Path(tempfile.mkdtemp(prefix="unbound-", dir=self.folder))
        lines = "\n".join(f"  interface: {address}@53" for address in interfaces)
        (folder / "unbound.conf").write_text(_UNBOUND.format(interfaces=lines, folder=folder, rest=rest))
        command = [shutil.which("unbound") or "unbound", "-d", "-c", str(folder / "unbound.conf")]
        with self.serving(name, command, _reaches(interfaces[0], 53), "unbound.log") as server:
            yield server

    @contextmanager
    def squid(self, *, allows: bool) -> Iterator[Server]:
        folder = Path(tempfile.mkdtemp(prefix="squid-", dir=self.folder))
        folder.chmod(0o777)
        text = _SQUID.format(
            gateway=GATEWAY, folder=folder, needed=f"{CANARY}/32", verdict="allow" if allows else "deny"
        )
        (folder / "squid.conf").write_text(text)
        command = ["squid", "--foreground", "-f", str(folder / "squid.conf")]
        with self.serving(self.firewall, command, _reaches(GATEWAY, 3128), "squid.log") as server:
            yield server


def _reaches(host: str, port: int) -> list[str]:
    return ["timeout", "1", "bash", "-c", f"exec 3<>/dev/tcp/{host}/{port}"]


@contextmanager
def border() -> Iterator[Border]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="border-")))
        folder.chmod(0o755)
        made = Border(folder)
        stack.callback(made.remove)
        made.build()
        stack.enter_context(made.outsiders(made.firewall, "tcp:443", f"witness:9090:{CANARY}:{PORT}"))
        yield made
