"""The ledger of sent tokens, in simulated time: each one that was accepted ends in exactly one way."""

import json
from collections import Counter
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from retabli.model.result import Mail
from retabli.net.mail.dsn import Action, Notification
from retabli.net.mail.mail_ledger import MOST_ENDED, MOST_OPEN, Ledger, in_flight
from retabli.net.mail.moments import Moment
from retabli.net.mail.tokens import Purpose, Token

KEY = b"key"
WITHIN, LOST = 90.0, 3600.0
EPOCH = 1_688_371_200.0


def at(seconds: float, life: str = "first") -> Moment:
    """So many seconds after the beginning; another life's clock counts from elsewhere."""
    return Moment(seconds if life == "first" else seconds + 5000, EPOCH + seconds, life)


def ledger(memory: dict[str, Any] | None = None) -> Ledger:
    return Ledger({} if memory is None else memory, KEY, Purpose.LOOP)


def sent(book: Ledger, seconds: float, life: str = "first") -> Token:
    token = book.issue(at(seconds, life))
    book.accepted(token)
    return token


def restarted(memory: dict[str, Any]) -> dict[str, Any]:
    """The memory as the store gives it back."""
    loaded: dict[str, Any] = json.loads(json.dumps(memory))
    return loaded


def bounce(token: Token | None, action: Action = Action.FAILED, status: str = "5.1.1") -> Notification:
    return Notification(action, status, "User unknown", token)


def saw(book: Ledger, token: Token, now: Moment, since: Moment | None) -> Mail | None:
    return book.saw(token, now, within=WITHIN, since=since)[0]


def test_an_awaited_token_is_told_by_its_own_run_with_its_age() -> None:
    book = ledger()
    token = sent(book, 0)
    assert saw(book, token, at(3.5), at(1)) is None
    arrival = book.arrival(token)
    assert arrival is not None
    assert arrival.seconds == 3.5


def test_a_token_is_as_old_as_when_it_was_found_however_late_it_was_read() -> None:
    book = ledger()
    token = sent(book, 0)
    assert book.saw(token, at(WITHIN + 30), within=WITHIN, since=at(3), listed=at(4)) == (None, 4.0)
    arrival = book.arrival(token)
    assert arrival is not None
    assert arrival.seconds == 4.0


def test_an_old_late_token_that_is_read_after_a_newer_one_does_not_hide_that_the_relay_holds() -> None:
    book = ledger()
    old, older = sent(book, 0), sent(book, 1)
    book.leave(old)
    book.leave(older)
    present = sent(book, 200)
    assert saw(book, old, at(230), at(220)) is Mail.LATE
    assert saw(book, older, at(231), at(150)) is Mail.LATE
    assert book.held_since(present, at(240))


def test_another_runs_sweep_finds_it_too() -> None:
    memory: dict[str, Any] = {}
    token = sent(ledger(memory), 0)
    other = ledger(memory)
    assert saw(other, token, at(2), at(1)) is None
    assert ledger(memory).arrival(token) is not None


def test_numbers_go_up_and_an_unsent_one_is_given_again() -> None:
    book = ledger()
    first = sent(book, 0)
    second = book.issue(at(60))
    book.withdraw(second, unsent=True)
    third = book.issue(at(61))
    book.withdraw(third, unsent=False)
    assert [first.number, second.number, third.number, book.issue(at(62)).number] == [1, 2, 2, 3]


def test_a_withdrawn_token_ends_in_nothing() -> None:
    memory: dict[str, Any] = {}
    book = ledger(memory)
    token = book.issue(at(0))
    book.withdraw(token, unsent=False)
    assert in_flight(memory) == 0
    assert saw(book, token, at(500), at(499)) is None
    assert book.expire(at(9000), LOST) == 0


def test_a_token_that_comes_after_its_run_gave_up_is_late() -> None:
    book = ledger()
    token = sent(book, 0)
    book.leave(token)
    assert saw(book, token, at(200), at(198)) is Mail.LATE


def test_a_token_that_may_have_come_in_time_while_nobody_looked_is_received() -> None:
    memory: dict[str, Any] = {}
    token = sent(ledger(memory), 0)
    later = ledger(restarted(memory))
    assert saw(later, token, at(4000, "second"), at(30)) is Mail.RECEIVED


def test_a_token_seen_for_the_second_time_is_a_duplicate_while_awaited_and_after() -> None:
    book = ledger()
    token = sent(book, 0)
    assert saw(book, token, at(1), at(0)) is None
    assert saw(book, token, at(2), at(1)) is Mail.DUPLICATE
    book.end(token)
    assert saw(book, token, at(3), at(2)) is Mail.DUPLICATE


def test_only_some_ended_tokens_are_remembered() -> None:
    memory: dict[str, Any] = {}
    book = ledger(memory)
    for second in range(MOST_ENDED + 50):
        book.end(sent(book, second))
    assert len(memory["mail"]["ended"]) == MOST_ENDED


def test_a_token_is_lost_after_lost_after_and_not_before() -> None:
    book = ledger()
    token = sent(book, 0)
    book.leave(token)
    assert book.expire(at(LOST - 1), LOST) == 0
    assert book.expire(at(LOST + 1), LOST) == 1
    assert book.expire(at(LOST + 2), LOST) == 0


def test_a_lost_token_that_comes_after_all_is_counted_no_second_time_and_no_duplicate_but_its_copy_is() -> None:
    book = ledger({})
    token = sent(book, 0)
    book.leave(token)
    assert book.expire(at(LOST + 1), LOST) == 1
    assert saw(book, token, at(LOST + 2), at(LOST + 1)) is None
    assert saw(book, token, at(LOST + 3), at(LOST + 2)) is Mail.DUPLICATE


def test_an_awaited_token_is_never_lost() -> None:
    book = ledger()
    sent(book, 0)
    assert book.expire(at(LOST + 1), LOST) == 0


def test_tokens_of_an_earlier_process_are_lost_too() -> None:
    memory: dict[str, Any] = {}
    sent(ledger(memory), 0)
    later = ledger(restarted(memory))
    assert in_flight(restarted(memory)) == 1
    assert later.expire(at(LOST + 1, "second"), LOST) == 1


def test_a_token_that_was_never_accepted_is_not_lost() -> None:
    memory: dict[str, Any] = {}
    ledger(memory).issue(at(0))
    assert ledger(restarted(memory)).expire(at(LOST + 1, "second"), LOST) == 0


def test_a_jump_of_the_wall_clock_loses_nothing() -> None:
    book = ledger()
    token = sent(book, 0)
    book.leave(token)
    jumped = Moment(60, EPOCH + 86_400, "first")
    assert book.expire(jumped, LOST) == 0
    assert saw(book, token, jumped, Moment(59, EPOCH + 86_399, "first")) is Mail.RECEIVED


def test_a_wall_clock_set_back_across_a_restart_makes_no_age_negative() -> None:
    memory: dict[str, Any] = {}
    token = sent(ledger(memory), 0)
    later = ledger(restarted(memory))
    before = Moment(7.0, EPOCH - 3600, "second")
    assert later.expire(before, LOST) == 0
    assert later.saw(token, before, within=WITHIN, since=before) == (Mail.RECEIVED, 0.0)


def test_a_bounce_is_told_by_the_awaiting_run_with_its_status() -> None:
    book = ledger()
    token = sent(book, 0)
    assert book.returned(bounce(token), at(5)) is None
    assert book.bounce(token) == ("5.1.1", "User unknown")


def test_a_bounce_after_the_run_gave_up_ends_the_token_as_bounced() -> None:
    book = ledger()
    token = sent(book, 0)
    book.leave(token)
    assert book.returned(bounce(token), at(500)) is Mail.BOUNCED
    assert book.returned(bounce(token), at(501)) is None
    assert book.expire(at(LOST * 2), LOST) == 0


def test_a_reported_delay_ends_nothing_and_is_told() -> None:
    book = ledger()
    token = sent(book, 0)
    assert book.returned(bounce(token, Action.DELAYED, "4.4.1"), at(5)) is None
    assert book.bounce(token) is None
    assert book.delay(token) == "4.4.1 User unknown"


def test_somebody_elses_bounce_is_nothing() -> None:
    assert ledger().returned(bounce(None), at(5)) is None


def test_an_older_token_that_comes_late_while_one_is_awaited_shows_a_relay_that_holds() -> None:
    book = ledger()
    old = sent(book, 0)
    book.leave(old)
    new = sent(book, 300)
    assert not book.held_since(new, at(310))
    assert saw(book, old, at(320), at(318)) is Mail.LATE
    assert book.held_since(new, at(390))


def test_a_late_arrival_before_the_present_token_was_sent_is_no_sign() -> None:
    book = ledger()
    old = sent(book, 0)
    book.leave(old)
    assert saw(book, old, at(295), at(290)) is Mail.LATE
    new = sent(book, 300)
    assert not book.held_since(new, at(390))


def test_a_late_token_that_may_have_come_before_the_present_one_was_sent_is_no_sign() -> None:
    book = ledger()
    old = sent(book, 0)
    book.leave(old)
    new = sent(book, 300)
    assert saw(book, old, at(301), at(200)) is Mail.LATE
    assert not book.held_since(new, at(390))


def test_a_token_in_flight_of_a_run_beside_is_no_old_one() -> None:
    book = ledger()
    beside = sent(book, 250)
    new = sent(book, 300)
    assert saw(book, beside, at(310), at(308)) is None
    assert not book.held_since(new, at(390))


def test_a_probe_run_by_hand_has_a_series_of_its_own() -> None:
    daemon, by_hand = ledger(), ledger()
    assert daemon.series != by_hand.series
    assert not daemon.is_ours(by_hand.issue(at(0)))


def test_a_token_of_another_purpose_is_not_ours() -> None:
    memory: dict[str, Any] = {}
    token = Ledger(memory, KEY, Purpose.ACCOUNT).issue(at(0))
    assert not Ledger(memory, KEY, Purpose.LOOP).is_ours(token)


def test_after_a_memory_was_set_back_no_old_message_is_taken_for_a_new_one() -> None:
    memory: dict[str, Any] = {}
    before = restarted(memory | {"mail": ledger(memory)._book})
    lost_by_a_crash = sent(ledger(memory), 0)
    book = ledger(before)
    again = sent(book, 60, "second")
    assert again.number == lost_by_a_crash.number
    assert saw(book, lost_by_a_crash, at(61, "second"), at(60, "second")) is None
    assert book.arrival(again) is None


def test_any_memory_is_survived() -> None:
    shapes: list[Any] = [None, 7, [], {}, {"series": 1}, {"series": "a", "next": 1, "open": {"x": 3}, "ended": []}]
    for broken in shapes:
        memory: dict[str, Any] = {"mail": broken}
        assert in_flight(memory) == 0
        assert sent(ledger(memory), 0).number == 1


def test_the_ledger_is_bounded() -> None:
    memory: dict[str, Any] = {}
    book = ledger(memory)
    for second in range(MOST_OPEN + 20):
        book.leave(sent(book, second / 1000))
    assert book.expire(at(10), LOST) == 20
    assert in_flight(memory) == MOST_OPEN


class Accounting(RuleBasedStateMachine):
    """Whatever happens in whatever order: sent = received + late + lost + bounced + in flight."""

    def __init__(self) -> None:
        super().__init__()
        self.memory: dict[str, Any] = {}
        self.now = 0.0
        self.life = 0
        self.awaited: list[Token] = []
        self.everything: list[Token] = []
        self.counted: Counter[Mail] = Counter()

    @property
    def moment(self) -> Moment:
        return Moment(self.now + self.life * 777, EPOCH + self.now, f"life{self.life}")

    @property
    def book(self) -> Ledger:
        return ledger(self.memory)

    def count(self, event: Mail | None) -> None:
        if event is not None:
            self.counted[event] += 1

    @rule(seconds=st.floats(0.1, 4000))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def one_is_sent(self) -> None:
        token = self.book.issue(self.moment)
        self.book.accepted(token)
        self.awaited.append(token)
        self.everything.append(token)
        self.count(Mail.SENT)

    @rule()
    def a_run_ends(self) -> None:
        if self.awaited:
            token = self.awaited.pop(0)
            if self.book.arrival(token) is not None:
                self.count(Mail.RECEIVED)
                self.book.end(token)
            elif self.book.bounce(token) is not None:
                self.count(Mail.BOUNCED)
                self.book.end(token)
            else:
                self.book.leave(token)

    @rule(which=st.integers(0, 20), gap=st.floats(0, 100))
    def one_arrives(self, which: int, gap: float) -> None:
        if self.everything:
            token = self.everything[which % len(self.everything)]
            event = saw(self.book, token, self.moment, self.moment.before(gap))
            self.count(None if event is Mail.DUPLICATE else event)

    @rule(which=st.integers(0, 20))
    def one_comes_back(self, which: int) -> None:
        if self.everything:
            self.count(self.book.returned(bounce(self.everything[which % len(self.everything)]), self.moment))

    @rule()
    def the_mailbox_is_read(self) -> None:
        self.counted[Mail.LOST] += self.book.expire(self.moment, LOST)

    @rule()
    def the_daemon_restarts(self) -> None:
        for token in self.awaited:  # as the end of each cancelled run does
            if self.book.arrival(token) is not None:
                self.count(Mail.RECEIVED)
                self.book.end(token)
            elif self.book.bounce(token) is not None:
                self.count(Mail.BOUNCED)
                self.book.end(token)
        self.awaited = []
        self.life += 1
        self.memory = restarted(self.memory)

    @invariant()
    def the_books_balance(self) -> None:
        ends = sum(self.counted[event] for event in (Mail.RECEIVED, Mail.LATE, Mail.LOST, Mail.BOUNCED))
        assert self.counted[Mail.SENT] == ends + in_flight(self.memory)


TestAccounting = Accounting.TestCase
TestAccounting.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
