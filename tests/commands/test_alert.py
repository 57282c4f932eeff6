"""`alert test`: a marked page by each channel, what became of it, and nothing of the state touched."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from commands import _trying
from retabli.alerts.channels import CHANNELS
from retabli.alerts.channels.placeholders import FIELDS
from retabli.alerts.message import Letterhead
from retabli.alerts.trial import trial_message
from tests.commands.terminal import run, typed

FLOWS = "flows: {a: {intent: open, probes: {p: {kind: tcp, host: 127.0.0.1, port: 1}}}}\n"


class Receiver(ThreadingHTTPServer):
    """Takes what is posted to it; refuses what is posted to /no."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.bodies: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Answering(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        self.server.bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(503 if self.path == "/no" else 204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Silent."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def configuration(folder: Path, channels: str, language: str = "fr") -> Path:
    path = folder / "retabli.yaml"
    path.write_text(
        f"site: {{name: CHU de l'Exemple, language: {language}}}\nstate: state.db\n"
        f"web: {{url: 'https://retabli.chu.example'}}\nalerts:\n  channels:\n{channels}{FLOWS}"
    )
    return path


def test_every_channel_gets_a_page_that_says_that_nothing_has_happened(receiver: Receiver, tmp_path: Path) -> None:
    given = tmp_path / "given"
    path = configuration(
        tmp_path,
        f"    duty: {{kind: webhook, url: '{receiver.url}/yes'}}\n"
        f"    sms: {{kind: exec, command: [/bin/sh, -c, 'printf %s \"$1\" > {given}', sh]}}\n",
    )
    ended = typed("alert", "test", "--config", path)
    assert ended.code == 0, ended.out + ended.err
    assert sorted(line.partition(" ms")[0].rstrip("0123456789") for line in ended.lines[:2]) == [
        "✓ duty  webhook : acceptée en ",
        "✓ sms   exec : acceptée en ",
    ]
    assert ended.lines[2] == "Tous les canaux ont accepté l'alerte d'essai."
    (body,) = receiver.bodies
    assert set(FIELDS) - {"pages"} == set(body)
    assert (body["status"], body["flow"], body["summary"]) == (
        "test",
        None,
        "Essai, rien n'est arrivé : CHU de l'Exemple",
    )
    assert "Il n'y a rien à faire" in body["text"]
    assert "«\u00a0duty\u00a0»" in body["text"]
    assert given.read_text().startswith("Essai, rien n'est arrivé\u00a0: CHU de l'Exemple")
    assert not (tmp_path / "state.db").exists(), "nothing of the state is touched"


def test_what_is_not_accepted_is_told_with_the_reason_within_80_columns_and_is_exit_code_1(
    receiver: Receiver, tmp_path: Path
) -> None:
    path = configuration(
        tmp_path,
        f"    bad: {{kind: webhook, url: '{receiver.url}/no'}}\n"
        f"    duty: {{kind: webhook, url: '{receiver.url}/yes'}}\n"
        "    mail: {kind: smtp, host: 127.0.0.1, port: 1, to: [duty@chu.example]}\n"
        "    sms: {kind: exec, command: [/bin/sh, -c, 'echo \"" + "no credit is left " * 12 + "\"; exit 3']}\n",
    )
    ended = typed("alert", "test", "--config", path)
    assert ended.code == 1
    assert max(map(len, ended.lines)) <= 80
    assert "✗ bad   webhook : PAS acceptée\n    répond 503\n" in ended.out
    assert "✓ duty" in ended.out
    assert "✗ sms   exec : PAS acceptée\n    le programme finit par 3 : no credit" in ended.out
    assert "✗ mail  smtp : PAS acceptée\n" in ended.out
    assert "Refus : 3 sur 4" in ended.out


def test_it_speaks_the_sites_language_or_the_one_that_is_asked_for(receiver: Receiver, tmp_path: Path) -> None:
    path = configuration(tmp_path, f"    duty: {{kind: webhook, url: '{receiver.url}/no'}}\n", "en")
    assert (
        "✗ duty  webhook: NOT accepted\n    answers 503\n1 of 1 did not accept"
        in typed("alert", "test", "--config", path).out
    )
    assert "PAS acceptée" in typed("alert", "test", "--config", path, "--lang", "fr").out
    assert [body["text"].splitlines()[0] for body in receiver.bodies] == [
        "Test, nothing has happened: CHU de l'Exemple",
        "Essai, rien n'est arrivé\u00a0: CHU de l'Exemple",
    ]


def test_one_channel_is_tried_alone(receiver: Receiver, tmp_path: Path) -> None:
    path = configuration(
        tmp_path,
        f"    duty: {{kind: webhook, url: '{receiver.url}/yes'}}\n    bad: {{kind: exec, command: [/bin/false]}}\n",
    )
    assert typed("alert", "test", "duty", "--config", path).code == 0
    assert typed("alert", "test", "bad", "--config", path).code == 1
    assert len(receiver.bodies) == 1


def test_a_channel_that_is_not_there_and_a_configuration_without_one_are_refused(tmp_path: Path) -> None:
    path = configuration(tmp_path, "    duty: {kind: exec, command: [/bin/true]}\n")
    ended = typed("alert", "test", "dutty", "--config", path)
    assert (ended.code, ended.err) == (2, 'no channel is called "dutty" (did you mean "duty"?)\n')
    (tmp_path / "none.yaml").write_text(f"site: {{name: T}}\n{FLOWS}")
    ended = typed("alert", "test", "--config", tmp_path / "none.yaml")
    assert ended.code == 2
    assert "no channel is described" in ended.err
    assert typed("alert", "tset", "--config", path).code == 2


def test_one_that_hangs_has_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_trying, "DEADLINE", 0.3)
    path = configuration(tmp_path, "    duty: {kind: exec, command: [/bin/sh, -c, 'sleep 30']}\n", "en")
    ended = typed("alert", "test", "--config", path)
    assert ended.code == 1
    assert "no answer within" in ended.out


def test_as_it_is_typed(tmp_path: Path) -> None:
    path = configuration(tmp_path, "    duty: {kind: exec, command: [/bin/true]}\n", "en")
    ended = run("alert", "test", "--config", path)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_two_test_pages_are_never_the_same_to_a_receiver() -> None:
    letterhead = Letterhead("T")
    assert trial_message(letterhead, "a", 0.0).key != trial_message(letterhead, "a", 0.0).key


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("name", CHANNELS)
def test_a_kind_of_channel_is_documented_to_its_last_setting_within_80_columns(name: str, language: str) -> None:
    assert any(line.startswith(f"{name} ") for line in typed("alert", "kinds", "--lang", language).lines)
    ended = typed("alert", "kinds", name, "--lang", language)
    assert (ended.code, ended.err) == (0, "")
    shown = [line.split()[0] for line in ended.lines if line.startswith("  ") and not line.startswith("   ")]
    assert set(CHANNELS[name].model_fields) - {"kind"} <= set(shown)
    assert max(map(len, ended.lines)) <= 80
    assert "summary" in ended.out


def test_a_kind_of_channel_that_does_not_exist_is_refused_with_the_nearest() -> None:
    ended = typed("alert", "kinds", "webhok")
    assert (ended.code, ended.err) == (2, 'there is no kind of channel "webhok" (did you mean "webhook"?)\n')
