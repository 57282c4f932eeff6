"""What the tests of whole daemons share: one that has not begun, and whose service answers."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.daemon.living import Life, life_in


@pytest.fixture
async def life(tmp_path: Path) -> AsyncIterator[Life]:
    async with life_in(tmp_path) as life:
        yield life
