"""Commands typed beside a service: what systemd hands to that one alone keeps none of them from working."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from retabli.store import Store
from tests.commands.terminal import run, typed
from tests.store.making import commit, entry

CONFIGURATION = """\
site: {{name: CHU, language: en}}
state: state.db
web:
  tls: {{cert: page.pem, key: {{credential: page}}}}
  users: {{wall: {{role: view, hash: {{credential: wall}}}}}}
mailboxes: {{witness: {{imap: imap.outside.example, user: u, password: {{credential: witness}}}}}}
alerts:
  channels:
    duty: {{kind: webhook, url: "https://oncall.example/hook", key: {{credential: hook}}}}
    plain: {{kind: exec, command: [/bin/true]}}
flows:
  box: {{intent: open, public: true, probes: {{p: {{kind: imap, mailbox: witness}}}}}}
  port: {{intent: open, probes: {{p: {{kind: tcp, host: 127.0.0.1, port: {port}}}}}}}
"""
NAMES = ("hook", "page", "wall", "witness")


@pytest.fixture
async def path(tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A service's configuration, and its state."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    (tmp_path / "page.pem").write_bytes(authority.issue_cert("retabli.example").cert_chain_pems[0].bytes())
    written = tmp_path / "retabli.yaml"
    written.write_text(CONFIGURATION.format(port=9))
    store = Store.open(tmp_path / "state.db")
    await commit(store, entries=[entry()])
    await store.close()
    return written


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize(
    "words",
    [
        ("backup", "{folder}/copy.db"),
        ("log",),
        ("log", "verify"),
        ("log", "--format", "csv"),
        ("report",),
        ("report", "--format", "html", "--public", "--into", "{folder}/www"),
        ("check", "--openings"),
    ],
    ids=" ".join,
)
def test_what_needs_no_secret_reads_none(path: Path, words: tuple[str, ...]) -> None:
    ended = typed(*(word.format(folder=path.parent) for word in words), "--config", path)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out or "--into" in words


def test_a_secret_file_that_is_away_keeps_no_log_from_being_read(path: Path) -> None:
    path.write_text(path.read_text().replace("{credential: page}", "page.key").replace("credential:", "file:"))
    assert typed("log", "--config", path).code == 0
    assert typed("check", "--config", path).code == 2


def test_check_says_what_it_did_not_look_at_and_finds_no_fault(path: Path) -> None:
    ended = typed("check", "--config", path)
    assert (ended.code, ended.err) == (0, "")
    said = [line for line in ended.lines if "is handed over by systemd" in line]
    assert len(said) == len(NAMES)
    for name, line in zip(NAMES, sorted(said, key=lambda line: line.partition('"')[2]), strict=True):
        assert line.endswith(f': "{name}" is handed over by systemd (LoadCredential={name}:…): not looked at here')


def test_check_finds_what_is_missing_where_systemd_hands_over(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    ended = typed("check", "--config", path)
    assert ended.code == 2
    assert [line for line in ended.err.splitlines() if f"{tmp_path / 'hook'}: No such file or directory" in line]


def test_the_daemon_does_not_start_without_what_it_needs(path: Path) -> None:
    ended = run("run", "--config", path)
    assert ended.returncode == 2
    for name in NAMES:
        said = f'"{name}" is handed over by systemd (LoadCredential={name}:…), which has handed nothing to this process'
        assert said in ended.stderr


def test_a_probe_that_needs_none_climbs(path: Path, listening: int) -> None:
    path.write_text(CONFIGURATION.format(port=listening))
    ended = typed("probe", "port", "--config", path)
    assert (ended.code, ended.err) == (0, "")


def test_a_channel_that_needs_none_is_tried(path: Path) -> None:
    ended = typed("alert", "test", "plain", "--config", path)
    assert (ended.code, ended.err) == (0, "")


@pytest.mark.parametrize(
    ("words", "where", "name"),
    [
        (("probe", "box"), "flows.box.probes.p.mailbox.password", "witness"),
        (("probe", "box/p"), "flows.box.probes.p.mailbox.password", "witness"),
        (("alert", "test"), "alerts.channels.duty.key", "hook"),
        (("alert", "test", "duty"), "alerts.channels.duty.key", "hook"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_what_needs_one_says_how_to_be_handed_it(path: Path, words: tuple[str, ...], where: str, name: str) -> None:
    ended = typed(*words, "--config", path)
    fault, mend = ended.err.splitlines()
    assert ended.code == 2
    assert f"{where}: " in fault
    assert mend.endswith(
        "systemd-run --pipe --wait -p DynamicUser=yes -p User=retabli "
        f"-p LoadCredential={name}:/etc/retabli/secrets/{name} "
        f"/opt/retabli/bin/retabli {' '.join(words)} --config {path}"
    )
