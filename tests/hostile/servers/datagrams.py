"""Time servers and switchboards that lie by datagrams: floods, forged cookies, kisses of death."""

from collections.abc import Iterator

from probes.ntp import Ntp
from probes.sip import Sip
from retabli.model.result import Result
from tests.climbing import climb, settings
from tests.hostile.cells import Cell, Meet
from tests.hostile.grounds import HERE, Grounds
from tests.kinds.test_ntp import Answer as TimeAnswer
from tests.kinds.test_ntp import telling, time_server
from tests.kinds.test_sip import OK, answering, switchboard
from tests.kinds.test_sip import Answer as SipAnswer

ESCAPES = "\x1b[2J\x1b]0;owned\x07\u202egnp.exe"
TIME: dict[str, TimeAnswer] = {
    "silent": lambda _: [],
    "an empty datagram": lambda _: [b""],
    "the question again": lambda question: [question],
    "half an answer": lambda question: [telling()(question)[0][:20]],
    "64 kB": lambda _: [b"\x24" + bytes(60_000)],
    "high bytes": lambda _: [b"\xff" * 48],
    "another's cookie": telling(originate=bytes(8)),
    "stratum 16": telling(stratum=16),
    "a kiss of death": telling(stratum=0, reference=b"DENY"),
    "a kiss to slow down": telling(stratum=0, reference=b"RATE"),
    "a kiss of escapes": telling(stratum=0, reference=b"\x1b[2J"),
    "not synchronised": telling(leap=3),
    "a client's mode": telling(mode=3),
    "no time at all": telling(transmit=bytes(8)),
    "a century ahead": telling(ahead=3.2e9),
    "a day behind": telling(ahead=-86_400.0),
    "a flood of another's cookie": lambda question: telling(originate=b"\1" * 8)(question) * 300,
}
CALLS: dict[str, SipAnswer] = {
    "silent": lambda _: [],
    "an empty datagram": lambda _: [b""],
    "the question again": lambda request: [request],
    "high bytes": lambda _: [b"\xff" * 400],
    "half an answer": lambda request: [OK(request)[0][:30]],
    "another's branch": answering(via="SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKother"),
    "another's call": answering(call_id="other"),
    "status 999": answering("999 Odd"),
    "status 000": answering("000 Odd"),
    "trying for ever": answering("100 Trying"),
    "escapes": answering(f"500 {ESCAPES}"),
    "a length that lies": answering("500 no", "Content-Length: 99999999"),
    "a flood of provisional answers": lambda request: answering("100 Trying")(request) * 300,
    "a flood of another's calls": lambda request: answering(call_id="other")(request) * 300,
    "60 kB of fields": answering("500 no", *(f"X-Filler-{number}: {'x' * 500}" for number in range(110))),
}


def _time(answer: TimeAnswer) -> Meet:
    async def meeting(grounds: Grounds) -> Result:
        port, _ = await grounds.stack.enter_async_context(time_server(answer))
        return await climb(settings(Ntp, host=HERE, port=port, timeout=grounds.timeout))

    return meeting


def _call(answer: SipAnswer) -> Meet:
    async def meeting(grounds: Grounds) -> Result:
        port, _ = await grounds.stack.enter_async_context(switchboard(answer))
        return await climb(settings(Sip, host=HERE, port=port, timeout=grounds.timeout))

    return meeting


def cells() -> Iterator[Cell]:
    for name, told in TIME.items():
        yield Cell("datagrams", name, "ntp", "ntp", _time(told), heavy="flood" in name)
    for name, said in CALLS.items():
        yield Cell("datagrams", name, "sip_udp", "sip", _call(said), heavy="flood" in name)
