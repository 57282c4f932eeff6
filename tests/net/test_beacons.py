"""What beacons say of the way in, in simulated time: there but not here is failing, neither is unknown."""

import json
from typing import Any

import pytest

from retabli.model.result import Mail
from retabli.net.mail import tokens
from retabli.net.mail.beacons import WIDEST_GAP, BeaconBook, Finding, Rhythm, Spot, in_flight
from retabli.net.mail.moments import Moment
from retabli.net.mail.tokens import Purpose, Token

RHYTHM = Rhythm(every=60.0, within=180.0, lost_after=3600.0)
EPOCH = 1_688_371_200.0
SERIES = "0123456789ab"


class World:
    """A sender whose clock is `skew` seconds ahead of ours, two mailboxes, and a watcher that looks each minute."""

    def __init__(self, skew: float = 0.0, *, witnessed: bool = True) -> None:
        self.memory: dict[str, Any] = {}
        self.skew = skew
        self.witnessed = witnessed
        self.seconds = 0.0
        self.life = "first"
        self.looked: Moment | None = None

    @property
    def now(self) -> Moment:
        return Moment(self.seconds + (0 if self.life == "first" else 9000), EPOCH + self.seconds, self.life)

    @property
    def book(self) -> BeaconBook:
        return BeaconBook(self.memory, RHYTHM)

    def beacon(self, number: int, sent: float, series: str = SERIES) -> Token:
        return tokens.sign(b"key", Purpose.BEACON, series, number, int((EPOCH + sent + self.skew) * 1000))

    def look(self, at: float, here: tuple[Token, ...] = (), there: tuple[Token, ...] = ()) -> Finding:
        """One look at that time: what is new in our mailbox, and at the witness's."""
        self.seconds = at
        self.events = [event for token in here for event in self.book.saw_here(token, self.now, self.looked)]
        self.events += [event for token in there for event in self.book.saw_there(token, self.now, self.looked)]
        self.picture = self.book.judge(self.now)
        self.looked = self.now
        self.expired, self.spots = self.book.expire(self.now, witnessed=self.witnessed)
        return self.picture.finding

    def restart(self) -> None:
        self.memory = json.loads(json.dumps(self.memory))
        self.life = "second"


def healthy(world: World, until: int = 5) -> int:
    """Beacons one a minute, both copies seen at the next look."""
    for number in range(1, until + 1):
        token = world.beacon(number, number * 60 - 5)
        assert world.look(number * 60, (token,), (token,)) is Finding.ARRIVES
    return until


@pytest.mark.parametrize("skew", [0.0, -600.0, 600.0, 40_000.0])
def test_beacons_that_arrive_are_an_arrival_whatever_the_senders_clock_says(skew: float) -> None:
    world = World(skew)
    world.look(0)
    healthy(world)


def test_there_but_not_here_is_a_failure_once_within_is_over() -> None:
    world = World()
    world.look(0)
    last = healthy(world)
    findings = [
        world.look(number * 60, (), (world.beacon(number, number * 60 - 5),)) for number in range(last + 1, last + 8)
    ]
    # the first missing one is seen there at once, and is overdue after three minutes
    assert findings == [Finding.ARRIVES] * 4 + [Finding.NOT_DELIVERED] * 3


def test_neither_there_nor_here_is_silence_and_no_failure() -> None:
    world = World()
    world.look(0)
    last = healthy(world)
    findings = [world.look((last + step) * 60) for step in range(1, 7)]
    assert findings[:4] == [Finding.ARRIVES] * 4
    assert findings[4:] == [Finding.SILENCE] * 2


def test_a_senders_return_after_a_silence_is_awaited_before_it_is_judged() -> None:
    world = World()
    world.look(0)
    healthy(world)
    for minute in range(6, 20):
        world.look(minute * 60)
    assert world.look(1200, (), (world.beacon(6, 1195),)) is Finding.ON_ITS_WAY
    assert world.look(1260, (world.beacon(6, 1195),)) is Finding.ARRIVES


def test_a_closed_flow_is_seen_by_one_look_with_an_empty_memory() -> None:
    world = World()
    copies = tuple(world.beacon(number, number * 60) for number in range(1, 31))
    assert world.look(1800, copies[:10], copies) is Finding.NOT_DELIVERED


def test_an_open_flow_is_seen_by_one_look_with_an_empty_memory() -> None:
    world = World()
    copies = tuple(world.beacon(number, number * 60) for number in range(1, 31))
    assert world.look(1805, copies, copies) is Finding.ARRIVES


def test_old_beacons_found_after_a_restart_are_no_proof_of_the_present() -> None:
    world = World(witnessed=False)
    world.look(0)
    healthy(world)
    world.restart()
    missed = tuple(world.beacon(number, number * 60) for number in range(6, 11))
    assert world.look(1800, missed) is Finding.SILENCE


def test_beacons_that_came_while_our_own_mailbox_could_not_be_read_are_not_late() -> None:
    world = World()
    world.look(0)
    healthy(world)
    meanwhile = tuple(world.beacon(number, number * 60 - 5) for number in range(6, 16))
    for number, token in enumerate(meanwhile, 6):  # only the witness could be read
        world.seconds = number * 60
        world.book.saw_there(token, world.now, world.now.before(60))
    assert world.look(960, meanwhile) is Finding.ARRIVES
    assert Mail.LATE not in world.events


def test_late_beacons_show_a_relay_that_holds_and_no_present_arrival() -> None:
    world = World()
    world.look(0)
    last = healthy(world)
    held = [world.beacon(number, number * 60 - 5) for number in range(last + 1, last + 10)]
    for number, token in enumerate(held, last + 1):
        world.look(number * 60, (), (token,))
    assert world.picture.finding is Finding.NOT_DELIVERED
    assert world.look(900, (held[0],)) is Finding.HELD
    assert world.events == [Mail.LATE]


def test_without_a_witness_late_is_only_what_is_later_than_the_clocks_differ() -> None:
    behind = World(skew=-600, witnessed=False)
    behind.look(0)
    for number in range(1, 6):
        assert behind.look(number * 60, (behind.beacon(number, number * 60 - 5),)) is Finding.ARRIVES
    assert behind.picture.clocks_disagree
    behind.look(840)
    assert behind.look(900, (behind.beacon(6, 400),)) is Finding.HELD


def test_clocks_that_agree_are_not_said_to_differ() -> None:
    world = World()
    world.look(0)
    healthy(world)
    assert not world.picture.clocks_disagree


def test_one_missing_among_those_that_arrive_is_told_and_no_failure() -> None:
    world = World()
    world.look(0)
    healthy(world)
    for number in range(6, 12):
        token = world.beacon(number, number * 60 - 5)
        finding = world.look(number * 60, (token,) if number != 6 else (), (token,))
        assert finding is Finding.ARRIVES
    assert world.picture.missing == 1


def test_each_beacon_ends_once() -> None:
    world = World()
    world.look(0)
    first, second = world.beacon(1, 55), world.beacon(2, 115)
    world.look(60, (first,), (first,))
    assert world.events == [Mail.SENT, Mail.RECEIVED]
    world.look(120, (first,), (second,))
    assert world.events == [Mail.DUPLICATE, Mail.SENT]
    assert in_flight(world.memory) == 1
    world.look(4000)
    assert world.expired == [Mail.LOST]
    assert in_flight(world.memory) == 0


def test_without_a_witness_a_missing_number_is_lost_in_time() -> None:
    world = World(witnessed=False)
    world.look(0)
    world.look(60, (world.beacon(1, 55),))
    world.look(180, (world.beacon(3, 175),))
    assert world.expired == []
    world.look(4000)
    assert sorted(world.expired) == [Mail.LOST, Mail.SENT]


def test_a_number_that_comes_out_of_order_is_not_lost() -> None:
    world = World(witnessed=False)
    world.look(0)
    world.look(60, (world.beacon(1, 55),))
    world.look(180, (world.beacon(3, 175),))
    world.look(240, (world.beacon(2, 115),))
    world.look(5000)
    assert world.expired == []


def test_a_senders_new_series_counts_anew_and_loses_nothing() -> None:
    world = World(witnessed=False)
    world.look(0)
    healthy(world)
    assert world.look(360, (world.beacon(1, 355, "ba9876543210"),)) is Finding.ARRIVES
    world.look(9000)
    assert world.expired == []


def test_an_absurd_jump_of_numbers_costs_no_memory() -> None:
    world = World(witnessed=False)
    world.look(0)
    world.look(60, (world.beacon(1, 55),))
    world.look(120, (world.beacon(2 + WIDEST_GAP * 10, 115),))
    assert world.memory["beacons"]["gaps"] == {}


def test_what_is_older_than_lost_after_is_only_cleared_away() -> None:
    world = World()
    world.seconds = 10_000
    assert not world.book.worth_knowing(world.beacon(1, 100), world.now, None)
    assert world.book.worth_knowing(world.beacon(2, 9000), world.now, None)


def test_a_new_number_is_worth_knowing_whatever_the_senders_clock_says() -> None:
    world = World(skew=-40_000)
    world.seconds = 60
    steady = world.now.before(60)
    token = world.beacon(1, 55)
    assert world.book.worth_knowing(token, world.now, steady)
    world.book.saw_here(token, world.now, steady)
    assert not world.book.worth_knowing(world.beacon(0, 40), world.now, steady)


def test_messages_can_be_removed_once_their_beacon_is_forgotten() -> None:
    world = World()
    world.looked = world.now
    spot = Spot("inside", "INBOX", 1, 17)
    world.book.saw_here(world.beacon(1, 0), world.now, world.now, spot=spot)
    world.look(60)
    assert world.spots == []
    world.look(4000)
    assert world.spots == [spot]


def test_any_memory_is_survived() -> None:
    for broken in (None, 3, {"known": 1}, {"known": {"x": 1, "a.b.c": {}}, "high": {}, "gaps": {"g": 0}}):
        world = World()
        world.memory = {"beacons": broken}
        assert world.look(0) is Finding.SILENCE
        assert isinstance(in_flight(world.memory), int)
