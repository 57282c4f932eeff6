"""The second road to on-call: Prometheus, Alertmanager and blackbox_exporter of the distribution, on loopback."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.net.peers import closed_port
from tests.real.servers import Server, accepts

NEEDED = ("prometheus", "prometheus-alertmanager", "prometheus-blackbox-exporter")
ROOT = Path(__file__).parents[2]

# Where the shipped rules are not at hand. The daemon has confirmed the drop already: nothing is waited for here. A
# daemon that has died has resolved nothing: what it said last holds for a while.
PAGE_OPEN = {
    "groups": [
        {
            "name": "retabli",
            "rules": [
                {"alert": name, "expr": f'last_over_time(retabli_flow_page_open{{reason="{reason}"}}[5m]) == 1'}
                for name, reason in (("FlowDropped", "dropped"), ("FlowBreached", "breached"))
            ],
        }
    ]
}


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Seconds. Prometheus scrapes and evaluates; Alertmanager waits before a group's first message, and between two."""

    scrape: float = 15.0
    evaluation: float = 15.0
    pending: float = 60.0  # the `for` of the usual rule on probe_success
    group_wait: float = 10.0
    group_interval: float = 60.0


QUICK = Rhythm(scrape=0.5, evaluation=0.5, pending=0.0, group_wait=0.2, group_interval=1.0)


def missing() -> list[str]:
    """Of the servers that this needs, those that are not installed."""
    return [name for name in NEEDED if shutil.which(name) is None]


def shipped_rules() -> list[Path]:
    """The rules that come with Retabli, if they are there."""
    found = sorted((ROOT / "deploy" / "prometheus").glob("**/*.y*ml"))
    return [path for path in found if path.read_text().startswith("groups:") or "\ngroups:" in path.read_text()]


def usual_rule(rhythm: Rhythm) -> dict[str, Any]:
    """What people write over blackbox_exporter."""
    rule = {"alert": "ProbeFailed", "expr": 'probe_success{job="blackbox"} == 0', "for": _span(rhythm.pending)}
    return {"groups": [{"name": "blackbox", "rules": [rule]}]}


@dataclass(frozen=True, slots=True)
class SecondRoad:
    """What runs, and by which rules the daemon's state is judged."""

    prometheus: Server
    alertmanager: Server
    rules: str


@contextmanager
def second_road(
    folder: Path, hook: str, daemons: Sequence[int], rhythm: Rhythm, *, targets: Sequence[int] = ()
) -> Iterator[SecondRoad]:
    """From the daemons' metrics, and from blackbox_exporter's look at these ports, to the webhook's address."""
    exporter, pager, port = closed_port(), closed_port(), closed_port()
    shipped = shipped_rules()
    _write(folder / "own.yml", PAGE_OPEN)
    _write(folder / "usual.yml", usual_rule(rhythm))
    _write(folder / "alertmanager.yml", _routing(hook, rhythm))
    _write(folder / "blackbox.yml", {"modules": {"tcp_connect": {"prober": "tcp"}}})
    rules = [*(str(path) for path in shipped or [folder / "own.yml"]), str(folder / "usual.yml")]
    _write(folder / "prometheus.yml", _scraping(daemons, targets, exporter, pager, rules, rhythm))
    blackbox = [
        "prometheus-blackbox-exporter",
        f"--config.file={folder}/blackbox.yml",
        f"--web.listen-address=127.0.0.1:{exporter}",
    ]
    servers = [
        Server(blackbox, lambda: accepts(exporter), folder / "blackbox.log", listens=(exporter,)),
        Server(_alertmanager(folder, pager), lambda: accepts(pager), folder / "alertmanager.log", listens=(pager,)),
        Server(_prometheus(folder, port), lambda: accepts(port), folder / "prometheus.log", listens=(port,)),
    ]
    wanted = servers if targets else servers[1:]
    try:
        for server in wanted:
            server.start()
        named = ", ".join(path.name for path in shipped) or "a minimal rule of the bench's own"
        yield SecondRoad(prometheus=servers[2], alertmanager=servers[1], rules=named)
    finally:
        for server in reversed(wanted):
            server.stop()


def _alertmanager(folder: Path, port: int) -> list[str]:
    return [
        "prometheus-alertmanager",
        f"--config.file={folder}/alertmanager.yml",
        f"--storage.path={folder}/alertmanager",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]


def _prometheus(folder: Path, port: int) -> list[str]:
    return [
        "prometheus",
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/prometheus",
        f"--web.listen-address=127.0.0.1:{port}",
    ]


def _routing(hook: str, rhythm: Rhythm) -> dict[str, Any]:
    """One group an alert, so that no page waits for another's interval."""
    return {
        "route": {
            "receiver": "duty",
            "group_by": ["..."],
            "group_wait": _span(rhythm.group_wait),
            "group_interval": _span(rhythm.group_interval),
            "repeat_interval": "4h",
        },
        "receivers": [{"name": "duty", "webhook_configs": [{"url": hook, "send_resolved": True}]}],
    }


def _scraping(
    daemons: Sequence[int], targets: Sequence[int], exporter: int, pager: int, rules: Sequence[str], rhythm: Rhythm
) -> dict[str, Any]:
    jobs: list[dict[str, Any]] = [{"job_name": "retabli", "static_configs": [{"targets": _hosts(daemons)}]}]
    if targets:
        jobs.append(
            {
                "job_name": "blackbox",
                "metrics_path": "/probe",
                "params": {"module": ["tcp_connect"]},
                "static_configs": [{"targets": _hosts(targets)}],
                "relabel_configs": [
                    {"source_labels": ["__address__"], "target_label": "__param_target"},
                    {"source_labels": ["__param_target"], "target_label": "instance"},
                    {"target_label": "__address__", "replacement": f"127.0.0.1:{exporter}"},
                ],
            }
        )
    return {
        "global": {
            "scrape_interval": _span(rhythm.scrape),
            "scrape_timeout": _span(min(10.0, rhythm.scrape)),
            "evaluation_interval": _span(rhythm.evaluation),
        },
        "rule_files": list(rules),
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": _hosts([pager])}]}]},
        "scrape_configs": jobs,
    }


def _hosts(ports: Sequence[int]) -> list[str]:
    return [f"127.0.0.1:{port}" for port in ports]


def _span(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"


def _write(path: Path, values: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=1))  # which is YAML, too
