"""`password`: the hash of a password that was typed twice, or piped in; and what is asked of a protected daemon."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from retabli.web.access.hashes import nobody, parse
from retabli.web.access.passwords import weakness
from tests.entrance import ENTRANCE
from tests.web.accounts import PASSWORDS, Guarded, guarded
from tests.web.test_access_tls import certified


def piped(text: bytes, *words: str) -> tuple[int, str, str]:
    ended = subprocess.run([*ENTRANCE, "password", *words], input=text, capture_output=True, timeout=20, check=False)
    return ended.returncode, ended.stdout.decode(), ended.stderr.decode()


def test_what_is_piped_in_becomes_a_line_that_matches_it_and_nothing_else() -> None:
    code, out, err = piped("quatre chevaux et un âne\n".encode())
    assert (code, err, out.count("\n")) == (0, "", 1)
    made = parse(out.strip())
    assert made.matches("quatre chevaux et un âne")
    assert made.matches("quatre chevaux et un a\u0302ne"), "as another keyboard writes it"
    assert not made.matches("quatre chevaux et un ane")
    assert piped("quatre chevaux et un âne\n".encode())[1] != out, "its salt is another one"
    assert not nobody(made).matches("quatre chevaux et un âne")


@pytest.mark.parametrize(
    "password",
    [
        b"",
        b"short",
        b"fourteen chars",
        b"aaaaaaaaaaaaaaaaaaaa",
        b"motdepassemotdepasse",
        b"azertyuiopqsdfghjklm",
        b"12345678901234567890",
        b"with a \x07 bell in the middle",
        b"\xff\xfe no text of any kind",
        b"x" * 5000,
    ],
)
def test_a_weak_one_is_refused_with_a_reason_and_not_repeated(password: bytes) -> None:
    code, out, err = piped(password + b"\n")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert not password or password.decode(errors="replace") not in err


def test_words_that_one_remembers_are_taken_without_digits_or_signs() -> None:
    assert weakness("quatre chevaux et un âne") is None
    assert weakness("correct horse battery staple") is None
    assert weakness("jeanne.martin-x", "jeanne.martin") is not None


@pytest.mark.parametrize("line", ["", "$scrypt$x", "$2y$10$abc", "$scrypt$ln=14,r=8,p=5$!!$!!", "x" * 9999])
def test_what_is_no_hash_is_refused_without_being_repeated(line: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse(line)
    assert not line or line not in str(caught.value)


# a protected daemon ---------------------------------------------------------------------------------------------------


@asynccontextmanager
async def protected(folder: Path, *, tls: bool = False) -> AsyncIterator[Guarded]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    for name, password in PASSWORDS.items():
        (folder / name).write_text(password + "\n")
    (folder / "wrong").write_text("something else\n")
    async with guarded(tls=certified(authority, folder, "one.example") if tls else None) as server:
        yield server


async def command(*words: str | Path) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *ENTRANCE, *map(str, words), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = await process.communicate()
    assert b"Traceback" not in err, err.decode()
    return process.returncode or 0, (out + err).decode()


@pytest.mark.timeout(90)
async def test_a_protected_daemon_is_asked_by_an_account_and_says_why_it_refuses(tmp_path: Path) -> None:
    async with protected(tmp_path) as server:
        url = server.served.web.url
        for words, code, said in (
            ((), 3, "asks who you are: give --user"),
            (("--user", "wall", "--password-file", tmp_path / "wrong"), 3, "does not take the password of wall"),
            (("--user", "wall"), 2, "the password of wall is needed"),
            (("--user", "wall", "--password-file", tmp_path / "none"), 2, "No such file"),
            (("--user", "wall", "--password-file", tmp_path / "wall"), 1, "Messagerie"),
        ):
            ended, told = await command("status", "--url", url, *words)
            assert (ended, said in told) == (code, True), told
        wall = ("--user", "wall", "--password-file", tmp_path / "wall")
        ended, told = await command("acknowledge", "mail-in", "--url", url, *wall)
        assert (ended, "neither acknowledge nor silence" in told) == (1, True)
        karim = ("--user", "karim", "--password-file", tmp_path / "karim")
        ended, told = await command("acknowledge", "mail-in", "--url", url, *karim)
        assert (ended, "prise en charge par karim" in told.replace("\n", " ")) == (0, True), told
        ended, told = await command(
            "silence", "mssante", "--until", "1h", "--why", "x", "--by", "J", "--url", url, *karim
        )
        assert (ended, "par J (karim)" in told.replace("\n", " ")) == (0, True), told


@pytest.mark.timeout(60)
async def test_our_certificate_is_judged_by_the_authority_that_is_named(tmp_path: Path) -> None:
    async with protected(tmp_path, tls=True) as server:
        url = server.served.web.url
        wall = ("--user", "wall", "--password-file", tmp_path / "wall")
        ended, told = await command("status", "--url", url, *wall)
        assert (ended, "its certificate does not hold" in told, "--ca" in told) == (3, True, True), told
        ended, told = await command("status", "--url", url, "--ca", tmp_path / "ca.pem", *wall)
        assert ended == 1, told
        ended, told = await command("status", "--url", url.replace("https", "http"), *wall)
        assert (ended, "does it speak https?" in told) == (3, True), told
        ended, told = await command("status", "--url", url, "--ca", tmp_path / "wall", *wall)
        assert (ended, "holds no certificate" in told) == (2, True), told
