"""Speech recognition that writes reports, and the engine that mails them to the prescriber."""

import secrets
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext

from retabli.model.words import Words
from simulator.engine import ReportsEngine
from simulator.imap import Account, Folder, ImapServer
from simulator.names import Zone
from simulator.recogniser import Recogniser
from simulator.serving import Serving
from simulator.smtp import Envelope
from simulator.switches import Switch
from simulator.systems.ground import INSIDE, OUTSIDE, Ground, Part, at_home, switch

RECOGNISER, ENGINE, MAILBOX = f"dictee.{OUTSIDE}", f"comptes-rendus.{INSIDE}", f"prescripteurs.{OUTSIDE}"
SENDER, PRESCRIBER = f"comptes-rendus@{INSIDE}", f"prescripteur.test@{OUTSIDE}"
REPORT = (
    "MSH|^~\\&|RETABLI|CHU|REPORTS|CHU|20230703||ORU^R01|1|T|2.5.1\r"
    "PID|1||RETABLI-TEST||TEST^RETABLI\r"
    "OBR|1||{token}^RETABLI|11488-4^TEST^LN\r"
    "OBX|1|TX|11488-4^TEST^LN||Synthetic report, no patient. Compte rendu de test, sans patient.||||||F\r"
)
CARE = Words("Soins", "Care")


class Dictation:
    """A recogniser outside, which wants a token; and the engine's reports, in a mailbox of a test prescriber."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.recogniser = Recogniser("probe", ground.password)
        self._refused = True  # until the probe is given an account
        self.prescriber = Folder()
        self.engine = ReportsEngine(self._post, SENDER, PRESCRIBER)
        tls = ground.authority.issue(RECOGNISER, MAILBOX).server_context()
        account = Account(ground.password, {"INBOX": self.prescriber, "Junk": Folder()})
        self.servings: Mapping[str, Serving] = {
            "recogniser": Serving(self.recogniser.talk, tls=tls),
            "reports": Serving(self.engine.talk),
            "prescriber": Serving(ImapServer({"prescripteur": account}).talk, tls=tls),
        }
        self._speech = switch(
            "speech",
            listens=("ouvert", "open"),
            no_licence=("licence épuisée", "licence exhausted"),
            wrong_words=("transcrit de travers", "transcribes wrongly"),
            refuses_token=("jeton refusé", "token refused"),
            stopped=("coupé", "cut"),
        )
        self._reports = switch(
            "reports",
            sends=("ouvert", "open"),
            stuck=("accusés, mais rien ne part", "acknowledged, but nothing leaves"),
            broken_archive=("archive illisible chez le prescripteur", "archive unreadable at the prescriber's"),
            stopped=("coupé", "cut"),
        )

    def _post(self, envelope: Envelope) -> None:
        """By the secure road, which is not the hospital's ordinary relay."""
        self.prescriber.append(f"Return-Path: <{envelope.sender}>\r\n".encode() + envelope.message)

    @property
    def zone(self) -> Zone:
        return at_home(RECOGNISER, ENGINE, MAILBOX)

    @property
    def switches(self) -> Sequence[Switch]:
        return self._speech, self._reports

    def apply(self) -> None:
        position = self._speech.position
        self._mend_account(refused=position == "refuses_token")
        self.recogniser.position = "listens" if position == "stopped" else position
        self.servings["recogniser"].wish(position != "stopped")
        position = self._reports.position
        self.engine.position = "sends" if position == "stopped" else position
        self.servings["reports"].wish(position != "stopped")

    def _mend_account(self, *, refused: bool) -> None:
        """What people do once credentials were refused, and what lifts the daemon's wait: set a new password."""
        if self._refused and not refused:
            password = secrets.token_urlsafe(16)
            self.recogniser.admit("probe", password)
            self._ground.write_secret("speech", password)
        self._refused = refused

    def running(self) -> AbstractAsyncContextManager[object]:
        return nullcontext()

    # the configuration ------------------------------------------------------------------------------------------

    def sections(self) -> Mapping[str, Part]:
        (self._ground.folder / "report.hl7").write_text(REPORT, newline="")
        mailbox = {
            "imap": MAILBOX,
            "port": self.servings["prescriber"].port,
            "tls": {"mode": "implicit", "ca": self._ground.ca},
            "user": "prescripteur",
            "password": {"file": "password"},
        }
        return {
            "mailboxes": {"prescriber": mailbox},
            "flows": {"speech": self._speech_flow(), "reports": self._reports_flow()},
        }

    def _speech_flow(self) -> Part:
        port = self.servings["recogniser"].port
        return {
            "title": {
                "fr": "Reconnaissance vocale des comptes rendus",
                "en": "Speech recognition for medical reports",
            },
            "intent": "open",
            "group": CARE,
            "criticality": "high",
            "owner": Words("Équipe applications", "Applications team"),
            "notice": {
                "fr": "Taper les comptes rendus, ou les dicter pour le secrétariat.",
                "en": "Type reports, or dictate them to the secretaries.",
            },
            "depends_on": ["resolver"],
            "public": True,
            "probes": {
                "recording": {
                    "kind": "speech",
                    "url": f"https://{RECOGNISER}:{port}/recognise",
                    "tls": {"ca": self._ground.ca},
                    "token_service": {
                        "url": f"https://{RECOGNISER}:{port}/token",
                        "user": "probe",
                        "password": {"file": "speech"},
                    },
                    "every": "3s",
                    "timeout": "3s",
                }
            },
        }

    def _reports_flow(self) -> Part:
        return {
            "title": {"fr": "Envoi automatique des comptes rendus", "en": "Automated sending of reports"},
            "intent": "open",
            "group": CARE,
            "criticality": "high",
            "owner": Words("Équipe applications", "Applications team"),
            "notice": {
                "fr": "Remettre le compte rendu au patient, ou l'envoyer par courrier.",
                "en": "Give the report to the patient, or send it by post.",
            },
            "depends_on": ["resolver"],
            "public": True,
            "probes": {
                "report": {
                    "kind": "report_loop",
                    "submit": {"host": ENGINE, "port": self.servings["reports"].port, "message": "report.hl7"},
                    "mailbox": "prescriber",
                    "key": {"file": "token"},
                    "mail_from": SENDER,
                    "rcpt_to": PRESCRIBER,
                    "within": "3s",
                    "lost_after": "30s",
                    "every": "3s",
                    "timeout": "3s",
                }
            },
        }
