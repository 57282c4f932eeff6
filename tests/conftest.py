"""What tests of several folders share: two certificate authorities, one that is trusted and one that is not."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from retabli.model import causes
from retabli.model.probe import Probe
from retabli.model.result import Result
from retabli.scheduler import runner, stalls
from tests import reached
from tests.entrance import make_importable

make_importable()


def pytest_configure() -> None:
    """Have no event loop stand by: pytest-asyncio asks for one, is made one, and nobody would ever close it.

    A shell has what it starts in the background ignore Ctrl-C, and what that starts inherits it: programs that are to
    be interrupted by a test would go on for ever.
    """
    asyncio.set_event_loop(None)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _what_the_scheduler_reaches() -> Iterator[None]:
    """Note the two causes that the scheduler finds by itself, beside those that `tests.climbing.climb` notes."""
    defect, judge = runner._defect, stalls.Stalls.judge

    def noted_defect(result: Result) -> Result:
        found = defect(result)
        reached.note("(any)", found)
        return found

    def noted_judge(self: stalls.Stalls, probe: Probe, result: Result) -> Result:
        found = judge(self, probe, result)
        if found.cause is causes.LOCAL_STALL:
            reached.note("(any)", found)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "_defect", noted_defect)
        patch.setattr(stalls.Stalls, "judge", noted_judge)
        yield


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
