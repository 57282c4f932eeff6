"""The kind `sip` against Kamailio and SIPp. Needs root only because the others here do."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from probes.sip import ANSWERED, STATUS, Sip
from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.result import Outcome, Result
from retabli.net.sip import sip_causes
from tests.climbing import climb, settings
from tests.net.peers import client_files, closed_port
from tests.real.archives import inside, namespace
from tests.real.servers import Server, accepts

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(shutil.which("kamailio") is None, reason="kamailio is not installed"),
]

MODULES = next(iter(Path("/usr/lib").glob("*/kamailio/modules")), Path("/usr/lib/kamailio/modules"))
CONFIGURATION = """
#!KAMAILIO
debug=1
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
listen=udp:127.0.0.1:{port}
listen=tcp:127.0.0.1:{port}
mpath="{modules}/"
{tls}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "auth.so"
loadmodule "siputils.so"
request_route {{
  if (!is_method("OPTIONS")) {{ sl_send_reply("405", "Method Not Allowed"); exit; }}
  if ($rU == "locked") {{ auth_challenge("chu.example", "0"); exit; }}
  if ($rU == "later") {{ append_to_reply("Retry-After: 30\\r\\n"); sl_send_reply("503", "Overloaded"); exit; }}
  if ($rU == "away") {{ sl_send_reply("480", "Temporarily Unavailable"); exit; }}
  if ($rU == "denied") {{ sl_send_reply("403", "Forbidden"); exit; }}
  if ($rU == "nobody") {{ sl_send_reply("404", "Not Found"); exit; }}
  if ($rU == "deaf") {{ drop; }}
  sl_send_reply("200", "OK");
}}
"""


@contextmanager
def kamailio(folder: Path, *, tls: str = "", secure: int | None = None) -> Iterator[tuple[int, Server]]:
    """`tls`: further lines of its configuration, which have it listen at `secure` too."""
    port = closed_port()
    (folder / "kamailio.cfg").write_text(CONFIGURATION.format(port=port, modules=MODULES, tls=tls).lstrip())
    command = [shutil.which("kamailio") or "", "-f", str(folder / "kamailio.cfg"), "-DD", "-E", "-w", str(folder)]
    command += ["-Y", str(folder), "-P", str(folder / "pid"), "-m", "32", "-M", "8"]
    server = Server(command, lambda: accepts(secure or port), folder / "log", listens=(port,))
    server.start()
    try:
        yield port, server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with kamailio(tmp_path_factory.mktemp("kamailio")) as (port, _):
        yield port


async def ask(port: int, user: str = "", **keys: Any) -> Result:
    keys |= {"uri": f"sip:{user}@chu.example"} if user else {}
    return await climb(settings(Sip, host="127.0.0.1", port=port, **keys))


TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])


@TRANSPORTS
async def test_kamailio_answers(port: int, transport: str) -> None:
    result = await ask(port, transport=transport)
    assert (result.outcome, result.stage) == (Outcome.OK, STATUS), result
    assert result.properties["server"].startswith("kamailio")


@TRANSPORTS
@pytest.mark.parametrize(
    ("user", "cause"),
    [
        ("locked", sip_causes.SIP_CREDENTIALS_WANTED),
        ("later", sip_causes.SIP_UNAVAILABLE),
        ("away", sip_causes.SIP_BUSY),
        ("denied", sip_causes.SIP_FORBIDDEN),
        ("nobody", sip_causes.SIP_NOT_FOUND),
    ],
)
async def test_what_kamailio_answers_instead_has_its_cause(port: int, user: str, cause: Cause, transport: str) -> None:
    result = await ask(port, user, transport=transport)
    assert (result.stage, result.cause) == (STATUS, cause), result
    assert (await ask(port, user, transport=transport, expect=["2xx", "4xx", 503])).outcome is Outcome.OK


@TRANSPORTS
async def test_a_kamailio_that_does_not_answer_is_a_timeout(port: int, transport: str) -> None:
    result = await ask(port, "deaf", transport=transport, timeout="700ms")
    assert (result.stage, result.cause) == (ANSWERED, causes.TIMEOUT)


@TRANSPORTS
async def test_a_frozen_and_a_stopped_kamailio_are_told_apart(transport: str, tmp_path: Path) -> None:
    with kamailio(tmp_path) as (port, server):
        server.freeze()
        result = await ask(port, transport=transport, timeout="700ms")
        assert (result.stage, result.cause) == (ANSWERED, causes.TIMEOUT)
        server.stop()
        result = await ask(port, transport=transport)
    refusing = ANSWERED if transport == "udp" else stages.CONNECT
    assert (result.stage, result.cause) == (refusing, causes.REFUSED)


@contextmanager
def kamailio_over_tls(folder: Path, files: dict[str, str], ca: Path, *, demands: int, method: str) -> Iterator[int]:
    """`demands`: 1 to demand a client certificate of that authority."""
    secure = closed_port()
    lines = (
        f"listen=tls:127.0.0.1:{secure}",
        "enable_tls=yes",
        'loadmodule "tls.so"',
        f'modparam("tls", "tls_method", "{method}")',
        f'modparam("tls", "certificate", "{files["client_cert"]}")',
        f'modparam("tls", "private_key", "{files["client_key"]}")',
        f'modparam("tls", "ca_list", "{ca}")',
        f'modparam("tls", "require_certificate", {demands})',
        f'modparam("tls", "verify_certificate", {demands})',
    )
    folder.mkdir()
    with kamailio(folder, tls="\n".join(lines), secure=secure):
        yield secure


@pytest.mark.skipif(not (MODULES / "tls.so").exists(), reason="kamailio-tls-modules is not installed")
async def test_over_tls_kamailios_certificate_is_judged_and_ours_is_demanded(
    tmp_path: Path, authority: trustme.CA, ca_file: Path
) -> None:
    files = client_files(authority.issue_cert("127.0.0.1"), tmp_path)
    trust = {"ca": str(ca_file)}
    with kamailio_over_tls(tmp_path / "open", files, ca_file, demands=0, method="TLSv1.2+") as port:
        untrusting = await ask(port, transport="tls")
        assert (untrusting.stage, untrusting.cause) == (stages.TLS, causes.CERT_UNKNOWN_CA), untrusting
        result = await ask(port, transport="tls", tls=trust)
        assert (result.outcome, result.rung) == (Outcome.OK, 5), result
    with kamailio_over_tls(tmp_path / "mutual", files, ca_file, demands=1, method="TLSv1.2+") as port:
        assert (await ask(port, transport="tls", tls={**trust, **files})).outcome is Outcome.OK
        result = await ask(port, transport="tls", tls=trust)
        assert result.cause is causes.CLIENT_CERT_MISSING, result
    with kamailio_over_tls(tmp_path / "old", files, ca_file, demands=0, method="TLSv1") as port:
        result = await ask(port, transport="tls", tls=trust)
        assert (result.stage, result.cause) == (stages.TLS, causes.TLS_VERSION), result


# Firewalls, in a network of their own --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "hook", "cause"),
    [
        ("reject with icmp type admin-prohibited", "input", causes.ADMIN_PROHIBITED),
        ("reject with icmp type host-unreachable", "input", causes.UNREACHABLE),
        ("drop", "input", causes.TIMEOUT),
        ("drop", "output", causes.LOCAL_PERMISSION),
    ],
    ids=["prohibited", "unreachable", "dropped", "our own filter"],
)
def test_a_firewall_says_no_to_a_datagram_in_its_own_way(rule: str, hook: str, cause: Cause) -> None:
    with namespace() as name:
        rules = f"table inet wall {{ chain door {{\ntype filter hook {hook} priority 0\nudp dport 5060 {rule}\n}}\n}}\n"
        subprocess.run(["ip", "netns", "exec", name, "nft", "-f", "-"], input=rules, text=True, check=True)
        probe = settings(Sip, host="127.0.0.1", timeout="600ms")
        result = inside(name, lambda: asyncio.run(climb(probe)))
    assert (result.stage, result.cause) == (ANSWERED, cause), result


# SIPp ----------------------------------------------------------------------------------------------------------------

SCENARIO = """<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="a switchboard">
  <recv request="OPTIONS"/>
  <send><![CDATA[
    SIP/2.0 {status}
    [last_Via:]
    [last_From:]
    [last_To:];tag=[call_number]
    [last_Call-ID:]
    [last_CSeq:]
    Content-Length: 0

  ]]></send>
</scenario>
"""


@contextmanager
def sipp(folder: Path, status: str, *options: str) -> Iterator[int]:
    """SIPp as a switchboard that answers one status."""
    port = closed_port()
    (folder / "scenario.xml").write_text(SCENARIO.format(status=status))
    command = [shutil.which("sipp") or "", "-sf", str(folder / "scenario.xml"), "-i", "127.0.0.1", "-p", str(port)]
    command += ["-nostdin", *options]

    def listens() -> bool:
        seen = subprocess.run(["ss", "-Hlntu", f"sport = :{port}"], capture_output=True, text=True, check=True)
        return bool(seen.stdout.strip())

    server = Server(command, listens, folder / "log")
    server.start()
    try:
        yield port
    finally:
        server.stop()


needs_sipp = pytest.mark.skipif(shutil.which("sipp") is None, reason="sip-tester is not installed")


@needs_sipp
@pytest.mark.parametrize(("transport", "option"), [("udp", "u1"), ("tcp", "t1")])
@pytest.mark.parametrize(
    ("status", "cause"),
    [("200 OK", None), ("500 Oops", sip_causes.SIP_SERVER_ERROR), ("486 Busy", sip_causes.SIP_BUSY)],
)
async def test_sipp_answers_as_it_is_told(
    tmp_path: Path, status: str, cause: Cause | None, transport: str, option: str
) -> None:
    with sipp(tmp_path, status, "-t", option) as port:
        result = await ask(port, transport=transport)
    assert (result.stage, result.cause) == (STATUS, cause), result
