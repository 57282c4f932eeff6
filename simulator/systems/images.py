"""RUBIS: images go to a partner hospital's archive by DICOM, and the partner's arrive in ours."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from zoneinfo import ZoneInfo

from retabli.model.words import Words
from simulator.dicom import DicomArchive
from simulator.dicomweb import ImageArchive
from simulator.names import Zone
from simulator.serving import Serving
from simulator.switches import Switch
from simulator.systems.ground import INSIDE, OUTSIDE, Ground, Part, at_home, switch

PARTNER_PACS, OWN_PACS = f"pacs.{OUTSIDE}", f"pacs.{INSIDE}"
PARTNER = "HOPITAL PARTENAIRE"
STOPPED, NOTHING_COMES = "stopped", "partner_silent"


class Images:
    """The partner's archive, which takes from us; and our own, in which the partner's studies arrive."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.partner = DicomArchive("PARTNER")
        self.own = ImageArchive(PARTNER, ZoneInfo("Europe/Paris"))
        tls = ground.authority.issue(OWN_PACS).server_context()
        self.servings: Mapping[str, Serving] = {
            "partner_pacs": Serving(self.partner.talk),
            "own_pacs": Serving(self.own.talk, tls=tls),
        }
        self._switch = switch(
            "rubis",
            accepts=("ouvert", "open"),
            not_recognised=("le partenaire ne nous reconnaît plus", "the partner no longer recognises us"),
            no_ct=("il ne prend plus nos scanners", "it no longer takes our CT images"),
            full=("son archive est pleine", "its archive is full"),
            partner_silent=("plus rien n'arrive de lui", "nothing arrives from it"),
            stopped=("coupé", "cut"),
        )

    @property
    def zone(self) -> Zone:
        return at_home(PARTNER_PACS, OWN_PACS)

    @property
    def switches(self) -> Sequence[Switch]:
        return (self._switch,)

    def apply(self) -> None:
        position = self._switch.position
        self.partner.position = "accepts" if position in (STOPPED, NOTHING_COMES) else position
        self.own.position = NOTHING_COMES if position == NOTHING_COMES else "answers"
        self.servings["partner_pacs"].wish(position != STOPPED)

    def running(self) -> AbstractAsyncContextManager[object]:
        return nullcontext()

    def sections(self) -> Mapping[str, Part]:
        own = {"mode": "implicit", "ca": self._ground.ca}
        return {
            "flows": {
                "rubis": {
                    "title": {
                        "fr": "RUBIS : transfert d'images entre hôpitaux",
                        "en": "RUBIS: images between hospitals",
                    },
                    "intent": "open",
                    "group": Words("Soins", "Care"),
                    "criticality": "vital",
                    "owner": Words("Équipe imagerie", "Imaging team"),
                    "notice": {
                        "fr": "Envoyer les images sur support physique, avec le patient.",
                        "en": "Send images on a physical medium, with the patient.",
                    },
                    "depends_on": ["resolver"],
                    "public": True,
                    "probes": {
                        "send": {
                            "kind": "dicom",
                            "host": PARTNER_PACS,
                            "port": self.servings["partner_pacs"].port,
                            "calling_ae": "CHU_PROBE",
                            "called_ae": "PARTNER",
                            "verify": ["echo", "negotiate", "store", "find"],
                            "found_within": "1s",
                            "every": "3s",
                            "timeout": "3s",
                        },
                        "receive": {
                            "kind": "dicom_receive",
                            "url": f"https://{OWN_PACS}:{self.servings['own_pacs'].port}/dicom-web",
                            "tls": own,
                            "partner": PARTNER,
                            "max_age": "1h",
                            "every": "2s",
                            "timeout": "2s",
                        },
                    },
                }
            }
        }
