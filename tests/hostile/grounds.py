"""What every meeting stands on: a folder of its own, the secrets in it, and certificates that are trusted."""

import ssl
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retabli.model.probe import Probe
from tests.mail_servers import server_context, trusting

HERE = "127.0.0.1"
PASSWORD = "synthetic-password"  # that of tests.net.ssh_servers, and of every account here
SECRETS = {"password": PASSWORD, "key": "the key of these tests", "token": "synthetic-token"}


@dataclass
class Grounds:
    """One meeting's folder. `patience` is the seconds that its probe is given (`timeout`, and `within` where it waits).

    `stack` ends all that the meeting has begun.
    """

    folder: Path
    stack: AsyncExitStack
    patience: float = 1.0
    made: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, content in SECRETS.items():
            (self.folder / name).write_text(content + "\n")

    def secret(self, name: str = "password") -> dict[str, str]:
        return {"file": str(self.folder / name)}

    @property
    def account(self) -> dict[str, Any]:
        return {"user": "probe", "password": self.secret()}

    @property
    def timeout(self) -> str:
        return f"{int(self.patience * 1000)}ms"

    @property
    def long_enough_to_doubt(self) -> str:
        """For whoever asks a proxy that is silent whether it answers anything (LATE + ENOUGH), with room to spare."""
        return f"{int(max(self.patience, 2.0) * 1000)}ms"

    def trust(self, mode: str = "implicit") -> dict[str, str]:
        """`tls` settings that trust the certificate of `identity`."""
        return trusting(self.folder, mode)

    def identity(self) -> ssl.SSLContext:
        return server_context()


@dataclass(frozen=True, slots=True)
class Ready:
    """A probe that waits for its partner's port, and the port of one that is well (None: there is none)."""

    probe: Callable[[int], Probe]
    well: int | None = None
    target: Callable[[int], str] | None = None
    memory: dict[str, Any] = field(default_factory=dict)
    confirm: Callable[[], None] = lambda: None
