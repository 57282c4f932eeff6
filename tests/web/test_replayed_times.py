"""Moments that people write, where the times that are shown are mapped: the demo's twelve days, and after them."""

import pytest

from retabli.view import View
from retabli.web.instants import field_value, local_instant, unstamped
from simulator.timeline import END, START, Mapped
from tests.web.hospital import SITE

BEGAN = 1_800_000_000.0


@pytest.mark.parametrize("passed", [10.0, 119.0, 121.0, 5000.0])
def test_a_shown_moment_is_the_wall_time_at_which_it_was_shown_on_either_side_of_the_bend(passed: float) -> None:
    mapped = Mapped(BEGAN, (END - START) / 120)
    view = View(SITE, stamp=mapped.stamp, wall=lambda: BEGAN + passed)
    for shown in (START + 3600, START + 5 * 86_400, END - 60, END + 30):
        assert mapped.stamp(unstamped(shown, view)) == pytest.approx(shown, abs=0.01)
    assert field_value(mapped.stamp(local_instant("2023-06-28T12:00", view)), view) == "2023-06-28T12:00"


def test_a_real_moment_is_itself_in_the_site_s_zone() -> None:
    view = View(SITE, wall=lambda: BEGAN)
    assert local_instant("2023-07-03T10:00", view) == 1_688_371_200.0
    assert local_instant("2023-07-03T08:00:00Z", view) == 1_688_371_200.0
    for wrong in ("", "soon", "9999-12-31T23:59", "0001-01-01T00:00", "2023-13-01T00:00"):
        with pytest.raises(ValueError, match=r"."):
            local_instant(wrong, view)
