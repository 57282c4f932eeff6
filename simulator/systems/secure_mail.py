"""The secure health mail: MSSanté between operators, by mutual TLS; and APICRYPT through its trust server."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext

from retabli.model.words import Words
from simulator.imap import Account, Folder
from simulator.mssante import Operators
from simulator.names import Zone
from simulator.pop import PopServer
from simulator.serving import Serving
from simulator.smtp import Envelope, SmtpServer
from simulator.switches import Switch
from simulator.systems.ground import Ground, Part, at_home, switch

DOMAIN, PARTNER = "chu.mssante.example", "partenaire.mssante.example"
OWN_PROBE, THEIR_PROBE = f"sonde@{DOMAIN}", f"sonde@{PARTNER}"
TRUST_SERVER = "apicrypt.example"
CLIENT = f"sonde@{TRUST_SERVER}"
GROUP, OWNER = Words("Messagerie sécurisée", "Secure mail"), Words("Équipe messagerie", "Mail team")
TLS_FAULTS = ("unlisted", "one_sided", "no_tls", "refuses")


class SecureMail:
    """A partner operator and the white list of the trusted space; the trust server and its maildrops."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.delivered = Folder()
        self.operators = Operators(
            ground.folder / "mssante", domain=DOMAIN, partner_domain=PARTNER, boxes={THEIR_PROBE: self.delivered}
        )
        self.maildrop = Folder()
        self.pop = PopServer({"sonde": Account(ground.password, {"INBOX": self.maildrop})})
        self.held = False
        tls = ground.authority.issue(TRUST_SERVER).server_context()
        self.trust = SmtpServer(TRUST_SERVER, take=self._take, tls=tls, accounts={"sonde": ground.password})
        self.servings: Mapping[str, Serving] = {
            "operator": Serving(self.operators.partner.talk),
            "white_list": Serving(self.operators.white_list.talk, tls=self.operators.white_list_tls),
            "trust": Serving(self.trust.talk),
            "maildrop": Serving(self.pop.talk, tls=tls),
        }
        self._mssante = switch(
            "mssante",
            open=("ouvert", "open"),
            refuses=("l'opérateur partenaire nous refuse", "the partner operator refuses us"),
            unlisted=("son certificat n'est pas en liste blanche", "its certificate is not on the white list"),
            one_sided=("il ne demande pas de certificat", "it asks for no certificate"),
            no_tls=("il ne chiffre plus", "it no longer encrypts"),
            without_us=("nous ne sommes plus en liste blanche", "we are no longer on the white list"),
            stopped=("coupé", "cut"),
        )
        self._apicrypt = switch(
            "apicrypt",
            open=("ouvert", "open"),
            held=("accepté, jamais remis", "accepted, never delivered"),
            denied=("le serveur de confiance nous refuse", "the trust server denies us"),
            locked=("boîte verrouillée par un autre", "maildrop locked by another"),
            stopped=("coupé", "cut"),
        )

    async def _take(self, envelope: Envelope) -> str:
        if not self.held:
            self.maildrop.append(f"Return-Path: <{envelope.sender}>\r\n".encode() + envelope.message)
            del self.maildrop.messages[:-200]  # the account's own retention: nobody deletes by POP
        return "250 2.0.0 Ok: queued as APICRYPT1"

    @property
    def zone(self) -> Zone:
        return {**at_home(f"mx.{PARTNER}", TRUST_SERVER), PARTNER: {"MX": (f"10 mx.{PARTNER}.",)}}

    @property
    def switches(self) -> Sequence[Switch]:
        return self._mssante, self._apicrypt

    def apply(self) -> None:
        position = self._mssante.position
        self.operators.partner.position = position if position in TLS_FAULTS else "open"
        self.operators.white_list.position = "without_us" if position == "without_us" else "good"
        self.servings["operator"].wish(position != "stopped")
        position = self._apicrypt.position
        self.held = position == "held"
        self.trust.judge = (
            (lambda _sender, _recipient: "554 5.7.1 Relay access denied")
            if position == "denied"
            else (lambda _sender, _recipient: None)
        )
        self.pop.position = "locked" if position == "locked" else "answers"
        self.servings["trust"].wish(position != "stopped")

    def running(self) -> AbstractAsyncContextManager[object]:
        return nullcontext()

    # the configuration ------------------------------------------------------------------------------------------

    def sections(self) -> Mapping[str, Part]:
        return {"flows": {"mssante": self._mssante_flow(), "apicrypt": self._apicrypt_flow()}}

    def _mssante_flow(self) -> Part:
        operators = self.operators
        ca = str(operators.authority.ca)
        return {
            "title": {"fr": "MSSanté : émission", "en": "MSSanté: outbound"},
            "intent": "open",
            "group": GROUP,
            "criticality": "high",
            "owner": OWNER,
            "notice": {
                "fr": "Ne rien envoyer par messagerie ordinaire : remettre les documents en main propre.",
                "en": "Send nothing by ordinary mail: hand documents over in person or by post.",
            },
            "depends_on": ["resolver"],
            "public": True,
            "probes": {
                "partner": {
                    "kind": "mssante",
                    "white_list": {
                        "url": f"https://127.0.0.1:{self.servings['white_list'].port}/",
                        "tls": {"ca": ca},
                        "refresh": "2s",
                    },
                    "domain": DOMAIN,
                    "partner": PARTNER,
                    "port": self.servings["operator"].port,
                    "tls": {
                        "mode": "starttls",
                        "ca": ca,
                        "client_cert": str(operators.own.certificate),
                        "client_key": str(operators.own.key),
                    },
                    "crl": str(operators.revocation_list),
                    "authorised": True,
                    "mail_from": OWN_PROBE,
                    "rcpt_to": THEIR_PROBE,
                    "every": "4s",
                    "timeout": "2s",
                }
            },
        }

    def _apicrypt_flow(self) -> Part:
        tls = {"ca": self._ground.ca}
        account = {"user": "sonde", "password": {"file": "password"}}
        submit = {"host": TRUST_SERVER, "port": self.servings["trust"].port, "tls": {"mode": "starttls", **tls}}
        return {
            "title": {"fr": "APICRYPT : émission", "en": "APICRYPT: outbound"},
            "intent": "open",
            "group": GROUP,
            "criticality": "high",
            "owner": OWNER,
            "depends_on": ["resolver"],
            "public": True,
            "probes": {
                "loop": {
                    "kind": "apicrypt",
                    "submit": {**submit, **account},
                    "mail_from": CLIENT,
                    "rcpt_to": CLIENT,
                    "key": {"file": "token"},
                    "pop": {"host": TRUST_SERVER, "port": self.servings["maildrop"].port, "tls": tls, **account},
                    "within": "3s",
                    "lost_after": "30s",
                    "every": "3s",
                    "timeout": "3s",
                }
            },
        }
