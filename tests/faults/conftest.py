"""A daemon of its own for each test of what its machine may lack."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.daemon.living import Life, life_in


@pytest.fixture
async def life(tmp_path: Path) -> AsyncIterator[Life]:
    async with life_in(tmp_path) as life:
        yield life
