"""Our side of an SSH login: one pinned key is believed, one credential is shown, once."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncssh

from retabli.model import causes
from retabli.model.ladder import Fall
from retabli.net.own_threads import in_thread, secret_text
from retabli.net.ssh import ssh_causes
from retabli.net.ssh.account import PinnedKey, SftpAccount


@dataclass(frozen=True, slots=True)
class Credential:
    """One of the two; never shown in a text."""

    password: str | None = None
    key: asyncssh.SSHKey | None = None

    def __repr__(self) -> str:
        return "Credential()"


async def read_credential(account: SftpAccount) -> Credential:
    """The account's password or private key, read and decrypted now.

    Raises:
        Fall: `secret_unreadable`, `ssh_key_unreadable`, `ssh_passphrase_wrong`.
    """
    if account.key is None:
        return Credential(password=await secret_text(account.password) if account.password is not None else None)
    text = await secret_text(account.key) + "\n"
    passphrase = await secret_text(account.passphrase) if account.passphrase is not None else None
    return await in_thread(_decrypted, text, passphrase, account.key.place)  # slow on purpose


def _decrypted(text: str, passphrase: str | None, place: str) -> Credential:
    try:
        return Credential(key=asyncssh.import_private_key(text, passphrase))
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise _unreadable(str(error), place) from None


def _unreadable(said: str, place: str) -> Fall:
    if "bcrypt" in said:
        hint = "OpenSSH's own encryption cannot be read here: ssh-keygen -p -m PKCS8 gives it the other form"
        return Fall(ssh_causes.SSH_KEY_UNREADABLE, f"{place}: {hint}")
    locked = "passphrase" in said.lower() or "decrypt" in said.lower()
    return Fall(ssh_causes.SSH_PASSPHRASE_WRONG if locked else ssh_causes.SSH_KEY_UNREADABLE, place)


class Login(asyncssh.SSHClient):
    """What asyncssh asks us, and what we have seen: `key_shown` and `begun` are the rungs' ends.

    `begun` is set when the server has proved that it has the pinned key; nothing of ours was sent before.
    `gone` is whether the connection has ended, and `ended` how asyncssh saw it: by the server's words, or by what made
    no sense; None when the server said that it was done with us.
    """

    def __init__(self, pinned: PinnedKey, credential: Credential) -> None:
        self.key_shown = asyncio.Event()
        self.begun = asyncio.Event()
        self.shown = b""
        self.tried: str | None = None
        self.offered: list[str] = []  # the methods that we were asked for, in order
        self.offered_again: list[str] = []  # and those after our attempt
        self.asked_more = False
        self.must_change = False
        self.gone = False
        self.ended: Exception | None = None
        self._pinned = pinned
        self._credential = credential
        self._answered = False

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone, self.ended = True, exc

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        self.shown = key.public_data
        self.key_shown.set()
        return self.shown == self._pinned.blob

    def begin_auth(self, username: str) -> None:
        self.begun.set()

    def public_key_auth_requested(self) -> asyncssh.SSHKey | None:
        return self._credential.key if self._may_try("publickey", self._credential.key is not None) else None

    def password_auth_requested(self) -> str | None:
        return self._credential.password if self._may_try("password", self._credential.password is not None) else None

    def kbdint_auth_requested(self) -> str | None:
        return "" if self._may_try("keyboard-interactive", self._credential.password is not None) else None

    def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
    ) -> list[str] | None:
        if not prompts:
            return []
        if len(prompts) == 1 and not prompts[0][1] and not self._answered and self._credential.password is not None:
            self._answered = True
            return [self._credential.password]
        self.asked_more = True  # a code, a token: our password is not sent twice, nor where it would be echoed
        return None

    def password_change_requested(self, prompt: str, lang: str) -> Any:
        self.must_change = True
        return NotImplemented

    def _may_try(self, method: str, able: bool) -> bool:
        (self.offered if self.tried is None else self.offered_again).append(method)
        if not able or self.tried is not None:
            return False
        self.tried = method
        return True

    @property
    def shown_ours(self) -> bool:
        """Whether the server has had our credential: one that is asked for by keyboard may never be asked for."""
        return self._answered or self.tried not in (None, "keyboard-interactive")

    def refusal(self) -> Fall:
        """Why the server did not let us in, by what it asked for before and after our one attempt."""
        if not self.shown_ours and not self.asked_more:
            offered = ", ".join(dict.fromkeys(self.offered + self.offered_again)) or "no method that we know"
            return Fall(ssh_causes.SSH_METHOD_NOT_OFFERED, f"offered: {offered}")
        if self.must_change:
            return Fall(ssh_causes.SSH_PASSWORD_EXPIRED)
        if self.asked_more:
            return Fall(ssh_causes.SSH_SECOND_FACTOR, "it asks for more than a password")
        if self.offered_again and self.tried not in self.offered_again:
            return Fall(
                ssh_causes.SSH_SECOND_FACTOR, f"{self.tried} was accepted; wanted next: {self.offered_again[0]}"
            )
        return Fall(causes.AUTH_REFUSED, f"by {self.tried}")
