"""The border of the simulated hospital, as far as loopback shows one: a canary outside, and the gateway on this side.

The canary's port refuses while the border is shut, as a firewall that rejects makes it look; a site that is not on the
proxy's list shows the deny page.
"""

import asyncio

from simulator.serving import Serving

WORD = b"CANARY\r\n"
UNLISTED = "www.elsewhere.example"  # no proxy's list has it


class Border:
    """`canary` is the door outside, `gateway` what proves that we get as far as the border.

    `position`: "shut", "open" (the canary answers us: a breach), "canary_dead" (shut, and the canary answers nobody).
    Whoever sets it opens or stops the canary's door as `lets_through` says.
    """

    def __init__(self) -> None:
        self.position = "shut"
        self.canary = Serving(_say_the_word)
        self.gateway = Serving(_hold)

    @property
    def lets_through(self) -> bool:
        """Whether the canary's door is to be open to us."""
        return self.position == "open"

    @property
    def alive(self) -> bool:
        """Whether the canary answers others: what a metrics engine knows as `canary_up`."""
        return self.position != "canary_dead"

    async def turn(self, position: str) -> None:
        """Set the position and have the door follow it."""
        self.position = position
        await (self.canary.open() if self.lets_through else self.canary.stop())


async def _say_the_word(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(WORD)
    await writer.drain()


async def _hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
