"""The kind `sftp` up to its login: servers on loopback that are right, or wrong in one thing."""

import asyncio
import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from probes.sftp import Sftp
from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.result import Outcome
from retabli.net.folders import folder_causes
from retabli.net.ssh import ssh_causes
from tests.climbing import climb, settings
from tests.net.peers import (
    Handler,
    closed_port,
    closing,
    endless,
    listening_then_closing,
    reset,
    saying,
    serving,
    silent,
    trickling,
)
from tests.net.sftp_climbs import folder, probe, secret
from tests.net.ssh_servers import (
    BANNER,
    PASSWORD,
    Asking,
    Door,
    disconnecting,
    folder_server,
    for_ever,
    host_key,
    line_of,
    packet,
    ssh_server,
)
from tests.said import assert_fell

__all__ = ["folder", "secret"]  # fixtures, which are asked for by their names


# What holds ---------------------------------------------------------------------------------------------------------


async def test_a_server_that_takes_and_gives_back_a_canary_is_ok_to_the_top(secret: Path, folder: Path) -> None:
    async with ssh_server(sftp=folder_server(folder)) as (port, door):
        result = await climb(probe(port, secret, canary="canary.txt"))
    assert (result.outcome, result.rung, result.of) == (Outcome.OK, 8, 8), result
    assert [rung.stage.id for rung in result.rungs] == [
        "resolve",
        "connect",
        "banner",
        "key_exchange",
        "host_key",
        "auth",
        "list",
        "canary",
    ]
    assert result.properties["authentication"] == "password"
    assert door.passwords == [PASSWORD]
    assert list(folder.iterdir()) == []


async def test_without_a_canary_nothing_is_written_and_the_ladder_is_shorter(secret: Path, folder: Path) -> None:
    (folder / "one.hl7").write_text("x")
    before = folder.stat().st_mtime_ns
    async with ssh_server(sftp=folder_server(folder)) as (port, _):
        result = await climb(probe(port, secret))
    assert (result.outcome, result.stage, result.of) == (Outcome.OK, folder_causes.LIST, 7)
    assert result.properties["files"] == "1"
    assert folder.stat().st_mtime_ns == before


async def test_a_private_key_logs_in_and_so_does_an_encrypted_one(tmp_path: Path, folder: Path) -> None:
    key = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    key.write_private_key(tmp_path / "plain")
    (tmp_path / "locked").write_bytes(key.export_private_key("pkcs8-pem", passphrase="synthetic-phrase"))
    (tmp_path / "phrase").write_text("synthetic-phrase\n")
    async with ssh_server(Door(key), sftp=folder_server(folder)) as (port, _):
        plain = await climb(probe(port, key={"file": str(tmp_path / "plain")}))
        phrase = {"file": str(tmp_path / "phrase")}
        locked = await climb(probe(port, key={"file": str(tmp_path / "locked")}, passphrase=phrase))
    assert plain.properties["authentication"] == locked.properties["authentication"] == "publickey"
    assert plain.outcome is locked.outcome is Outcome.OK


async def test_a_password_is_given_to_a_server_that_asks_for_it_by_keyboard(secret: Path, folder: Path) -> None:
    async with ssh_server(Asking(), sftp=folder_server(folder)) as (port, _):
        result = await climb(probe(port, secret))
    assert (result.outcome, result.properties["authentication"]) == (Outcome.OK, "keyboard-interactive")


async def test_lines_before_the_banner_are_allowed(secret: Path) -> None:
    async with serving(saying(b"Authorised use only\r\n", BANNER)) as port:
        result = await climb(probe(port, secret, timeout="300ms"))
    assert_fell(result, ssh_causes.KEY_EXCHANGE, causes.TIMEOUT)
    assert result.properties["server"] == "SSH-2.0-Wrong_1.0"


async def test_nothing_of_the_users_own_ssh_settings_is_read(
    secret: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "config").write_text(
        "Host *\n  Port 1\n  ProxyCommand /bin/false\n  User somebody\n  KexAlgorithms diffie-hellman-group1-sha1\n"
    )
    (home / ".ssh" / "known_hosts").write_text(f"* {line_of(asyncssh.generate_private_key('ssh-ed25519'))}\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "no-agent"))
    async with ssh_server(sftp=folder_server(folder)) as (port, _):
        assert (await climb(probe(port, secret))).outcome is Outcome.OK


# Up to the banner ---------------------------------------------------------------------------------------------------


async def test_a_closed_port_falls_below(secret: Path) -> None:
    assert_fell(await climb(probe(closed_port(), secret)), stages.CONNECT, causes.REFUSED)


async def resetting_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    reset(writer)


@pytest.mark.parametrize(
    ("peer", "cause"),
    [
        (silent, causes.TIMEOUT),
        (closing, ssh_causes.SSH_HUNG_UP_AT_ONCE),
        (resetting_at_once, causes.RESET),
        (saying(b"Exceeded MaxStartups\r\n", then=closing), ssh_causes.SSH_TOO_MANY_SESSIONS),
        (saying(b"Not allowed at this time\r\n", then=closing), causes.RATE_LIMITED),
        (saying(b"SSH-2.0-Op", then=closing), causes.CLOSED_EARLY),
        (trickling(b"SSH-2.0-OpenSSH_9.2p1", 0.05), ssh_causes.SSH_BANNER_UNFINISHED),
        (saying(b"S"), ssh_causes.SSH_BANNER_UNFINISHED),
        (saying(b"SSH-1.5-Old_1.2\r\n"), ssh_causes.SSH_VERSION),
        (saying(b"220 ftp.chu.test ready\r\n"), ssh_causes.NOT_SSH),
        (saying(b"220 ftp.chu.test ready\r\n", then=closing), ssh_causes.NOT_SSH),
        (saying(b"HTTP/1.1 400 Bad Request\r\n"), ssh_causes.NOT_SSH),
        (saying(b"\x15\x03\x01\x00\x02\x02\x46"), ssh_causes.NOT_SSH),
        (saying(b"SSH-2.0-" + b"x" * 250 + b"\r\n"), ssh_causes.NOT_SSH),
        (saying(b"SSH-2.0-\xff\x00\r\n"), ssh_causes.NOT_SSH),
        (endless(b"x" * 1000), ssh_causes.NOT_SSH),
        (endless(b"not yet\r\n"), ssh_causes.NOT_SSH),
    ],
    ids=itertools.count(),
)
async def test_what_is_no_whole_banner_has_its_cause(secret: Path, peer: Handler, cause: Cause) -> None:
    async with serving(peer) as port:
        assert_fell(await climb(probe(port, secret, timeout="500ms")), ssh_causes.BANNER, cause)


@pytest.mark.parametrize("piece", [b"x" * 1000, b"not yet\r\n" * 100], ids=["line", "lines"])
async def test_a_banner_without_end_is_cut_off_long_before_the_deadline(secret: Path, piece: bytes) -> None:
    async with serving(endless(piece)) as port:
        result = await climb(probe(port, secret))
    assert_fell(result, ssh_causes.BANNER, ssh_causes.NOT_SSH)
    assert result.detail == "8192 bytes and no identification"


async def last_words(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says them, and resets the connection: what we had said was never read."""
    writer.write(b"Exceeded MaxStartups\r\n")
    await writer.drain()
    await reader.readline()
    reset(writer)


async def test_the_last_words_before_a_reset_are_heard(secret: Path) -> None:
    async with serving(last_words) as port:
        assert_fell(await climb(probe(port, secret)), ssh_causes.BANNER, ssh_causes.SSH_TOO_MANY_SESSIONS)


async def test_a_web_server_is_recognised_because_we_speak_when_nobody_does(secret: Path) -> None:
    async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert (await reader.readline()).startswith(b"SSH-2.0-Retabli")
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with serving(web) as port:
        assert_fell(await climb(probe(port, secret)), ssh_causes.BANNER, ssh_causes.NOT_SSH)


# The key exchange ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("peer", "cause"),
    [
        (saying(BANNER), causes.TIMEOUT),
        (saying(BANNER, then=listening_then_closing), causes.CLOSED_EARLY),
        (saying(BANNER, b"\xff" * 64), causes.GARBAGE),
        (saying(BANNER, b"\0\0\0\1\0" * 20), causes.GARBAGE),
        (saying(BANNER, b"GET / HTTP/1.1\r\n\r\n"), causes.GARBAGE),
        (disconnecting(12, b"Too many connections"), ssh_causes.SSH_TOO_MANY_SESSIONS),
        (disconnecting(1, b"Go away"), ssh_causes.SSH_ADDRESS_REFUSED),
        (disconnecting(11, b"Maintenance"), ssh_causes.SSH_DISCONNECTED),
        (disconnecting(3, b"No"), ssh_causes.SSH_NO_COMMON_ALGORITHM),
        (saying(BANNER, then=endless(packet(b"\x02" + b"\0\0\0\x04junk") * 100)), causes.TOO_LONG),
    ],
    ids=itertools.count(),
)
async def test_a_key_exchange_that_goes_wrong_has_its_cause(secret: Path, peer: Handler, cause: Cause) -> None:
    async with serving(peer) as port:
        result = await climb(probe(port, secret, timeout="2s" if cause is causes.TOO_LONG else "500ms"))
    assert_fell(result, ssh_causes.KEY_EXCHANGE, cause)


OFFER = (b"curve25519-sha256", b"ssh-ed25519", *[b"aes128-ctr"] * 2, *[b"hmac-sha2-256"] * 2, *[b"none"] * 2, b"", b"")


def nonsense(seed: int) -> bytes:
    """An offer, whole, cut off or damaged, and packets of any kind behind it."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    lists = b"".join(len(names).to_bytes(4, "big") + names for names in OFFER)
    offer = bytearray(b"\x14" + bytes(16) + lists + bytes(5))
    if seed % 3 == 1:
        del offer[chance.randrange(1, len(offer)) :]
    if seed % 3 == 2:
        offer[chance.randrange(len(offer))] = chance.randrange(256)
    kinds = (1, 2, 3, 4, 5, 6, 7, 20, 21, 30, 31, 51, 52, 80, 90, 192)
    others = (packet(bytes([chance.choice(kinds)]) + chance.randbytes(chance.randrange(80))) for _ in range(3))
    return packet(bytes(offer)) + b"".join(others)


async def test_nonsense_is_the_servers_and_never_a_defect_of_ours(secret: Path) -> None:
    for seed in range(60):
        async with serving(saying(BANNER, nonsense(seed), then=closing)) as port:
            result = await climb(probe(port, secret, timeout="2s"))
        assert result.stage is ssh_causes.KEY_EXCHANGE
        assert result.outcome is Outcome.FAILED, (seed, result.detail)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"kex_algs": ["diffie-hellman-group1-sha1"]}, "key exchange; offered: diffie-hellman-group1-sha1"),
        ({"encryption_algs": ["3des-cbc"]}, "encryption; offered: 3des-cbc"),
        ({"encryption_algs": ["aes128-ctr"], "mac_algs": ["hmac-md5"]}, "MAC; offered: hmac-md5"),
    ],
    ids=["key exchange", "cipher", "mac"],
)
async def test_a_server_without_an_algorithm_in_common_says_which(
    secret: Path, options: dict[str, Any], told: str
) -> None:
    async with ssh_server(**options) as (port, _):
        result = await climb(probe(port, secret))
    assert_fell(result, ssh_causes.KEY_EXCHANGE, ssh_causes.SSH_NO_COMMON_ALGORITHM)
    assert result.detail.startswith(told)


async def test_a_server_without_a_key_of_the_pinned_type_is_told_from_one_whose_key_changed(secret: Path) -> None:
    async with ssh_server(keys=[asyncssh.generate_private_key("ecdsa-sha2-nistp256")]) as (port, door):
        result = await climb(probe(port, secret))
    assert_fell(result, ssh_causes.KEY_EXCHANGE, ssh_causes.HOST_KEY_TYPE)
    assert "ssh-ed25519 is pinned; offered: ecdsa-sha2-nistp256" in result.detail
    assert door.begun == 0


async def test_a_changed_host_key_is_never_shown_a_credential(secret: Path) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519")
    async with ssh_server(keys=[other]) as (port, door):
        result = await climb(probe(port, secret))
        assert_fell(result, ssh_causes.HOST_KEY, ssh_causes.HOST_KEY_CHANGED)
        assert (door.begun, door.passwords) == (0, [])
    assert result.detail == f"{other.get_fingerprint()} instead of {host_key().get_fingerprint()}"


class Pretending(asyncssh.public_key.SSHLocalKeyPair):
    """Shows a key that it has not: it signs with another."""

    def sign(self, data: bytes) -> bytes:
        return asyncssh.generate_private_key("ssh-ed25519").sign(data, self.sig_algorithm)


async def test_a_server_that_only_shows_the_pinned_key_is_never_shown_a_credential(secret: Path) -> None:
    async with ssh_server(keys=[Pretending(host_key(), None, None, None)]) as (port, door):
        result = await climb(probe(port, secret))
        assert_fell(result, ssh_causes.HOST_KEY, ssh_causes.HOST_KEY_UNPROVEN)
        assert (door.begun, door.passwords) == (0, [])


# Authentication -----------------------------------------------------------------------------------------------------


async def test_a_refused_password_is_tried_once_and_never_shown(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong-password")
    async with ssh_server() as (port, door):
        result = await climb(probe(port, wrong))
    assert_fell(result, stages.AUTH, causes.AUTH_REFUSED)
    assert causes.AUTH_REFUSED.credential
    assert door.passwords == ["wrong-password"]
    assert "wrong-password" not in repr(result)


async def test_a_refused_key_is_tried_once(tmp_path: Path) -> None:
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(tmp_path / "key")
    async with ssh_server(Door(host_key())) as (port, door):
        result = await climb(probe(port, key={"file": str(tmp_path / "key")}))
    assert_fell(result, stages.AUTH, causes.AUTH_REFUSED)
    assert door.keys == 1


async def test_a_method_that_is_not_offered_is_no_refused_password(secret: Path) -> None:
    async with ssh_server(Door(host_key())) as (port, door):
        result = await climb(probe(port, secret))
    assert_fell(result, stages.AUTH, ssh_causes.SSH_METHOD_NOT_OFFERED)
    assert result.detail == "offered: publickey"
    assert door.passwords == []


async def test_a_second_question_gets_no_password(secret: Path) -> None:
    async with ssh_server(Asking("Verification code: ")) as (port, door):
        result = await climb(probe(port, secret))
    assert_fell(result, stages.AUTH, ssh_causes.SSH_SECOND_FACTOR)
    assert isinstance(door, Asking)
    assert door.answers == [PASSWORD]


async def test_a_password_that_must_be_changed_is_left_as_it_is(secret: Path) -> None:
    class Expired(Door):
        def validate_password(self, username: str, password: str) -> Any:
            self.passwords.append(password)
            raise asyncssh.PasswordChangeRequired("change it")

    async with ssh_server(Expired()) as (port, door):
        result = await climb(probe(port, secret))
    assert_fell(result, stages.AUTH, ssh_causes.SSH_PASSWORD_EXPIRED)
    assert door.passwords == [PASSWORD]


@pytest.mark.parametrize("politely", [True, False], ids=["disconnect", "cut"])
async def test_a_server_that_cuts_us_off_after_the_password_counts_as_a_refusal(secret: Path, politely: bool) -> None:
    class Cutting(Door):
        def validate_password(self, username: str, password: str) -> Any:
            assert self.connection is not None
            if politely:
                self.connection.disconnect(2, "Too many authentication failures")
            else:
                self.connection.abort()
            return False

    async with ssh_server(Cutting()) as (port, _):
        result = await climb(probe(port, secret))
    assert_fell(result, stages.AUTH, ssh_causes.SSH_CUT_AT_LOGIN)
    assert ssh_causes.SSH_CUT_AT_LOGIN.credential


async def test_a_server_that_never_judges_the_password_is_a_timeout_there(secret: Path) -> None:
    class Slow(Door):
        def validate_password(self, username: str, password: str) -> Any:
            return for_ever()

    async with ssh_server(Slow()) as (port, _):
        assert_fell(await climb(probe(port, secret, timeout="400ms")), stages.AUTH, causes.TIMEOUT)


# Our own secrets ----------------------------------------------------------------------------------------------------


@pytest.fixture
def locked(tmp_path: Path) -> Path:
    key = asyncssh.generate_private_key("ssh-ed25519")
    (tmp_path / "locked").write_bytes(key.export_private_key("pkcs8-pem", passphrase="synthetic-phrase"))
    return tmp_path / "locked"


async def test_what_we_cannot_read_ourselves_is_unknown_and_asks_nobody(locked: Path, tmp_path: Path) -> None:
    (tmp_path / "broken").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nbroken\n-----END OPENSSH PRIVATE KEY-----\n")
    (tmp_path / "phrase").write_text("wrong-phrase")
    wrong = {"file": str(tmp_path / "phrase")}
    port = closed_port()
    cases: tuple[tuple[dict[str, Any], Cause], ...] = (
        ({"key": {"file": str(tmp_path / "nowhere")}}, causes.SECRET_UNREADABLE),
        ({"password": {"file": str(tmp_path / "nowhere")}}, causes.SECRET_UNREADABLE),
        ({"key": {"file": str(tmp_path / "broken")}}, ssh_causes.SSH_KEY_UNREADABLE),
        ({"key": {"file": str(locked)}}, ssh_causes.SSH_PASSPHRASE_WRONG),
        ({"key": {"file": str(locked)}, "passphrase": wrong}, ssh_causes.SSH_PASSPHRASE_WRONG),
    )
    for keys, cause in cases:
        result = await climb(probe(port, **keys))
        assert_fell(result, stages.AUTH, cause)
        assert result.rung == 0
        assert "wrong-phrase" not in repr(result)


# Settings -----------------------------------------------------------------------------------------------------------


def faults(**keys: Any) -> Iterator[str]:
    given = {"host": "sftp.chu.test", "user": "probe", "host_key": line_of(host_key())}
    return settings(Sftp, **(given | keys)).faults()


def test_one_credential_is_wanted_and_one_only() -> None:
    secret = {"env": "NOTHING"}
    assert not list(faults(password=secret))
    assert any("one of password and key" in fault for fault in faults())
    assert any("one of password and key" in fault for fault in faults(password=secret, key=secret))
    assert any("passphrase" in fault for fault in faults(password=secret, passphrase=secret))


@pytest.mark.parametrize("name", ["a/b", ".."])
def test_a_canary_is_a_files_name(name: str) -> None:
    assert any("canary" in fault for fault in faults(password={"env": "NOTHING"}, canary=name))


@pytest.mark.parametrize("line", ["", "ssh-ed25519", "ssh-ed25519 !", "ssh-rsa AAAA", "ssh-dss AAAAB3NzaC1kc3M="])
def test_a_host_key_that_is_none_is_a_fault(line: str) -> None:
    with pytest.raises(ValueError, match="public key"):
        settings(Sftp, host="h", user="u", password={"env": "X"}, host_key=line)


def test_a_line_of_known_hosts_names_the_key_too() -> None:
    assert not list(faults(password={"env": "X"}, host_key=f"sftp.chu.test {line_of(host_key())} comment"))


def test_the_opening_is_its_port() -> None:
    probe = settings(Sftp, host="h", user="u", password={"env": "X"}, host_key=line_of(host_key()))
    assert list(probe.openings()) == [("h", 22, "tcp")]
    assert probe.climbs()[-1] is folder_causes.LIST
