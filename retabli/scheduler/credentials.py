"""Refused credentials: accounts lock, so after three refusals one attempt a quarter of an hour, until they change."""

import asyncio
import hashlib
from typing import Any

from retabli.model.ladder import Fall
from retabli.model.probe import Probe
from retabli.model.settings import Secret
from retabli.net.own_threads import from_own_file

REFUSALS = 3  # in a row; neither a timeout nor an unknown in between shows that the credential is right again
PAUSE = 900.0  # seconds from one attempt to the next
PATIENCE = 1.0  # seconds for all files of a probe's secrets: a disk that hangs is not to hold up a beat
KEY = "refusals"  # in the unit's memory, so that a daemon that is started again and again does not lock the account


class Refusals:
    """How often this unit's credentials were refused in a row, and what is to be waited for."""

    __slots__ = ("_memory", "_refused", "_until")

    def __init__(self, memory: dict[str, Any]) -> None:
        self._memory = memory
        self._until = 0.0
        self._refused: bytes | None = None

    @property
    def count(self) -> int:
        count = self._memory.get(KEY, 0)
        return count if isinstance(count, int) else 0

    @property
    def near(self) -> bool:
        """Whether one more refusal begins a pause: the attempt's secrets are then to be known."""
        return self.count >= REFUSALS - 1

    def refused(self, beat: float, secrets: bytes | None) -> None:
        """An attempt at `beat` was refused, with the secrets of that fingerprint."""
        self._memory[KEY] = self.count + 1
        if self.count >= REFUSALS:
            self._until = beat + PAUSE
            self._refused = secrets

    def accepted(self) -> None:
        self._memory.pop(KEY, None)
        self.lift()

    def lift(self) -> None:
        """Let the next beat try."""
        self._until = 0.0
        self._refused = None

    def pausing(self, now: float) -> bool:
        return now < self._until - 0.001  # beats lie on a grid: the one a quarter of an hour later is late enough

    def changed(self, secrets: bytes | None) -> bool:
        return secrets is not None and self._refused is not None and secrets != self._refused


async def fingerprint(probe: Probe) -> bytes | None:
    """A digest of what the probe's secrets hold now; None while one cannot be read, which is no change of it.

    It is compared in memory, and neither kept nor shown.
    """
    digest = hashlib.blake2b(digest_size=16)
    try:
        async with asyncio.timeout(PATIENCE):
            for secret in probe.secrets():
                value = await _value(secret)
                digest.update(b"%d:" % len(value) + value)
    except (Fall, TimeoutError, MemoryError):
        return None
    return digest.digest()


async def _value(secret: Secret) -> bytes:
    if secret.path is None:
        return secret.read()
    return await from_own_file("content of a secret", secret.path, secret.read)
