"""The twelve days of the public timeline, in simulated time."""

import pytest

from simulator.timeline import CUT, DEFAULT_SPEED, END, START, Mapped, replay


async def test_the_replay_cuts_at_the_start_and_opens_each_flow_on_its_day() -> None:
    now = 5000.0
    mapped = Mapped(began=now, speed=DEFAULT_SPEED)
    turned: list[tuple[str, str, float]] = []

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    await replay(mapped, lambda flow, to: turned.append((flow, to, mapped.stamp(now))), wall=lambda: now, sleep=sleep)
    assert {flow: to for flow, to, _ in turned[: len(CUT)]} == CUT
    opened = {flow: at for flow, to, at in turned[len(CUT) :]}
    assert list(opened) == [flow for flow in list(opened) if flow in CUT], "only what was cut is opened"
    assert set(CUT) - set(opened) == {"card-payment"}, "payment by card is still not possible on 3 July"
    assert START < opened["mail-in"] < opened["websites"] < opened["mail-out"] < END
    assert now - 5000.0 == pytest.approx(120.0)
    assert mapped.stamp(now) == pytest.approx(END)


def test_stamps_begin_with_the_attack_and_pass_at_their_own_pace_after_the_end() -> None:
    mapped = Mapped(began=100.0, speed=1000.0)
    assert mapped.stamp(100.0) == START
    over = 100.0 + (END - START) / 1000.0
    assert mapped.stamp(over + 60.0) == pytest.approx(END + 60.0)
