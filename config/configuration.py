"""The configuration as the rest of the program uses it: checked, resolved, frozen."""

import hashlib
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config.faults import Fault
from config.sections import Copies, Defaults, Keep, Site
from config.web_settings import Web
from retabli.alerts.channels.channel import ChannelSettings
from retabli.alerts.heartbeat import Heartbeat
from retabli.alerts.routes import Route
from retabli.model.flow import Flow
from retabli.model.settings import Mailbox, Proxy, Resolver
from retabli.web.access.policy import Policy


@dataclass(frozen=True, slots=True)
class Configuration:
    """`listen` is (host, port); `url` the public address of the pages; `files` what was read, in order.

    `access` and `tls` are made of `web` when it was read: hashes and certificate are those of that moment.
    """

    site: Site
    standpoint: str
    state: Path
    copies: Copies
    listen: tuple[str, int]
    url: str | None
    web: Web
    access: Policy
    tls: ssl.SSLContext | None
    resolver: Resolver | None
    defaults: Defaults
    keep: Keep
    proxies: Mapping[str, Proxy]
    mailboxes: Mapping[str, Mailbox]
    channels: Mapping[str, ChannelSettings]
    routes: tuple[Route, ...]
    flows: Mapping[str, Flow]
    warnings: tuple[Fault, ...] = ()
    files: tuple[Path, ...] = ()
    heartbeat: Heartbeat | None = None

    def fingerprints(self) -> Mapping[str, str]:
        return {name: fingerprint(flow) for name, flow in self.flows.items()}


def fingerprint(flow: Flow) -> str:
    """Changes when the settings of the flow's probes do (what they refer to included), and only then."""
    probes = {name: probe.model_dump(mode="json") for name, probe in flow.probes.items()}
    return hashlib.sha256(json.dumps(probes, sort_keys=True).encode()).hexdigest()[:32]
