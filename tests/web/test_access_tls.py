"""Our own certificate, as real clients meet it: what is spoken, what is not, and another one at a reload."""

import asyncio
import ssl
from pathlib import Path

import httpx
import pytest
import trustme

from retabli.web import Web
from retabli.web.access.certificate import ends_at, server_context
from tests.web.serving import serving


def certified(authority: trustme.CA, folder: Path, name: str, min_version: str = "1.2") -> ssl.SSLContext:
    path = folder / f"{name}.pem"
    authority.issue_cert("127.0.0.1", name).private_key_and_cert_chain_pem.write_to_path(str(path))
    context = server_context(min_version)
    context.load_cert_chain(path)
    return context


def client(authority: trustme.CA, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    context.maximum_version = newest
    return context


async def names(web: Web, context: ssl.SSLContext, server_name: str | None = "127.0.0.1") -> tuple[str, str]:
    """The version of TLS, and the second name of the certificate."""
    host, _, port = web.url.removeprefix("https://").partition(":")
    context.check_hostname = server_name is not None
    _, writer = await asyncio.open_connection(host, int(port), ssl=context, server_hostname=server_name or "")
    session = writer.get_extra_info("ssl_object")
    found = next(value for kind, value in session.getpeercert()["subjectAltName"] if kind == "DNS")
    version = session.version()
    writer.close()
    return version, found


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_client_of_today_is_served_by_its_own_version(tmp_path: Path, newest: ssl.TLSVersion) -> None:
    authority = trustme.CA()
    async with serving(tls=certified(authority, tmp_path, "one.example")) as served:
        assert served.web.url.startswith("https://")
        version, name = await names(served.web, client(authority, newest))
        assert (version, name) == (newest.name.replace("_", ".").replace("TLSv1", "TLSv1"), "one.example")
        async with httpx.AsyncClient(verify=client(authority, newest), trust_env=False) as browser:
            assert (await browser.get(f"{served.web.url}/-/healthy")).text == "healthy\n"


async def test_what_is_older_than_is_allowed_is_refused(tmp_path: Path) -> None:
    authority = trustme.CA()
    old = client(authority)
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    async with serving(tls=certified(authority, tmp_path, "one.example")) as served:
        with pytest.raises(OSError):
            await names(served.web, old)
    async with serving(tls=certified(authority, tmp_path, "two.example", "1.3")) as served:
        with pytest.raises(OSError):
            await names(served.web, client(authority, ssl.TLSVersion.TLSv1_2))
        assert (await names(served.web, client(authority)))[0] == "TLSv1.3"


async def test_another_certificate_is_shown_from_the_next_handshake_on_and_open_connections_go_on(
    tmp_path: Path,
) -> None:
    authority = trustme.CA()
    async with serving(tls=certified(authority, tmp_path, "one.example")) as served:
        async with httpx.AsyncClient(verify=client(authority), trust_env=False) as kept:
            await kept.get(f"{served.web.url}/-/healthy")
            served.web.adopt(certified(authority, tmp_path, "two.example"))
            assert (await names(served.web, client(authority)))[1] == "two.example"
            assert (await names(served.web, client(authority, ssl.TLSVersion.TLSv1_2)))[1] == "two.example"
            assert (await kept.get(f"{served.web.url}/-/healthy")).status_code == 200
        served.web.adopt(certified(authority, tmp_path, "three.example", "1.3"))
        with pytest.raises(OSError):
            await names(served.web, client(authority, ssl.TLSVersion.TLSv1_2))


async def test_a_client_that_names_nobody_is_served_too(tmp_path: Path) -> None:
    authority = trustme.CA()
    async with serving(tls=certified(authority, tmp_path, "one.example")) as served:
        assert (await names(served.web, client(authority), None))[1] == "one.example"


async def test_plain_words_to_a_port_of_tls_and_silence_hold_up_nobody(tmp_path: Path) -> None:
    authority = trustme.CA()
    async with serving(tls=certified(authority, tmp_path, "one.example")) as served:
        host, _, port = served.web.url.removeprefix("https://").partition(":")
        silent = [await asyncio.open_connection(host, int(port)) for _ in range(20)]
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"HTTP" not in await reader.read()
        assert (await names(served.web, client(authority)))[1] == "one.example"
        for _, each in [*silent, (reader, writer)]:
            each.close()


async def test_a_connection_on_which_nothing_is_asked_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retabli.web.server.OPENING", 0.2)
    async with serving() as served, asyncio.timeout(10):
        host, _, port = served.web.url.removeprefix("http://").partition(":")
        for begun in (b"", b"GET / HTTP/1.1\r\nHost: x\r\nX: "):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(begun)
            assert await reader.read() == b""
            writer.close()


def test_when_a_certificate_ends_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "c.pem"
    path.write_text("nothing")
    assert ends_at(path) is None
    assert ends_at(tmp_path / "none") is None
    certified(trustme.CA(), tmp_path, "one.example")
    end = ends_at(tmp_path / "one.example.pem")
    assert end is not None
    assert end > 1_700_000_000
