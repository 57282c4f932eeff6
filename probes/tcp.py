"""A TCP port that must accept a connection."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from retabli.model import stages
from retabli.model.hosts import Host
from retabli.model.ladder import Ladder
from retabli.model.probe import Probe
from retabli.model.settings import Port
from retabli.model.stages import Stage
from retabli.net.connect import open_connection


class Tcp(Probe):
    """Connects and hangs up at once. An open port is the lowest proof there is: prefer a kind that speaks."""

    LADDER: ClassVar[tuple[Stage, ...]] = (stages.RESOLVE, stages.CONNECT)
    SUMMARY: ClassVar[tuple[str, str]] = ("Un port TCP accepte une connexion.", "A TCP port accepts a connection.")

    kind: Literal["tcp"]
    host: Host = Field(description="name or address; each of its addresses is tried, one that answers is enough")
    port: Port

    @property
    def brief(self) -> bool:
        return True

    def openings(self) -> Iterator[tuple[str, int, str]]:
        yield self.host, self.port, "tcp"

    async def run(self, ladder: Ladder) -> None:
        async with await open_connection(ladder, self.host, self.port, resolver=self.resolver):
            pass
