"""The kind `apicrypt` over a real Postfix and a real Dovecot, which plays the trust server's maildrop."""

import asyncio
import os
import poplib
import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from probes.apicrypt import Apicrypt
from retabli.model.result import Result
from tests.climbing import climb, settings
from tests.mail_servers import HOST, authority
from tests.net.peers import closed_port
from tests.real.servers import Dovecot, Postfix, dovecot, postfix, submission
from tests.said import counts, told

pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(90),
    pytest.mark.skipif(shutil.which("dovecot") is None, reason="dovecot is not installed"),
]

FROM, TO = "inside@chu.test", "probe@chu.test"
_POP = """
protocol pop3 {{
  pop3_lock_session = yes
}}
service pop3-login {{
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
"""


@pytest.fixture(scope="module")
def pop3s() -> int:
    return closed_port()


@pytest.fixture(scope="module")
def boxes(pop3s: int) -> Iterator[Dovecot]:
    with dovecot(dict.fromkeys(("probe", "inside", "crowded"), "secret"), extra=_POP.format(pop3s=pop3s)) as server:
        yield server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("settings")
    authority().cert_pem.write_to_path(made / "ca.pem")
    for name, content in (("key", b"the key"), ("password", b"secret\n"), ("wrong", b"guess\n")):
        (made / name).write_bytes(content)
    return made


@pytest.fixture(scope="module")
def trust(boxes: Dovecot) -> Iterator[Postfix]:
    account = submission(boxes)
    services = {
        "submission": account,
        "closed": account | {"smtpd_relay_restrictions": "reject_unauth_destination, reject"},
        "hold": account | {"smtpd_client_restrictions": "static:HOLD"},
    }
    with postfix(services=services, recipients=("probe", "inside", "crowded"), lmtp=boxes.lmtp) as server:
        yield server


class Site:
    """The settings of a hospital that has an account at this trust server."""

    def __init__(self, trust: Postfix, boxes: Dovecot, pop3s: int, folder: Path) -> None:
        self.trust, self.boxes, self.pop3s, self.folder = trust, boxes, pop3s, folder
        self.memory: dict[str, Any] = {}

    def account(self, port: int, mode: str, password: str = "password") -> dict[str, Any]:  # noqa: S107 - a file's name
        return {
            "host": HOST,
            "port": port,
            "tls": {"mode": mode, "ca": str(self.folder / "ca.pem")},
            "user": "probe",
            "password": {"file": str(self.folder / password)},
        }

    def submit(self, service: str = "submission", **more: Any) -> dict[str, Any]:
        return self.account(self.trust.ports[service], "starttls", **more)

    def pop(self, *, user: str = "probe", **more: Any) -> dict[str, Any]:
        return self.account(self.pop3s, "implicit", **more) | {"user": user}

    async def climb(self, **keys: Any) -> Result:
        given: dict[str, Any] = {
            "submit": self.submit(),
            "mail_from": FROM,
            "rcpt_to": TO,
            "pop": self.pop(),
            "key": {"file": str(self.folder / "key")},
            "within": "20s",
            "timeout": "8s",
        }
        return await climb(settings(Apicrypt, **(given | keys)), memory=self.memory)

    def stored(self) -> int:
        maildir = self.boxes.folder / "mail/probe/Maildir"
        return sum(len(list((maildir / where).iterdir())) for where in ("new", "cur"))

    @contextmanager
    def another_session(self) -> Iterator[None]:
        """Somebody else's mail program is in the maildrop."""
        trusted = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        client = poplib.POP3_SSL(HOST, self.pop3s, timeout=5, context=trusted)
        client.user("probe")
        client.pass_("secret")
        client.stat()
        try:
            yield
        finally:
            client.quit()


@pytest.fixture
def site(trust: Postfix, boxes: Dovecot, pop3s: int, folder: Path) -> Site:
    return Site(trust, boxes, pop3s, folder)


async def test_the_full_ladder_is_climbed_and_everything_stays_in_the_maildrop(site: Site) -> None:
    before = site.stored() if (site.boxes.folder / "mail/probe").exists() else 0
    for number in (1, 2, 3):
        result = await site.climb()
        assert told(result) == ("ok", "on_time", None), result.detail
        assert [rung.stage.id for rung in result.rungs] == [
            *("resolve", "connect", "greeting", "ehlo", "starttls", "tls", "auth", "envelope", "accepted"),
            *("pop_connect", "pop_tls", "pop_greeting", "pop_auth", "pop_stat", "delivered", "on_time"),
        ]
        assert result.rung == result.of == 16
        assert counts(result) == {"sent": 1, "received": 1}
        assert result.properties["encryption"] == "not verified"
        assert site.stored() == before + number
    sessions = re.findall(r"pop3\(probe\).* del=(\d+)/(\d+),", (site.boxes.folder / "dovecot.log").read_text())
    assert len(sessions) >= 3
    assert {deleted for deleted, _ in sessions} == {"0"}


async def test_the_maildrop_is_entered_by_stls_too(site: Site) -> None:
    result = await site.climb(pop=site.account(site.boxes.pop3, "starttls"))
    assert told(result) == ("ok", "on_time", None), result.detail
    assert "pop_tls" in [rung.stage.id for rung in result.rungs]


async def test_a_wrong_password_at_the_submission_is_told(site: Site) -> None:
    result = await site.climb(submit=site.submit(password="wrong"))
    assert told(result) == ("failed", "auth", "auth_refused")
    assert counts(result) == {}


async def test_a_wrong_password_at_the_maildrop_leaves_the_arrival_unjudged(site: Site) -> None:
    result = await site.climb(pop=site.pop(password="wrong"))
    assert told(result) == ("unknown", "pop_auth", "mailbox_auth_refused")
    assert counts(result) == {"sent": 1}
    assert result.seconds < 10


async def test_a_maildrop_that_another_session_holds_is_told(site: Site) -> None:
    assert told(await site.climb())[0] == "ok"
    with site.another_session():
        result = await site.climb(within="1s", timeout="20s")  # Dovecot itself waits some ten seconds for the lock
        assert told(result) == ("unknown", "pop_auth", "maildrop_locked")
        assert "[IN-USE] Mailbox is locked by another POP3 session" in result.detail
        hasty = await site.climb(within="1s", timeout="2s")
        assert told(hasty) == ("unknown", "pop_auth", "mailbox_unreadable")
        assert "another session may hold the maildrop" in hasty.detail
    assert told(await site.climb())[0] == "ok"


async def test_a_maildrop_that_nobody_empties_is_told_and_still_read(site: Site) -> None:
    crowded = {"pop": site.pop(user="crowded"), "rcpt_to": "crowded@chu.test"}
    assert told(await site.climb(**crowded)) == ("ok", "on_time", None)  # makes the maildrop
    new = site.boxes.folder / "mail/crowded/Maildir/new"
    owner = new.stat()
    for number in range(1200):
        path = new / f"1688371200.M{number}P1.test"
        path.write_bytes(b"Subject: somebody's\r\n\r\nx\r\n")
        os.chown(path, owner.st_uid, owner.st_gid)
    for memory in (site.memory, {}):
        site.memory = memory
        result = await site.climb(**crowded)
        assert told(result) == ("ok", "on_time", "maildrop_growing")
        assert not result.whole
        assert result.seconds < 20


async def test_a_relay_that_is_denied_is_told(site: Site) -> None:
    result = await site.climb(submit=site.submit("closed"), rcpt_to="probe@elsewhere.test")
    assert told(result) == ("failed", "envelope", "relay_denied")


async def test_an_account_that_is_unknown_is_told(site: Site) -> None:
    assert told(await site.climb(rcpt_to="ghost@chu.test")) == ("failed", "envelope", "unknown_recipient")


async def test_a_pop_server_that_is_stopped_or_frozen_leaves_the_arrival_unjudged(site: Site) -> None:
    extra = _POP.format(pop3s=(port := closed_port()))
    with dovecot(extra=extra) as elsewhere:  # not the one that the submission asks about passwords
        elsewhere.freeze()
        result = await site.climb(pop=site.account(port, "implicit"), within="1s", timeout="1s")
        assert told(result) == ("unknown", "pop_tls", "mailbox_unreadable")
        assert "timeout" in result.detail
    result = await site.climb(pop=site.account(port, "implicit"), within="1s")
    assert told(result) == ("unknown", "pop_connect", "mailbox_unreadable")
    assert "refused" in result.detail


async def test_a_mail_that_is_held_is_late_and_its_release_shows_a_server_that_holds(site: Site) -> None:
    held = site.submit("hold")
    first = await site.climb(submit=held, within="3s")
    assert told(first) == ("failed", "delivered", "late")
    second = asyncio.create_task(site.climb(submit=held, within="3s"))
    await asyncio.sleep(1.2)  # it is sent, and the maildrop was looked at since
    _release(site.trust, first.properties["queue_id"])
    result = await second
    assert told(result) == ("ok", "accepted", "relay_holding")
    assert counts(result) == {"sent": 1, "late": 1}


def _release(relay: Postfix, queue_id: str) -> None:
    subprocess.run(["postsuper", "-c", str(relay.folder), "-H", queue_id], check=True, capture_output=True)
    relay.flush()
