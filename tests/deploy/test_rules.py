"""The shipped rules and examples: read by the tools that will load them, and naming nothing that does not exist."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from retabli.metrics import Figures, Metrics
from tests.deploy.shipped import FOLDER, Rule, alerts, rules
from tests.entrance import HOME
from tests.metrics.test_contract import PROMISED, samples, show_everything

needs_tools = pytest.mark.skipif(
    shutil.which("promtool") is None or shutil.which("amtool") is None, reason="promtool or amtool is not installed"
)

# What Prometheus itself gives every target.
GIVEN = {"job", "instance", "site", "standpoint"}
FLOW = {"site": "CHU de Rennes", "standpoint": "inside", "flow": "mail-out"}


def run(*command: str, patience: float = 80) -> str:
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False, timeout=patience)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def test_every_metric_and_label_that_a_rule_reads_is_one_that_the_daemon_exports() -> None:
    metrics = Metrics(Figures(CollectorRegistry(), version="1", standpoint="inside"))
    show_everything(metrics)
    exported = await samples(metrics)
    recorded = {rule.name for rule in rules() if not rule.alerts}
    read = 0
    for rule in rules():
        for name, labels in rule.selectors():
            if name in recorded or name in ("up", "ALERTS"):
                continue
            read += 1
            assert name in exported, f"{rule.name} reads {name}"
            known = GIVEN.union(*(found for found, _ in exported[name]))
            assert labels <= known, f"{rule.name} chooses {name} by {labels - known}"
            base = re.sub(r"_(count|sum)$", "_bucket", name)
            assert base in PROMISED or name == "process_start_time_seconds", f"{name} is no promise"
    assert read > 40


def test_what_is_recorded_is_read_by_an_alert_or_named_as_aggregations_are() -> None:
    """`level:metric:operation` for dashboards; what is held for the alerts stands with them in one file."""
    read = {name for rule in alerts() for name, _ in rule.selectors()}
    for rule in rules():
        if not rule.alerts and rule.name not in read:
            assert re.fullmatch(r"[a-z_]+:retabli_[a-z_]+:[a-z0-9_]+", rule.name), rule.name


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule.name)
def test_an_alert_has_a_severity_and_says_what_it_is_in_both_languages(rule: Rule) -> None:
    assert rule.labels.keys() == {"severity"}, "whatever else is a label must come from the series"
    assert rule.labels["severity"] in ("page", "warning", "info")
    for name in ("summary", "description", "action"):
        assert (name in rule.annotations) == (f"{name}_en" in rule.annotations), name
    assert rule.annotations["summary"] != rule.annotations["summary_en"]
    if rule.labels["severity"] == "page":
        assert {"description", "action"} <= rule.annotations.keys(), "somebody is woken: what are they to do?"
    for name in ("summary", "description", "action"):
        said = re.sub(r"\{\{.*?\}\}", "", rule.annotations.get(name, ""))
        assert not re.search(r" [:;!?»]|« |'{2}", said), f"{name}: a no-break space is wanted: {said}"


def test_only_what_is_absent_waits_for_a_while_before_it_is_told() -> None:
    """Prometheus starts a `for:` of under ten minutes anew when it is started anew; and Retabli debounces already."""
    read = yaml.safe_load((FOLDER / "rules" / "retabli.yml").read_text())
    waiting = {rule["alert"] for group in read["groups"] for rule in group["rules"] if "for" in rule}
    assert waiting == {"RetabliAbsent", "RetabliUnscraped"}


@pytest.mark.parametrize("page", ["README.md", "LISEZMOI.md"])
def test_the_page_says_of_every_alert_what_it_means_and_of_no_other(page: str) -> None:
    said = set(re.findall(r"^\| `(\w+)`", (FOLDER / page).read_text(), re.MULTILINE))
    assert said == {rule.name for rule in alerts()}


def test_people_are_never_told_that_something_is_over_because_something_fell_silent() -> None:
    read = yaml.safe_load((FOLDER / "alertmanager.example.yml").read_text())
    resolved = {
        receiver["name"]
        for receiver in read["receivers"]
        for kind, entries in receiver.items()
        if kind.endswith("_configs") and any(entry["send_resolved"] for entry in entries)
    }
    assert resolved == {"tickets"}


def test_what_says_that_one_means_fails_goes_by_several() -> None:
    read = yaml.safe_load((FOLDER / "alertmanager.example.yml").read_text())
    (receiver,) = (each for each in read["receivers"] if each["name"] == "duty-and-sms")
    assert {kind for kind in receiver if kind.endswith("_configs")} == {"webhook_configs", "email_configs"}


@pytest.mark.parametrize("name", ["RetabliDown", "RetabliUnstable", "RetabliAbsent", "RetabliUnscraped"])
def test_whatever_means_that_nobody_watches_calls_somebody_at_any_hour(name: str) -> None:
    (rule,) = (rule for rule in alerts() if rule.name == name)
    assert rule.labels["severity"] == "page"
    read = yaml.safe_load((FOLDER / "alertmanager.example.yml").read_text())
    (route,) = (each for each in read["route"]["routes"] if each["matchers"] == ['severity = "page"'])
    assert not {"active_time_intervals", "mute_time_intervals"} & route.keys()


def test_no_inhibition_has_a_breach_or_a_drop_for_its_target() -> None:
    read = yaml.safe_load((FOLDER / "alertmanager.example.yml").read_text())
    for rule in read["inhibit_rules"]:
        targets = " ".join(rule["target_matchers"])
        assert "FlowBreached" not in targets
        assert "FlowDropped" not in targets


# by the tools that will load them -----------------------------------------------------------------------------------


@pytest.mark.real
@needs_tools
def test_the_tools_take_the_rules_and_the_examples() -> None:
    assert "FAILED" not in run(
        "promtool", "check", "rules", "--lint-fatal", *map(str, (FOLDER / "rules").glob("*.yml"))
    )
    assert "2 rule files found" in run("promtool", "check", "config", "prometheus.example.yml")
    assert "2 inhibit rules" in run("amtool", "check-config", "alertmanager.example.yml")


def typed(page: str) -> list[str]:
    """The commands that the page prints, without what it says beside them."""
    (block,) = re.findall(r"^```sh\n(.*?)^```$", (FOLDER / page).read_text(), re.MULTILINE | re.DOTALL)
    return [line.partition(" #")[0].rstrip() for line in block.splitlines()]


@pytest.mark.real
@pytest.mark.timeout(240)  # it runs the rules' own tests, too
@needs_tools
def test_what_the_page_tells_to_type_does_what_it_says(tmp_path: Path) -> None:
    """As it is printed, but for the folder, which holds the examples as the site's own files."""
    for name in ("prometheus", "alertmanager"):
        shutil.copy(FOLDER / f"{name}.example.yml", tmp_path / f"{name}.yml")
    commands = "\n".join(typed("README.md"))
    assert commands.count("/etc/prometheus/") >= 4
    said = run("sh", "-ec", commands.replace("/etc/prometheus/", f"{tmp_path}/"), patience=200)
    assert "2 rule files found" in said
    assert "1 templates" in said
    assert "FAILED" not in said
    assert said.count("SUCCESS") >= len(list((FOLDER / "tests").glob("*.yml")))


def test_both_pages_tell_to_type_the_same() -> None:
    assert typed("README.md") == typed("LISEZMOI.md")


@pytest.mark.parametrize("page", ["README.md", "LISEZMOI.md"])
def test_every_command_of_retabli_that_the_page_names_is_one(page: str) -> None:
    named = set(re.findall(r"`retabli (\w+)", (FOLDER / page).read_text()))
    assert {"probe", "check", "silence", "alert"} <= named
    assert [name for name in sorted(named) if not (HOME / "commands" / f"{name}.py").exists()] == []


@pytest.mark.real
@pytest.mark.timeout(90)  # one of them lives through two days
@needs_tools
@pytest.mark.parametrize("path", sorted((FOLDER / "tests").glob("*.yml")), ids=lambda path: path.stem)
def test_the_rules_do_what_their_own_tests_say(path: Path) -> None:
    assert "SUCCESS" in run("promtool", "test", "rules", str(path))


@pytest.mark.real
@needs_tools
def test_every_alert_is_named_by_one_of_the_rules_own_tests() -> None:
    said = "".join(path.read_text() for path in (FOLDER / "tests").glob("*.yml"))
    assert [rule.name for rule in alerts() if rule.name not in said.replace("Mail.+", "MailLost MailForged")] == []


@pytest.mark.real
@needs_tools
@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ({"alertname": "Watchdog", "severity": "info"}, "dead-man"),
        ({"alertname": "RetabliHeartbeat", "severity": "none", "site": "CHU de Rennes"}, "dead-man"),
        ({"alertname": "RetabliTest", "severity": "page", "incident": "k1"}, "duty-and-sms"),
        ({"alertname": "FlowDropped", "severity": "page", **FLOW}, "tickets,duty"),
        ({"alertname": "FlowDropped", "severity": "page", "criticality": "vital", **FLOW}, "tickets,duty-and-sms"),
        ({"alertname": "FlowUnknown", "severity": "page", "criticality": "high", **FLOW}, "tickets,duty"),
        ({"alertname": "FlowBreached", "severity": "page", "criticality": "normal", **FLOW}, "tickets,security"),
        (
            {"alertname": "FlowDropped", "severity": "page", "owner": "Équipe messagerie", **FLOW},
            "tickets,mail-team,duty",
        ),
        (
            {
                "alertname": "FlowDropped",
                "severity": "page",
                "owner": "Équipe messagerie",
                "criticality": "vital",
                "incident": "i1",
                **FLOW,
            },
            "tickets,mail-team,duty-and-sms",
        ),
        ({"alertname": "FlowPageClosed", "severity": "info", "reason": "dropped", **FLOW}, "duty"),
        ({"alertname": "FlowPageClosed", "severity": "info", "reason": "breached", **FLOW}, "security"),
        ({"alertname": "FlowPageClosed", "severity": "info", "criticality": "vital", **FLOW}, "duty-and-sms"),
        ({"alertname": "FlowNoLongerWatched", "severity": "info", **FLOW}, "duty"),
        ({"alertname": "RetabliDown", "severity": "page", "instance": "retabli-inside"}, "duty-and-sms"),
        ({"alertname": "RetabliAbsent", "severity": "page"}, "duty-and-sms"),
        ({"alertname": "RetabliUnstable", "severity": "page", "instance": "retabli-inside"}, "duty-and-sms"),
        ({"alertname": "RetabliUnscraped", "severity": "page", "instance": "retabli-inside"}, "duty-and-sms"),
        ({"alertname": "NoChannelWorks", "severity": "page", "instance": "retabli-inside"}, "duty-and-sms"),
        ({"alertname": "AlertmanagerFails", "severity": "page", "integration": "webhook"}, "duty-and-sms"),
        ({"alertname": "FlowDegraded", "severity": "warning", **FLOW}, "owners"),
        ({"alertname": "MailLost", "severity": "warning", "owner": "Équipe messagerie", **FLOW}, "mail-team"),
        ({"alertname": "ChannelFails", "severity": "warning", "channel": "duty"}, "owners"),
        ({"alertname": "CertificateExpires", "severity": "info", **FLOW}, "owners"),
        ({"alertname": "SomethingElse", "severity": "critical"}, "owners"),
    ],
)
def test_whom_an_alert_goes_to(labels: dict[str, str], receivers: str) -> None:
    pairs = [f"{name}={value}" for name, value in labels.items()]
    told = run("amtool", "config", "routes", "test", "--config.file=alertmanager.example.yml", *pairs)
    assert told.strip() == receivers


DROPPED: dict[str, Any] = {
    "status": "firing",
    "labels": {"alertname": "FlowDropped", "criticality": "vital", "owner": "Équipe messagerie", **FLOW},
    "annotations": {
        "summary": "Flux retombé\u00a0: mail-out",
        "summary_en": "Flow dropped again: mail-out",
        "title": "Émission",
        "cause": "loop: delivered/lost (network)",
        "restored_at": "2026-11-25 08:00:00 +0000 UTC",
        "action": "Gravir l'échelle",
        "action_en": "Climb the ladder",
    },
    "startsAt": "2026-11-25T21:00:00Z",
    "endsAt": "0001-01-01T00:00:00Z",
}


@pytest.mark.real
@needs_tools
@pytest.mark.parametrize(
    ("language", "subject", "wanted", "resolved"),
    [
        (
            "",
            "[Retabli] Flux retombé\u00a0: mail-out – Émission (+1)",
            ["Criticité\u00a0: vitale", "Responsable\u00a0: Équipe messagerie", "À faire d'abord\u00a0: Gravir"],
            "N'est plus signalé (ce qui n'est pas un rétablissement constaté)",
        ),
        (
            ".en",
            "[Retabli] Flow dropped again: mail-out – Émission (+1)",
            ["Criticality: vital", "Owner: Équipe messagerie", "To do first: Climb"],
            "No longer reported (which is no recovery that was seen)",
        ),
    ],
)
def test_what_a_message_says(tmp_path: Path, language: str, subject: str, wanted: list[str], resolved: str) -> None:
    over = {**DROPPED, "status": "resolved", "endsAt": "2026-11-25T22:00:00Z"}
    data = tmp_path / "data.json"

    def rendered(template: str, *told: dict[str, Any]) -> str:
        data.write_text(json.dumps({"receiver": "duty", "status": "firing", "alerts": told}))
        text = f'{{{{ template "{template}{language}" . }}}}'
        command = ("amtool", "template", "render", "--template.glob=templates/retabli.tmpl")
        return run(*command, f"--template.text={text}", f"--template.data={data}")

    assert rendered("retabli.subject", DROPPED, DROPPED).strip() == subject
    text = rendered("retabli.text", DROPPED)
    for each in (*wanted, "mail-out", "CHU de Rennes (inside)", "delivered/lost", "2026"):
        assert each in text
    assert resolved not in text
    assert resolved in rendered("retabli.text", over)
