"""The entrance: which command is meant, what it costs to ask, and how a program ends quietly."""

import io
import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

import commands
from commands import _logging
from tests.commands.terminal import run, typed
from tests.entrance import ENTRANCE, HOME

HEAVY = ("pydantic", "yaml", "asyncio", "httpx", "rich", "starlette", "uvicorn", "apscheduler", "cryptography", "ssl")


def imported(*words: str) -> set[str]:
    """The packages that a command line imports."""
    words = (sys.executable, "-X", "importtime", *ENTRANCE[1:], *words)
    ended = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 0, ended.stderr[-500:]
    names = (line.rpartition("|")[2].strip() for line in ended.stderr.splitlines() if line.startswith("import time:"))
    return {name.partition(".")[0] for name in names}


def test_asking_for_help_imports_nothing_heavy() -> None:
    assert imported("--help").isdisjoint(HEAVY)


@pytest.mark.parametrize("name", commands.names())
def test_every_command_says_what_it_is_for_and_how_it_speaks(name: str) -> None:
    ended = typed(name, "--help")
    assert ended.code == 0
    assert " ".join(commands.help_of(name).split()) in " ".join(ended.out.split())
    assert commands.help_of(name) == commands.command(name).HELP
    assert "--log-format" in ended.out


def test_help_lists_every_command_with_a_line() -> None:
    shown = " ".join(typed("--help").out.split())
    for name in commands.names():
        assert f"{name} {' '.join(commands.help_of(name).split())}" in shown


def test_the_version_is_told() -> None:
    assert typed("--version").out.startswith("retabli 0.")


@pytest.mark.parametrize("words", [[], ["chek"], ["check", "--confg", "x"], ["--nonsense"]])
def test_a_mistyped_command_line_exits_with_2(words: list[str]) -> None:
    ended = typed(*words)
    assert (ended.code, ended.out) == (2, "")
    assert "usage:" in ended.err


def test_a_bad_configuration_is_told_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("site: {name: T}\nflows: 3\n")
    ended = run("check", "--config", tmp_path)
    assert ended.returncode == 2
    assert ended.stderr == f"{tmp_path}/bad.yaml:2: flows: a mapping (key: value) is wanted here\n"


def test_a_reader_that_leaves_early_is_no_fault() -> None:
    with subprocess.Popen([*ENTRANCE, "schema"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        process.wait(20)
        assert process.stderr.read() == b""


def test_the_module_is_the_same_program(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "retabli", "--version"]
    environment = {"PYTHONPATH": str(HOME), "PATH": "/usr/bin:/bin"}
    ended = subprocess.run(
        words, capture_output=True, text=True, timeout=20, check=False, cwd=tmp_path, env=environment
    )
    assert ended.stdout == run("--version").stdout


def test_a_terminal_without_our_signs_is_written_to_all_the_same() -> None:
    words = [*ENTRANCE, "check", "--config", str(HOME / "config" / "minimal.yaml")]
    environment = {"PYTHONIOENCODING": "ascii", "PATH": "/usr/bin:/bin"}
    ended = subprocess.run(words, capture_output=True, timeout=20, check=False, env=environment)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert b"resolve ? connect" in ended.stdout


# what the program says of itself -----------------------------------------------------------------------------------


def logged(form: str, write: "logging.LogRecord") -> str:
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        _logging.set_up(form, "info", stream)
        root.handle(write)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    return stream.getvalue()


def record(message: str, error: Exception | None = None) -> logging.LogRecord:
    trace = (type(error), error, error.__traceback__) if error is not None else None
    made = logging.LogRecord("retabli.x", logging.WARNING, "x.py", 1, message, (), trace)
    made.created = 1688371200.25
    return made


def test_a_line_for_people_has_its_instant_level_and_part() -> None:
    assert logged("text", record("it rains")) == "2023-07-03T08:00:00.250Z warning retabli.x: it rains\n"


def test_nobody_writes_a_second_line_into_the_log() -> None:
    assert logged("text", record("a\nerror: \x1b[31mb")).count("\n") == 1
    assert "\x1b" not in logged("text", record("a\nerror: \x1b[31mb"))
    assert len(logged("json", record("a\nb")).splitlines()) == 1


def test_a_defect_brings_its_traceback_in_either_form() -> None:
    try:
        raise ValueError("no\x1b")
    except ValueError as error:
        failed = record("a defect", error)
    assert "    ValueError: no" in logged("text", failed)
    row = json.loads(logged("json", failed))
    assert (row["level"], row["logger"], row["message"]) == ("warning", "retabli.x", "a defect")
    assert "ValueError: no" in row["trace"]
