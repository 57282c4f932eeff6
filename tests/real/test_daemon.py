"""The whole daemon over a real Postfix and a real Dovecot: restored, then dropped in time, killed, and not confused."""

import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.daemon.living import Life, Post
from tests.mail_servers import HOST, authority
from tests.real.servers import Dovecot, Postfix, dovecot, postfix

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]

EVERY = 2.0


@pytest.fixture(scope="module")
def boxes() -> Iterator[Dovecot]:
    with dovecot({"probe": "secret"}) as server:
        yield server


@pytest.fixture(scope="module")
def relay(boxes: Dovecot) -> Iterator[Postfix]:
    with postfix({}, recipients=("probe", "inside"), lmtp=boxes.lmtp) as server:
        yield server


@pytest.fixture
async def life(tmp_path: Path, relay: Postfix, boxes: Dovecot) -> AsyncIterator[Life]:
    authority().cert_pem.write_to_path(tmp_path / "ca.pem")
    (tmp_path / "password").write_text("secret\n")
    (tmp_path / "token").write_text("a key of the test's own\n")
    hook = Post()
    await hook.start()
    life = Life(tmp_path, Post(), hook)
    mailbox = f"{{imap: {HOST}, port: {boxes.imaps}, tls: {{ca: ca.pem}}, user: probe, password: {{file: password}}}}"
    submit = f"{{host: {HOST}, port: {relay.port}, tls: {{mode: starttls, ca: ca.pem}}}}"
    envelope = "mail_from: inside@chu.test, rcpt_to: probe@chu.test"
    life.write(
        every=f"{EVERY:g}s",
        more=f"mailboxes: {{witness: {mailbox}}}\n",
        flows=f"{{title: Mail, intent: open, probes: {{loop: {{kind: mail_loop, submit: {submit}, {envelope}, "
        "mailbox: witness, key: {file: token}, every: 2s, within: 2s, lost_after: 60s}}}",
    )
    try:
        yield life
    finally:
        await life.leave()
        await hook.stop()


async def test_a_mail_flow_is_restored_dropped_in_time_and_remembered_over_a_kill(life: Life, relay: Postfix) -> None:
    await life.start()
    restored = await life.until_state("restored")
    assert restored["verified"]["stage"] == "on_time"
    relay.stop()
    cut = time.monotonic()
    assert await life.hook.told(1) == ["firing"]
    assert time.monotonic() - cut < EVERY + 10
    dropped = await life.until_state("dropped")
    assert (dropped["cause"]["stage"], dropped["cause"]["cause"]) == ("connect", "refused")
    await life.end(signal.SIGKILL)
    await life.start()
    again = await life.until_state("dropped")
    assert (again["since"], again["restored_at"], again["drops"]) == (dropped["since"], restored["restored_at"], 1)
    relay.start()
    assert await life.hook.told(2) == ["firing", "resolved"]
    await life.until_state("restored")
    assert await life.end(signal.SIGTERM) == 0
    assert (await life.command("log", "verify", "--config", str(life.config)))[0] == 0
