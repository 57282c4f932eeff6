"""What is printed where a terminal has not our signs, and where French breaks no line."""

import io
import os
import pty
from collections.abc import Mapping

import pytest

from commands._ink import in_ascii, knows_signs
from commands._paper import Paper


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "signs"),
    [
        ({"LANG": "fr_FR.UTF-8"}, True),
        ({}, True),
        ({"LANG": "C"}, False),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, False),  # which Python has set itself
        ({"LANG": "fr_FR.UTF-8", "LC_ALL": "POSIX"}, False),
        ({"LANG": "fr_FR.UTF-8", "LC_CTYPE": "C"}, False),
        ({"LANG": "C.UTF-8"}, True),
        ({"LANG": "C", "PYTHONUTF8": "1"}, True),
    ],
)
def test_the_locale_says_what_a_terminal_knows(environment: Mapping[str, str], signs: bool) -> None:
    master, slave = pty.openpty()
    with os.fdopen(master, "rb"), os.fdopen(slave, "w", encoding="utf-8") as terminal:
        assert knows_signs(terminal, environment) is signs


def test_a_pipe_takes_what_its_encoding_holds() -> None:
    for encoding, signs in (("utf-8", True), ("ascii", False), ("latin-1", False)):
        with io.TextIOWrapper(io.BytesIO(), encoding=encoding) as pipe:
            assert knows_signs(pipe, {"LANG": "C"}) is signs


def test_in_ascii_everything_can_still_be_read() -> None:
    assert in_ascii("« Échec » – œuvre, 9\u00a0h… → ✓ 日") == '" Echec " - oeuvre, 9\u00a0h... -> + ?'


def test_french_is_not_broken_before_its_marks_on_a_terminal_and_no_odd_space_is_printed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "39")
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    Paper(terminal, language="fr").line("le certificat du serveur a bien expiré : à 9 h 05")
    said = terminal.getvalue()
    assert said.splitlines()[0] == "le certificat du serveur a bien"
    assert said.splitlines()[1] == "expiré : à 9 h 05"
    assert "\u00a0" not in said
