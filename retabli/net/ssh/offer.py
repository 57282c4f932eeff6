"""What an SSH server offers at the start of the key exchange: its KEXINIT, which travels in clear (RFC 4253, 7.1)."""

from collections.abc import Iterator
from dataclasses import dataclass

KEXINIT = 20
COOKIE = 16
LONGEST = 35_000  # bytes of a packet (RFC 4253, section 6.1)


@dataclass(frozen=True, slots=True)
class Offer:
    """Names of algorithms, in the server's order of preference."""

    key_exchange: tuple[str, ...]
    host_key: tuple[str, ...]
    encryption: tuple[str, ...]
    mac: tuple[str, ...]


def read_offer(stream: bytes) -> Offer | None:
    """The offer, from what follows the server's identification; None for as long as it is not whole, or is none."""
    size = int.from_bytes(stream[:4], "big")
    if not 2 + COOKIE <= size <= LONGEST or len(stream) < 4 + size or stream[5] != KEXINIT:
        return None
    lists = list(_name_lists(stream[6 + COOKIE : 4 + size]))
    if len(lists) < 6:
        return None
    return Offer(lists[0], lists[1], lists[3], lists[5])  # the server's own direction


def _name_lists(data: bytes) -> Iterator[tuple[str, ...]]:
    for _ in range(10):
        size = int.from_bytes(data[:4], "big")
        if len(data) < 4 + size:
            return
        yield tuple(data[4 : 4 + size].decode("ascii", "replace").split(","))
        data = data[4 + size :]
