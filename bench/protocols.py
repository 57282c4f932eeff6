"""One protocol as each of those compared is told to probe it: a kind, a module of blackbox_exporter, a plugin."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.counterparts import ASKED, DNS, HTTP, HTTPS, NAME, SMTP

PLUGINS = Path("/usr/lib/nagios/plugins")


@dataclass(frozen=True, slots=True)
class Protocol:
    """`wanted`: the share of blackbox_exporter's and its Prometheus' CPU that Retabli is to need at most."""

    name: str
    wanted: float
    port: int
    probe: Callable[[str, Path], dict[str, Any]]  # (address, authority) -> settings of a probe
    module: Callable[[Path], dict[str, Any]]  # (authority) -> a module of blackbox_exporter
    plugin: Callable[[str], list[str]]  # address -> a monitoring plugin's command line
    target: str = "{}:{}"


def _tls(authority: Path, **mode: str) -> dict[str, Any]:
    return {**mode, "ca": str(authority), "server_name": NAME}


def _trust(authority: Path) -> dict[str, Any]:
    return {"ca_file": str(authority), "server_name": NAME}


_CONVERSATION = [
    {"expect": "^220 "},
    {"send": "EHLO prober"},
    {"expect": "^250-STARTTLS|^250 STARTTLS"},
    {"send": "STARTTLS"},
    {"expect": "^220"},
    {"starttls": True},
    {"send": "EHLO prober"},
    {"expect": "^250 "},
    {"send": "QUIT"},
]

PROTOCOLS = (
    Protocol(
        "HTTP",
        0.22,
        HTTP,
        lambda address, _: {"kind": "http", "url": f"http://{address}:{HTTP}/"},
        lambda _: {"prober": "http"},
        lambda address: [str(PLUGINS / "check_http"), "-I", address, "-p", str(HTTP), "-u", "/"],
        target="http://{}:{}/",
    ),
    Protocol(
        "TCP",
        0.22,
        HTTP,
        lambda address, _: {"kind": "tcp", "host": address, "port": HTTP},
        lambda _: {"prober": "tcp"},
        lambda address: [str(PLUGINS / "check_tcp"), "-H", address, "-p", str(HTTP)],
    ),
    Protocol(
        "DNS",
        0.28,
        DNS,
        lambda address, _: {
            "kind": "dns",
            "name": ASKED,
            "type": "A",
            "resolver": {"nameservers": [address], "port": DNS},
        },
        lambda _: {"prober": "dns", "dns": {"query_name": ASKED, "query_type": "A", "transport_protocol": "udp"}},
        lambda address: [str(PLUGINS / "check_dig"), "-H", address, "-p", str(DNS), "-l", ASKED],
    ),
    Protocol(
        "HTTPS",
        0.50,
        HTTPS,
        lambda address, ca: {"kind": "http", "url": f"https://{address}:{HTTPS}/", "tls": _tls(ca)},
        lambda ca: {"prober": "http", "http": {"fail_if_not_ssl": True, "tls_config": _trust(ca)}},
        lambda address: [str(PLUGINS / "check_http"), "-S", "-I", address, "-p", str(HTTPS), "-u", "/"],
        target="https://{}:{}/",
    ),
    Protocol(
        "SMTP + STARTTLS",
        0.65,
        SMTP,
        lambda address, ca: {"kind": "smtp", "host": address, "port": SMTP, "tls": _tls(ca, mode="starttls")},
        lambda ca: {
            "prober": "tcp",
            "tcp": {"query_response": _CONVERSATION, "tls": False, "tls_config": _trust(ca)},
        },
        lambda address: [str(PLUGINS / "check_smtp"), "-S", "-H", address, "-p", str(SMTP)],
    ),
)
