"""The page of the alerts that Prometheus raises, from the rules themselves."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from docs.writing.markdown import codes
from docs.writing.metrics import RULES
from retabli.model.words import Words

TITLE = Words("Les alertes de Prometheus", "Alerts by Prometheus")
ABOUT = Words(
    "Celles de [deploy/prometheus/rules/retabli.yml](../../../deploy/prometheus/rules/retabli.yml), à installer comme "
    "dit dans [deploy/prometheus](../../../deploy/prometheus/LISEZMOI.md). Elles ne sont pas les alertes de Retabli "
    "lui-même, qui vont par ses propres canaux ([L'astreinte](../../astreinte.md)).",
    "Those of [deploy/prometheus/rules/retabli.yml](../../../deploy/prometheus/rules/retabli.yml), to be installed as "
    "[deploy/prometheus](../../../deploy/prometheus/README.md) says. They are not Retabli's own pages, which go by its "
    "channels ([On call](../../on-call.md)).",
)
SEVERITY = Words("Gravité : {}.", "Severity: {}.")
DO = Words("**À faire** : {}", "**To do**: {}")
# Of the alerts whose own summary is a template with cases.
SUMMARIES = {
    "FlowPageClosed": Words("L'alerte d'un flux est finie : FLOW", "A flow's page has ended: FLOW"),
    "CertificateExpires": Words("Certificat à renouveler : FLOW/PROBE", "Certificate to renew: FLOW/PROBE"),
}


def rules() -> dict[str, list[dict[str, Any]]]:
    """Every alert by its name: one rule, or one for each severity."""
    read = yaml.safe_load((RULES / "retabli.yml").read_text())
    found: dict[str, list[dict[str, Any]]] = {}
    for rule in (rule for group in read["groups"] for rule in group["rules"] if "alert" in rule):
        found.setdefault(rule["alert"], []).append(rule)
    return found


def lines(language: str) -> Iterator[str]:
    suffix = "" if language == "fr" else "_en"
    for name, same in rules().items():
        texts = same[0]["annotations"]
        own = SUMMARIES.get(name)
        summary = _plain(texts[f"summary{suffix}"]) if own is None else own[language]
        yield from (f"## {name}", "", f"**{summary}**", "")
        yield from (SEVERITY[language].format(codes(rule["labels"]["severity"] for rule in same)), "")
        yield from (_plain(texts.get(f"description{suffix}", "")), "")
        if f"action{suffix}" in texts:
            yield from (DO[language].format(_plain(texts[f"action{suffix}"])), "")


def _plain(text: str) -> str:
    """A label's place as its name, any other as an ellipsis: people read this, not Prometheus."""
    return re.sub(r"\{\{(.*?)\}\}", lambda found: _placed(found[1].strip()), text)


def _placed(inside: str) -> str:
    return inside.removeprefix("$labels.").upper() if inside.startswith("$labels.") else "…"
