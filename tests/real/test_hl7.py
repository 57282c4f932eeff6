"""The kinds `hl7_mllp` and `report_loop` against MLLP servers that are not ours, Postfix and Dovecot."""

import asyncio
import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from probes.hl7_mllp import Hl7Mllp
from probes.report_loop import ReportLoop
from retabli.model.result import Result
from retabli.model.settings import Mailbox
from tests.climbing import climb, settings
from tests.mail_servers import HOST, authority
from tests.net.hl7_engines import RESULT, write
from tests.net.peers import closed_port
from tests.real.servers import Dovecot, Postfix, Server, accepts, dovecot, postfix, write_identity
from tests.real.test_firewalls import Namespace, namespace
from tests.said import climbed, told

__all__ = ["namespace"]  # a fixture

pytestmark = [pytest.mark.real, pytest.mark.timeout(60)]

ROOT = Path(__file__).parent.parent.parent


@contextmanager
def engine(folder: Path, answers: str = "AA", *, inside: tuple[str, ...] = (), **keys: Any) -> Iterator[Server]:
    """One engine in a process of its own, started by the command `inside` if one is given."""
    port = closed_port() if not inside else 2575
    told = json.dumps({"port": port, "answers": answers, **keys})
    command = [*inside, sys.executable, "-m", "tests.real.hl7_engine", told]
    ready = (lambda: accepts(port)) if not inside else lambda: _listens(inside, port)
    server = Server(command, ready, folder / f"engine-{port}.log", (port,) if not inside else ())
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _listens(inside: tuple[str, ...], port: int) -> bool:
    listening = subprocess.run([*inside, "ss", "-Hltn", f"sport = :{port}"], capture_output=True, check=True)
    return bool(listening.stdout.strip())


async def sent(server: Server, folder: Path, content: bytes = RESULT, **keys: Any) -> Result:
    given: dict[str, Any] = {"host": HOST, "port": server.listens[0], "message": write(folder, content)}
    return await climb(settings(Hl7Mllp, **(given | keys)))


def enhanced(application: str) -> bytes:
    return RESULT.replace(b"|T|2.5.1\r", f"|T|2.5.1|||AL|{application}\r".encode())


# hl7_mllp -------------------------------------------------------------------------------------------------------------


async def test_the_whole_ladder_is_climbed(tmp_path: Path) -> None:
    with engine(tmp_path) as server:
        result = await sent(server, tmp_path)
        assert told(result) == ("ok", "applied", None), result.detail
        assert climbed(result) == ["resolve", "connect", "framed", "acknowledged", "matched", "applied"]
        server.stop()
        assert told(await sent(server, tmp_path)) == ("failed", "connect", "refused")


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ("AE", ("failed", "applied", "application_error")),
        ("AR", ("unknown", "applied", "application_rejected")),
        ("CR", ("failed", "applied", "commit_rejected")),
        ("XX", ("failed", "applied", "unknown_ack_code")),
        ("wrong", ("failed", "matched", "wrong_control_id")),
        ("CA", ("failed", "applied", "no_application_ack")),
        ("none", ("failed", "framed", "silent")),
    ],
)
async def test_each_refusal_is_told(tmp_path: Path, answers: str, expected: tuple[str, str, str]) -> None:
    with engine(tmp_path, answers) as server:
        result = await sent(server, tmp_path, timeout="3s")
    assert told(result) == expected
    if answers in ("AE", "AR", "CR"):
        assert result.detail == "204 unknown key identifier (E) PID^1^3"
    assert "PATIENT" not in result.detail


async def test_a_commit_and_then_the_application(tmp_path: Path) -> None:
    with engine(tmp_path, "CA AA") as server:
        result = await sent(server, tmp_path, enhanced("AL"), expect=["CA", "AA"])
        assert (told(result)[0], climbed(result)[-2:]) == ("ok", ["committed", "applied"])
    with engine(tmp_path, "CA") as server:
        result = await sent(server, tmp_path, enhanced("NE"), expect=["CA"])
        assert (told(result)[0], climbed(result)[-1]) == ("ok", "committed")


async def test_a_frozen_engine_is_silent(tmp_path: Path) -> None:
    with engine(tmp_path) as server:
        server.freeze()
        result = await sent(server, tmp_path, timeout="1s")
    assert told(result) == ("failed", "framed", "silent")


async def test_tls_mutual_tls_and_either_mistaken_for_the_other(tmp_path: Path) -> None:
    certificate, key = write_identity(tmp_path)
    ca = tmp_path / "ca.pem"
    authority().cert_pem.write_to_path(ca)
    tls = {"ca": str(ca)}
    own = {"client_cert": str(certificate), "client_key": str(key)}
    with engine(tmp_path, tls=[str(certificate), str(key)]) as server:
        result = await sent(server, tmp_path, tls=tls)
        assert (told(result), climbed(result)[2]) == (("ok", "applied", None), "tls")
        assert told(await sent(server, tmp_path)) == ("failed", "framed", "tls_wanted")
        assert told(await sent(server, tmp_path, tls={"mode": "implicit"}))[1:] == ("tls", "cert_unknown_ca")
    with engine(tmp_path, tls=[str(certificate), str(key), str(ca)]) as server:
        missing = await sent(server, tmp_path, tls=tls)  # this server hangs up without the alert that would say so
        assert told(missing) == ("failed", "tls", "closed_early")
        assert "client certificate, which we do not have" in missing.detail
        assert told(await sent(server, tmp_path, tls=tls | own)) == ("ok", "applied", None)
    with engine(tmp_path) as server:
        assert told(await sent(server, tmp_path, tls=tls, timeout="1s")) == ("failed", "tls", "tls_unanswered")


async def test_another_librarys_server_acknowledges_too(tmp_path: Path) -> None:
    with engine(tmp_path, library="hl7apy") as server:
        assert told(await sent(server, tmp_path)) == ("ok", "applied", None)
        other = RESULT.replace(b"ORU^R01^ORU_R01", b"ADT^A01^ADT_A01")
        result = await sent(server, tmp_path, other)
        assert told(result) == ("unknown", "applied", "application_rejected")
        assert result.detail == "200 unsupported message type (E)"


def test_a_network_that_swallows_the_message_is_told_from_a_silent_engine(namespace: Namespace, tmp_path: Path) -> None:
    inside = ("ip", "netns", "exec", namespace.name)
    long = write(tmp_path, RESULT + b"NTE|1||" + b"x" * 900 + b"\r")
    with engine(tmp_path, inside=inside) as server:
        seen = namespace.climb("hl7_mllp", host="127.0.0.1", message=long)
        assert seen["outcome"] == "ok", seen
        server.freeze()
        seen = namespace.climb("hl7_mllp", host="127.0.0.1", message=long, timeout="1s")
        assert (seen["stage"], seen["cause"], seen["side"]) == ("framed", "silent", "partner_down")
        server.thaw()
        namespace.refuse("tcp dport 2575 meta length > 600 drop")
        seen = namespace.climb("hl7_mllp", host="127.0.0.1", message=long, timeout="1s")
        assert (seen["stage"], seen["cause"], seen["side"]) == ("framed", "timeout", "network")
        assert "lost on the way" in seen["detail"]


# report_loop ----------------------------------------------------------------------------------------------------------

SENDER, PRESCRIBER = "sender@chu.test", "probe@chu.test"
REPORT = RESULT.replace(b"OBR|1||", b"OBR|1||{token}")


class Site:
    """An engine that mails reports through this relay, and a test prescriber's mailbox."""

    def __init__(self, relay: Postfix, boxes: Dovecot, folder: Path) -> None:
        self.relay, self.boxes, self.folder = relay, boxes, folder
        self.memory: dict[str, Any] = {}

    def mailbox(self, user: str) -> Mailbox:
        keys: dict[str, Any] = {
            "name": user,
            "imap": HOST,
            "port": self.boxes.imaps,
            "tls": {"mode": "implicit", "ca": str(self.folder / "ca.pem")},
            "user": user,
            "password": {"file": str(self.folder / "password")},
        }
        return Mailbox.model_validate(keys, context={"folder": Path()})

    @contextmanager
    def engine(self, answers: str = "AA", **keys: Any) -> Iterator[Server]:
        given: dict[str, Any] = {"mail": self.relay.port, "from": SENDER, "to": PRESCRIBER}
        with engine(self.folder, answers, **(given | keys)) as server:
            yield server

    async def loop(self, server: Server, memory: dict[str, Any] | None = None, **keys: Any) -> Result:
        given: dict[str, Any] = {
            "submit": {"host": HOST, "port": server.listens[0], "message": write(self.folder, REPORT)},
            "mail_from": SENDER,
            "rcpt_to": PRESCRIBER,
            "mailbox": self.mailbox("probe"),
            "bounces": self.mailbox("sender"),
            "key": {"file": str(self.folder / "key")},
            "within": "15s",
            "timeout": "8s",
        }
        return await climb(settings(ReportLoop, **(given | keys)), memory=self.memory if memory is None else memory)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("reports")
    authority().cert_pem.write_to_path(folder / "ca.pem")
    for name, content in (("key", b"the key"), ("password", b"secret\n")):
        (folder / name).write_bytes(content)
    with ExitStack() as stack:
        boxes = stack.enter_context(dovecot(dict.fromkeys(("probe", "sender"), "secret")))
        names = ("probe", "sender", "ghost")  # of whom Dovecot does not know the last
        services = {"smtp": {}, "hold": {"smtpd_client_restrictions": "static:HOLD"}}
        relay = stack.enter_context(postfix(services=services, recipients=names, lmtp=boxes.lmtp))
        yield Site(relay, boxes, folder)


async def test_a_report_goes_through_postfix_into_dovecot_and_is_found_inside_its_archive(site: Site) -> None:
    with site.engine() as server:
        for _ in range(2):
            result = await site.loop(server)
            assert told(result) == ("ok", "on_time", None), result.detail
            assert climbed(result) == [
                *("resolve", "connect", "framed", "acknowledged", "delivered", "content", "on_time")
            ]
    maildir = site.boxes.folder / "mail/probe/Maildir"
    assert [file for where in ("new", "cur") for file in (maildir / where).iterdir()] == []


async def test_a_broken_archive_a_stuck_engine_and_a_refused_report_are_told_apart(site: Site) -> None:
    with site.engine(broken=True) as server:
        assert told(await site.loop(server)) == ("failed", "content", "archive_broken")
    with site.engine(mail="never") as server:
        assert told(await site.loop(server, within="2s")) == ("failed", "delivered", "late")
    with site.engine("AE", mail="never") as server:
        result = await site.loop(server)
    assert told(result) == ("failed", "acknowledged", "application_error")
    assert result.detail == "204 unknown key identifier (E) PID^1^3"


async def test_a_report_that_postfix_returns_is_bounced(site: Site) -> None:
    with site.engine(to="ghost@chu.test", broken=True) as server:  # the token stands in the subject
        result = await site.loop(server)
    assert told(result) == ("failed", "delivered", "bounced")
    assert result.detail.startswith("5.1.1 unknown recipient: ")


async def test_a_queue_that_held_a_report_back_shows_when_it_is_let_go(site: Site) -> None:
    memory: dict[str, Any] = {}
    with site.engine(mail=site.relay.ports["hold"]) as server:
        assert told(await site.loop(server, memory, within="4s")) == ("failed", "delivered", "late")
        second = asyncio.create_task(site.loop(server, memory, within="4s"))
        await asyncio.sleep(1.5)  # it is handed over, and the mailbox was looked at since
        held = sorted((site.relay.folder / "queue/hold").iterdir(), key=lambda file: file.stat().st_mtime)
        subprocess.run(["postsuper", "-c", str(site.relay.folder), "-H", held[0].name], check=True, capture_output=True)
        site.relay.flush()
        result = await second
    assert told(result) == ("ok", "acknowledged", "relay_holding")
    assert not result.whole


async def test_a_prescribers_server_that_is_frozen_leaves_the_arrival_unjudged(site: Site) -> None:
    with site.engine() as server:
        site.boxes.freeze()
        try:
            result = await site.loop(server, timeout="2s", within="1s")
        finally:
            site.boxes.thaw()
    assert told(result) == ("unknown", "delivered", "mailbox_unreadable")


# What a directory may be like: by mounts of their own, in a mount namespace of their own.
DIRECTORIES = {
    "full": ("size=4k,nr_inodes=2", "echo x > {0}/x", "", "failed", "directory_unusable", "No space left"),
    "read-only": ("size=64k", "mount -o remount,ro {0}", "", "failed", "directory_unusable", "Read-only"),
    "forbidden": (
        "size=64k,mode=755",
        "true",
        "env -u PYTEST_CURRENT_TEST setpriv --reuid 65534 --regid 65534 --clear-groups",  # nobody may note it either
        "unknown",
        "local_permission",
        "Permission denied",
    ),
}


@pytest.mark.parametrize("name", DIRECTORIES)
def test_a_directory_that_takes_no_file_is_told_from_one_that_we_may_not_write(name: str) -> None:
    options, spoil, who, outcome, cause, detail = DIRECTORIES[name]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        (folder / "out").mkdir()
        (folder / "key").write_bytes(b"the key")
        keys = {
            "submit": {"message": write(folder, REPORT), "directory": str(folder / "out")},
            "mailbox": {"imap": HOST, "port": 1, "user": "probe", "password": {"file": str(folder / "key")}},
            "key": {"file": str(folder / "key")},
        }
        script = f"mount -t tmpfs -o {options} tmpfs {folder}/out && {spoil.format(folder / 'out')} && exec {who} "
        script += f"{sys.executable} -m tests.real.one_climb report_loop {shlex.quote(json.dumps(keys))}"
        done = subprocess.run(["unshare", "-m", "sh", "-c", script], cwd=ROOT, capture_output=True, check=True)
    seen = json.loads(done.stdout)
    assert (seen["outcome"], seen["stage"], seen["cause"]) == (outcome, "written", cause)
    assert detail in seen["detail"]
