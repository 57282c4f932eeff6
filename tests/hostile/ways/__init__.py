"""The ways in which a kind of probe comes to a partner: each with a partner that is well, to be tampered with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.hostile.grounds import Grounds, Ready


@dataclass(frozen=True, slots=True)
class Way:
    """`turns`: how often the partner that is well speaks before the probe is content.

    `first`: who speaks first, `they` or `we`. `tls`: whether TLS is spoken from the first byte. `speaks`: the protocol.
    """

    name: str
    kind: str
    speaks: str
    ready: Callable[[Grounds], Awaitable[Ready]]
    turns: int
    first: str = "we"
    tls: bool = False


def every() -> tuple[Way, ...]:
    from tests.hostile.ways import closed, images, mail, others, reports, web

    return (*mail.WAYS, *web.WAYS, *images.WAYS, *reports.WAYS, *others.WAYS, *closed.WAYS)
