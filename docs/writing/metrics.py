"""The page of metrics: every series, its type, labels, meaning, and when it is absent."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from prometheus_client import CollectorRegistry

from docs.writing.markdown import code, codes, table
from docs.writing.metric_words import BLACKBOX, DAEMON, FLOWS, RECORDED, UNITS, About
from retabli.metrics import Figures, flows, probes
from retabli.model.words import Words

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "rules"
TITLE = Words("Les métriques", "Metrics")
ABOUT = Words(
    "Ce que donne `/metrics` (texte Prometheus 0.0.4 ou OpenMetrics 1.0). Prometheus ajoute `job`, `instance`, et "
    "`site` et `standpoint` s'ils sont donnés comme dans "
    "[l'exemple](../../../deploy/prometheus/prometheus.example.yml). L'étiquette `target` n'existe que pour une sonde "
    "à plusieurs cibles. Les instants sont en secondes Unix. Les compteurs repartent de 0 quand le démon redémarre ; "
    "l'état, lui, est repris. Les règles : [les alertes](alertes.md).",
    "What `/metrics` gives (Prometheus text 0.0.4 or OpenMetrics 1.0). Prometheus adds `job`, `instance`, and `site` "
    "and `standpoint` where they are given as in [the example](../../../deploy/prometheus/prometheus.example.yml). "
    "The label `target` is there for a probe with several targets alone. Instants are Unix seconds. Counters begin at "
    "0 when the daemon starts; the state is taken up. Rules: [alerts](alerts.md).",
)
PARTS: tuple[tuple[Words, Words | None, Mapping[str, About]], ...] = (
    (Words("Les flux", "Flows"), None, FLOWS),
    (Words("Les sondes", "Probes"), None, UNITS),
    (
        Words("Les noms de blackbox_exporter", "blackbox_exporter's names"),
        Words(
            "Du dernier essai de chaque unité, sous les noms que ses tableaux de bord connaissent. Aussi, une sonde à "
            "la fois et sans étiquettes : `/probe?target=FLUX/SONDE`.",
            "Of each unit's latest run, by the names that its dashboards know. Also one probe at a time, without "
            "labels: `/probe?target=FLOW/PROBE`.",
        ),
        BLACKBOX,
    ),
    (Words("Le démon", "The daemon"), None, DAEMON),
)
HEADS = Words("série|type|étiquettes|sens|absente", "series|type|labels|means|absent")
RECORDED_HEAD = Words("Les séries calculées", "Recorded series")
RECORDED_ABOUT = Words(
    "Par les règles de [deploy/prometheus](../../../deploy/prometheus/LISEZMOI.md).",
    "By the rules of [deploy/prometheus](../../../deploy/prometheus/README.md).",
)
RECORDED_HEADS = Words("série|sens", "series|means")


def types() -> dict[str, str]:
    """Every series that the daemon can export, and its type, in the order in which it does."""
    found = {family.name: family.type for family in (*flows.FAMILIES, *probes.FAMILIES)}
    figures = Figures(CollectorRegistry(), version="", standpoint="")
    figures.certificate(0.0)  # it is there once there is a certificate
    figures.state_copied(0.0)
    figures.state_restored(0.0)
    figures.log_broken(broken=False)
    suffixes = {"counter": "_total", "info": "_info"}
    found |= {each.name + suffixes.get(each.type, ""): each.type for each in figures.registry.collect()}
    return found


def recorded() -> list[str]:
    """The names of the rules that are no alerts."""
    read: list[dict[str, Any]] = [yaml.safe_load(path.read_text()) for path in sorted(RULES.glob("*.yml"))]
    rules = [rule for each in read for group in each["groups"] for rule in group["rules"]]
    return [rule["record"] for rule in rules if "record" in rule]


def lines(language: str) -> Iterator[str]:
    known = types()
    for title, about, series in PARTS:
        yield from (f"## {title[language]}", "", *((about[language], "") if about is not None else ()))
        yield from table(HEADS[language].split("|"), _rows(known, series, language))
    yield from (f"## {RECORDED_HEAD[language]}", "", RECORDED_ABOUT[language], "")
    rows = ((code(name), RECORDED[name][language]) for name in recorded())
    yield from table(RECORDED_HEADS[language].split("|"), rows)


def _rows(known: Mapping[str, str], series: Mapping[str, About], language: str) -> Iterable[tuple[str, ...]]:
    for name, about in series.items():
        absent = about.absent[language] if about.absent is not None else ""
        yield code(name), known[name], codes(about.labels), about.means[language], absent
