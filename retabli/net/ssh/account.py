"""The settings of an SFTP account on a server whose host key is pinned, and the credential that they name."""

import base64
import binascii
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field

from retabli.model.hosts import Host
from retabli.model.settings import Port, SecretRef, Settings

# Which signatures prove a key of each type (RFC 4253, 6.6; RFC 8332; RFC 5656; RFC 8709), the strongest first.
PROOFS = {
    "ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"),
    "ssh-ed25519": ("ssh-ed25519",),
    "ssh-ed448": ("ssh-ed448",),
    "ecdsa-sha2-nistp256": ("ecdsa-sha2-nistp256",),
    "ecdsa-sha2-nistp384": ("ecdsa-sha2-nistp384",),
    "ecdsa-sha2-nistp521": ("ecdsa-sha2-nistp521",),
}
LONGEST_KEY = 8192  # characters of one public key's line


def _host_key(line: str) -> str:
    pinned_key(line)
    return line


HostKey = Annotated[str, AfterValidator(_host_key)]


@dataclass(frozen=True, slots=True)
class PinnedKey:
    """A public host key, as it comes over the wire (RFC 4253, section 6.6)."""

    type: str
    blob: bytes

    @property
    def proofs(self) -> tuple[str, ...]:
        return PROOFS[self.type]


def pinned_key(line: str) -> PinnedKey:
    """The key of an OpenSSH public-key line: `ssh-ed25519 AAAA… comment`; `ssh-keyscan`'s `host type AAAA…` too.

    Raises:
        ValueError: with a sentence for the operator.
    """
    words = line.split()
    place = next((place for place, word in enumerate(words[:2]) if word in PROOFS), None)
    if place is None or len(words) < place + 2 or len(line) > LONGEST_KEY:
        raise ValueError(
            "the server's public key is wanted here as OpenSSH writes it, such as: ssh-ed25519 AAAAC3… "
            f"(of type {', '.join(PROOFS)})"
        )
    try:
        blob = base64.b64decode(words[place + 1], validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("this public key is damaged: its second word is not base64") from None
    size = int.from_bytes(blob[:4], "big")
    if blob[4 : 4 + size] != words[place].encode() or len(blob) < 4 + size + 8:
        raise ValueError(f"this public key is damaged: it is no {words[place]}")
    return PinnedKey(words[place], blob)


def fingerprint(blob: bytes) -> str:
    """`SHA256:…`, as `ssh-keygen -l` prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


class SftpAccount(Settings):
    """An account on an SFTP server, and the folder that matters. Nothing else is ever read: no agent, no ~/.ssh."""

    host: Host
    port: Port = 22
    user: str = Field(min_length=1)
    password: SecretRef | None = None
    key: SecretRef | None = Field(default=None, description="a private key: OpenSSH's, or PKCS#8 in PEM")
    passphrase: SecretRef | None = Field(default=None, description="the private key's, when it has one")
    host_key: HostKey = Field(description="the server's public key, pinned: one line as OpenSSH writes it")
    directory: str = Field(default=".", min_length=1, description="the folder on the server; the account's own if none")


def account_faults(account: SftpAccount) -> Iterator[str]:
    """What these settings have wrong together."""
    if (account.password is None) == (account.key is None):
        yield "one of password and key is needed, and not both: there is one attempt a run"
    if account.passphrase is not None and account.key is None:
        yield "passphrase is a private key's, and there is no key"
    if not account.user.isprintable():
        yield "no user has such a name: it has characters that cannot be printed"
    if "\0" in account.directory:
        yield "no directory has such a name"
