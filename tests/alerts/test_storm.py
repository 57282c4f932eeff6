"""A storm is told in few messages, the worst first, none lost and none delayed that stands alone."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from retabli.alerts.channels.channel import Channel, NotAccepted
from retabli.alerts.message import Letterhead
from retabli.alerts.outbox import settling
from retabli.alerts.outbox.drain import Drain, Figures
from retabli.alerts.outbox.gathering import Gathering, group_key
from retabli.model.record import Event, Message
from tests.alerts.outboxes import Inline
from tests.alerts.test_drain import Counted

GATHERING = Gathering(Letterhead("CHU", "inside", "en"))


@dataclass
class Phone:
    """A channel that notes what it took and when. `refuses` says of which messages it does not."""

    taken: list[tuple[float, Message]] = field(default_factory=list)
    tried: list[Message] = field(default_factory=list)
    down: bool = False
    no_groups: bool = False
    chokes_on: str = ""

    async def send(self, message: Message) -> None:
        self.tried.append(message)
        pages = message.body.get("pages", ())
        if self.down or (self.no_groups and pages):
            raise NotAccepted("answers 500")
        if self.chokes_on and self.chokes_on in str(message.body):
            raise KeyError("phone")
        self.taken.append((asyncio.get_running_loop().time(), message))

    async def close(self) -> None: ...

    @property
    def times(self) -> list[float]:
        return [round(at, 3) for at, _ in self.taken]

    @property
    def sizes(self) -> list[int]:
        return [len(message.body.get("pages", (1,))) for _, message in self.taken]

    def told(self) -> list[str]:
        """Every page that it was told, alone or in a group, in order."""
        return [page["key"] for _, message in self.taken for page in message.body.get("pages", (message.body,))]


def page(flow: str, status: str = "firing", reason: str = "dropped", channel: str = "duty", **more: Any) -> Message:
    key = f"{flow}-{status}"
    body = {"key": key, "incident": flow, "status": status, "reason": reason, "flow": flow, "title": flow, "state": "x"}
    return Message(key, channel, flow, {**body, "criticality": "normal", "because": None, "text": "…", **more})


def pages(number: int, first: int = 0, **given: Any) -> list[Message]:
    return [page(f"flow-{each}", **given) for each in range(first, first + number)]


@asynccontextmanager
async def draining(
    path: Path, channels: Mapping[str, Channel], figures: Figures | None = None
) -> AsyncIterator[tuple[Inline, Drain]]:
    outbox = Inline(path)
    drain = Drain(outbox, channels, figures or Counted(), GATHERING, wall=outbox.wall)
    running = asyncio.create_task(drain.run())
    try:
        await asyncio.sleep(0)
        yield outbox, drain
    finally:
        running.cancel()
        ended = await asyncio.gather(running, return_exceptions=True)
        outbox.close()
        assert isinstance(ended[0], asyncio.CancelledError)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


async def put(outbox: Inline, drain: Drain, *messages: Message) -> None:
    await outbox.queue(*messages)
    drain.wake()


pytestmark = pytest.mark.looptime


async def test_five_flows_that_drop_together_are_told_at_once_and_one_by_one(state: Path) -> None:
    duty = Phone()
    async with draining(state, {"duty": duty}) as (outbox, drain):
        await put(outbox, drain, *pages(5))
        await asyncio.sleep(60)
    assert (duty.sizes, duty.times) == ([1] * 5, [0] * 5)


async def test_a_flow_that_drops_every_three_seconds_is_never_delayed(state: Path) -> None:
    duty = Phone()
    async with draining(state, {"duty": duty}) as (outbox, drain):
        for each in range(20):
            await put(outbox, drain, page(f"flow-{each}"))
            await asyncio.sleep(3)
    assert duty.times == [3 * each for each in range(20)]


async def test_what_comes_on_top_waits_two_seconds_for_others_and_is_one_message(state: Path) -> None:
    duty = Phone()
    async with draining(state, {"duty": duty}) as (outbox, drain):
        await put(outbox, drain, *pages(30))
        await asyncio.sleep(1)
        await put(outbox, drain, *pages(10, first=30))
        await asyncio.sleep(60)
        assert await outbox.pending() == {}
    assert duty.sizes == [1] * 5 + [35]
    assert duty.times == [0] * 5 + [2]
    assert sorted(duty.told()) == sorted(f"flow-{each}-firing" for each in range(40))


async def test_the_pages_of_a_storm_are_at_most_two_hundred_to_a_group_and_each_status_has_its_own(
    state: Path,
) -> None:
    duty = Phone()
    async with draining(state, {"duty": duty}) as (outbox, drain):
        mixed = [
            *pages(5),
            *pages(430, first=10),
            *pages(10, first=500, status="resolved"),
            *pages(8, 600, status="reminder"),
        ]
        await put(outbox, drain, *mixed)
        await asyncio.sleep(60)
    assert duty.sizes == [1] * 8 + [200, 200, 30, 8, 7]  # eight at once are all that a channel is given
    assert [message.body["status"] for _, message in duty.taken[-3:]] == ["firing", "reminder", "resolved"]
    assert len(set(duty.told())) == 453


async def test_resolves_and_reminders_never_hold_up_a_page(state: Path) -> None:
    duty = Phone()
    async with draining(state, {"duty": duty}) as (outbox, drain):
        await put(outbox, drain, *pages(300, status="resolved"))
        await asyncio.sleep(3)
        await put(outbox, drain, *pages(3, first=400))
        await asyncio.sleep(0.1)
        assert duty.told()[-3:] == [f"flow-{each}-firing" for each in (400, 401, 402)]


async def test_two_flows_a_second_are_told_within_two_seconds_each(state: Path) -> None:
    """A busy hour is no storm: what comes on top of the burst waits for no more than the gathering."""
    duty, put_at = Phone(), {}
    async with draining(state, {"duty": duty}) as (outbox, drain):
        for each in range(40):
            put_at[f"flow-{each}-firing"] = 0.5 * each
            await put(outbox, drain, page(f"flow-{each}"))
            await asyncio.sleep(0.5)
        await asyncio.sleep(10)
    for at, message in duty.taken:
        for told in message.body.get("pages", (message.body,)):
            assert at - put_at[told["key"]] <= 2.1
    assert len(duty.taken) < 25


async def test_while_a_storm_lasts_a_group_comes_every_ten_seconds_but_a_breach_within_two(state: Path) -> None:
    duty = Phone()
    async with draining(state, {"duty": duty}) as (outbox, drain):
        await put(outbox, drain, *pages(7))
        for each in range(30):
            await asyncio.sleep(1)
            await put(outbox, drain, *pages(3, first=100 + 3 * each))
            if each == 14:
                await put(outbox, drain, page("internet", reason="breached"))
        await asyncio.sleep(60)
        assert await outbox.pending() == {}
    groups = [(at, message) for at, message in duty.taken if "pages" in message.body]
    times = [round(at) for at, _ in groups]
    assert times == [2, 12, 17, 27, 37]  # 17: two seconds after the breach
    assert groups[2][1].body["pages"][0]["flow"] == "internet"


async def test_a_breach_amid_a_storm_that_begins_is_told_first_and_alone(state: Path) -> None:
    duty = Phone()
    async with draining(state, {"duty": duty}) as (outbox, drain):
        await put(outbox, drain, *pages(50), page("internet", reason="breached"))
        await asyncio.sleep(1)
    assert duty.told()[0] == "internet-firing"


async def test_after_a_storm_a_flow_that_drops_alone_is_told_at_once_again(state: Path) -> None:
    duty = Phone()
    async with draining(state, {"duty": duty}) as (outbox, drain):
        await put(outbox, drain, *pages(50))
        await asyncio.sleep(20)
        await put(outbox, drain, page("alone"))
        await asyncio.sleep(0.1)
        assert duty.told()[-1] == "alone-firing"


async def test_a_message_of_a_flow_waits_for_the_group_that_tells_the_one_before(state: Path) -> None:
    duty = Phone(down=True)
    async with draining(state, {"duty": duty}) as (outbox, drain):
        await put(outbox, drain, *pages(20))
        await asyncio.sleep(5)
        await put(outbox, drain, *pages(20, status="resolved"))
        await asyncio.sleep(120)
        assert {message.body["status"] for message in duty.tried} == {"firing"}
        duty.down = False
        await asyncio.sleep(600)
        assert await outbox.pending() == {}
    for each in range(20):
        assert [key for key in duty.told() if key.startswith(f"flow-{each}-")] == [
            f"flow-{each}-firing",
            f"flow-{each}-resolved",
        ]


async def test_each_flow_of_a_group_has_its_row_in_the_log(state: Path) -> None:
    async with draining(state, {"duty": Phone()}) as (outbox, drain):
        await put(outbox, drain, *pages(12))
        await asyncio.sleep(60)
        rows = [row for row in await outbox.entries() if row.event == Event.TOLD]
    assert sorted(row.flow for row in rows) == sorted(f"flow-{each}" for each in range(12))
    (last,) = (row for row in rows if row.flow == "flow-11")
    assert last.data == {
        "channel": "duty",
        "key": "flow-11-firing",
        "incident": "flow-11",
        "status": "firing",
        "reason": "dropped",
        "attempts": 1,
        "together": 7,
        "group": group_key([f"flow-{each}-firing" for each in range(5, 12)]),
    }


async def test_a_group_that_was_sent_before_a_kill_is_sent_with_the_same_key_and_the_same_pages(state: Path) -> None:
    duty = Phone(down=True)
    async with draining(state, {"duty": duty}) as (outbox, drain):
        await put(outbox, drain, *pages(30))
        await asyncio.sleep(2.5)
    (before,) = (message for message in duty.tried if "pages" in message.body)
    duty.down, alone = False, {message.key for message in duty.tried if "pages" not in message.body}
    async with draining(state, {"duty": duty}) as (outbox, drain):
        await put(outbox, drain, *pages(30, first=30))  # others come before it is tried again
        await asyncio.sleep(60)
        assert await outbox.pending() == {}
    (again,) = (message for _, message in duty.taken if message.key == before.key)
    assert again.body == before.body
    assert alone <= {message.key for _, message in duty.taken}  # whoever got one alone never gets it under another key
    assert sorted(duty.told()) == sorted(f"flow-{each}-firing" for each in range(60))


async def test_a_group_has_the_same_key_on_every_channel(state: Path) -> None:
    duty, mail = Phone(), Phone()
    async with draining(state, {"duty": duty, "mail": mail}) as (outbox, drain):
        await put(outbox, drain, *pages(20), *pages(20, channel="mail"))
        await asyncio.sleep(10)
    assert duty.taken[-1][1].key == mail.taken[-1][1].key
    assert duty.taken[-1][1].key.startswith("group-")


async def test_a_receiver_that_takes_no_groups_is_told_every_page_by_itself_in_the_end(state: Path) -> None:
    duty = Phone(no_groups=True)
    async with draining(state, {"duty": duty}) as (outbox, drain):
        await put(outbox, drain, *pages(60))
        await asyncio.sleep(600)
        assert await outbox.pending() == {}
    assert sorted(duty.told()) == sorted(f"flow-{each}-firing" for each in range(60))


async def test_one_page_that_a_receiver_refuses_keeps_none_of_its_group_back(state: Path) -> None:
    class Picky(Phone):
        async def send(self, message: Message) -> None:
            if "flow-37-" in str(message.body):
                raise NotAccepted("answers 400")
            await super().send(message)

    duty = Picky()
    async with draining(state, {"duty": duty}) as (outbox, drain):
        await put(outbox, drain, *pages(60))
        await asyncio.sleep(600)
        assert await outbox.pending() == {"duty": 1}
    assert sorted(duty.told()) == sorted(f"flow-{each}-firing" for each in range(60) if each != 37)


async def test_a_group_that_a_channel_chokes_on_falls_apart_and_the_page_it_was_goes_by_another(state: Path) -> None:
    duty, mail = Phone(chokes_on="flow-37-"), Phone()
    async with draining(state, {"duty": duty, "mail": mail}) as (outbox, drain):
        await put(outbox, drain, *pages(60))
        await asyncio.sleep(60)
        assert await outbox.pending() == {}
    assert sorted(duty.told()) == sorted(f"flow-{each}-firing" for each in range(60) if each != 37)
    assert mail.told() == ["flow-37-firing-for-duty"]


async def test_a_group_whose_channel_is_gone_is_told_by_the_others_but_not_twice(state: Path) -> None:
    duty, mail = Phone(down=True), Phone()
    async with draining(state, {"duty": duty, "mail": mail}) as (outbox, drain):
        await put(outbox, drain, *pages(20), page("flow-19", channel="mail"))
        await asyncio.sleep(30)
        drain.use({"mail": mail}, GATHERING)
        await asyncio.sleep(60)
        assert await outbox.pending() == {}
    assert sorted(mail.told()) == sorted(f"flow-{each}-firing" for each in range(20))


async def test_a_reload_amid_the_grouping_that_takes_the_channel_away_loses_nothing(state: Path) -> None:
    duty, mail = Phone(), Phone()
    async with draining(state, {"duty": duty, "mail": mail}) as (outbox, drain):
        gather = outbox.gather

        async def reloads(groups: Any) -> None:
            await gather(groups)
            drain.use({"mail": mail}, GATHERING)

        outbox.gather = reloads  # type: ignore[method-assign]
        await put(outbox, drain, *pages(30))
        await asyncio.sleep(60)
        assert await outbox.pending() == {}
    assert sorted([*duty.told(), *mail.told()]) == sorted(f"flow-{each}-firing" for each in range(30))


async def test_an_hour_of_refusals_ends_with_every_page_told_in_few_messages(state: Path) -> None:
    duty = Phone(down=True)
    async with draining(state, {"duty": duty}) as (outbox, drain):
        for minute in range(60):
            await put(outbox, drain, *pages(8, first=8 * minute))
            await asyncio.sleep(60)
        tried = len(duty.tried)
        duty.down = False
        await asyncio.sleep(2 * settling.LONGEST_WAIT)
        assert await outbox.pending() == {}
    assert sorted(duty.told()) == sorted(f"flow-{each}-firing" for each in range(480))
    assert len(duty.taken) <= 6 * 60
    assert tried < 480 * 12  # each waits longer and longer


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
async def test_a_clock_that_jumps_by_an_hour_delays_nothing_loses_nothing_and_keeps_the_order(
    state: Path, jump: float
) -> None:
    duty = Phone(down=True)
    async with draining(state, {"duty": duty}) as (outbox, drain):
        await put(outbox, drain, page("mail"), *pages(10))
        await asyncio.sleep(1.5)  # one has failed twice, others wait to be grouped
        outbox.jump = jump
        await put(outbox, drain, page("mail", status="resolved"))
        duty.down = False
        await asyncio.sleep(12)
        assert await outbox.pending() == {}
    assert max(duty.times) <= 12  # ten seconds after the group
    assert [key for key in duty.told() if key.startswith("mail")] == ["mail-firing", "mail-resolved"]
    assert len(duty.told()) == 12
