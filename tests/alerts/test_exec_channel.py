"""The channel `exec`: real programs, given the message as arguments and on standard input, ended with their group."""

import asyncio
import json
import os
import stat
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from blockbuster import blockbuster_ctx
from pydantic import ValidationError

from retabli.alerts.channels import CHANNELS, build
from retabli.alerts.channels.channel import NotAccepted
from retabli.alerts.channels.command import Exec, arguments
from retabli.alerts.channels.placeholders import fields_of
from retabli.model.record import Message
from tests.alerts.messages import grouped, heartbeat, page


def channel(*command: str, **given: Any) -> Exec:
    settings = CHANNELS["exec"].model_validate(
        {"kind": "exec", "command": list(command)} | given, context={"folder": Path("/")}
    )
    assert isinstance(settings, Exec)
    return settings


async def send(message: Message, *command: str, **given: Any) -> None:
    built = build(channel(*command, **given))
    try:
        await built.send(message)
    finally:
        await built.close()


async def refusal(*command: str, message: Message | None = None, **given: Any) -> str:
    with pytest.raises(NotAccepted) as refused:
        await send(message or page(), *command, **given)
    return refused.value.reason


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A gateway that writes down what it was given, and what it found around it."""
    path, out = tmp_path / "send-sms", tmp_path / "given.json"
    path.write_text(
        f"#!{sys.executable}\nimport json, os, sys\n"
        "given = {'arguments': sys.argv[1:], 'body': json.load(sys.stdin), 'environment': dict(os.environ)}\n"
        f"json.dump(given, open({str(out)!r}, 'w'))\n"
    )
    path.chmod(0o755)
    return path


def given(program: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((program.parent / "given.json").read_text())
    return found


async def test_without_a_placeholder_the_text_is_the_last_argument_and_the_whole_message_is_read(program: Path) -> None:
    await send(page(), str(program), "+33600000000")
    seen = given(program)
    assert seen["arguments"] == ["+33600000000", page().body["text"]]
    assert seen["body"] == page().body
    assert seen["environment"]["RETABLI_KEY"] == "4f2a-firing"


async def test_placeholders_stand_for_fields_and_the_text_is_then_not_added(program: Path) -> None:
    await send(page(), str(program), "--to={owner}", "{summary}", "{status}/{flow} {{}}", "plain {{x}}")
    assert given(program)["arguments"] == [
        "--to=Équipe messagerie",
        page().body["summary"],
        "firing/mail-out {}",
        "plain {x}",
    ]


@pytest.mark.parametrize("message", [grouped(), heartbeat(), page("resolved"), page("reminder")])
async def test_every_status_arrives_with_a_text(program: Path, message: Message) -> None:
    await send(message, str(program), "number")
    seen = given(program)
    assert seen["arguments"][-1]
    assert seen["body"]["status"] == message.body["status"]
    assert seen["body"].get("pages") == message.body.get("pages")


async def test_no_shell_reads_an_argument(program: Path, tmp_path: Path) -> None:
    evil = f"; touch {tmp_path}/owned $(touch {tmp_path}/owned) `touch {tmp_path}/owned` 'x\" \n&"
    await send(page(text=evil), str(program))
    assert given(program)["arguments"] == [evil]
    assert not (tmp_path / "owned").exists()


def test_what_a_remote_said_is_not_taken_for_an_option_and_has_no_nul() -> None:
    fields = fields_of(page(detail="--config=/etc/shadow\0x", text="-rf"))
    assert arguments(["/p", "{detail}", "--said={detail}"], fields) == [
        "/p",
        " --config=/etc/shadow x",
        "--said=--config=/etc/shadow x",
    ]
    assert arguments(["/p", "-q"], fields) == ["/p", "-q", " -rf"]


async def test_a_text_longer_than_an_argument_may_be_is_cut_and_is_whole_on_standard_input(program: Path) -> None:
    text = "é" * 200_000
    await send(page(text=text), str(program), "{text}", "{text}", "{text}")
    seen = given(program)
    assert [len(each.encode()) for each in seen["arguments"]] == [131_070] * 3
    assert seen["body"]["text"] == text


async def test_it_finds_nothing_of_the_daemons_own_but_what_it_is_given(
    program: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", "daemon's own")
    (tmp_path / "token").write_text("gateway's token\n")
    await send(page(), str(program), environment={"TOKEN": {"file": str(tmp_path / "token")}, "SITE": "chu"})
    environment = given(program)["environment"]
    environment.pop("LC_CTYPE", None)  # Python's own
    assert set(environment) - {"TZ"} == {"PATH", "LANG", "RETABLI_KEY", "TOKEN", "SITE"}
    assert environment["TOKEN"] == "gateway's token"


async def test_what_it_says_when_it_fails_is_told_without_its_secrets(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hush")
    said = await refusal(
        "/bin/sh",
        "-c",
        "echo no credit for $TOKEN >&2; exit 3",
        "sh",
        environment={"TOKEN": {"file": f"{tmp_path}/token"}},
    )
    assert said == "the program ends with 3: no credit for ***"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 1", "the program ends with 1"),
        ("echo out; exit 2", "the program ends with 2: out"),
        ("kill -9 $$", "signal 9 killed the program"),
        ("yes", "the program writes more than 65536 bytes"),
        ("sleep 60 & sleep 60", "the program did not end within 300ms"),
        ("trap '' TERM; sleep 60", "the program did not end within 300ms"),
    ],
)
async def test_anything_but_status_0_in_time_is_not_accepted(script: str, reason: str) -> None:
    began = time.monotonic()
    assert await refusal("/bin/sh", "-c", script, "sh", timeout="300ms") == reason
    assert time.monotonic() - began < 5


async def gone(pid: Path) -> bool:
    """Whether that program has ended within moments: a signal that was sent is not yet one that was delivered."""
    for _ in range(200):
        if not runs(pid):
            return True
        await asyncio.sleep(0.01)
    return False


def runs(pid: Path) -> bool:
    """Whether that program still runs; one that is dead and not yet reaped by its parent has no command line."""
    try:
        return bool(Path(f"/proc/{pid.read_text().strip()}/cmdline").read_bytes())
    except FileNotFoundError:
        return False


async def test_its_whole_group_is_gone_when_its_time_is_up(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    await refusal("/bin/sh", "-c", f"sleep 60 & echo $! > {pid}; wait", "sh", timeout="500ms")
    assert await gone(pid)


async def test_its_group_is_gone_when_the_send_is_cancelled(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    task = asyncio.create_task(send(page(), "/bin/sh", "-c", f"echo $$ > {pid}; sleep 60", "sh"))
    while not pid.exists() or not pid.read_text():
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await gone(pid)


async def test_a_program_that_reads_nothing_takes_a_large_message_all_the_same() -> None:
    await send(page(text="x" * 2_000_000), "/bin/true", "{key}")


async def test_many_at_once_do_not_block_the_loop(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    with blockbuster_ctx():
        await asyncio.gather(*(send(page(), "/bin/sh", "-c", f"echo {{key}} >> {ran}", "sh") for _ in range(10)))
    assert len(ran.read_text().splitlines()) == 10


async def test_a_program_that_is_gone_or_no_program_and_a_secret_that_is_missing_are_told(tmp_path: Path) -> None:
    assert await refusal("/nowhere/send-sms") == "/nowhere/send-sms: No such file or directory"
    text = tmp_path / "text"
    text.write_text("no program")
    text.chmod(stat.S_IRWXU)
    assert await refusal(str(text)) == f"{text}: Exec format error"
    assert "/nowhere/token: No such file" in await refusal("/bin/true", environment={"T": {"file": "/nowhere/token"}})


def test_what_is_wrong_with_its_settings_is_told_at_once(tmp_path: Path) -> None:
    wrong = channel("send-sms", "{sumary}", "a\0b", environment={"A=B": "x", "RETABLI_KEY": "x"})
    assert list(wrong.faults()) == [
        'command must begin with an absolute path: "send-sms" is none',
        "command has an argument that no program can be given",
        'command[1]: a message has no field "sumary" (did you mean "summary"?)',
        'environment: no variable can be called "A=B"',
        "environment: RETABLI_KEY is set by Retabli itself",
    ]
    assert "its path takes no placeholder" in " ".join(channel("/bin/{flow}").faults())
    assert list(channel("/nowhere/x").warnings()) == ["/nowhere/x: No such file or directory"]
    assert list(channel(os.devnull).warnings()) == ["/dev/null cannot be executed"]
    assert not [*channel("/bin/true", "+33").faults(), *channel("/bin/true").warnings()]
    with pytest.raises(ValidationError):
        channel()
