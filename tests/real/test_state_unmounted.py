"""A state whose file system is unmounted under the daemon: all that it held is found by the next start."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from retabli.store import Store, StoreFailed
from tests.store.copied import rows, write

pytestmark = pytest.mark.real


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "lib"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False, stderr=subprocess.DEVNULL)


async def test_what_an_unmounted_state_held_is_saved_and_taken_up_by_the_next_start(mounted: Path) -> None:
    state = mounted / "state.db"
    store = Store.open(state)
    await write(store, range(20))
    subprocess.run(["umount", "-l", str(mounted)], check=True)
    await write(store, range(20, 25))
    with pytest.raises(StoreFailed, match="or its folder was unmounted; all that it held was saved as"):
        await store.touch()
    await store.close()
    again = Store.open(state)
    assert rows(again) == 25
    assert again.load().restored is not None
    await again.close()
