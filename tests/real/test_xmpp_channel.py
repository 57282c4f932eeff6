"""Pages through a real Prosody: taken when the server has taken them, and refused with its own reason."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from retabli.alerts.channels import CHANNELS, build
from retabli.alerts.channels.channel import Channel, NotAccepted
from tests.alerts.messages import page
from tests.mail_servers import HOST, authority
from tests.net.peers import closed_port
from tests.real.servers import Server, accepts

pytestmark = [pytest.mark.real, pytest.mark.timeout(60)]

DOMAIN = "chat.chu.test"
DUTY, GHOST = f"duty@{DOMAIN}", f"ghost@{DOMAIN}"

CONFIGURATION = """
run_as_root = true
pidfile = "{folder}/prosody.pid"
data_path = "{folder}/data"
modules_enabled = {{ "roster", "saslauth", "tls", "disco", "offline" }}
modules_disabled = {{ "s2s" }}
c2s_require_encryption = true
authentication = "internal_hashed"
c2s_interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {starttls} }}
c2s_direct_tls_interfaces = {{ "127.0.0.1" }}
c2s_direct_tls_ports = {{ {implicit} }}
s2s_ports = {{}}
http_ports = {{}}
https_ports = {{}}
ssl = {{ key = "{folder}/key.pem", certificate = "{folder}/cert.pem" }}
log = {{ {{ levels = {{ min = "info" }}, to = "console" }} }}
VirtualHost "{domain}"
"""


@dataclass
class Prosody:
    server: Server
    folder: Path
    ports: dict[str, int]

    def kept_for(self, name: str) -> str:
        """What waits for somebody who is not connected."""
        stored = list((self.folder / "data").rglob(f"{name}.list"))
        text = stored[0].read_text() if stored else ""
        return re.sub(r"\\(\d{3})", lambda byte: chr(int(byte[1])), text).encode("latin-1").decode()  # as Lua writes it


@pytest.fixture(scope="module")
def prosody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prosody]:
    folder = tmp_path_factory.mktemp("prosody")
    (folder / "data").mkdir()
    ports = {"starttls": closed_port(), "implicit": closed_port()}
    identity = authority().issue_cert(DOMAIN)
    identity.private_key_pem.write_to_path(folder / "key.pem")
    (folder / "cert.pem").write_bytes(b"".join(each.bytes() for each in identity.cert_chain_pems))
    authority().cert_pem.write_to_path(folder / "ca.pem")
    (folder / "word").write_text("hush-hush")
    (folder / "wrong").write_text("guess-guess")
    configuration = folder / "prosody.cfg.lua"
    configuration.write_text(CONFIGURATION.format(folder=folder, domain=DOMAIN, **ports))
    for name in ("retabli", "duty"):
        register = ["prosodyctl", "--config", str(configuration), "register", name, DOMAIN, "hush-hush"]
        subprocess.run(register, check=True, capture_output=True, timeout=20)
    command = ["prosody", "-F", "--config", str(configuration)]
    listens = tuple(ports.values())
    server = Server(command, lambda: all(map(accepts, listens)), folder / "log", listens)
    server.start()
    yield Prosody(server, folder, ports)
    server.stop()


def channel(prosody: Prosody, mode: str = "starttls", **given: Any) -> Channel:
    keys: dict[str, Any] = {
        "kind": "xmpp",
        "jid": f"retabli@{DOMAIN}",
        "password": {"file": "word"},
        "to": [DUTY],
        "host": HOST,
        "port": prosody.ports[mode],
        "tls": {"mode": mode, "ca": "ca.pem"},
    }
    return build(CHANNELS["xmpp"].model_validate(keys | given, context={"folder": prosody.folder}))


async def refusal(prosody: Prosody, **given: Any) -> str:
    with pytest.raises(NotAccepted) as refused:
        await channel(prosody, **given).send(page())
    assert "guess" not in str(refused.value)
    return refused.value.reason


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
async def test_a_page_waits_for_whoever_is_on_call_with_its_key(prosody: Prosody, mode: str) -> None:
    message = page(f"by-{mode}")
    await channel(prosody, mode).send(message)
    kept = prosody.kept_for("duty")
    assert f"{message.key}-0" in kept
    assert str(message.body["text"]).splitlines()[0] in kept


async def test_of_two_the_one_that_does_not_exist_is_named_in_the_log(
    prosody: Prosody, caplog: pytest.LogCaptureFixture
) -> None:
    await channel(prosody, to=[DUTY, GHOST]).send(page("two"))
    assert "two" in prosody.kept_for("duty")
    assert f"was NOT given to everybody: {GHOST}: service-unavailable" in caplog.text


async def test_what_nobody_took_is_not_accepted(prosody: Prosody) -> None:
    assert await refusal(prosody, to=[GHOST]) == "service-unavailable"


async def test_a_wrong_password_and_a_certificate_of_strangers_are_said(prosody: Prosody) -> None:
    assert await refusal(prosody, password={"file": "wrong"}) == "the account or its password is refused"
    for mode in ("starttls", "implicit"):
        said = await refusal(prosody, mode=mode, tls={"mode": mode})
        assert "its certificate is not trusted" in said


async def test_a_server_that_stands_still_is_left_at_the_deadline_and_takes_the_page_later(prosody: Prosody) -> None:
    slow = channel(prosody, timeout="2s")
    prosody.server.freeze()
    with pytest.raises(NotAccepted, match="no answer within 2s"):
        await slow.send(page("later"))
    prosody.server.thaw()
    await channel(prosody).send(page("later"))
    assert "later" in prosody.kept_for("duty")
