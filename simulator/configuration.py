"""The configuration of the simulated hospital: what one would write for a real one, on quick settings."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from retabli.model.words import Words
from simulator.hospital import DIRECTORY, INSIDE, OUTSIDE, PROBE_IN, PROBE_OUT, SITES, Hospital

CUT_AT = "2023-06-21T16:00:00+02:00"


def write(hospital: Hospital, *, language: str = "fr") -> Path:
    """Write the configuration, its secrets and its list of sites beside each other; gives the configuration's path."""
    folder = hospital.folder
    _secret(folder / "token", hospital.token)
    _secret(folder / "hook", hospital.hook)
    _secret(folder / "password", hospital.password)
    (folder / "sites.txt").write_text("".join(f"https://{name}/\n" for name in SITES))
    path = folder / "hospital.yaml"
    path.write_text(yaml.safe_dump(_settings(hospital, language), allow_unicode=True, sort_keys=False))
    return path


def _secret(path: Path, value: str) -> None:
    path.touch(mode=0o600)
    path.write_text(value + "\n")


def _settings(hospital: Hospital, language: str) -> dict[str, object]:
    ca = hospital.authority.ca.name
    return {
        "site": {"name": "CHU de Rennes", "timezone": "Europe/Paris", "language": language, "cut_at": CUT_AT},
        "standpoint": "inside",
        "state": "state.db",
        "resolver": {"nameservers": ["127.0.0.1"], "port": hospital.port("names")},
        "defaults": {
            "every": "1s",
            "timeout": "1s",
            "rise": 3,
            "soak": "3s",
            "fall": 3,
            "confirm": "200ms",
            "page_unknown_after": "20s",
        },
        "proxies": {
            "main": {
                "url": f"http://proxy.{INSIDE}:{hospital.port('proxy')}",
                "denied": {"status": [403], "header": "X-Squid-Error: ERR_ACCESS_DENIED"},
            }
        },
        "mailboxes": {
            "inside": _mailbox(f"imap.{INSIDE}", hospital.port("imap_in"), ca),
            "witness": _mailbox(f"imap.{OUTSIDE}", hospital.port("imap_out"), ca),
        },
        "alerts": {"channels": {"duty": _duty(hospital.port("duty"))}},
        "flows": _worded({**_mail(hospital, ca), **_web(hospital, ca), **_shared(hospital)}, language),
    }


def _worded(flows: Mapping[str, Mapping[str, object]], language: str) -> dict[str, object]:
    """Groups and owners are plain strings in a configuration: they are written in the site's language."""
    return {
        flow: {key: value[language] if isinstance(value, Words) else value for key, value in settings.items()}
        for flow, settings in flows.items()
    }


def _duty(port: int) -> dict[str, object]:
    return {"kind": "webhook", "url": f"http://127.0.0.1:{port}/", "key": {"file": "hook"}}


def _mailbox(host: str, port: int, ca: str) -> dict[str, object]:
    return {
        "imap": host,
        "port": port,
        "tls": {"mode": "implicit", "ca": ca},
        "user": "probe",
        "password": {"file": "password"},
    }


def _mail(hospital: Hospital, ca: str) -> dict[str, dict[str, object]]:
    relay = {"host": f"relay.{INSIDE}", "port": hospital.port("relay"), "tls": {"mode": "starttls", "ca": ca}}
    account = {
        "host": f"submission.{OUTSIDE}",
        "port": hospital.port("submission"),
        "tls": {"mode": "starttls", "ca": ca},
        "user": "probe",
        "password": {"file": "password"},
    }
    return {
        "mail-out": {
            "title": {"fr": "Messagerie : émission vers l'extérieur", "en": "Outbound mail"},
            "intent": "open",
            "group": Words("Messagerie", "Mail"),
            "criticality": "vital",
            "owner": Words("Équipe messagerie", "Mail team"),
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
                    "every": "2s",
                    "timeout": "2s",
                    "submit": relay,
                    "mail_from": PROBE_IN,
                    "rcpt_to": PROBE_OUT,
                    "mailbox": "witness",
                    "bounces": "inside",
                    "key": {"file": "token"},
                    "within": "2s",
                    "lost_after": "30s",
                },
            },
        },
        "mail-in": {
            "title": {"fr": "Messagerie : réception", "en": "Inbound mail"},
            "intent": "open",
            "group": Words("Messagerie", "Mail"),
            "criticality": "vital",
            "owner": Words("Équipe messagerie", "Mail team"),
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
                    "every": "2s",
                    "timeout": "2s",
                    "submit": account,
                    "mail_from": PROBE_OUT,
                    "rcpt_to": PROBE_IN,
                    "mailbox": "inside",
                    "witness": "witness",
                    "key": {"file": "token"},
                    "within": "2s",
                }
            },
        },
    }


def _web(hospital: Hospital, ca: str) -> dict[str, dict[str, object]]:
    return {
        "websites": {
            "title": {"fr": "Sites web nécessaires aux services", "en": "Web sites that departments need"},
            "intent": "open",
            "group": "Web",
            "criticality": "high",
            "owner": Words("Équipe réseau", "Network team"),
            "depends_on": ["proxy"],
            "require": "90%",
            "public": True,
            "probes": {
                "sites": {
                    "kind": "web",
                    "targets_file": "sites.txt",
                    "proxy": "main",
                    "tls": {"ca": ca},
                    "expect": {"status": [200]},
                }
            },
        },
        "appointments": {
            "title": {"fr": "Rendez-vous : page des numéros de téléphone", "en": "Appointments: telephone numbers"},
            "intent": "open",
            "group": Words("Patients", "Patients"),
            "criticality": "high",
            "owner": Words("Communication", "Communication"),
            "depends_on": ["proxy"],
            "public": True,
            "probes": {
                "page": {
                    "kind": "web",
                    "targets": [f"https://{DIRECTORY}/"],
                    "proxy": "main",
                    "tls": {"ca": ca},
                    "expect": {"text": "Prendre rendez-vous", "min_phone_numbers": 3},
                }
            },
        },
        "card-payment": {
            "title": {"fr": "Paiement par carte bancaire", "en": "Payment by bank card"},
            "intent": "open",
            "group": Words("Patients", "Patients"),
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
                    "host": hospital.acquirer,
                    "port": hospital.port("acquirer"),
                    "tls": {"mode": "implicit", "ca": ca},
                }
            },
        },
    }


def _shared(hospital: Hospital) -> dict[str, dict[str, object]]:
    return {
        "resolver": {
            "title": {"fr": "Résolution de noms", "en": "Name resolution"},
            "intent": "open",
            "group": Words("Services partagés", "Shared services"),
            "criticality": "high",
            "owner": Words("Équipe réseau", "Network team"),
            "probes": {"mx": {"kind": "dns", "name": OUTSIDE, "type": "MX", "expect": [f"10 mx.{OUTSIDE}."]}},
        },
        "proxy": {
            "title": {"fr": "Proxy web", "en": "Web proxy"},
            "intent": "open",
            "group": Words("Services partagés", "Shared services"),
            "criticality": "high",
            "owner": Words("Équipe réseau", "Network team"),
            "depends_on": ["resolver"],
            "probes": {"port": {"kind": "tcp", "host": f"proxy.{INSIDE}", "port": hospital.port("proxy")}},
        },
    }
