"""A day of beats through the whole daemon, compressed: nothing that stood is paged, and what is open does not grow."""

import pytest

from bench.soak import grown, parsed, soak

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]


def test_some_thousand_beats_leave_nothing_open_and_page_what_fell_alone() -> None:
    soaked, drops = soak(parsed(["--beats", "8000", "--minutes", "1.5"]))
    told = soaked.told()
    assert soaked.samples[-1].runs >= 8000
    assert (told["wrong"], told["again"]) == (0, 0)
    assert 0 < told["firing"] == told["resolved"] <= drops.fell  # a busy machine may not see one of two seconds
    assert soaked.reloads > 0
    assert soaked.streamed > 0
    assert [fault for fault in grown(soaked.samples) if fault.startswith(("descriptors", "threads"))] == []
