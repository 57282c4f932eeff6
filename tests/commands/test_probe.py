"""`probe`: one climb, rung by rung, over real sockets."""

import contextlib
import io
import json
import os
import pty
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from commands._paper import Paper
from tests.commands.terminal import typed
from tests.entrance import ENTRANCE

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def made(probes: str, *, intent: str = "open", more: str = "") -> Path:
        path = tmp_path / "retabli.yaml"
        path.write_text(
            f"site: {{name: T, language: en}}\nstate: s.db\n{more}\n"
            f"flows:\n  f:\n    intent: {intent}\n    probes:\n{probes}"
        )
        return path

    return made


@pytest.fixture
def listening() -> Iterator[int]:
    """A port that accepts connections and says nothing: the kernel alone answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        yield server.getsockname()[1]


@pytest.fixture
def refusing() -> Iterator[int]:
    """A port that is taken and not listened on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@contextlib.contextmanager
def saying(*lines: bytes) -> Iterator[int]:
    """A server that says its first line, and each next one when it is spoken to; to any number of callers."""

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                caller, _ = server.accept()
                with caller, contextlib.suppress(OSError):
                    caller.sendall(lines[0])
                    for line in lines[1:]:
                        if not caller.recv(4096):
                            break
                        caller.sendall(line)
                    caller.recv(4096)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def tcp(name: str, port: int) -> str:
    return f"      {name}: {{kind: tcp, host: 127.0.0.1, port: {port}}}\n"


def squeezed(text: str) -> str:
    return " ".join(text.split())


def test_a_climb_that_holds_prints_every_rung_and_exits_with_0(write: Write, listening: int) -> None:
    ended = typed("probe", "f", "--config", write(tcp("p", listening)))
    assert (ended.code, ended.err) == (0, "")
    assert ended.lines[0] == f"f/p  tcp  → 127.0.0.1:{listening}"
    assert ended.lines[1].split()[:2] == ["✓", "resolve"]
    assert ended.lines[2].split()[:2] == ["✓", "connect"]
    assert "ok: 2 of 2 rungs in" in ended.out


def test_a_fall_says_its_cause_its_side_and_what_to_look_at_and_exits_with_1(write: Write, refusing: int) -> None:
    ended = typed("probe", "f/p", "--config", write(tcp("p", refusing)))
    assert ended.code == 1
    fallen = squeezed(ended.lines[2])
    assert fallen.startswith("✗ connect")
    assert fallen.endswith("refused (partner_down)")
    assert "      connection refused" in ended.lines
    assert "      → Call the partner: their service does not answer." in ended.lines
    assert "failed at connect (rung 2 of 2) after" in ended.out


def test_causes_are_told_in_the_language_asked_for(write: Write, refusing: int) -> None:
    ended = typed("probe", "f", "--lang", "fr", "--config", write(tcp("p", refusing)))
    assert "      connexion refusée" in ended.lines
    assert "échec à connect (échelon 2 sur 2)" in ended.out


def test_a_temporary_answer_is_unknown_and_exits_with_3(write: Write) -> None:
    with saying(b"421 too busy\r\n") as port:
        ended = typed("probe", "f", "--config", write(f"      p: {{kind: smtp, host: 127.0.0.1, port: {port}}}\n"))
    assert ended.code == 3
    assert squeezed(ended.lines[3]).startswith("? greeting")
    assert "a temporary answer at greeting (rung 3 of 4)" in ended.out


def test_a_silent_server_falls_on_the_rung_where_it_fell_silent(write: Write, listening: int) -> None:
    probe = f"      p: {{kind: smtp, host: 127.0.0.1, port: {listening}, timeout: 300ms}}\n"
    ended = typed("probe", "f", "--config", write(probe))
    assert ended.code == 1
    assert squeezed(ended.lines[3]).startswith("✗ greeting")
    assert "timeout (network)" in squeezed(ended.lines[3])


def test_all_probes_of_a_flow_climb_and_are_told_in_their_order(write: Write, listening: int, refusing: int) -> None:
    probes = f"      slow: {{kind: smtp, host: 127.0.0.1, port: {listening}, timeout: 300ms}}\n"
    ended = typed("probe", "f", "--config", write(probes + tcp("quick", listening) + tcp("down", refusing)))
    heads = [line.split()[0] for line in ended.lines if line.startswith("f/")]
    assert heads == ["f/slow", "f/quick", "f/down"]
    assert ended.code == 1


def test_a_failure_weighs_more_than_a_doubt(write: Write, refusing: int) -> None:
    with saying(b"421 too busy\r\n") as port:
        probes = f"      p: {{kind: smtp, host: 127.0.0.1, port: {port}}}\n" + tcp("q", refusing)
        assert typed("probe", "f", "--config", write(probes)).code == 1


def test_of_many_units_those_that_are_well_take_a_line_each(write: Write, listening: int, refusing: int) -> None:
    probes = "".join(tcp(f"p{number}", listening) for number in range(7)) + tcp("down", refusing)
    lines = typed("probe", "f", "--config", write(probes)).lines
    assert [line.split()[:3] for line in lines[:7]] == [["✓", f"f/p{number}", "2/2"] for number in range(7)]
    assert lines[7].startswith("f/down  tcp")


def test_json_is_a_line_a_unit_with_the_keys_of_the_api(write: Write, listening: int, refusing: int) -> None:
    ended = typed("probe", "f", "--json", "--config", write(tcp("up", listening) + tcp("down", refusing)))
    up, down = (json.loads(line) for line in ended.lines)
    promised = {"id", "kind", "target", "outcome", "at", "seconds", "stage", "cause", "side", "detail", "rungs"}
    assert promised <= set(up)
    assert (up["id"], up["kind"], up["target"], up["outcome"], up["stage"], up["cause"]) == (
        "up",
        "tcp",
        None,
        "ok",
        "connect",
        None,
    )
    assert up["at"].endswith("Z")
    assert [rung["stage"] for rung in up["rungs"]] == ["resolve", "connect"]
    assert (down["outcome"], down["stage"], down["cause"], down["side"]) == (
        "failed",
        "connect",
        "refused",
        "partner_down",
    )
    assert ended.code == 1


def test_a_closed_flow_is_said_to_be_proven_closed_or_to_answer(write: Write, listening: int, refusing: int) -> None:
    def proving(port: int) -> Path:
        control = f"{{path: {{to: 127.0.0.1, port: {listening}}}, alive: {{declared: true}}}}"
        attempts = f"[{{to: 127.0.0.1, port: {port}}}]"
        return write(f"      p: {{kind: containment, attempts: {attempts}, control: {control}}}\n", intent="closed")

    proven = typed("probe", "f", "--config", proving(refusing))
    answers = typed("probe", "f", "--config", proving(listening))
    assert (proven.code, answers.code) == (0, 1)
    assert "closed, and proven so" in proven.lines
    assert any(line.strip() == f"direct tcp {refusing} IPv4 127.0.0.1: reset (expected)" for line in proven.lines)
    assert "this flow is meant to stay closed, and it answers" in answers.lines
    assert proven.lines[0] == "f/p  containment"  # it is to arrive nowhere, so that no aim is told


def test_a_closed_flow_that_answers_is_said_to_answer(write: Write, listening: int) -> None:
    ended = typed("probe", "f", "--config", write(tcp("p", listening), intent="closed"))
    assert "this flow is meant to stay closed, and it answers" in ended.lines


def test_nothing_is_remembered(write: Write, listening: int) -> None:
    path = write(tcp("p", listening))
    typed("probe", "f", "--config", path)
    assert [file.name for file in path.parent.iterdir()] == ["retabli.yaml"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ff", 'no flow is called "ff" (did you mean "f"?)'),
        ("f/pp", 'no probe of f is called "pp" (did you mean "p"?)'),
        ("f/zzz", 'no probe of f is called "zzz": it has p'),
    ],
)
def test_what_is_not_there_is_refused_with_the_nearest(write: Write, name: str, said: str) -> None:
    ended = typed("probe", name, "--config", write(tcp("p", 1)))
    assert (ended.code, ended.out, ended.err) == (2, "", said + "\n")


def test_refused_credentials_are_not_tried_again_by_watching(write: Write, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    (tmp_path / "secret").chmod(0o600)
    with saying(b"220 m ESMTP\r\n", b"250-m\r\n250 AUTH PLAIN LOGIN\r\n", b"535 5.7.8 no\r\n") as port:
        probe = f"      p: {{kind: smtp, host: 127.0.0.1, port: {port}, user: u, password: {{file: secret}}}}\n"
        ended = typed("probe", "f", "--watch", "--config", write(probe))
    assert ended.code == 1
    assert "auth_refused" in ended.out
    assert "they are not tried again" in ended.err


def test_watching_goes_on_in_the_probes_rhythm_until_it_is_interrupted(write: Write, listening: int) -> None:
    path = write(f"      p: {{kind: tcp, host: 127.0.0.1, port: {listening}, every: 300ms, timeout: 200ms}}\n")
    words = [*ENTRANCE, "probe", "f", "--watch", "--json", "--config", str(path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        outcomes = [json.loads(process.stdout.readline())["outcome"] for _ in range(3)]
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert process.stderr.read() == ""
    assert outcomes == ["ok"] * 3


def test_a_terminal_gets_colour(write: Write, refusing: int) -> None:
    ours, theirs = pty.openpty()
    words = [*ENTRANCE, "probe", "f", "--config", str(write(tcp("p", refusing)))]
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(words, stdout=theirs, stderr=theirs, stdin=theirs, env=environment)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # a terminal whose last writer has gone
        while part := os.read(ours, 65536):
            shown += part
    os.close(ours)
    assert process.wait(10) == 1
    assert b"\x1b[1;31mrefused\x1b[0m" in shown


def test_of_many_that_fall_alike_the_first_is_told_at_length_the_others_in_a_line(
    write: Write, refusing: int, listening: int
) -> None:
    targets = [f"http://127.0.0.1:{refusing}/{each}" for each in range(7)]
    ended = typed(
        "probe", "f", "--config", write(f"      w: {{kind: web, targets: {targets}}}\n" + tcp("p", listening))
    )
    assert ended.code == 1
    assert ended.out.count("Call the partner") == 1
    assert sum(line.startswith("✗ f/w[") and line.endswith("refused, as above") for line in ended.lines) == 6


def test_on_a_narrow_terminal_a_line_goes_on_below_where_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    words = "      → look at the path: routing, firewalls in between, the operator's link"
    for stream, lines in ((Terminal(), 3), (io.StringIO(), 1)):
        Paper(stream).line(words)
        said = stream.getvalue().splitlines()
        assert len(said) == lines
        assert " ".join(" ".join(said).split()) == words.strip(), "between words"
        assert all(line.startswith("        ") for line in said[1:])
    stream = Terminal()
    Paper(stream).line("✗ websites/sites[https://lab.example/]  2/7  9 ms  proxy_denied, as above")
    assert [line[:2] for line in stream.getvalue().splitlines()] == ["✗ ", "  "]


def test_a_rung_that_is_climbed_in_two_parts_is_shown_once(write: Write, listening: int, tmp_path: Path) -> None:
    """`tls` shakes hands and then waits for what the server may have against a client certificate."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    def serve(server: socket.socket) -> None:
        with contextlib.suppress(OSError), server.accept()[0] as caller:
            context.wrap_socket(caller, server_side=True).close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=[server])
        thread.start()
        probe = f"{{kind: tls, host: 127.0.0.1, port: {server.getsockname()[1]}, tls: {{ca: {tmp_path}/ca.pem}}}}"
        ended = typed("probe", "f", "--config", write(f"      p: {probe}\n"))
        thread.join(5)
    assert ended.code == 0, ended.out
    assert [line.split()[1] for line in ended.lines if line.startswith("  ✓")] == ["resolve", "connect", "tls"]
    assert ended.out.count("certificate good until") == 1
    assert "valid until" not in ended.out, "it is told once"


def test_facts_are_named_in_the_language_asked_for(write: Write, listening: int) -> None:
    ended = typed("probe", "f", "--lang", "fr", "--config", write(tcp("p", listening)))
    assert "      adresse : 127.0.0.1" in ended.lines
