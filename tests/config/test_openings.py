"""The firewall openings that a configuration needs."""

from pathlib import Path

from config import load
from config.openings import openings


def test_a_probes_own_name_servers_a_proxy_and_the_channels_ports_are_openings_too(tmp_path: Path) -> None:
    path = tmp_path / "retabli.yaml"
    path.write_text("""
site: {name: T}
standpoint: dmz
alerts:
  channels:
    duty: {kind: webhook, url: "http://[2001:db8::1]:8080/hook", key: {env: PATH}}
    am: {kind: alertmanager, urls: ["http://am-1.example:9093/am", "https://am-2.example"]}
proxies: {main: {url: "http://proxy.example:3128"}}
flows:
  a:
    intent: open
    probes:
      p: {kind: tcp, host: HOST.example, port: 25, resolver: {nameservers: [10.9.9.9], port: 5353}}
      q: {kind: tcp, host: host.example, port: 25}
      w: {kind: web, proxy: main, targets: ["https://a.example/", "https://b.example/"]}
""")
    found = {(each.destination, each.port, each.protocol): each.why for each in openings(load(path))}
    assert found.pop(("proxy.example", 3128, "tcp")) == ("a/w",)
    assert found == {
        ("10.9.9.9", 5353, "udp"): ("a/p",),
        ("10.9.9.9", 5353, "tcp"): ("a/p",),
        ("2001:db8::1", 8080, "tcp"): ("channel duty",),
        ("am-1.example", 9093, "tcp"): ("channel am",),
        ("am-2.example", 443, "tcp"): ("channel am",),
        ("host.example", 25, "tcp"): ("a/p", "a/q"),
    }
