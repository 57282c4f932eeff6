"""One browser for all tests of a worker, and two worlds to look at; each test opens a profile of its own."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser.chromium import chromium
from tests.browser.hostile import hostile
from tests.browser.states import every_state
from tests.daemon.living import Life
from tests.web.serving import Served


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="session")
async def states() -> AsyncIterator[Served]:
    """Every state, in this process; a test may move them."""
    async with every_state() as served:
        yield served


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def attacked(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Life]:
    """A real daemon over hostile words, for tests that only look."""
    async with hostile(tmp_path_factory.mktemp("hostile")) as life:
        yield life
