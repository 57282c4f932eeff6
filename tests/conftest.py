"""What tests of several folders share: two certificate authorities, one that is trusted and one that is not."""

import asyncio
from pathlib import Path

import pytest
import trustme


def pytest_configure() -> None:
    """Have no event loop stand by: pytest-asyncio asks for one, is made one, and nobody would ever close it."""
    asyncio.set_event_loop(None)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def stranger() -> trustme.CA:
    """An authority that nobody trusts."""
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trusted authority's certificate, as `tls.ca` names it."""
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path
