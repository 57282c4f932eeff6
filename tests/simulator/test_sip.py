"""The simulated switchboard: well by default, and each position is what the probe says of it."""

import pytest

from probes.sip import Sip
from retabli.model.result import Outcome
from simulator.sip import Switchboard
from tests.climbing import climb, settings


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize(
    ("position", "outcome", "cause"),
    [
        ("answers", Outcome.OK, None),
        ("overloaded", Outcome.UNKNOWN, "sip_unavailable"),
        ("error", Outcome.FAILED, "sip_server_error"),
        ("refuses", Outcome.FAILED, "sip_forbidden"),
        ("silent", Outcome.FAILED, "timeout"),
    ],
)
async def test_a_position_is_what_the_probe_says_of_it(
    position: str, outcome: Outcome, cause: str | None, transport: str
) -> None:
    switchboard = Switchboard()
    async with switchboard.serving:
        switchboard.position = position
        result = await climb(
            settings(Sip, host="127.0.0.1", port=switchboard.serving.port, transport=transport, timeout="300ms")
        )
    assert (result.outcome, result.cause.code if result.cause else None) == (outcome, cause)
