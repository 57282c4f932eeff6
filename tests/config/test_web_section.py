"""The section `web`: accounts, a certificate and a trusted proxy, with each fault at its line."""

import errno
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from config import ConfigurationFault, load
from retabli.web.access.policy import Role
from tests.web.accounts import hash_of

FLOWS = "flows: {port: {intent: open, probes: {p: {kind: tcp, host: relay.example, port: 25}}}}\n"
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def made(web: str) -> Path:
        path = tmp_path / "retabli.yaml"
        path.write_text(f"site: {{name: CHU}}\nweb:\n{web}{FLOWS}")
        return path

    def secret(name: str, content: str) -> None:
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o600)

    secret("karim", hash_of("quatre chevaux et un âne").line + "\n")
    (tmp_path / "wide").write_bytes(hash_of("quatre chevaux et un âne").line.encode("utf-16"))
    (tmp_path / "wide").chmod(0o600)
    secret("bad", "hunter2 in clear")
    secret("weak", hash_of("quatre chevaux et un âne").line.replace("ln=14,r=8,p=5", "ln=14,r=8,p=1"))
    authority = trustme.CA()
    for name in ("one", "two"):
        issued = authority.issue_cert(f"{name}.example")
        secret(f"{name}.crt", b"".join(each.bytes() for each in issued.cert_chain_pems).decode())
        secret(f"{name}.key", issued.private_key_pem.bytes().decode())
    ending = authority.issue_cert("old.example", not_after=datetime.now(UTC) + timedelta(days=3))
    secret("old.pem", ending.private_key_and_cert_chain_pem.bytes().decode())
    return made


def faults(path: Path) -> list[str]:
    with pytest.raises(ConfigurationFault) as caught:
        load(path)
    return [f"{fault.line}: {fault.path}: {fault.sentence}" for fault in caught.value.faults]


def warned(path: Path) -> list[str]:
    return [f"{each.line}: {each.path}: {each.sentence}" for each in load(path).warnings if "alerts" not in each.path]


def test_accounts_are_read_with_their_hashes(write: Write) -> None:
    policy = load(write("  users:\n    karim: {role: act, hash: {file: karim}}\n")).access
    assert policy.guarded
    assert policy.accounts["karim"].role is Role.ACT
    assert policy.accounts["karim"].hash.matches("quatre chevaux et un âne")
    assert "salt" not in repr(policy), "nothing of it stands in a message"


@pytest.mark.parametrize(
    ("web", "said"),
    [
        ("  users:\n    karim: {role: act, hash: hunter2}\n", "not written in clear"),
        ("  users:\n    karim: {role: act, hash: {file: bad}}\n", "holds no hash of a password"),
        ("  users:\n    karim: {role: act, hash: {file: weak}}\n", "another strength"),
        ("  users:\n    karim: {role: act, hash: {file: none}}\n", "No such file"),
        ("  users:\n    karim: {role: act, hash: {file: wide}}\n", "wide is not UTF-8 text"),
        ("  users:\n    karim: {role: root, hash: {file: karim}}\n", "must be one of view, act, admin"),
        ("  users:\n    karim: {role: act, mot: x, hash: {file: karim}}\n", "unknown key"),
        ("  users:\n    'a:b': {role: act, hash: {file: karim}}\n", "is no name of an account"),
        ("  users:\n    'x (root)': {role: act, hash: {file: karim}}\n", "is no name of an account"),
        ("  tls: {cert: one.crt, key: two.key}\n", "the key in key is not this certificate's"),
        ("  tls: {cert: one.crt}\n", "no key for it"),
        ("  tls: {cert: none.crt, key: one.key}\n", "No such file"),
        ("  tls: {cert: one.crt, key: one.key, min_version: '1.0'}\n", "must be one of 1.2, 1.3"),
        ("  tls: {cert: one.crt, key: {file: one.key}}\n", "a key is a path, or {credential"),
        ("  proxy: {from: []}\n", "at least 1"),
        ("  proxy: {from: [10.0.0.1/8], user_header: X-User, role: view}\n", "not zero"),
        ("  proxy: {from: [proxy.example], user_header: X-User, role: view}\n", "no address and no network"),
        ("  proxy: {from: [0.0.0.0/0], user_header: X-User, role: view}\n", "this is everybody"),
        ("  proxy: {from: [127.0.0.1], user_header: X-User}\n", "nobody whom it lets through has a role"),
        ("  proxy: {from: [127.0.0.1], user_header: Cookie, role: view}\n", "what browsers send"),
        ("  proxy: {from: [127.0.0.1], user_header: 'X User', role: view}\n", "no name of a header"),
        ("  proxy: {from: [127.0.0.1], role_header: X-Role}\n", "name user_header too"),
        ("  proxy: {from: [127.0.0.1], user_header: X-U, role: view, groups: {dsi: admin}}\n", "groups_header too"),
    ],
)
def test_each_fault_is_told_at_its_line(write: Write, web: str, said: str) -> None:
    found = faults(write(web))
    assert len(found) == 1, found
    assert said in found[0]
    assert found[0].startswith(("3: web.", "4: web."))
    assert "hunter2" not in found[0]


@pytest.mark.parametrize("lacking", [1, 2])
def test_an_account_whose_hash_could_not_be_read_for_a_moment_is_never_left_out(
    write: Write, monkeypatch: pytest.MonkeyPatch, lacking: int
) -> None:
    """It is read more than once: whichever time lacked an open file, the pages do not stand open without it."""
    path, read, times = write("  users:\n    karim: {role: act, hash: {file: karim}}\n"), Path.read_bytes, [0]

    def short(file: Path) -> bytes:
        times[0] += file.name == "karim"
        if file.name == "karim" and times[0] == lacking:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return read(file)

    monkeypatch.setattr(Path, "read_bytes", short)
    assert faults(path) == [f"4: web.users.karim.hash: {path.parent / 'karim'}: Too many open files"]
    assert times[0] >= lacking


def test_a_certificate_that_ends_soon_is_a_warning_and_is_served(write: Write) -> None:
    path = write("  tls: {cert: old.pem}\n")
    assert load(path).tls is not None
    assert [each for each in warned(path) if "this certificate ends on" in each and "in 3 days" in each]


def test_the_key_may_be_one_of_systemd_s_credentials(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("  tls: {cert: one.crt, key: {credential: one.key}}\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(path.parent))
    assert load(path).tls is not None


def test_a_key_that_everybody_may_read_is_a_warning(write: Write) -> None:
    path = write("  tls: {cert: one.crt, key: one.key}\n")
    assert warned(path) == []
    (path.parent / "one.key").chmod(0o644)
    assert [each for each in warned(path) if "web.tls.key" in each and "everybody on this machine" in each]


@pytest.mark.parametrize(
    ("web", "warnings"),
    [
        ('  listen: "127.0.0.1:9877"\n', []),
        ('  listen: "[::1]:9877"\n', []),
        ('  listen: "0.0.0.0:9877"\n', ["sees everything", "in clear"]),
        ('  listen: ":9877"\n  tls: {cert: one.crt, key: one.key}\n', ["sees everything"]),
        ('  listen: "10.1.2.3:9877"\n  users: {karim: {role: view, hash: {file: karim}}}\n', ["passwords and what"]),
        (
            '  listen: "127.0.0.1:9877"\n  url: "https://retabli.chu.example"\n',
            ["a proxy that web.proxy does not name"],
        ),
        (
            '  url: "https://retabli.chu.example"\n  proxy: {from: [127.0.0.1], user_header: X-User, role: view}\n',
            [],
        ),
        (
            '  listen: ":1"\n  tls: {cert: one.crt, key: one.key}\n  users: {w: {role: view, hash: {file: karim}}}\n',
            [],
        ),
    ],
)
def test_what_is_open_to_more_than_is_wise_is_warned_of_in_a_line_each(
    write: Write, web: str, warnings: list[str]
) -> None:
    found = warned(write(web))
    assert len(found) == len(warnings), found
    for said in warnings:
        assert sum(said in each for each in found) == 1, said
