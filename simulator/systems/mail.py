"""The hospital's mail, out and in, and the outside that it writes to."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from retabli.model.words import Words
from simulator.imap import Account, Folder, ImapServer
from simulator.names import Zone
from simulator.post import Exchanger, Relay, reply_to
from simulator.serving import Serving
from simulator.smtp import Envelope, SmtpServer
from simulator.switches import Switch
from simulator.systems.ground import INSIDE, OUTSIDE, PROBE_IN, PROBE_OUT, Ground, Part, at_home, switch

REFLECTOR = f"reflector@{OUTSIDE}"
GROUP, OWNER = Words("Messagerie", "Mail"), Words("Équipe messagerie", "Mail team")


class Mail:
    """A relay with its queue on either side, an exchanger and a mailbox on either side, an account outside."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.inside, self.outside = Folder(), Folder()
        self.inside_junk, self.outside_junk = Folder(), Folder()
        self.mx_in = Exchanger(f"mx.{INSIDE}", {PROBE_IN: self.inside})
        self.mx_out = Exchanger(
            f"mx.{OUTSIDE}", {PROBE_OUT: self.outside}, reflectors=frozenset({REFLECTOR}), reflect=self._reflect
        )
        self.relay_out = Relay(f"relay.{INSIDE}", self._exchanger, self._exchanger)
        self.relay_in = Relay(f"submission.{OUTSIDE}", self._exchanger, self._exchanger)
        self._build_servers()
        self._out = switch(
            "mail-out",
            open=("ouvert", "open"),
            held=("coupé derrière le relais", "cut behind the relay"),
            refused=("le relais refuse", "the relay refuses"),
            stopped=("relais arrêté", "relay stopped"),
            silent=("relais muet", "relay silent"),
        )
        self._in = switch(
            "mail-in",
            open=("ouvert", "open"),
            held=("coupé à l'entrée", "cut at the border"),
            refused=("refusé par politique", "refused by policy"),
            lost=("accepté puis perdu", "accepted, then lost"),
        )

    def _build_servers(self) -> None:
        ground = self._ground
        hosts = (f"relay.{INSIDE}", f"mx.{INSIDE}", f"imap.{INSIDE}", f"submission.{OUTSIDE}", f"imap.{OUTSIDE}")
        tls = ground.authority.issue(*hosts).server_context()
        self.relay = SmtpServer(f"relay.{INSIDE}", take=self.relay_out.take, tls=tls)
        self.submission = SmtpServer(
            f"submission.{OUTSIDE}", take=self.relay_in.take, tls=tls, accounts={"probe": ground.password}
        )
        here = Account(ground.password, {"INBOX": self.inside, "Junk": self.inside_junk})
        there = Account(ground.password, {"INBOX": self.outside, "Junk": self.outside_junk})
        self.servings: Mapping[str, Serving] = {
            "relay": Serving(self.relay.talk),
            "submission": Serving(self.submission.talk),
            "mx_in": Serving(self.mx_in.server().talk),
            "mx_out": Serving(self.mx_out.server().talk),
            "imap_in": Serving(ImapServer({"probe": here}).talk, tls=tls),
            "imap_out": Serving(ImapServer({"probe": there}).talk, tls=tls),
        }

    def _exchanger(self, domain: str) -> int | None:
        serving = {INSIDE: "mx_in", OUTSIDE: "mx_out"}.get(domain)
        return self.servings[serving].port if serving else None

    def _reflect(self, envelope: Envelope, reflector: str) -> None:
        self.relay_in.accept(reply_to(envelope, reflector))

    @property
    def zone(self) -> Zone:
        hosts = at_home(f"relay.{INSIDE}", f"imap.{INSIDE}", f"submission.{OUTSIDE}", f"imap.{OUTSIDE}")
        exchangers: Zone = {INSIDE: {"MX": (f"10 mx.{INSIDE}.",)}, OUTSIDE: {"MX": (f"10 mx.{OUTSIDE}.",)}}
        return {**hosts, **exchangers}

    @property
    def switches(self) -> Sequence[Switch]:
        return self._out, self._in

    def apply(self) -> None:
        out, into = self._out.position, self._in.position
        self.relay_out.open = out == "open"
        self.relay.judge = (
            (lambda _sender, _recipient: "554 5.7.1 Relay access denied")
            if out == "refused"
            else (lambda _sender, _recipient: None)
        )
        self.relay.silent = out == "silent"
        self.servings["relay"].wish(out != "stopped")
        self.relay_in.open = into != "held"
        self.mx_in.closed = into == "refused"
        self.mx_in.lossy = into == "lost"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(each.run(), name=f"{each.name} queue") for each in (self.relay_out, self.relay_in)]
        try:
            yield
        finally:
            for task in tasks:
                await _end(task)

    # the configuration ------------------------------------------------------------------------------------------

    @property
    def relay_settings(self) -> Part:
        """How the relay is handed a message."""
        return {"host": f"relay.{INSIDE}", "port": self.servings["relay"].port, "tls": self._tls("starttls")}

    def sections(self) -> Mapping[str, Part]:
        return {
            "mailboxes": {
                "inside": self._mailbox(f"imap.{INSIDE}", "imap_in"),
                "witness": self._mailbox(f"imap.{OUTSIDE}", "imap_out"),
            },
            "flows": {"mail-out": self._outbound(), "mail-in": self._inbound()},
        }

    def _tls(self, mode: str) -> Part:
        return {"mode": mode, "ca": self._ground.ca}

    def _mailbox(self, host: str, serving: str) -> Part:
        return {
            "imap": host,
            "port": self.servings[serving].port,
            "tls": self._tls("implicit"),
            "user": "probe",
            "password": {"file": "password"},
        }

    def _outbound(self) -> Part:
        relay = self.relay_settings
        return {
            "title": {"fr": "Messagerie : émission vers l'extérieur", "en": "Outbound mail"},
            "intent": "open",
            "group": GROUP,
            "criticality": "vital",
            "owner": OWNER,
            "notice": {
                "fr": "Joindre les correspondants par téléphone ; ne pas compter sur un envoi.",
                "en": "Reach correspondents by telephone; do not rely on a message being sent.",
            },
            "depends_on": ["resolver"],
            "public": True,
            "probes": {
                "relay": {"kind": "smtp", **relay, "mail_from": PROBE_IN, "rcpt_to": PROBE_OUT},
                "loop": {
                    "kind": "mail_loop",
                    "every": "3s",
                    "timeout": "3s",
                    "submit": relay,
                    "mail_from": PROBE_IN,
                    "rcpt_to": PROBE_OUT,
                    "mailbox": "witness",
                    "bounces": "inside",
                    "key": {"file": "token"},
                    "within": "3s",
                    "lost_after": "30s",
                },
            },
        }

    def _inbound(self) -> Part:
        account = {
            "host": f"submission.{OUTSIDE}",
            "port": self.servings["submission"].port,
            "tls": self._tls("starttls"),
            "user": "probe",
            "password": {"file": "password"},
        }
        return {
            "title": {"fr": "Messagerie : réception", "en": "Inbound mail"},
            "intent": "open",
            "group": GROUP,
            "criticality": "vital",
            "owner": OWNER,
            "declared_since": "2023-06-23T18:00:00+02:00",
            "notice": {
                "fr": "Écrire ou téléphoner : les courriels n'arrivent pas.",
                "en": "Write or telephone: e-mail does not arrive.",
            },
            "depends_on": ["resolver"],
            "public": True,
            "probes": {
                "account": {
                    "kind": "mail_in",
                    "from": "account",
                    "every": "3s",
                    "timeout": "3s",
                    "submit": account,
                    "mail_from": PROBE_OUT,
                    "rcpt_to": PROBE_IN,
                    "mailbox": "inside",
                    "witness": "witness",
                    "key": {"file": "token"},
                    "within": "3s",
                }
            },
        }


async def _end(task: "asyncio.Task[None]") -> None:
    # Again until it has ended: before Python 3.12 a cancellation that meets a finished wait_for is swallowed by it.
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.1)
