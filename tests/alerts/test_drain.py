"""What is in the outbox is told: in order, at least once, for as long as it takes, and a defect holds nothing up."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from retabli.alerts.channels import CHANNELS, build
from retabli.alerts.channels.channel import Channel, NotAccepted
from retabli.alerts.message import Letterhead
from retabli.alerts.outbox import drain as draining
from retabli.alerts.outbox import settling, storm
from retabli.alerts.outbox.drain import Drain
from retabli.alerts.outbox.gathering import Gathering
from retabli.alerts.outbox.settling import backoff
from retabli.model.record import Entry, Event, Message
from retabli.store import OutboxRow, Store
from tests.alerts.hooks import Answer, Hook, endless, hangs, hangs_up, ok, receiving, says
from tests.alerts.outboxes import Inline
from tests.store.making import commit


@dataclass
class Counted:
    """The figures as they were counted."""

    sends: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    waiting: dict[str, int] = field(default_factory=dict)
    fails: dict[str, bool] = field(default_factory=dict)

    def sent(self, channel: str) -> None:
        self.sends[channel] += 1

    def failed(self, channel: str) -> None:
        self.failures[channel] += 1

    def pending(self, channel: str, messages: int) -> None:
        self.waiting[channel] = messages

    def failing(self, channel: str, failing: bool) -> None:
        self.fails[channel] = failing


@dataclass
class Told:
    """A channel that accepts everything, and remembers it."""

    messages: list[Message] = field(default_factory=list)
    closed: bool = False

    async def send(self, message: Message) -> None:
        self.messages.append(message)

    async def close(self) -> None:
        self.closed = True

    @property
    def keys(self) -> list[str]:
        return [message.key for message in self.messages]


class Choking(Told):
    """A channel with a defect: it chokes on some messages."""

    def __init__(self, *on: str) -> None:
        super().__init__()
        self.on = on

    async def send(self, message: Message) -> None:
        if message.key.partition("-for-")[0] in self.on:
            raise KeyError("phone")
        await super().send(message)


GATHERING = Gathering(Letterhead("CHU", "inside", "en"))


def page(number: int, flow: str = "mail-out", channel: str = "duty") -> Message:
    return Message(f"{flow}-{number}", channel, flow, {"key": f"{flow}-{number}", "n": number, "text": "x"})


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store.open(tmp_path / "state.db")
    yield store
    await store.close()


@asynccontextmanager
async def drained(store: Store, channels: Mapping[str, Channel]) -> AsyncIterator[tuple[Drain, Counted]]:
    figures = Counted()
    drain = Drain(store, channels, figures, GATHERING)
    running = asyncio.create_task(drain.run())
    try:
        yield drain, figures
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await drain.close()


@asynccontextmanager
async def hooked(*answers: Answer, timeout: str = "10s") -> AsyncIterator[tuple[Hook, Channel]]:
    async with receiving(*answers) as hook:
        yield hook, build(CHANNELS["webhook"].model_validate({"kind": "webhook", "url": hook.url, "timeout": timeout}))


async def until_empty(store: Store) -> None:
    async with asyncio.timeout(10):
        while await store.pending():
            await asyncio.sleep(0.01)


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "FIRST_WAIT", 0.01)


async def test_what_is_committed_is_told_at_once_marked_counted_and_logged(store: Store) -> None:
    async with hooked(ok) as (hook, duty), drained(store, {"duty": duty}) as (drain, figures):
        await hook_is_idle(figures)
        await commit(store, messages=[Message("4f-firing", "duty", "mail-out", {"incident": "4f", "status": "firing"})])
        drain.wake()
        await asyncio.wait_for(hook.until(1), 1)
        await until_empty(store)
        assert (figures.sends, figures.failures) == ({"duty": 1}, {})
        async with asyncio.timeout(5):
            while figures.waiting != {"duty": 0}:
                await asyncio.sleep(0.01)
    (row,) = await store.entries()
    assert (row.event, row.flow) == (Event.TOLD, "mail-out")
    assert row.data == {"channel": "duty", "key": "4f-firing", "incident": "4f", "status": "firing", "attempts": 1}


async def hook_is_idle(figures: Counted) -> None:
    async with asyncio.timeout(5):
        while "duty" not in figures.waiting:
            await asyncio.sleep(0.01)


@pytest.mark.usefixtures("soon")
async def test_a_page_is_tried_again_with_the_same_key_until_it_is_accepted(store: Store) -> None:
    await commit(store, messages=[page(1)])
    answers = (says(500), says(302, b"", "Location: /"), hangs, says(404), ok)
    async with hooked(*answers, timeout="100ms") as (hook, duty), drained(store, {"duty": duty}) as (_, figures):
        await until_empty(store)
    assert [request.headers["idempotency-key"] for request in hook.requests] == ["mail-out-1"] * 5
    assert (figures.sends, figures.failures) == ({"duty": 1}, {"duty": 4})
    assert [row.data["attempts"] for row in await store.entries()] == [5]


@pytest.mark.usefixtures("soon")
async def test_the_messages_of_a_flow_arrive_in_order_though_the_first_is_refused(store: Store) -> None:
    await commit(store, messages=[page(number) for number in range(5)])
    async with hooked(says(500), says(500), says(500), ok) as (hook, duty), drained(store, {"duty": duty}):
        await until_empty(store)
    assert hook.texts == [0, 0, 0, 0, 1, 2, 3, 4]


async def test_a_flow_whose_message_is_refused_holds_up_no_other_flow(store: Store) -> None:
    await commit(store, messages=[page(1), page(2), page(1, "mail-in"), page(1, "rubis")])

    class Refusing(Told):
        async def send(self, message: Message) -> None:
            if message.flow == "mail-out":
                raise NotAccepted("not this one")
            await super().send(message)

    channel = Refusing()
    async with drained(store, {"duty": channel}):
        async with asyncio.timeout(5):
            while (await store.pending())["duty"] > 2:  # accepted first, and marked told after that
                await asyncio.sleep(0.01)
    assert sorted(channel.keys) == ["mail-in-1", "rubis-1"]
    assert await store.pending() == {"duty": 2}


async def test_a_channel_that_hangs_holds_up_no_other_channel_and_is_given_only_so_many_at_once(store: Store) -> None:
    flows = [f"flow-{number}" for number in range(30)]
    await commit(store, messages=[page(1, flow, name) for flow in flows for name in ("duty", "mail")])
    mail = Told()
    async with hooked(hangs) as (hook, duty), drained(store, {"duty": duty, "mail": mail}):
        await hook.until(draining.AT_ONCE)
        async with asyncio.timeout(5):
            while "mail" in await store.pending():  # accepted first, and marked told after that
                await asyncio.sleep(0.01)
        assert len(mail.messages) == 30
        assert len(hook.requests) == draining.AT_ONCE
    assert await store.pending() == {"duty": 30}


async def test_messages_that_are_never_grouped_are_told_in_seconds_though_they_are_many(store: Store) -> None:
    flows = [f"flow-{number}" for number in range(400)]
    await commit(store, messages=[page(1, flow) for flow in flows])
    async with hooked(ok) as (hook, duty), drained(store, {"duty": duty}):
        async with asyncio.timeout(10):
            await until_empty(store)
    assert len(hook.requests) == 400


async def test_a_page_that_was_accepted_and_not_marked_before_the_daemon_died_is_told_again(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "state.db")
    await commit(store, messages=[page(1)])
    duty = Told()

    async def dies(row: OutboxRow, *entries: Entry, ends: Sequence[Message] = ()) -> bool:
        raise asyncio.CancelledError

    store.told = dies  # type: ignore[method-assign]
    with pytest.raises(asyncio.CancelledError):
        await Drain(store, {"duty": duty}, Counted(), GATHERING).run()
    await store.close()
    store = Store.open(tmp_path / "state.db")
    async with drained(store, {"duty": duty}):
        await until_empty(store)
    await store.close()
    assert duty.keys == ["mail-out-1", "mail-out-1"]


async def test_an_attempt_that_is_near_its_end_when_the_daemon_stops_is_not_made_again(store: Store) -> None:
    await commit(store, messages=[page(1)])
    begun, told = asyncio.Event(), Told()

    class Slow(Told):
        async def send(self, message: Message) -> None:
            begun.set()
            await asyncio.sleep(0.2)  # a gateway for SMS, in the midst of one
            await told.send(message)

    async with drained(store, {"duty": Slow()}):
        await begun.wait()
    assert told.keys == ["mail-out-1"]
    assert await store.pending() == {}
    assert [row.event for row in await store.entries()] == [Event.TOLD]


async def test_ending_the_daemon_amid_an_attempt_leaves_the_page_waiting(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining, "LAST", 0.1)
    await commit(store, messages=[page(1)])
    async with hooked(hangs) as (hook, duty), drained(store, {"duty": duty}):
        await hook.until(1)
    assert await store.pending() == {"duty": 1}


@pytest.mark.usefixtures("soon")
async def test_a_receiver_that_ends_amid_a_group_is_given_the_same_group_again_when_it_is_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storm, "GATHERING", 0.7)  # the five that go alone are at the receiver by then
    bodies = [{"key": f"f{n}-firing", "status": "firing", "flow": f"f{n}", "reason": "dropped"} for n in range(12)]
    await commit(store, messages=[Message(str(body["key"]), "duty", str(body["flow"]), body) for body in bodies])
    async with hooked(*([ok] * 5), hangs_up, says(503), endless(500), ok) as (hook, duty):
        async with drained(store, {"duty": duty}):
            await until_empty(store)
    groups = [request.json for request in hook.requests if "pages" in request.json]
    assert len(groups) == 4
    assert len({group["key"] for group in groups}) == 1
    assert [len(group["pages"]) for group in groups] == [7] * 4


# defects -----------------------------------------------------------------------------------------------------------


async def test_a_message_that_its_channel_chokes_on_is_told_by_another_and_what_is_behind_it_goes_on(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    await commit(store, messages=[page(1), page(2), page(1, channel="mail")])
    duty, mail = Choking("mail-out-1"), Told()
    async with drained(store, {"duty": duty, "mail": mail}) as (_, figures):
        await until_empty(store)
    assert duty.keys == ["mail-out-2"]
    assert mail.keys == ["mail-out-1", "mail-out-1-for-duty"]
    assert mail.messages[1].body == {
        "key": "mail-out-1-for-duty",
        "n": 1,
        "instead_of": ["duty"],
        "text": "[duty: defect: KeyError: 'phone']\nx",
    }
    (aside,) = [row for row in await store.entries() if row.event == Event.ASIDE]
    assert aside.data == {
        "channel": "duty",
        "key": "mail-out-1",
        "error": "defect: KeyError: 'phone'",
        "left_to": ["mail"],
    }
    assert figures.failures == {"duty": 1}
    assert "channel duty has a defect" in caplog.text


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("lack", [RuntimeError("can't start new thread"), MemoryError()])
async def test_what_our_own_machine_lacks_for_a_moment_is_no_defect_of_the_channel(
    store: Store, lack: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """The page went to the last channel alone, and on-call never had it."""
    await commit(store, messages=[page(1)])

    class Lacking(Told):
        tries = 0

        async def send(self, message: Message) -> None:
            self.tries += 1
            if self.tries < 3:
                raise lack
            await super().send(message)

    duty, archive = Lacking(), Told()
    async with drained(store, {"duty": duty, "archive": archive}):
        await until_empty(store)
    assert (duty.keys, archive.keys) == (["mail-out-1"], [])
    assert "defect" not in caplog.text


@pytest.mark.usefixtures("soon")
async def test_a_message_that_the_only_channel_chokes_on_waits_behind_the_others_and_is_never_given_up(
    store: Store,
) -> None:
    await commit(store, messages=[page(1), page(2), page(3)])
    duty = Choking("mail-out-1")
    async with drained(store, {"duty": duty}):
        async with asyncio.timeout(5):
            while await store.pending() != {"duty": 1}:
                await asyncio.sleep(0.01)
        duty.on = ()  # the defect is mended
        await until_empty(store)
    assert duty.keys == ["mail-out-2", "mail-out-3", "mail-out-1"]


@pytest.mark.usefixtures("soon")
async def test_a_message_that_every_channel_chokes_on_does_not_go_round_in_circles(store: Store) -> None:
    await commit(store, messages=[page(1)])
    channels = {"duty": Choking("mail-out-1"), "mail": Choking("mail-out-1")}
    async with drained(store, channels) as (_, figures):
        async with asyncio.timeout(5):
            while figures.failures["mail"] < 3:
                await asyncio.sleep(0.01)
        assert figures.failures["duty"] == 1
        assert await store.pending() == {"mail": 1}
        channels["mail"].on = ()
        await until_empty(store)
    assert channels["mail"].keys == ["mail-out-1-for-duty"]


async def test_a_channel_that_never_returns_is_given_up_after_a_while(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining, "DEADLINE", 0.05)

    class Stuck(Told):
        async def send(self, message: Message) -> None:
            await asyncio.Event().wait()

    await commit(store, messages=[page(1)])
    async with drained(store, {"duty": Stuck()}):
        async with asyncio.timeout(5):
            while not (rows := await store.heads()) or rows[0].attempts < 1:
                await asyncio.sleep(0.01)
    assert rows[0].error == "no answer within 0.05 s"


# channels that come and go ----------------------------------------------------------------------------------------


async def test_what_waits_for_a_channel_that_is_gone_is_told_by_all_that_are_left_but_not_twice(store: Store) -> None:
    await commit(store, messages=[page(1, channel="gone"), page(1, channel="duty"), page(2, channel="gone")])
    duty, mail = Told(), Told()
    async with drained(store, {"duty": duty, "mail": mail}):
        await until_empty(store)
    assert duty.keys == ["mail-out-1", "mail-out-2"]
    assert mail.keys == ["mail-out-1", "mail-out-2"]
    asides = [row for row in await store.entries() if row.event == Event.ASIDE]
    assert [row.data["error"] for row in asides] == ["the channel is no longer in the configuration"] * 2


@pytest.mark.parametrize("together", [False, True])
async def test_who_was_told_of_a_page_in_the_place_of_another_is_told_its_end_too(
    store: Store, monkeypatch: pytest.MonkeyPatch, together: bool
) -> None:
    monkeypatch.setattr(storm, "GATHERING", 0.05)
    monkeypatch.setattr(storm, "PAUSE", 0.05)

    def about(flow: str, status: str, channel: str) -> Message:
        key = f"{flow}-{status}"
        body = {"key": key, "incident": flow, "status": status, "reason": "dropped", "flow": flow, "title": flow}
        return Message(key, channel, flow, body)

    flows = [f"flow{number}" for number in range(9 if together else 1)]
    await commit(store, messages=[about(flow, "firing", channel) for flow in flows for channel in ("gone", "duty")])
    duty, mail, other = Told(), Told(), Told()
    async with drained(store, {"duty": duty, "mail": mail}) as (drain, _):
        await until_empty(store)
        assert mail.messages, "it was told in the place of a channel that is gone"
        drain.use({"duty": duty, "mail": mail, "other": other}, GATHERING)
        await commit(store, messages=[about(flow, "resolved", "duty") for flow in flows])
        drain.wake()
        await until_empty(store)
    for told in (duty, mail):
        pages = [each for message in told.messages for each in message.body.get("pages", (message.body,))]
        ends = sorted(each["flow"] for each in pages if each["status"] == "resolved")
        assert ends == flows
    assert other.keys == [], "it was told of none of these pages"


async def test_a_channel_that_was_given_a_page_in_the_place_of_another_is_not_given_it_again(store: Store) -> None:
    await commit(store, messages=[page(1, channel="gone")])
    duty = Told()
    async with drained(store, {"duty": duty}) as (drain, _):
        await until_empty(store)
        await commit(store, messages=[page(1, channel="duty"), page(2, channel="duty")])  # it is called further
        drain.wake()
        await until_empty(store)
    assert duty.keys == ["mail-out-1", "mail-out-2"]


async def test_a_message_comes_back_to_a_channel_that_was_gone_for_a_while(store: Store) -> None:
    class Refusing(Told):
        async def send(self, message: Message) -> None:
            raise NotAccepted("never")

    await commit(store, messages=[page(1)])
    duty, other = Told(), Refusing()
    async with drained(store, {"other": other}) as (drain, figures):
        async with asyncio.timeout(5):
            while not figures.failures:
                await asyncio.sleep(0.01)
        drain.use({"duty": duty}, GATHERING)
        await until_empty(store)
    assert duty.keys == ["mail-out-1"]


async def test_without_any_channel_messages_wait_for_a_configuration_that_has_one(store: Store) -> None:
    await commit(store, messages=[page(1, channel="gone")])
    duty = Told()
    async with drained(store, {}) as (drain, figures):
        async with asyncio.timeout(5):
            while figures.waiting != {"gone": 1}:
                await asyncio.sleep(0.01)
        drain.use({"duty": duty}, GATHERING)
        await until_empty(store)
    assert duty.keys == ["mail-out-1"]


async def test_a_reload_tries_at_once_what_was_waiting_and_closes_the_old_channels(store: Store) -> None:
    class Refusing(Told):
        async def send(self, message: Message) -> None:
            raise NotAccepted("never")

    await commit(store, messages=[page(1)])
    old, new = Refusing(), Told()
    async with drained(store, {"duty": old}) as (drain, figures):
        async with asyncio.timeout(5):
            while not figures.failures:
                await asyncio.sleep(0.01)
            drain.use({"duty": new}, GATHERING)
            await until_empty(store)
        assert old.closed
        assert not new.closed
    assert new.closed


# time --------------------------------------------------------------------------------------------------------------


def test_the_wait_doubles_from_a_second_to_five_minutes_and_stays_there() -> None:
    assert [backoff(attempts) for attempts in (0, 1, 2, 3, 8, 9, 1000)] == [1, 2, 4, 8, 256, 300, 300]


@pytest.mark.looptime
async def test_over_six_hours_a_dead_channel_is_tried_at_growing_intervals_for_ever(tmp_path: Path) -> None:
    times: list[float] = []

    class Dead(Told):
        async def send(self, message: Message) -> None:
            times.append(asyncio.get_running_loop().time())
            raise ConnectionRefusedError(111, "Connection refused")

    outbox = Inline(tmp_path / "state.db")
    await outbox.queue(page(1))
    running = asyncio.create_task(Drain(outbox, {"duty": Dead()}, Counted(), GATHERING).run())
    await asyncio.sleep(6 * 3600)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    outbox.close()
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert [round(gap) for gap in gaps[:10]] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]
    assert {round(gap) for gap in gaps[9:]} == {300}
    assert len(times) == 10 + (6 * 3600 - 511) // 300
