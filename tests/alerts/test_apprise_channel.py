"""The channel `apprise`: the real library in a process of its own, and receivers that take, refuse, hang and flood."""

import asyncio
import importlib.util
import os
import subprocess
import sys
import time
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest
from blockbuster import blockbuster_ctx
from pydantic import ValidationError

from retabli.alerts.channels import CHANNELS, build
from retabli.alerts.channels.apprise import Apprise, AppriseChannel
from retabli.alerts.channels.apprise_send import MOST_MEMORY, hidden
from retabli.alerts.channels.channel import NotAccepted
from retabli.model.record import Message
from tests.alerts.hooks import SENT, endless, hangs, ok, receiving, says
from tests.alerts.messages import PAGE, grouped, heartbeat, page
from tests.entrance import HOME

TOKEN = "s3cr3t-t0k3n"


def channel(folder: Path, *urls: str, **given: Any) -> Apprise:
    """With each address in a file of its own."""
    places = []
    for number, url in enumerate(urls):
        (folder / f"url-{number}").write_text(url)
        places.append({"file": str(folder / f"url-{number}")})
    settings = CHANNELS["apprise"].model_validate(
        {"kind": "apprise", "urls": places} | given, context={"folder": folder}
    )
    assert isinstance(settings, Apprise)
    return settings


def address(port: int) -> str:
    return f"json://watcher:{TOKEN}@127.0.0.1:{port}/{TOKEN}"


async def refusal(folder: Path, *urls: str, message: Message | None = None, **given: Any) -> str:
    with pytest.raises(NotAccepted) as refused:
        await build(channel(folder, *urls, **given)).send(message or page())
    assert TOKEN not in str(refused.value.words)
    return refused.value.reason


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (page(), "failure"),
        (page(reason="degraded"), "warning"),
        (page("reminder"), "warning"),
        (page("resolved"), "success"),
        (page("test"), "info"),
        (grouped(), "failure"),
        (heartbeat(), "info"),
    ],
    ids=["firing", "degraded", "reminder", "resolved", "test", "grouped", "heartbeat"],
)
async def test_every_status_arrives_with_its_summary_its_text_and_its_type(
    message: Message, kind: str, tmp_path: Path
) -> None:
    async with receiving(ok) as hook:
        await build(channel(tmp_path, address(hook.port))).send(message)
    (request,) = hook.requests
    assert request.json["type"] == kind
    assert request.json["message"]
    if message.body.get("summary") == PAGE["summary"]:
        assert (request.json["title"], request.json["message"]) == (PAGE["summary"], PAGE["text"])


async def test_an_address_that_refuses_is_tried_again_alone_and_told_by_its_place(tmp_path: Path) -> None:
    async with receiving(ok) as good, receiving(says(500), ok) as bad:
        built = build(channel(tmp_path, address(good.port), address(bad.port)))
        with pytest.raises(NotAccepted) as refused:
            await built.send(page())
        await built.send(page())
    assert refused.value.reason.startswith(f"urls[1] ({tmp_path}/url-1): refused: ")
    assert "500" in refused.value.reason
    assert "urls[0]" not in refused.value.reason
    assert TOKEN not in refused.value.reason
    assert (len(good.requests), len(bad.requests)) == (1, 2)


async def test_one_that_hangs_holds_up_no_other_address_and_ends_with_its_time(tmp_path: Path) -> None:
    async with receiving(hangs, ok) as slow, receiving(ok) as good:
        built = build(channel(tmp_path, f"{address(slow.port)}?rto=60", address(good.port), timeout="3s"))
        began = time.monotonic()
        with pytest.raises(NotAccepted, match=r"^urls\[0\] .*: no answer within 3s$"):
            await built.send(page())
        assert time.monotonic() - began < 8
        await built.send(page())
    assert (len(slow.requests), len(good.requests)) == (2, 1)


async def test_who_took_it_is_not_told_again_though_the_send_was_cancelled(tmp_path: Path) -> None:
    async with receiving(ok) as good, receiving(hangs, ok) as slow:
        built = build(channel(tmp_path, address(good.port), f"{address(slow.port)}?rto=60"))
        assert isinstance(built, AppriseChannel)
        task = asyncio.create_task(built.send(page()))
        await slow.until(1)
        while len(built.receivers.left(page())) == 2:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await built.send(page())
    assert (len(good.requests), len(slow.requests)) == (1, 2)


async def test_an_answer_without_end_costs_the_daemon_nothing(tmp_path: Path) -> None:
    before, sent = memory(), len(SENT)
    async with receiving(endless(200)) as hook:
        assert (await refusal(tmp_path, address(hook.port), timeout="20s")).startswith("refused: ")
    assert memory() - before < 50 * 2**20
    assert sum(SENT[sent:]) < 2 * MOST_MEMORY, "its process ends when it has taken so much"


def memory() -> int:
    """Bytes that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def test_what_it_cannot_use_or_reach_is_told(tmp_path: Path) -> None:
    assert "does not understand this address" in await refusal(tmp_path, f"nonsense://{TOKEN}")
    assert "refused: " in await refusal(tmp_path, address(1))
    missing = channel(tmp_path, "json://127.0.0.1")
    (tmp_path / "url-0").unlink()
    with pytest.raises(NotAccepted, match="url-0: No such file"):
        await build(missing).send(page())


async def test_the_loop_is_not_blocked_and_a_cancelled_send_leaves_nothing_behind(tmp_path: Path) -> None:
    async with receiving(hangs) as hook:
        built = build(channel(tmp_path, f"{address(hook.port)}?rto=60"))
        with blockbuster_ctx():
            task = asyncio.create_task(built.send(page()))
            await hook.until(1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
    assert not [pid for pid in children() if b"apprise_send" in command_line(pid)]


def children() -> list[int]:
    return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


def command_line(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


UNDERSTOOD = """
import apprise, sys
for url in sys.argv[1:]:
    scheme = url.partition("://")[0]
    services = apprise.Apprise().details(show_requirements=True, show_disabled=True)["schemas"]
    services = [each for each in services if each["secure_protocols"]]
    (service,) = (each for each in services if scheme in each["secure_protocols"])
    assert not service["enabled"] or apprise.Apprise.instantiate(url) is not None, url
    print(scheme, service["enabled"] or service["requirements"]["packages_required"])
"""


def test_apprise_understands_what_hospitals_use() -> None:
    urls = [
        "matrixs://retabli:password@matrix.chu.test/!room:chu.test",
        "mmosts://mattermost.chu.test/" + "a" * 24,
        "workflows://prod-01.westeurope.logic.azure.test:443/" + "a" * 20 + "/" + "b" * 20,  # Teams
    ]
    done = subprocess.run([sys.executable, "-c", UNDERSTOOD, *urls], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["matrixs True", "mmosts True", "workflows True"]


async def test_a_service_that_needs_one_more_package_says_which(tmp_path: Path) -> None:
    said = await refusal(tmp_path, f"mqtts://retabli:{TOKEN}@127.0.0.1/duty")
    assert said.startswith("refused: it needs paho-mqtt")


async def test_xmpp_is_not_given_to_it_as_it_calls_sent_what_no_server_took(tmp_path: Path) -> None:
    said = await refusal(tmp_path, f"xmpps://retabli:{TOKEN}@127.0.0.1/duty@chu.test")
    assert said == "refused: Apprise does not know whether an XMPP server took a message: use the kind xmpp"


NOT_IMPORTED = """
import sys
import retabli.alerts.channels
assert "apprise" not in sys.modules, "by the channels"
from config.loading import load
from pathlib import Path
load(Path(sys.argv[1]))
assert "apprise" not in sys.modules, "by a configuration"
"""


@pytest.mark.parametrize("settings", ["{kind: exec, command: [/bin/true]}", "{kind: apprise, urls: [{env: URL}]}"])
def test_the_library_is_not_imported_by_the_daemon(settings: str, tmp_path: Path) -> None:
    path = tmp_path / "retabli.yaml"
    path.write_text(
        "site: {name: T}\n"
        "alerts: {channels: {duty: " + settings + "}}\n"
        "flows: {a: {intent: open, probes: {p: {kind: tcp, host: h.example, port: 25}}}}\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(HOME), "URL": "json://127.0.0.1"}
    command = [sys.executable, "-c", NOT_IMPORTED, str(path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_missing_library_is_a_fault_that_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = channel(tmp_path, "json://127.0.0.1")
    assert not list(settings.faults())
    real = importlib.util.find_spec

    def without_apprise(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "apprise" else real(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without_apprise)
    (fault,) = settings.faults()
    assert fault.endswith('pip install "retabli[apprise]"')


def test_an_address_in_clear_is_a_fault() -> None:
    with pytest.raises(ValidationError, match="not written in clear"):
        CHANNELS["apprise"].model_validate({"kind": "apprise", "urls": ["json://127.0.0.1"]})


def test_a_reason_shows_no_part_of_an_address_but_its_scheme() -> None:
    said = hidden(
        "Failed: xmpps://me:p%40ss@chu.test/duty at chu.test as ME with p@ss, token aa",
        "xmpps://me:p%40ss@chu.test/duty?x=aa",
    )
    assert said == "Failed: xmpps://***:***@***/*** at *** as *** with ***, token ***"
