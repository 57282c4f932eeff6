"""The hospital and its partners, wired: servers, mailboxes, names, sites, and a switch for each flow."""

import asyncio
import secrets
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType

from retabli.model.words import Words
from simulator.authority import Authority
from simulator.duty import Duty
from simulator.imap import Account, Folder, ImapServer
from simulator.names import Names
from simulator.post import Exchanger, Relay, reply_to
from simulator.proxy import FilteringProxy
from simulator.serving import Serving
from simulator.sites import Site, Sites
from simulator.smtp import Envelope, SmtpServer
from simulator.switches import Switch

INSIDE, OUTSIDE = "chu.example", "outside.example"
PROBE_IN, PROBE_OUT, REFLECTOR = f"probe@{INSIDE}", f"probe@{OUTSIDE}", f"reflector@{OUTSIDE}"

SITES: Mapping[str, tuple[str, str]] = {
    "www.sante.example": ("Ministère de la santé", "Professionnels de santé"),
    "www.assurance-maladie.example": ("Assurance maladie", "Téléservices"),
    "www.ansm.example": ("Agence du médicament", "Alertes de sécurité"),
    "base-medicaments.example": ("Base des médicaments", "Rechercher une spécialité"),
    "www.biomedecine.example": ("Agence de la biomédecine", "Greffes et prélèvements"),
    "www.pharmacovigilance.example": ("Pharmacovigilance", "Déclarer un effet"),
    "laboratoire-reference.example": ("Laboratoire de référence", "Catalogue des examens"),
    "www.antipoison.example": ("Centre antipoison", "Urgences toxicologiques"),
    "www.transport-sanitaire.example": ("Transport sanitaire", "Demander un transport"),
    "www.regulation.example": ("Régulation régionale", "Lits disponibles"),
    "www.imagerie-partenaire.example": ("Imagerie partenaire", "Connexion"),
    "www.fournitures.example": ("Fournitures hospitalières", "Commander"),
}
DIRECTORY = "www.ars.example"
TELEPHONES = ("02 99 00 00 01", "02 99 00 00 02", "02 99 00 00 03", "02 99 00 00 04")


def _positions(**words: tuple[str, str]) -> dict[str, Words]:
    return {name: Words(*pair) for name, pair in words.items()}


class Hospital:
    """`async with Hospital(folder) as hospital`: everything listens on loopback, healthy."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.token = secrets.token_hex(32)
        self.hook = secrets.token_hex(32)
        self.password = secrets.token_urlsafe(16)
        self.authority = Authority(folder)
        self.inside, self.outside = Folder(), Folder()
        self.inside_junk, self.outside_junk = Folder(), Folder()
        self._stack = AsyncExitStack()
        self._errands: set[asyncio.Future[None]] = set()
        self._build_post()
        self._build_web()
        self.switches = {switch.flow: switch for switch in self._switches()}

    # building -------------------------------------------------------------------------------------------------

    def _build_post(self) -> None:
        tls = self.authority.issue(
            f"relay.{INSIDE}", f"mx.{INSIDE}", f"imap.{INSIDE}", f"submission.{OUTSIDE}", f"imap.{OUTSIDE}"
        ).server_context()
        self.mx_in = Exchanger(f"mx.{INSIDE}", {PROBE_IN: self.inside})
        self.mx_out = Exchanger(
            f"mx.{OUTSIDE}", {PROBE_OUT: self.outside}, reflectors=frozenset({REFLECTOR}), reflect=self._reflect
        )
        self.relay_out = Relay(f"relay.{INSIDE}", self._exchanger, self._exchanger)
        self.relay_in = Relay(f"submission.{OUTSIDE}", self._exchanger, self._exchanger)
        self.relay = SmtpServer(f"relay.{INSIDE}", take=self.relay_out.take, tls=tls)
        self.submission = SmtpServer(
            f"submission.{OUTSIDE}", take=self.relay_in.take, tls=tls, accounts={"probe": self.password}
        )
        self.imap_in = ImapServer({"probe": Account(self.password, {"INBOX": self.inside, "Junk": self.inside_junk})})
        self.imap_out = ImapServer(
            {"probe": Account(self.password, {"INBOX": self.outside, "Junk": self.outside_junk})}
        )
        self.serving = {
            "relay": Serving(self.relay.talk),
            "submission": Serving(self.submission.talk),
            "mx_in": Serving(self.mx_in.server().talk),
            "mx_out": Serving(self.mx_out.server().talk),
            "imap_in": Serving(self.imap_in.talk, tls=tls),
            "imap_out": Serving(self.imap_out.talk, tls=tls),
        }

    def _build_web(self) -> None:
        self.sites = {name: Site(title, marker) for name, (title, marker) in SITES.items()}
        self.directory = Site("Annuaire des consultations", "Prendre rendez-vous par téléphone", TELEPHONES)
        everything = {**self.sites, DIRECTORY: self.directory}
        self.acquirer = f"acquirer.{OUTSIDE}"
        tls = self.authority.issue(*everything, self.acquirer).server_context()
        self.serving["sites"] = Serving(Sites(everything).talk, tls=tls)
        self.serving["acquirer"] = Serving(Sites({}).talk, tls=tls)
        self.proxy = FilteringProxy({}, set(everything))
        self.serving["proxy"] = Serving(self.proxy.talk)
        self.duty = Duty()
        self.serving["duty"] = Serving(self.duty.talk)
        hosts = [f"relay.{INSIDE}", f"imap.{INSIDE}", f"proxy.{INSIDE}", f"submission.{OUTSIDE}", f"imap.{OUTSIDE}"]
        self.names = Names(
            {
                **{host: {"A": ("127.0.0.1",)} for host in [*hosts, self.acquirer, *everything]},
                INSIDE: {"MX": (f"10 mx.{INSIDE}.",)},
                OUTSIDE: {"MX": (f"10 mx.{OUTSIDE}.",)},
            }
        )

    def _switches(self) -> list[Switch]:
        made = [
            Switch(
                "mail-out",
                _positions(
                    open=("ouvert", "open"),
                    held=("coupé derrière le relais", "cut behind the relay"),
                    refused=("le relais refuse", "the relay refuses"),
                    stopped=("relais arrêté", "relay stopped"),
                    silent=("relais muet", "relay silent"),
                ),
            ),
            Switch(
                "mail-in",
                _positions(
                    open=("ouvert", "open"),
                    held=("coupé à l'entrée", "cut at the border"),
                    refused=("refusé par politique", "refused by policy"),
                    lost=("accepté puis perdu", "accepted, then lost"),
                ),
            ),
            Switch(
                "websites",
                _positions(
                    open=("ouvert", "open"),
                    denied=("tout est interdit", "all is denied"),
                    error=("les sites répondent 500", "the sites answer 500"),
                ),
            ),
            Switch("proxy", _positions(open=("en marche", "running"), stopped=("arrêté", "stopped"))),
            Switch(
                "appointments",
                _positions(
                    open=("en ligne", "on line"),
                    error=("erreur 500", "error 500"),
                    empty=("texte disparu", "text gone"),
                    moved=("déplacée", "moved"),
                ),
            ),
            Switch("card-payment", _positions(open=("ouvert", "open"), stopped=("coupé", "cut"))),
            Switch(
                "resolver",
                _positions(answers=("répond", "answers"), servfail=("SERVFAIL", "SERVFAIL"), silent=("muet", "silent")),
            ),
        ]
        for switch in made:
            switch.on_change(lambda _position: self._apply())
        return made

    def _exchanger(self, domain: str) -> int | None:
        serving = {INSIDE: "mx_in", OUTSIDE: "mx_out"}.get(domain)
        return self.serving[serving].port if serving else None

    def _reflect(self, envelope: Envelope, reflector: str) -> None:
        self.relay_in.accept(reply_to(envelope, reflector))

    # running --------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> "Hospital":
        for serving in self.serving.values():
            await self._stack.enter_async_context(serving)
        await self.names.open()
        self._stack.push_async_callback(self.names.close)
        for name in [*SITES, DIRECTORY]:
            self.proxy.routes = {**self.proxy.routes, name: self.serving["sites"].port}
        for relay in (self.relay_out, self.relay_in):
            task = asyncio.create_task(relay.run(), name=f"{relay.name} queue")
            self._stack.push_async_callback(_end, task)
        self._apply()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*self._errands, return_exceptions=True)
        await self._stack.__aexit__(kind, error, trace)

    def port(self, name: str) -> int:
        return self.names.port if name == "names" else self.serving[name].port

    def _apply(self) -> None:
        at = {flow: switch.position for flow, switch in self.switches.items()}
        self.relay_out.open = at["mail-out"] == "open"
        self.relay.judge = (
            (lambda _sender, _recipient: "554 5.7.1 Relay access denied")
            if at["mail-out"] == "refused"
            else (lambda _sender, _recipient: None)
        )
        self.relay.silent = at["mail-out"] == "silent"
        self.relay_in.open = at["mail-in"] != "held"
        self.mx_in.closed = at["mail-in"] == "refused"
        self.mx_in.lossy = at["mail-in"] == "lost"
        self.proxy.allowed = {DIRECTORY} if at["websites"] == "denied" else {*SITES, DIRECTORY}
        for site in self.sites.values():
            site.position = "error" if at["websites"] == "error" else "answers"
        self.directory.position = "answers" if at["appointments"] == "open" else at["appointments"]
        self.names.position = at["resolver"]
        self._listen("relay", at["mail-out"] != "stopped")
        self._listen("proxy", at["proxy"] != "stopped")
        self._listen("acquirer", at["card-payment"] != "stopped")

    def _listen(self, name: str, wanted: bool) -> None:
        serving = self.serving[name]
        if wanted == serving.listening:
            return
        errand = asyncio.ensure_future(serving.open() if wanted else serving.stop())
        self._errands.add(errand)
        errand.add_done_callback(self._errands.discard)


async def _end(task: "asyncio.Task[None]") -> None:
    # Again until it has ended: before Python 3.12 a cancellation that meets a finished wait_for is swallowed by it.
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.1)
