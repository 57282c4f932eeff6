"""What the shipped example says in comments, put in force as its reader would."""

import re
import shutil
from pathlib import Path

import pytest
import trustme

from config import Configuration, load
from retabli.web.access.policy import Role
from tests.entrance import HOME
from tests.web.accounts import hash_of

SETTING = re.compile(r"^(  )# (?=\w+:|  )", re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path, authority: trustme.CA) -> Path:
    """Where it was copied to, with the files that the comments name."""
    shutil.copytree(HOME / "config" / "example", tmp_path / "example")
    for name in ("tls", "secrets"):
        (tmp_path / name).mkdir(mode=0o700)
    made = authority.issue_cert("retabli.chu.example")
    made.cert_chain_pems[0].write_to_path(tmp_path / "tls" / "retabli.pem")
    made.private_key_pem.write_to_path(tmp_path / "tls" / "retabli.key")
    for name in ("wall", "duty", "ops"):
        (tmp_path / "secrets" / name).write_text(hash_of("quatre chevaux et un âne").line)
    for each in (*(tmp_path / "secrets").iterdir(), tmp_path / "tls" / "retabli.key"):
        each.chmod(0o600)
    return tmp_path


def in_force(folder: Path, *names: str) -> Configuration:
    """The example with these of its commented settings of `web`."""
    text = (HOME / "config" / "example.yaml").read_text(encoding="utf-8")
    web, rest = re.findall(r"^web:.*\n(?:  .*\n)+", text, re.MULTILINE)[0], ""
    for setting in re.findall(r"^  # \w+:.*\n(?:  #   .*\n)*", web, re.MULTILINE):
        if setting.split(":")[0].removeprefix("  # ") in names:
            rest += SETTING.sub(r"\1", setting)
    assert rest.count("\n  ") + 1 >= len(names)
    path = folder / "retabli.yaml"
    path.write_text(text.replace(web, "web:\n  listen: '127.0.0.1:9877'\n" + rest), encoding="utf-8")
    return load(path)


def of_web(configuration: Configuration) -> list[str]:
    return [str(each) for each in configuration.warnings if ": web" in str(each)]


def test_accounts_with_a_certificate(folder: Path) -> None:
    configuration = in_force(folder, "url", "tls", "users")
    accounts = configuration.access.accounts
    assert {name: each.role for name, each in accounts.items()} == {
        "wall": Role.VIEW,
        "duty": Role.ACT,
        "ops": Role.ADMIN,
    }
    assert configuration.tls is not None
    assert configuration.url == "https://retabli.chu.example:9877"
    assert of_web(configuration) == []


def test_a_proxy_that_says_who_people_are(folder: Path) -> None:
    configuration = in_force(folder, "proxy")
    proxy = configuration.access.proxy
    assert proxy is not None
    assert proxy.role_of("karim", "", "network") is Role.ACT
    assert proxy.role_of("karim", "", "") is Role.VIEW
    assert of_web(configuration) == []


def test_all_of_it_together(folder: Path) -> None:
    assert in_force(folder, "url", "tls", "users", "proxy").access.guarded
