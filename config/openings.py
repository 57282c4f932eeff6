"""The firewall openings that a configuration needs, for whoever opens them and for whoever watches them."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from config.configuration import Configuration
from retabli.alerts.channels.channel import ChannelSettings
from retabli.model.settings import split_host_port


@dataclass(frozen=True, slots=True)
class Opening:
    """`port` is 0 for a protocol without ports (icmp); `why` names the probes and channels that need it."""

    source: str
    destination: str
    port: int
    protocol: str
    why: tuple[str, ...]


def openings(configuration: Configuration) -> tuple[Opening, ...]:
    """Each opening once, by destination, port and protocol."""
    needed: dict[tuple[str, int, str], dict[str, None]] = {}
    for (destination, port, protocol), why in _needed(configuration):
        needed.setdefault((destination.lower(), port, protocol), {})[why] = None
    return tuple(
        Opening(configuration.standpoint, *needs, tuple(why))
        for needs, why in sorted(needed.items(), key=lambda pair: pair[0])
    )


def _needed(configuration: Configuration) -> Iterator[tuple[tuple[str, int, str], str]]:
    for flow in configuration.flows.values():
        for name, probe in flow.probes.items():
            for opening in probe.openings():
                yield opening, f"{flow.id}/{name}"
            if probe.resolver is not None and probe.resolver is not configuration.resolver:
                yield from _resolver(probe.resolver.nameservers, probe.resolver.port, f"{flow.id}/{name}")
    if configuration.resolver is not None:
        yield from _resolver(configuration.resolver.nameservers, configuration.resolver.port, "resolver")
    for name, channel in configuration.channels.items():
        for opening in _channel(channel):
            yield opening, f"channel {name}"


def _resolver(nameservers: tuple[str, ...], port: int, why: str) -> Iterator[tuple[tuple[str, int, str], str]]:
    for server in nameservers:
        yield (server, port, "udp"), why
        yield (server, port, "tcp"), why


def _channel(channel: ChannelSettings) -> Iterator[tuple[str, int, str]]:
    """Where a channel sends to, as its settings name it."""
    urls = [getattr(channel, "url", None), *getattr(channel, "urls", ())]
    for url in urls:
        if isinstance(url, str):
            parts = urlsplit(url)
            host, port = split_host_port(parts.netloc.rpartition("@")[2], 443 if parts.scheme == "https" else 80)
            yield host, port, "tcp"
    server, number = getattr(channel, "host", None), getattr(channel, "port", None)
    if isinstance(server, str) and isinstance(number, int):
        yield server, number, "tcp"
