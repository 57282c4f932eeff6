"""What all systems of the simulated hospital stand on, and what each of them is."""

import secrets
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from retabli.model.words import Words
from simulator.authority import Authority
from simulator.names import Zone
from simulator.serving import Serving
from simulator.switches import Switch

INSIDE, OUTSIDE = "chu.example", "outside.example"
PROBE_IN, PROBE_OUT = f"probe@{INSIDE}", f"probe@{OUTSIDE}"

# A part of a configuration, as YAML takes it; `Words` in it are written in the site's language.
Part = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ground:
    """`folder` holds the configuration, its secrets and certificates; the secrets are made anew at each start."""

    folder: Path
    authority: Authority
    token: str = field(default_factory=lambda: secrets.token_hex(32))
    hook: str = field(default_factory=lambda: secrets.token_hex(32))
    password: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    @property
    def ca(self) -> str:
        return self.authority.ca.name

    def write_secrets(self) -> None:
        """Each in a file of its own beside the configuration, for nobody else to read."""
        for name in ("token", "hook", "password"):
            self.write_secret(name, getattr(self, name))

    def write_secret(self, name: str, value: str) -> None:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(value + "\n")


class System(Protocol):
    """One of the hospital's systems. `apply` does what its switches say; `running` is whatever runs beside."""

    @property
    def servings(self) -> Mapping[str, Serving]: ...

    @property
    def zone(self) -> Zone: ...

    @property
    def switches(self) -> Sequence[Switch]: ...

    def apply(self) -> None: ...

    def running(self) -> AbstractAsyncContextManager[object]: ...

    def sections(self) -> Mapping[str, Part]:
        """Its parts of the configuration: `flows`, and `mailboxes` or `proxies` where it has some."""
        ...


def at_home(*hosts: str) -> Zone:
    """Names that lead to loopback."""
    return {host: {"A": ("127.0.0.1",)} for host in hosts}


def switch(flow: str, **positions: tuple[str, str]) -> Switch:
    """A switch whose positions, the healthy one first, are called so in French and in English."""
    return Switch(flow, {name: Words(*pair) for name, pair in positions.items()})
