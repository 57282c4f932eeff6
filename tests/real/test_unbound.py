"""The kind `dns`, and every kind's resolver, against unbound. Needs root only because the others here do."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from probes.dns import ANSWERS_DIFFER, Dns
from probes.tcp import Tcp
from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.result import Outcome
from tests.climbing import climb, settings
from tests.net.peers import closed_port, serving, silent
from tests.real.servers import UNBOUND_BEGINS, Server, accepts

pytestmark = [pytest.mark.real, pytest.mark.skipif(shutil.which("unbound") is None, reason="unbound is not installed")]

CONFIGURATION = (
    UNBOUND_BEGINS
    + """
  interface: 127.0.0.1@{port}
  access-control: 127.0.0.0/8 {access}
  do-ip6: no
  do-not-query-localhost: no
  local-zone: "chu.test." static
  local-data: "www.chu.test. A 127.0.0.1"
  local-data: "chu.test. MX 10 mail.chu.test."
  local-data: 'chu.test. TXT "v=spf1 -all"'
  local-data: "many.chu.test. TXT {long}"
  local-zone: "denied.test." refuse
forward-zone:
  name: "dead.chu.example."
  forward-addr: 127.0.0.1@{dead}
forward-zone:
  name: "refused.chu.example."
  forward-addr: 127.0.0.1@{refusing}
remote-control:
  control-enable: no
"""
)


@contextmanager
def unbound(folder: Path, access: str, refusing: int = 1) -> Iterator[int]:
    port = closed_port()
    text = CONFIGURATION.format(
        port=port, dead=closed_port(), folder=folder, access=access, refusing=refusing, long="x" * 250
    )
    (folder / "unbound.conf").write_text(text)
    command = [shutil.which("unbound") or "", "-d", "-c", str(folder / "unbound.conf")]
    server = Server(command, lambda: accepts(port), folder / "log", listens=(port,))
    server.start()
    try:
        yield port
    finally:
        server.stop()


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with unbound(tmp_path_factory.mktemp("refusing"), "refuse") as refusing:
        with unbound(tmp_path_factory.mktemp("unbound"), "allow", refusing) as port:
            yield port


def asking(port: int, **keys: Any) -> Dns:
    return settings(Dns, resolver={"nameservers": ["127.0.0.1"], "port": port}, **keys)


@pytest.mark.parametrize(
    "keys",
    [
        {"name": "www.chu.test", "expect": ["127.0.0.1"]},
        {"name": "chu.test", "type": "MX", "expect": ["10 mail.chu.test."]},
        {"name": "chu.test", "type": "TXT", "expect": ["v=spf1 -all"]},
    ],
    ids=lambda keys: str(keys.get("type", "A")),
)
async def test_what_unbound_knows_is_ok(port: int, keys: dict[str, Any]) -> None:
    result = await climb(asking(port, **keys))
    assert (result.outcome, result.stage) == (Outcome.OK, stages.CONTENT), result


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("nobody.chu.test", causes.NXDOMAIN),
        ("chu.test", causes.NO_DATA),
        ("www.refused.chu.example", causes.SERVFAIL),  # what it forwards to does not serve it
        ("www.dead.chu.example", causes.DNS_TIMEOUT),  # it keeps trying for longer than anybody waits
        ("www.denied.test", causes.DNS_REFUSED),
    ],
    ids=lambda value: getattr(value, "code", value),
)
async def test_what_unbound_cannot_answer_has_its_cause(port: int, name: str, cause: Cause) -> None:
    result = await climb(asking(port, name=name, timeout="10s"))
    assert (result.outcome, result.stage, result.cause) == (Outcome.FAILED, stages.RESOLVE, cause), result


async def test_an_unbound_that_does_not_serve_us_refuses(tmp_path: Path) -> None:
    with unbound(tmp_path, "refuse") as port:
        result = await climb(asking(port, name="www.chu.test"))
    assert (result.stage, result.cause) == (stages.RESOLVE, causes.DNS_REFUSED)


async def test_an_answer_that_differs_is_content(port: int) -> None:
    result = await climb(asking(port, name="www.chu.test", expect=["127.0.0.2"]))
    assert (result.stage, result.cause) == (stages.CONTENT, ANSWERS_DIFFER)


async def test_another_kind_resolves_by_it(port: int) -> None:
    async with serving(silent) as open_port:
        resolver = {"nameservers": ["127.0.0.1"], "port": port}
        assert (
            await climb(settings(Tcp, host="www.chu.test", port=open_port, resolver=resolver))
        ).outcome is Outcome.OK
        result = await climb(settings(Tcp, host="www.refused.chu.example", port=open_port, resolver=resolver))
    assert (result.stage, result.cause) == (stages.RESOLVE, causes.SERVFAIL)
