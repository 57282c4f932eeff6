"""The built-in parent of every flow: the daemon's own way out. A pulled cable gives one page, not four hundred."""

from typing import ClassVar, Literal

from retabli.model.causes import Cause
from retabli.model.flow import Flow, Policy
from retabli.model.ladder import Ladder
from retabli.model.probe import Probe
from retabli.model.stages import START, Stage
from retabli.model.states import Criticality, Intent
from retabli.model.words import Words
from retabli.net import link

ID = "own_link"


class OwnLink(Probe):
    """Looks at the kernel's own tables; sends nothing. It is built in, and is no kind of the configuration."""

    LADDER: ClassVar[tuple[Stage, ...]] = link.LADDER
    CAUSES: ClassVar[tuple[Cause, ...]] = link.CAUSES
    SUMMARY: ClassVar[tuple[str, str]] = ("Le lien propre de la sonde.", "The daemon's own link.")

    kind: Literal["own_link"] = "own_link"

    async def run(self, ladder: Ladder) -> None:
        with ladder.rung(START):
            found = link.check_route()
        with ladder.rung(link.LINK):
            up = link.check_link(found)
        with ladder.rung(link.GATEWAY):
            link.check_gateway(up)


def own_link(*, known: bool = False) -> Flow | None:
    """The flow, or None on a machine without a gateway: it has no way out that could fail.

    `known`: it had one before. That it has none now is then what is to be told, and no reason to look away.
    """
    if not known and not link.gateways():
        return None
    return Flow(
        id=ID,
        title=Words("Lien propre de la sonde", "The probe's own link"),
        intent=Intent.OPEN,
        probes={"link": OwnLink(every=1.0, timeout=1.0)},
        # Judged within seconds: whatever else falls meanwhile waits for this verdict.
        policy=Policy(rise=3, soak=5.0, fall=5, confirm=0.5),
        group="retabli",
        criticality=Criticality.VITAL,
    )
