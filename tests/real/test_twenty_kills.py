"""Killed -9 at any moment of a drop's life, the daemon tells each page and each resolve, and repeats nothing anew.

`RETABLI_KILLS=20` for all twenty; with `-s` their table is printed. `python -m bench.kills` does the same with
Prometheus and Alertmanager beside it.
"""

import itertools
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.killing import Killings, Road, Window, alertmanagers, watching
from tests.daemon.living import Life, Post, life_in
from tests.real.second_road import QUICK, missing, second_road

KILLS = int(os.environ.get("RETABLI_KILLS", "6"))

pytestmark = [pytest.mark.real, pytest.mark.timeout(60 + 15 * KILLS)]


@pytest.fixture
async def life(tmp_path: Path) -> AsyncIterator[Life]:
    async with life_in(tmp_path, hook=Post(lingers=0.1)) as life:
        life.write(every="500ms", flows=watching(life))
        yield life


async def lived(life: Life, *roads: Road, kills: int) -> None:
    """That many drops, each with a kill in it, and what every road told of them."""
    killings = Killings(life, roads, random.Random(2023))  # noqa: S311 - moments, not secrets
    await life.start()
    await life.until_state("restored")
    for window in itertools.islice(itertools.cycle(Window), kills):
        await killings.drop(window)
    print("\n" + killings.table())  # noqa: T201 - for `-s`
    for road in roads:
        pages, ends = road.pages("firing"), road.pages("resolved")
        assert len(pages) == len(ends) == kills, road.name
        assert pages.keys() == ends.keys()
        assert len({each.key for each in road.heard}) == 2 * kills
        order = [(each.page, each.status) for each in road.heard]
        assert [each for each, _ in itertools.groupby(order)] == [
            (page, status) for page in pages for status in ("firing", "resolved")
        ]


async def test_as_many_kills_as_many_pages_and_resolves_and_repeats_only_with_the_same_key(life: Life) -> None:
    await lived(life, Road("Retabli", life.hook), kills=KILLS)
    _assert_that_repeats_are_the_same_message(life.hook)
    assert (await life.get("/api/v1/flows"))["flows"][0]["drops"] == KILLS
    assert (await life.command("log", "verify", "--config", str(life.config)))[0] == 0


@pytest.mark.skipif(bool(missing()), reason=f"not installed: {', '.join(missing())}")
async def test_prometheus_and_alertmanager_tell_of_each_as_well_and_a_dead_daemon_ends_nothing(life: Life) -> None:
    pager = Post()
    await pager.start()
    hook = f"http://127.0.0.1:{pager.port}/"
    try:
        with second_road(life.folder, hook, [life.port], QUICK):
            roads = (Road("Retabli", life.hook), Road("Prometheus and Alertmanager", pager, alertmanagers))
            await lived(life, *roads, kills=len(Window))
    finally:
        await pager.stop()


def _assert_that_repeats_are_the_same_message(hook: Post) -> None:
    first: dict[str, dict[str, Any]] = {}
    for body in hook.bodies:
        message = {name: value for name, value in body.items() if name != "sent_at"}
        assert first.setdefault(body["key"], message) == message
