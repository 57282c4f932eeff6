"""What libraries say of each connection is not in our log: it would name accounts, and matters on the ladder alone."""

import io
import logging
from collections.abc import Iterator

import pytest

from commands._logging import set_up


@pytest.fixture
def untouched() -> Iterator[None]:
    """The root logger as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("library", ["asyncssh", "asyncssh.sftp", "httpx", "apscheduler.scheduler"])
def test_a_library_is_silent_about_what_it_does(library: str) -> None:
    stream = io.StringIO()
    set_up("text", "debug", stream)
    logging.getLogger(library).info("Auth failed for user probe")
    logging.getLogger(library).warning("something is wrong")
    assert "probe" not in stream.getvalue()
    assert "something is wrong" in stream.getvalue()
