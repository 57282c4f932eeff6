"""The configuration of the simulated hospital: what one would write for a real one, on quick settings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from retabli.model.words import Words
from simulator.hospital import Hospital

CUT_AT = "2023-06-21T16:00:00+02:00"

# The flows as the release of 3 July 2023 names them, then what they share.
ORDER = (
    *("mail-out", "mail-in", "rubis", "efs", "mssante", "apicrypt", "speech", "reports", "websites", "internet"),
    *("card-payment", "appointments", "switchboard", "resolver", "proxy"),
)


def write(hospital: Hospital, *, language: str = "fr") -> Path:
    """Write the configuration, its secrets and its list of sites beside each other; gives the configuration's path."""
    hospital.ground.write_secrets()
    path = hospital.ground.folder / "hospital.yaml"
    path.write_text(yaml.safe_dump(_settings(hospital, language), allow_unicode=True, sort_keys=False))
    return path


def _settings(hospital: Hospital, language: str) -> dict[str, Any]:
    sections: dict[str, dict[str, Any]] = {"proxies": {}, "mailboxes": {}, "flows": {}}
    for system in hospital.systems:
        for section, part in system.sections().items():
            sections[section].update(part)
    sections["flows"] = {flow: sections["flows"][flow] for flow in sorted(sections["flows"], key=ORDER.index)}
    duty = f"http://127.0.0.1:{hospital.port('duty')}/"
    settings = {
        "site": {"name": "CHU de Rennes", "timezone": "Europe/Paris", "language": language, "cut_at": CUT_AT},
        "standpoint": "inside",
        "state": "state.db",
        "resolver": {"nameservers": ["127.0.0.1"], "port": hospital.port("names")},
        "defaults": {
            "every": "2s",
            "timeout": "2s",  # the whole world is in this process: a second would be short; what is long takes 3s
            "rise": 3,
            "soak": "3s",
            "fall": 3,
            "confirm": "1s",  # closer together, three failures would all fall into one short stall of the machine
            "page_unknown_after": "20s",
        },
        "alerts": {"channels": {"duty": {"kind": "webhook", "url": duty, "key": {"file": "hook"}}}},
        **sections,
    }
    worded = _worded(settings, language)
    assert isinstance(worded, dict)  # noqa: S101 - a mapping stays one
    return worded


def _worded(value: object, language: str) -> object:
    """Groups and owners are plain strings in a configuration: they are written in the site's language."""
    if isinstance(value, Words):
        return value[language]
    if isinstance(value, Mapping):
        return {key: _worded(each, language) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_worded(each, language) for each in value]
    return value
