"""Certificates and keys that settings name: whether they are there, belong together, and are nobody else's to read."""

from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from config import ConfigurationFault, load

PROBE = "{kind: smtp, host: h, tls: {mode: starttls, %s}}"


@pytest.fixture
def folder(tmp_path: Path, authority: trustme.CA) -> Path:
    """A folder with two certificates of one authority, each with its key."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    for name in ("ours", "other"):
        made = authority.issue_cert(f"{name}.example")
        made.cert_chain_pems[0].write_to_path(tmp_path / f"{name}.pem")
        made.private_key_pem.write_to_path(tmp_path / f"{name}.key")
        (tmp_path / f"{name}.key").chmod(0o600)
    return tmp_path


def configured(folder: Path, *probes: str) -> Path:
    path = folder / "retabli.yaml"
    lines = "".join(f"      p{number}: {each}\n" for number, each in enumerate(probes))
    hook = "alerts: {channels: {duty: {kind: webhook, url: 'https://h.example'}}}\n"
    path.write_text(f"site: {{name: T}}\n{hook}flows:\n  a:\n    intent: open\n    probes:\n{lines}")
    return path


def only_fault(path: Path) -> str:
    with pytest.raises(ConfigurationFault) as caught:
        load(path)
    assert len(caught.value.faults) == 1
    return str(caught.value)


def test_a_certificate_with_its_own_key_and_authority_is_sound(folder: Path) -> None:
    path = configured(folder, PROBE % "ca: ca.pem, client_cert: ours.pem, client_key: ours.key")
    assert load(path).warnings == ()


def test_the_key_of_another_certificate_is_a_fault(folder: Path) -> None:
    said = only_fault(configured(folder, PROBE % "client_cert: ours.pem, client_key: other.key"))
    assert said.endswith(f"p0.tls.client_cert: {folder}/ours.pem: the key in client_key is not this certificate's")


def test_a_certificate_without_any_key_is_a_fault(folder: Path) -> None:
    assert only_fault(configured(folder, PROBE % "client_cert: ours.pem")).endswith("or no key for it (PEM)")


def test_an_encrypted_key_is_a_fault_and_asks_nobody_for_a_password(folder: Path) -> None:
    key = load_pem_private_key((folder / "ours.key").read_bytes(), None)
    sealed = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    (folder / "ours.key").write_bytes(sealed)
    said = only_fault(configured(folder, PROBE % "client_cert: ours.pem, client_key: ours.key"))
    assert said.endswith("its key is encrypted: nobody is there to type the password")


def test_a_key_that_everybody_may_read_is_warned_of_once(folder: Path) -> None:
    (folder / "ours.key").chmod(0o644)
    pair = "client_cert: ours.pem, client_key: ours.key"
    path = configured(folder, PROBE % pair, PROBE % f"{pair}, ca: ca.pem")
    warned = [str(each) for each in load(path).warnings]
    assert len(warned) == 1
    assert "flows.a.probes.p0.tls.client_key" in warned[0]
    assert "everybody on this machine may read this secret" in warned[0]
