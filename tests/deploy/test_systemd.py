"""The shipped unit, in a systemd that runs."""

import json
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.deploy.machines import UNIT, Machine, machine, make_root, need

pytestmark = [pytest.mark.real, pytest.mark.timeout(60)]

CONFIGURATION = """\
site: {name: Test, language: en}
standpoint: inside
defaults: {every: 1s, timeout: 1s, rise: 2, soak: 1s, fall: 2, confirm: 100ms}
flows:
  page: {title: Its own page, intent: open, probes: {p: {kind: tcp, host: 127.0.0.1, port: 9877}}}
"""
RESTORED = "1 of 1 flows restored"


@pytest.fixture(scope="module")
def booted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    need()
    cache = request.config.cache
    assert cache is not None
    root = make_root(cache.mkdir("machines"))
    with machine(root, tmp_path_factory.mktemp("machine")) as booted:
        yield booted


@pytest.fixture
def service(booted: Machine) -> Iterator[Machine]:
    """The service, started; whatever a test does to it is undone."""
    (booted.folder / "retabli.yaml").write_text(CONFIGURATION)
    booted.ok("systemctl", "start", "retabli", within=45)
    try:
        yield booted
    finally:
        for drop_in in booted.drop_ins.iterdir():
            drop_in.unlink()
        booted.ok("systemctl", "daemon-reload")
        booted.does("systemctl", "stop", "retabli", within=50)
        booted.does("systemctl", "clean", "--what=state", "retabli")


def changed(service: Machine, lines: str) -> None:
    """The service with a drop-in, started again."""
    (service.drop_ins / "site.conf").write_text(f"[Service]\n{lines}")
    service.ok("systemctl", "daemon-reload")
    service.ok("systemctl", "restart", "retabli", within=50)


def test_systemd_finds_no_fault_in_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed: run tests/real/install.sh")
    program = tmp_path / "opt/retabli/bin/retabli"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    copy = tmp_path / "retabli.service"
    copy.write_text(UNIT.read_text().replace("/opt/retabli/bin/retabli", str(program)))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(copy)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_it_is_exposed_to_stays_within_one_and_a_half_of_ten() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed: run tests/real/install.sh")
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", str(UNIT)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.timeout(300)  # the root may have to be made first
def test_it_is_started_once_it_watches_and_says_how_the_flows_stand(service: Machine) -> None:
    assert service.shows("ActiveState") == "active"
    assert "page" in service.flows()
    service.until(lambda: service.shows("StatusText") == RESTORED)
    assert service.shows("NRestarts") == "0"


def test_it_has_a_user_of_its_own_and_no_capability(service: Machine) -> None:
    status = service.ok("cat", f"/proc/{service.shows('MainPID')}/status")
    facts = dict(line.split(":", 1) for line in status.splitlines())
    assert "0" not in facts["Uid"].split()
    assert {facts[name].strip() for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {"0" * 16}
    assert facts["NoNewPrivs"].strip() == "1"


def test_a_reload_that_is_good_is_taken_and_one_that_is_not_is_told(service: Machine) -> None:
    service.until(lambda: service.shows("StatusText") == RESTORED)
    configuration = service.folder / "retabli.yaml"
    pid = service.shows("MainPID")
    configuration.write_text(f"{CONFIGURATION}nonsense: 1\n")
    service.ok("systemctl", "reload", "retabli")
    service.until(lambda: service.shows("StatusText").startswith("reload refused, the configuration of before goes on"))
    assert set(service.flows()) == {"page"}
    configuration.write_text(CONFIGURATION + CONFIGURATION.splitlines()[-1].replace("page:", "second:") + "\n")
    service.ok("systemctl", "reload", "retabli")
    service.until(lambda: service.shows("StatusText") == "2 of 2 flows restored")
    assert set(service.flows()) == {"page", "second"}
    assert service.shows("MainPID") == pid


def test_killed_hard_it_is_started_again_and_its_log_goes_on(service: Machine) -> None:
    service.until(lambda: service.flows() == {"page": "restored"})
    before = service.log().splitlines()
    assert before
    service.ok("systemctl", "kill", "--kill-whom=main", "--signal=SIGKILL", "retabli")
    service.until(lambda: service.shows("NRestarts") == "1" and service.shows("ActiveState") == "active")
    service.until(lambda: service.flows() == {"page": "restored"})
    after = service.log().splitlines()
    assert after[: len(before)] == before
    assert len(after) > len(before)
    assert "the log is intact" in service.ok(
        "/opt/retabli/bin/retabli", "log", "verify", "--state", "/var/lib/retabli/state.db"
    )


def test_one_that_stands_still_is_ended_by_the_watchdog_and_started_again(service: Machine) -> None:
    changed(service, "WatchdogSec=5s\nTimeoutAbortSec=1s\nRestartSec=100ms\n")
    pid = service.shows("MainPID")
    service.ok("systemctl", "kill", "--kill-whom=main", "--signal=SIGSTOP", "retabli")
    service.until(lambda: service.shows("NRestarts") == "1" and service.shows("ActiveState") == "active")
    assert service.shows("MainPID") != pid
    service.until(lambda: service.flows() == {"page": "restored"})


def test_a_configuration_that_is_refused_is_tried_again_until_it_is_mended(service: Machine) -> None:
    service.ok("systemctl", "stop", "retabli", within=50)
    configuration = service.folder / "retabli.yaml"
    configuration.write_text(f"{CONFIGURATION}nonsense: 1\n")
    (service.drop_ins / "site.conf").write_text("[Service]\nRestartSec=100ms\n")
    service.ok("systemctl", "daemon-reload")
    assert service.does("systemctl", "start", "retabli").returncode != 0
    service.until(lambda: "nonsense" in service.shows("StatusText") and int(service.shows("NRestarts")) >= 2)
    configuration.write_text(CONFIGURATION)
    service.until(lambda: service.shows("ActiveState") == "active")


def test_a_secret_that_only_root_can_read_is_lent_to_it(service: Machine) -> None:
    """The key of its own page: without it no handshake would succeed."""
    issued = trustme.CA().issue_cert("127.0.0.1")
    (service.folder / "key.pem").write_bytes(issued.private_key_pem.bytes())
    (service.folder / "key.pem").chmod(0o600)
    (service.folder / "page.pem").write_bytes(b"".join(each.bytes() for each in issued.cert_chain_pems))
    tls = "web: {tls: {cert: /etc/retabli/page.pem, key: {credential: key}}}\n"
    (service.folder / "retabli.yaml").write_text(CONFIGURATION + tls)
    changed(service, "LoadCredential=key:/etc/retabli/key.pem\n")
    script = "import ssl; print(ssl.get_server_certificate(('127.0.0.1', 9877)))"
    presented = ssl.PEM_cert_to_DER_cert(service.ok("python3", "-c", script).strip())
    assert presented == ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())


def test_what_is_typed_beside_it_reads_its_state_and_by_systemd_run_its_secrets(service: Machine) -> None:
    """As the guides have it: no `state`, and a secret that is lent to the service alone."""
    (service.folder / "secrets").mkdir(mode=0o700)
    (service.folder / "secrets" / "hook").write_text("synthetic\n")
    alerts = "alerts: {channels: {duty: {kind: exec, command: [/bin/true], environment: {KEY: {credential: hook}}}}}\n"
    (service.folder / "retabli.yaml").write_text(f"{CONFIGURATION}{alerts}")
    changed(service, "LoadCredential=hook:/etc/retabli/secrets/hook\n")
    program = "/opt/retabli/bin/retabli"
    assert '"hook" is handed over by systemd' in service.ok(program, "check")
    assert "the log is intact: " in service.ok(program, "log", "verify")
    service.ok(program, "backup", "/root/before.db")
    mend = service.does(program, "alert", "test").stderr.splitlines()[-1].partition("systemd-run")
    asked = service.ok("sh", "-c", mend[1] + mend[2])
    assert "accepted" in asked
    run = (
        "systemd-run --pipe --wait -p DynamicUser=yes -p User=retabli -p LoadCredential=hook:/etc/retabli/secrets/hook"
    )
    assert "handed over" not in service.ok("sh", "-c", f"{run} {program} check")


def test_what_root_ran_and_what_root_put_back_by_hand_keep_it_from_no_start(service: Machine) -> None:
    """The steps of docs/backup.md."""
    program, state = "/opt/retabli/bin/retabli", "/var/lib/retabli/state.db"
    service.ok(program, "backup", "/root/copy.db")
    service.ok("systemctl", "stop", "retabli", within=50)
    for each in (state, f"{state}.lock"):
        service.ok("rm", each)
    service.does("rm", "-r", f"{state}.copies")
    by_root = service.does("timeout", "10", program, "run", within=50)
    assert "is new" in by_root.stderr, by_root
    assert service.does("test", "-e", state).returncode == 0
    service.ok("systemctl", "start", "retabli", within=50)
    service.ok("systemctl", "stop", "retabli", within=50)
    service.ok("mkdir", "/var/lib/retabli/aside")
    service.ok("mv", state, "/var/lib/retabli/aside/")
    service.ok("cp", "/root/copy.db", state)
    service.ok("sh", "-c", "cd /var/lib/retabli && chown --reference=. state.db && chmod 600 state.db")
    service.ok("systemctl", "start", "retabli", within=50)
    service.until(lambda: service.flows() == {"page": "restored"})


def test_it_pings_without_a_capability_once_the_kernel_lets_it(service: Machine) -> None:
    allowed = "/proc/sys/net/ipv4/ping_group_range"
    ping = "  ping: {title: Ping, intent: open, probes: {p: {kind: icmp, host: 127.0.0.1}}}\n"
    (service.folder / "retabli.yaml").write_text(CONFIGURATION + ping)
    service.ok("sh", "-c", f"echo 1 0 > {allowed}")
    service.ok("systemctl", "reload", "retabli")
    service.until(lambda: service.flows().get("page") == "restored")
    assert service.flows()["ping"] != "restored"
    service.ok("sh", "-c", f"echo 0 2147483647 > {allowed}")
    service.until(lambda: service.flows()["ping"] == "restored")


def test_its_end_is_clean(service: Machine) -> None:
    service.ok("systemctl", "stop", "retabli", within=50)
    assert (service.shows("ActiveState"), service.shows("Result")) == ("inactive", "success")
    assert service.shows("ExecMainStatus") == "0"
    rows = service.ok("/opt/retabli/bin/retabli", "log", "--state", "/var/lib/retabli/state.db", "--format", "json")
    assert json.loads(rows.splitlines()[-1])["event"] == "stop"
