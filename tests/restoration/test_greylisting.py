"""A mail server that greylists for ever, at each stage of real conversations, and what a flow's hours make of it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from probes.smtp import Smtp
from retabli.model.causes import Verdict
from retabli.model.flow import UnitName
from retabli.model.probe import Probe
from retabli.model.result import Outcome, Result
from retabli.model.states import State
from tests.climbing import climb, settings
from tests.hostile.grounds import HERE, PASSWORD
from tests.mail_servers import Answer, SmtpServer, after, closes
from tests.restoration.worlds import World, flow

EVERY, BUDGET = 60.0, 900.0  # seconds
UNIT = UnitName("mail-out", "p0")
GREYLISTED = b"450 4.2.0 <x@y.test>: Recipient address rejected: Greylisted, try again later\r\n"
PUT_OFF = b"451 4.7.1 Please try again later\r\n"
LEAVING: Answer = after(b"421 4.3.2 Service not available, closing transmission channel\r\n", closes)
FOR_EVER: dict[str, dict[str, Answer]] = {
    "421 at the greeting": {"BANNER": LEAVING},
    "450 at the greeting": {"BANNER": b"450 4.3.2 busy\r\n"},
    "421 at EHLO": {"EHLO": LEAVING},
    "451 at EHLO": {"EHLO": PUT_OFF, "HELO": PUT_OFF},
    "454 at the login": {"AUTH": b"454 4.7.0 Temporary authentication failure\r\n"},
    "421 at the login": {"AUTH": LEAVING},
    "421 at MAIL": {"MAIL": LEAVING},
    "450 at MAIL": {"MAIL": GREYLISTED},
    "451 at MAIL": {"MAIL": PUT_OFF},
    "452 at MAIL": {"MAIL": b"452 4.3.1 Insufficient system storage\r\n"},
    "421 at RCPT": {"RCPT": LEAVING},
    "450 at RCPT": {"RCPT": GREYLISTED},
    "451 at RCPT": {"RCPT": PUT_OFF},
    "450 of 5.1.1 at RCPT": {"RCPT": b"450 5.1.1 no such user\r\n"},
    "450 of a denied address at RCPT": {"RCPT": b"450 4.7.1 Client host rejected: listed by zen.test\r\n"},
}


def _probe(folder: Path, port: int) -> Smtp:
    (folder / "password").write_text(PASSWORD)
    keys: dict[str, Any] = {"tls": {"mode": "none"}, "user": "probe", "password": {"file": str(folder / "password")}}
    keys |= {"every": "60s", "temporary": "15m", "timeout": "10s"}
    return settings(Smtp, host=HERE, port=port, mail_from="a@x.test", rcpt_to="b@y.test", **keys)


async def _met(answers: dict[str, Answer], folder: Path) -> tuple[Probe, Result]:
    """One real run, which any later one is like."""
    server = SmtpServer(("8BITMIME", "AUTH PLAIN LOGIN"), accounts={"probe": PASSWORD}, answers=answers)
    async with server.listening() as port:
        probe = _probe(folder, port)
        return probe, await climb(probe)


async def _see(world: World, probe: Probe, result: Result) -> None:
    """That run again, now."""
    lasted = result.ended - result.started
    began = world.now - lasted
    again = replace(result, beat=began, started=began, ended=world.now, at=world.wall_time)
    await world.pipeline.accept(UNIT, probe, again)


@pytest.mark.parametrize("stage", FOR_EVER)
async def test_who_greylists_for_ever_drops_a_flow_when_the_budget_is_spent_and_not_before(
    stage: str, tmp_path: Path
) -> None:
    well = await _met({}, tmp_path)
    probe, put_off = await _met(FOR_EVER[stage], tmp_path)
    assert put_off.cause is not None
    assert (well[1].outcome, put_off.outcome, put_off.cause.verdict) == (
        Outcome.OK,
        Outcome.UNKNOWN,
        Verdict.TEMPORARY,
    ), put_off

    world = await World(flow(probes={"p0": probe}, every=EVERY, soak=0)).begin()
    for _ in range(4):
        await _see(world, probe, well[1])
        await world.pass_time(EVERY)
    assert world.state() is State.RESTORED

    asked = world.now
    while world.now < asked + BUDGET:
        await _see(world, probe, put_off)
        assert (world.drops(), world.pages()) == (0, 0)
        await world.pass_time(EVERY)
        assert world.state() in (State.RESTORED, State.UNKNOWN)
    assert world.state() is State.UNKNOWN
    for _ in range(3):
        await _see(world, probe, put_off)
        await world.pass_time(EVERY)
    assert (world.state(), world.drops(), world.pages()) == (State.DROPPED, 1, 1)
    assert world.picture().units[0].record.judged is Outcome.FAILED


@pytest.mark.parametrize("stage", FOR_EVER)
async def test_a_flow_that_is_greylisted_from_the_first_run_on_is_never_restored(stage: str, tmp_path: Path) -> None:
    probe, put_off = await _met(FOR_EVER[stage], tmp_path)
    world = await World(flow(probes={"p0": probe}, every=EVERY, soak=0)).begin()
    began = world.now
    seen = []
    while world.now < began + 2 * BUDGET:
        await _see(world, probe, put_off)
        within = world.now < began + BUDGET
        seen.append(world.state())
        assert not within or seen[-1] is State.UNKNOWN
        await world.pass_time(EVERY)
    assert set(seen) == {State.UNKNOWN, State.DOWN}
    assert (seen[-1], world.drops()) == (State.DOWN, 0)


async def test_a_server_that_puts_off_at_another_stage_each_time_has_one_budget_for_all(tmp_path: Path) -> None:
    results = [await _met(answers, tmp_path) for answers in FOR_EVER.values()]
    probe = results[0][0]
    world = await World(flow(probes={"p0": probe}, every=EVERY, soak=0)).begin()
    for place in range(int(BUDGET / EVERY) + 3):
        await _see(world, probe, results[place % len(results)][1])
        await world.pass_time(EVERY)
    assert world.state() is State.DOWN
