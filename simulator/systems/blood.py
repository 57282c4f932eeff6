"""EFS: blood test results come back, as HL7 messages and as files; the blood service has a letter box by SFTP."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from retabli.model.words import Words
from simulator.engine import MllpEngine
from simulator.names import Zone
from simulator.results import ResultFeed
from simulator.serving import Serving
from simulator.sftp import SftpServer
from simulator.switches import Switch
from simulator.systems.ground import INSIDE, OUTSIDE, Ground, Part, at_home, switch

ENGINE, LETTER_BOX = f"eai.{INSIDE}", f"sftp.efs.{OUTSIDE}"
MESSAGE = (
    "MSH|^~\\&|RETABLI|CHU|EAI|CHU|20230703||ORU^R01^ORU_R01|1|T|2.5.1\r"
    "PID|1||RETABLI-TEST||TEST^RETABLI\r"
    "OBR|1||RETABLI|00000-0^TEST^LN\r"
    "OBX|1|ST|00000-0^TEST^LN||SYNTHETIC||||||F\r"
)


class Blood:
    """The hospital's interface engine, the folder into which results fall, and the blood service's SFTP server."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.engine = MllpEngine()
        self.results = ResultFeed(ground.folder / "results")
        letters = ground.folder / "letters"
        letters.mkdir(exist_ok=True)
        self.letter_box = SftpServer(letters, "probe", ground.password)
        self.servings: Mapping[str, Serving] = {
            "engine": Serving(self.engine.talk),
            "letter_box": Serving(self.letter_box.talk),
        }
        self._switch = switch(
            "efs",
            open=("ouvert", "open"),
            silent=("canal arrêté : le moteur ne répond plus", "channel stopped: the engine is silent"),
            refuses=("le moteur refuse les messages (AE)", "the engine refuses messages (AE)"),
            nothing=("plus aucun résultat n'arrive", "no result arrives any more"),
            stuck=("les résultats arrivent et ne sont pas lus", "results arrive and are not read"),
            another_key=("le serveur SFTP a changé de clé", "the SFTP server has another key"),
            stopped=("coupé", "cut"),
        )

    @property
    def zone(self) -> Zone:
        return at_home(ENGINE, LETTER_BOX)

    @property
    def switches(self) -> Sequence[Switch]:
        return (self._switch,)

    def apply(self) -> None:
        position = self._switch.position
        self.engine.position = position if position in ("silent", "refuses") else "accepts"
        self.letter_box.position = position if position == "another_key" else "accepts"
        feed = {"nothing": "silent", "stopped": "silent", "stuck": "stuck"}.get(position, "arrives")
        if feed == "arrives" != self.results.position:
            self.results.heal()
        self.results.position = feed
        for name in self.servings:
            self.servings[name].wish(position != "stopped")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with self.results:
            yield

    def sections(self) -> Mapping[str, Part]:
        (self._ground.folder / "result.hl7").write_text(MESSAGE, newline="")
        quick = {"every": "2s", "timeout": "2s"}
        return {
            "flows": {
                "efs": {
                    "title": {
                        "fr": "EFS : réception des résultats d'analyses sanguines",
                        "en": "EFS: blood test results",
                    },
                    "intent": "open",
                    "group": Words("Soins", "Care"),
                    "criticality": "vital",
                    "owner": Words("Équipe biologie", "Laboratory team"),
                    "notice": {
                        "fr": "Les résultats arrivent sur papier, par coursier : les faire relire à deux.",
                        "en": "Results come on paper, by courier: have them read by two people.",
                    },
                    "depends_on": ["resolver"],
                    "public": True,
                    "probes": {
                        "engine": {
                            "kind": "hl7_mllp",
                            "host": ENGINE,
                            "port": self.servings["engine"].port,
                            "message": "result.hl7",
                            **quick,
                        },
                        "results": {
                            "kind": "file_drop",
                            "directory": "results",
                            "pattern": ["result-*.hl7"],
                            "max_age": "5s",
                            "max_waiting": "15s",
                            "error_directory": "error",
                            **quick,
                        },
                        "letter-box": {
                            "kind": "sftp",
                            "host": LETTER_BOX,
                            "port": self.servings["letter_box"].port,
                            "user": "probe",
                            "password": {"file": "password"},
                            "host_key": self.letter_box.host_key,
                            "canary": "retabli-canary",
                            "every": "3s",
                            "timeout": "3s",
                        },
                    },
                }
            }
        }
