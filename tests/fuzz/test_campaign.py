"""The campaigns' own command says what it lacks, and what it did."""

import importlib.util
import sys

import pytest

from tests.fuzz import __main__ as command
from tests.fuzz.inputs import changed
from tests.fuzz.target import words


def test_without_atheris_it_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert command.main(["--minutes", "1", "token"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "pip install atheris" in said


def test_a_target_that_there_is_not_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["tokens"]) == 2
    assert "no target tokens" in capsys.readouterr().err


def test_the_targets_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--list"]) == 0
    assert "imap-response" in capsys.readouterr().out.split()


def test_what_libfuzzer_says_is_told_in_one_line() -> None:
    told = command._told(
        "#2\tINITED cov: 36 ft: 36 corp: 1/1b exec/s: 0 rss: 90Mb\n"
        "#4096\tpulse  cov: 120 ft: 300 corp: 40/1Kb lim: 40 exec/s: 2048 rss: 99Mb\n"
        "Done 70781 runs in 19 second(s)\n"
    )
    assert told == "70781 executions in 19 s, 2048/s; edges 36 → 120, features 36 → 300, corpus 40"


def test_words_are_bytes_with_their_escapes() -> None:
    assert words(r"250 a  \r\n  \xc3\xa9  \x20") == (b"250 a", b"\r\n", b"\xc3\xa9", b" ")


def test_the_same_changes_make_the_same_input() -> None:
    assert changed(b"abcdef", [("insert", 2, 0, b"--"), ("remove", 0, 1, b""), ("cut", 5, 0, b"")]) == b"b--cd"
    assert changed(b"", [("flip", 3, 1, b""), ("repeat", 1, 3, b"x")]) == b""


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed")
@pytest.mark.timeout(120)
def test_a_campaign_runs_and_tells_what_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    assert sys.platform == "linux"
    assert command.main(["--minutes", "0.05", "token"]) == 0
    assert "executions" in capsys.readouterr().out
