"""A hospital in this process whose flows stand in every state and with every mark that a row may carry."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from retabli.model import causes
from retabli.model.record import Incident
from retabli.model.result import Outcome
from retabli.model.states import Criticality, State
from retabli.model.words import Words
from retabli.own_link import ID as OWN_LINK
from retabli.own_link import OwnLink
from tests.view.pictures import NOW, Smtp, flow, picture, result
from tests.web.hospital import HOUR
from tests.web.serving import Served, serving

# One flow in each state; what stands beside it: taken by somebody, in silence, told by nobody, waiting for a parent.
FLOWS = {
    "mail-out": State.RESTORED,
    "mail-in": State.DROPPED,
    "mssante": State.RECOVERING,
    "rubis": State.RESTORED,
    "efs": State.UNKNOWN,
    "speech": State.DEGRADED,
    "websites": State.RESTORED,
    "card-payment": State.DOWN,
    "internet": State.CONTAINED,
    "dns-tunnel": State.BREACHED,
    "waiting": State.DROPPED,
    OWN_LINK: State.DROPPED,
}
PATHS = ("/", *(f"/flows/{each}" for each in FLOWS), "/log", "/public")


@asynccontextmanager
async def every_state() -> AsyncIterator[Served]:
    async with serving(desk=True) as served:
        await served.board.acknowledge("mail-in", by="Jeanne Martin", note="appel au partenaire en cours")
        await served.board.silence("websites", until=NOW + 4 * HOUR, by="Karim Benali", why="mise à jour du proxy")
        relay = Smtp()
        run = result(relay, Outcome.FAILED, cause=causes.UNREACHABLE, fell=1, detail="No route to host")
        waiting = flow(
            "waiting",
            title=Words("Envoi des comptes rendus", "Reports sent"),
            group="soins",
            criticality=Criticality.HIGH,
            parents=("mail-out",),
            probes={"relay": relay},
        )
        shown = picture(waiting, State.DROPPED, [run], since=NOW - 70, drops=1, deferred="dropped", because="mail-out")
        own = flow(OWN_LINK, title=Words("Lien de la sonde", "The daemon's own link"), probes={"link": OwnLink()})
        lost = picture(own, State.DROPPED, since=NOW - 15, drops=1, incident=Incident("own-1", "dropped", NOW - 14))
        for each in (shown, lost):
            served.view.show(each, None, None)
        yield served


def move(served: Served, name: str, state: State) -> None:
    """Have a flow of open intent be in that state from now."""
    shown = served.view.pictures[name]
    unit = shown.units[0]
    outcome = Outcome.OK if state in (State.RESTORED, State.RECOVERING) else Outcome.FAILED
    runs = [result(unit.probe, outcome)] * len(shown.units)
    served.view.show(picture(shown.flow, state, runs, since=NOW, drops=shown.standing.drops), None, None)
