"""What is open is sent again to receivers that remember nothing, and what is over is put out where it still burns."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote

import pytest

from retabli.alerts.channels import alertmanager as telling
from retabli.alerts.channels.alertmanager import AlertmanagerChannel
from retabli.alerts.outbox.keeper import Keeper
from retabli.model.record import FlowPicture, Incident, Message
from retabli.store import Store
from retabli.view import Site
from tests.alerts.hooks import hangs, receiving, says
from tests.alerts.members import IN_A_WEEK, LABELS, NOW, TOLD, channel, holding, message, posted, takes
from tests.alerts.test_message import picture
from tests.store.making import commit


@dataclass
class World:
    """What the keeper goes by: a state, the flows' pictures, and counts."""

    store: Store
    site: Site = field(default_factory=lambda: Site("CHU de Rennes", standpoint="inside"))
    pictures: dict[str, FlowPicture] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)

    def failed(self, name: str) -> None:
        self.failures[name] += 1

    async def opens(self, flow: str, incident: str, to: str = "am") -> None:
        body = dict(message().body) | {"flow": flow, "incident": incident, "key": f"{incident}-firing"}
        await commit(self.store, messages=[Message(f"{incident}-firing", to, flow, body)])
        shown = picture()
        standing = replace(shown.standing, incident=Incident(incident, "dropped", NOW))
        self.pictures[flow] = replace(shown, standing=standing)

    async def resolves(self, flow: str, incident: str) -> None:
        body = dict(message("resolved").body) | {"flow": flow, "incident": incident}
        await commit(self.store, messages=[Message(f"{incident}-resolved", "am", flow, body)])
        self.pictures[flow] = replace(picture(), standing=replace(picture().standing, incident=None))

    @asynccontextmanager
    async def kept(self, am: AlertmanagerChannel) -> AsyncIterator[Keeper]:
        keeper = Keeper(self.store, self, self, {"am": am})
        running = asyncio.create_task(keeper.run())
        try:
            yield keeper
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    store = Store.open(tmp_path / "state.db")
    yield World(store)
    await store.close()


async def test_what_is_open_is_sent_again_and_again_to_every_member(world: World) -> None:
    await world.opens("mail-out", "4f2a")
    async with receiving(takes) as one, receiving(takes) as two, channel(one, two, resend="50ms") as am, world.kept(am):
        await one.until(5)
        await two.until(5)
        assert {json.dumps(each) for each in posted(one)} == {json.dumps(each) for each in posted(two)}
        assert posted(one)[0][0]["labels"] == LABELS


async def test_only_what_this_channel_was_told_is_sent_again(world: World) -> None:
    await world.opens("mail-out", "4f2a")
    await world.opens("mail-in", "beef", to="duty")
    async with receiving(takes) as one, channel(one, resend="50ms") as am, world.kept(am):
        await one.until(3)
        assert {alert["labels"]["flow"] for alerts in posted(one) for alert in alerts} == {"mail-out"}


async def test_a_storm_is_sent_again_in_batches(world: World) -> None:
    for number in range(250):
        await world.opens(f"f{number}", f"{number:04x}")
    async with receiving(takes) as one, channel(one, resend="1h") as am, world.kept(am):
        await one.until(4)
        assert [len(alerts) for alerts in posted(one)] == [100, 100, 50]


async def test_what_is_over_and_still_burns_is_put_out_and_nothing_else(world: World) -> None:
    await world.opens("mail-out", "4f2a")
    await world.opens("mail-in", "beef")
    await world.resolves("mail-in", "beef")
    over = LABELS | {"incident": "beef", "flow": "mail-in", "owner": "as it was then"}
    unheard_of, elsewhere = LABELS | {"incident": "cafe"}, LABELS | {"incident": "beef", "site": "another"}
    async with receiving(holding(LABELS, over, unheard_of, elsewhere)) as one:
        async with channel(one, resend="1h") as am, world.kept(am):
            await one.until(3)
            (again,), (ended,) = posted(one)
    assert (again["labels"], again["endsAt"]) == (LABELS, IN_A_WEEK)
    assert (ended["labels"], ended["endsAt"]) == (over, TOLD)
    assert ended["annotations"]["summary"].startswith("Rétabli")


async def test_a_daemon_that_runs_puts_out_what_one_said_that_ended(world: World) -> None:
    last = {"alertname": "RetabliStateUnwritable", "incident": "stopped-4f", "site": "CHU de Rennes"}
    elsewhere = last | {"standpoint": "outside"}
    async with receiving(holding(last | {"standpoint": "inside"}, elsewhere)) as one:
        async with channel(one, resend="1h") as am, world.kept(am):
            await one.until(2)
            ((ended,),) = posted(one)
    assert ended["labels"] == last | {"standpoint": "inside"}
    assert ended["annotations"]["summary"] == "Retabli est de nouveau en marche."


async def test_a_member_with_more_than_can_be_read_is_asked_in_parts(world: World) -> None:
    await world.opens("mail-in", "beef")
    await world.resolves("mail-in", "beef")
    over = LABELS | {"incident": "beef"}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        part = 'incident=~"b.*"' in unquote(one.requests[-1].line)
        whole = 'incident!=""' in unquote(one.requests[-1].line)
        body = b" " * 3_000_000 if whole else json.dumps([{"labels": over}] if part else []).encode()
        await says(200, body)(reader, writer)

    async with receiving(answer) as one, channel(one, resend="1h", timeout="5s") as am, world.kept(am):
        await one.until(19)
        ((ended,),) = posted(one)
        assert ended["labels"] == over


async def test_a_member_that_is_unreachable_for_long_is_counted_each_time_and_logged_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await world.opens("mail-out", "4f2a")
    caplog.set_level("INFO")
    answers = [says(500), says(500), says(500), says(500), takes]
    async with receiving(*answers) as one, channel(one, resend="20ms") as am, world.kept(am):
        await one.until(8)
    told = [record.getMessage() for record in caplog.records if record.name == "retabli.alerts.outbox.keeper"]
    assert world.failures["am"] == 4
    assert [line.partition("127.0.0.1")[2].partition(" ")[2][:22] for line in told] == [
        "cannot be kept told wh",
        "is kept told again, af",
    ]


async def test_a_resolve_waits_for_a_page_that_is_being_sent_again_and_is_the_last_word(world: World) -> None:
    await world.opens("mail-out", "4f2a")
    goes_on = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await goes_on.wait()
        await takes(reader, writer)

    async with receiving(slow, takes) as one, channel(one, resend="1h", timeout="5s") as am, world.kept(am):
        await one.until(1)
        await world.resolves("mail-out", "4f2a")
        resolving = asyncio.create_task(am.send(message("resolved")))
        await asyncio.sleep(0.1)
        assert len(one.requests) == 1
        goes_on.set()
        await resolving
        assert [alert["endsAt"] for (alert,) in posted(one)] == [IN_A_WEEK, TOLD]


async def test_a_page_that_ended_while_others_were_sent_again_is_not_sent_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "BATCH", 1)
    await world.opens("a", "aaaa")
    await world.opens("b", "bbbb")

    async def ends_the_other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (alert,) = json.loads(one.requests[0].body)
        other = "b" if alert["labels"]["flow"] == "a" else "a"
        await world.resolves(other, other * 4)
        await takes(reader, writer)

    async with receiving(ends_the_other, takes) as one, channel(one, resend="1h") as am, world.kept(am):
        await one.until(2)
        assert len(posted(one)) == 1


async def test_the_channels_of_another_configuration_are_taken_up_while_the_old_ones_hang(world: World) -> None:
    await world.opens("mail-out", "4f2a")
    async with receiving(hangs) as one, receiving(takes) as two:
        async with channel(one, timeout="30s") as old, channel(two) as new, world.kept(old) as keeper:
            await one.until(1)
            keeper.use({"am": new})
            await asyncio.wait_for(old.close(), 2)
            await two.until(2)
        assert len(posted(two)) >= 1
