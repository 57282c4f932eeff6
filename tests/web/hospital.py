"""A hospital on 3 July 2023, in pictures: realistic flows in all eight states, served for a look at the pages.

python -m tests.web.hospital [PORT]      serves it, and has a flow drop and heal every ten seconds
"""

import asyncio
import sys
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from prometheus_client import CollectorRegistry

from retabli.metrics import Figures, Metrics
from retabli.model import causes
from retabli.model.record import Closure, Entry, Event, FlowPicture, Incident
from retabli.model.result import Outcome, Result
from retabli.model.states import Criticality, Intent, State
from retabli.model.words import Words
from retabli.view import Site, View
from retabli.web import Web, build
from tests.view.pictures import NOW, Containment, Http, MailLoop, Smtp, flow, name, picture, result
from tests.view.pictures import Web as WebSites
from tests.web.on_call import Board

HOUR, DAY = 3600.0, 86400.0
SITE = Site("CHU de Rennes", "fr", ZoneInfo("Europe/Paris"), "inside")
SITES = tuple(f"https://site-{number:02d}.example/" for number in range(1, 13))


def pictures(language: str = "fr") -> Sequence[FlowPicture]:
    """One flow at least in each state."""
    return [*_mail(), *_care(), *_web(), *_closed()]


def _mail() -> list[FlowPicture]:
    relay, loop = Smtp(), MailLoop(every=60.0)
    out = flow(
        "mail-out",
        title=Words("Messagerie : émission vers l'extérieur", "Outbound mail"),
        group="messagerie",
        criticality=Criticality.VITAL,
        owner="Équipe messagerie",
        runbook="https://wiki.chu.example/mail-out",
        declared_since=NOW - HOUR,
        public=True,
        probes={"relay": relay, "loop": loop},
    )
    into = flow(
        "mail-in",
        title=Words("Messagerie : réception", "Inbound mail"),
        group="messagerie",
        criticality=Criticality.HIGH,
        public=True,
        notice=Words("Téléphoner aux correspondants.", "Call correspondents."),
        probes={"beacon": MailLoop(every=60.0)},
    )
    mssante = flow(
        "mssante",
        title=Words("MSSanté : émission", "MSSanté: outbound"),
        group="messagerie",
        probes={"relay": relay},
        public=True,
    )
    return [
        picture(
            out,
            State.RESTORED,
            [result(relay, seconds=0.18, at=NOW - 12), result(loop, seconds=3.2, at=NOW - 41)],
            since=NOW - 2 * DAY - 4 * HOUR,
            restored_at=NOW - 2 * DAY,
            first_restored_at=NOW - 2 * DAY,
            rounds=(True,) * 20,
        ),
        picture(
            into,
            State.DROPPED,
            [
                result(
                    loop,
                    Outcome.FAILED,
                    cause=causes.TIMEOUT,
                    fell=8,
                    seconds=92.0,
                    at=NOW - 33,
                    detail="no message with our token in INBOX nor in Junk",
                )
            ],
            since=NOW - 540,
            drops=2,
            restored_at=NOW - 7 * DAY,
            first_restored_at=NOW - 7 * DAY,
            incident=Incident("mail-in-1", "dropped", NOW - 538, told={"duty": 0.0}),
        ),
        picture(mssante, State.RECOVERING, [result(relay, at=NOW - 20)], since=NOW - 95),
    ]


def _care() -> list[FlowPicture]:
    tls = Http(url="https://efs.example/")
    rubis = flow(
        "rubis", title=Words("RUBIS : transfert d'images", "RUBIS: images"), group="soins", probes={"echo": tls}
    )
    efs = flow(
        "efs",
        title=Words("EFS : résultats d'analyses sanguines", "EFS: blood test results"),
        group="soins",
        criticality=Criticality.VITAL,
        probes={"mllp": tls},
    )
    speech = flow(
        "speech", title=Words("Reconnaissance vocale", "Speech recognition"), group="soins", probes={"p": tls}
    )
    slow = causes.cause(
        "slow",
        causes.Side.NETWORK,
        fr="plus lent que convenu",
        en="slower than agreed",
        verdict=causes.Verdict.IMPAIRED,
    )
    return [
        picture(rubis, State.RESTORED, [result(tls, at=NOW - 9)], since=NOW - 5 * DAY, first_restored_at=NOW - 5 * DAY),
        picture(
            efs,
            State.UNKNOWN,
            [result(tls, Outcome.UNKNOWN, cause=causes.LOCAL_RESOURCES, fell=1, at=NOW - 300)],
            since=NOW - 240,
        ),
        picture(
            speech,
            State.DEGRADED,
            [result(tls, cause=slow, whole=False, seconds=4.8, at=NOW - 14)],
            since=NOW - 1700,
            drops=1,
            first_restored_at=NOW - 4 * DAY,
        ),
    ]


def _web() -> list[FlowPicture]:
    sites = WebSites(targets=SITES)
    runs: list[Result | None] = [result(sites, at=NOW - 5 - place, seconds=0.2 + place / 50) for place in range(12)]
    runs[4] = result(sites, Outcome.FAILED, cause=causes.CERT_EXPIRED, fell=2, detail="certificate has expired")
    websites = flow(
        "websites",
        title=Words("Sites web nécessaires aux services", "Web sites that departments need"),
        group="internet",
        probes={"sites": sites},
        public=True,
    )
    card = flow(
        "card-payment",
        title=Words("Paiement par carte bancaire", "Card payment"),
        group="internet",
        notice=Words("Les patients apportent des espèces ou un chèque.", "Patients bring cash or a cheque."),
        public=True,
        probes={"acquirer": Http(url="https://acquirer.example/")},
    )
    down = result(Http(), Outcome.FAILED, cause=causes.UNREACHABLE, fell=1, at=NOW - 22, detail="No route to host")
    return [
        picture(websites, State.RESTORED, runs, since=NOW - 3 * DAY, first_restored_at=NOW - 3 * DAY),
        picture(card, State.DOWN, [down], since=NOW - 12 * DAY),
    ]


def _closed() -> list[FlowPicture]:
    shut = Containment(every=30.0)
    internet = flow(
        "internet",
        title=Words("Accès général à internet", "General internet"),
        intent=Intent.CLOSED,
        criticality=Criticality.HIGH,
        notice=Words("Utiliser les postes dédiés.", "Use the dedicated workstations."),
        public=True,
        probes={"out": shut},
    )
    dns = flow(
        "dns-tunnel",
        title=Words("DNS vers l'extérieur", "DNS to outside"),
        intent=Intent.CLOSED,
        probes={"dns": Smtp()},
    )
    return [
        picture(
            internet,
            State.CONTAINED,
            [result(shut, at=NOW - 20)],
            since=NOW - 12 * DAY,
            closure=Closure(True, True, True),
        ),
        picture(
            dns,
            State.BREACHED,
            [result(Smtp(), at=NOW - 4)],
            outcomes=[Outcome.FAILED],
            since=NOW - 61,
            breaches=1,
            closure=Closure(False, path=True),
            incident=Incident("dns-1", "breached", NOW - 60),
        ),
    ]


def entries() -> list[Entry]:
    return [
        Entry(NOW - 12 * DAY, Event.START),
        Entry(NOW - 7 * DAY, Event.STATE, "mail-in", {"was": "recovering", "now": "restored"}),
        Entry(NOW - 2 * DAY, Event.STATE, "mail-out", {"was": "recovering", "now": "restored"}),
        Entry(NOW - 5 * HOUR, Event.GAP, None, {"seconds": 340}),
        Entry(
            NOW - 540,
            Event.STATE,
            "mail-in",
            {"was": "restored", "now": "dropped", "stage": "delivered", "cause": "timeout", "side": "network"},
        ),
        Entry(NOW - 538, Event.PAGE, "mail-in", {"reason": "dropped", "channels": ["duty", "sms"]}),
        Entry(NOW - 61, Event.STATE, "dns-tunnel", {"was": "contained", "now": "breached"}),
    ]


def outlets(site: Site = SITE) -> tuple[View, Metrics]:
    """A view and metrics that were shown all of it; their clock stands at NOW."""
    view = View(site, wall=lambda: NOW)
    metrics = Metrics(Figures(CollectorRegistry(), version="0", standpoint=site.standpoint), language=site.language)
    for entry in entries():
        view.logged(entry)
    for each in pictures():
        for outlet in (view, metrics):
            outlet.show(each, None, None)
    return view, metrics


async def main(port: int) -> None:
    view, metrics = outlets()
    board = Board(view)
    await board.acknowledge("mail-in", by="Jeanne Martin", note="appel au partenaire en cours")
    await board.silence("websites", until=NOW + 4 * HOUR, by="Karim Benali", why="mise à jour du proxy")
    web = Web(build(view, metrics, on_call=board), "127.0.0.1", port, leaving=view.close)
    print(web.bind())  # noqa: T201
    serving = asyncio.create_task(web.run())
    relay = Smtp()
    mssante = next(each for each in pictures() if each.flow.id == "mssante")
    while True:
        for state, run in ((State.DROPPED, result(relay, Outcome.FAILED)), (State.RESTORED, result(relay))):
            await asyncio.sleep(10)
            moved = picture(mssante.flow, state, [run], since=NOW)
            view.show(moved, name(mssante.flow), run)
            if serving.done():
                return


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 9977))
