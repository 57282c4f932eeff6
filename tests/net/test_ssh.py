"""The parts of an SSH login that no server can show by itself."""

import asyncssh
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retabli.net.ssh.account import fingerprint, pinned_key
from retabli.net.ssh.login import Credential, Login
from retabli.net.ssh.offer import read_offer
from tests.net.ssh_servers import host_key, line_of, packet


def name_lists(*lists: bytes) -> bytes:
    return b"".join(len(each).to_bytes(4, "big") + each for each in lists)


KEXINIT = packet(
    b"\x14" + bytes(16) + name_lists(b"kex-a,kex-b", b"host-a", b"c", b"cipher", b"m", b"mac", b"", b"", b"", b"")
)


def test_only_the_pinned_key_is_believed() -> None:
    login = Login(pinned_key(line_of(host_key())), Credential(password="synthetic"))
    other = asyncssh.generate_private_key("ssh-ed25519").convert_to_public()
    assert not login.validate_host_public_key("host", "192.0.2.1", 22, other)
    assert login.validate_host_public_key("host", "192.0.2.1", 22, host_key().convert_to_public())
    assert not login.validate_host_ca_key("host", "192.0.2.1", 22, other)


def test_a_credential_is_in_no_text() -> None:
    assert "synthetic" not in repr(Credential(password="synthetic"))


def test_a_fingerprint_is_as_openssh_prints_it() -> None:
    assert fingerprint(host_key().public_data) == host_key().get_fingerprint()


def test_an_offer_is_read_once_it_is_whole() -> None:
    assert [read_offer(KEXINIT[:size]) for size in range(len(KEXINIT))] == [None] * len(KEXINIT)
    offer = read_offer(KEXINIT + b"more")
    assert offer is not None
    assert (offer.key_exchange, offer.host_key) == (("kex-a", "kex-b"), ("host-a",))
    assert (offer.encryption, offer.mac) == (("cipher",), ("mac",))


@pytest.mark.parametrize(
    "stream",
    [
        packet(b"\x15"),
        packet(b"\x14" + bytes(16)),
        packet(b"\x14" + bytes(16) + b"\xff\xff\xff\xff"),
        b"\xff" * 100,
        b"\0\0\0\1\0",
        b"\0\0\0\0\0\0",
    ],
)
def test_what_is_no_offer_is_none(stream: bytes) -> None:
    assert read_offer(stream) is None


@given(st.binary(max_size=200), st.integers(0, 200))
def test_any_stream_is_read(noise: bytes, place: int) -> None:
    read_offer(noise)
    read_offer(KEXINIT[:place] + noise + KEXINIT[place + len(noise) :])
