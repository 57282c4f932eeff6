"""What the hospital reaches on the web through its filtering proxy, the acquirer of its card payments, and its
switchboard."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager

from retabli.model.words import Words
from simulator.names import Zone
from simulator.proxy import FilteringProxy
from simulator.serving import Serving
from simulator.sip import Switchboard
from simulator.sites import Site, Sites
from simulator.switches import Switch
from simulator.systems.ground import INSIDE, OUTSIDE, Ground, Part, at_home, switch

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
ACQUIRER = f"acquirer.{OUTSIDE}"
PROXY, SWITCHBOARD = f"proxy.{INSIDE}", f"standard.{INSIDE}"
PATIENTS = Words("Patients", "Patients")
NETWORK = Words("Équipe réseau", "Network team")


class Web:
    """The allow-listed sites and the telephone numbers, the proxy before them; and the acquirer, reached directly."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.sites = {name: Site(title, marker) for name, (title, marker) in SITES.items()}
        self.directory = Site("Annuaire des consultations", "Prendre rendez-vous par téléphone", TELEPHONES)
        everything = {**self.sites, DIRECTORY: self.directory}
        tls = ground.authority.issue(*everything, ACQUIRER).server_context()
        self.proxy = FilteringProxy({}, set(everything))
        self.servings: Mapping[str, Serving] = {
            "sites": Serving(Sites(everything).talk, tls=tls),
            "acquirer": Serving(Sites({}).talk, tls=tls),
            "proxy": Serving(self.proxy.talk),
        }
        self.switchboard = Switchboard()
        self._websites = switch(
            "websites",
            open=("ouvert", "open"),
            denied=("tout est interdit", "all is denied"),
            error=("les sites répondent 500", "the sites answer 500"),
        )
        self._proxy = switch("proxy", open=("en marche", "running"), stopped=("arrêté", "stopped"))
        self._appointments = switch(
            "appointments",
            open=("en ligne", "on line"),
            error=("erreur 500", "error 500"),
            empty=("texte disparu", "text gone"),
            moved=("déplacée", "moved"),
            unanswered=("le standard ne répond plus", "the switchboard is silent"),
        )
        self._card = switch("card-payment", open=("ouvert", "open"), stopped=("coupé", "cut"))

    @property
    def zone(self) -> Zone:
        return at_home(PROXY, SWITCHBOARD, ACQUIRER, *SITES, DIRECTORY)

    @property
    def switches(self) -> Sequence[Switch]:
        return self._websites, self._proxy, self._appointments, self._card

    def apply(self) -> None:
        self.proxy.routes = {**self.proxy.routes, **dict.fromkeys([*SITES, DIRECTORY], self.servings["sites"].port)}
        denied = set(SITES) if self._websites.position == "denied" else set()
        self.proxy.allowed = (self.proxy.allowed | set(SITES)) - denied
        for site in self.sites.values():
            site.position = "error" if self._websites.position == "error" else "answers"
        position = self._appointments.position
        self.directory.position = position if position in ("error", "empty", "moved") else "answers"
        self.switchboard.position = "silent" if position == "unanswered" else "answers"
        self.servings["proxy"].wish(self._proxy.healthy)
        self.servings["acquirer"].wish(self._card.healthy)

    def running(self) -> AbstractAsyncContextManager[object]:
        return self.switchboard.serving

    # the configuration ------------------------------------------------------------------------------------------

    def sections(self) -> Mapping[str, Part]:
        (self._ground.folder / "sites.txt").write_text("".join(f"https://{name}/\n" for name in SITES))
        return {
            "proxies": {
                "main": {
                    "url": f"http://{PROXY}:{self.servings['proxy'].port}",
                    "denied": {"status": [403], "header": "X-Squid-Error: ERR_ACCESS_DENIED"},
                }
            },
            "flows": {
                "websites": self._sites_flow(),
                "appointments": self._appointments_flow(),
                "card-payment": self._card_flow(),
                "proxy": self._proxy_flow(),
            },
        }

    def _sites_flow(self) -> Part:
        return {
            "title": {"fr": "Sites web nécessaires aux services", "en": "Web sites that departments need"},
            "intent": "open",
            "group": "Web",
            "criticality": "high",
            "owner": NETWORK,
            "depends_on": ["proxy"],
            "require": "90%",
            "public": True,
            "probes": {
                "sites": {
                    "kind": "web",
                    "targets_file": "sites.txt",
                    "proxy": "main",
                    "tls": {"ca": self._ground.ca},
                    "expect": {"status": [200]},
                }
            },
        }

    def _appointments_flow(self) -> Part:
        return {
            "title": {
                "fr": "Rendez-vous par téléphone : annuaire des numéros et standard",
                "en": "Appointments by telephone: directory and switchboard",
            },
            "intent": "open",
            "group": PATIENTS,
            "criticality": "high",
            "owner": Words("Communication", "Communication"),
            "notice": {
                "fr": "Prendre rendez-vous par téléphone, au numéro du service.",
                "en": "Make appointments by telephone, at the department's number.",
            },
            "depends_on": ["proxy"],
            "public": True,
            "probes": {
                "page": {
                    "kind": "web",
                    "targets": [f"https://{DIRECTORY}/"],
                    "proxy": "main",
                    "tls": {"ca": self._ground.ca},
                    "expect": {"text": "Prendre rendez-vous", "min_phone_numbers": 3},
                },
                "switchboard": {"kind": "sip", "host": SWITCHBOARD, "port": self.switchboard.serving.port},
            },
        }

    def _card_flow(self) -> Part:
        return {
            "title": {"fr": "Paiement par carte bancaire", "en": "Payment by bank card"},
            "intent": "open",
            "group": PATIENTS,
            "owner": Words("Régie", "Cashier"),
            "notice": {
                "fr": "Apporter des espèces ou un chèque : le paiement par carte n'est pas possible.",
                "en": "Bring cash or a cheque: payment by card is not possible.",
            },
            "depends_on": ["resolver"],
            "public": True,
            "probes": {
                "acquirer": {
                    "kind": "tls",
                    "host": ACQUIRER,
                    "port": self.servings["acquirer"].port,
                    "tls": {"mode": "implicit", "ca": self._ground.ca},
                }
            },
        }

    def _proxy_flow(self) -> Part:
        return {
            "title": {"fr": "Proxy web", "en": "Web proxy"},
            "intent": "open",
            "group": Words("Services partagés", "Shared services"),
            "criticality": "high",
            "owner": NETWORK,
            "depends_on": ["resolver"],
            "probes": {"port": {"kind": "tcp", "host": PROXY, "port": self.servings["proxy"].port}},
        }
