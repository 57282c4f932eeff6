"""The ladder: each rung timed, each fall with its cause, the deadline on the rung it fell on."""

import asyncio
import errno
import ssl

import pytest

from retabli.model import causes, stages
from retabli.model.causes import Side, Verdict, cause
from retabli.model.ladder import Fall, Ladder, cause_of
from retabli.model.result import Outcome, Result, Rung, clean
from retabli.model.words import Words

SLOW_LIST = cause("list_old", Side.OURS, fr="x", en="x", verdict=Verdict.IMPAIRED)
BUSY = cause("busy", Side.PARTNER_DOWN, fr="x", en="x", verdict=Verdict.TEMPORARY)
LADDER = (stages.RESOLVE, stages.CONNECT, stages.GREETING)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def finish(ladder: Ladder, error: BaseException | None = None, slow: float | None = None) -> Result:
    return ladder.finish(beat=100.0, started=100.0, error=error, slow=slow)


def climb_until(error: BaseException) -> tuple[Ladder, BaseException]:
    ladder = Ladder(LADDER)
    try:
        with ladder.rung(stages.RESOLVE):
            pass
        with ladder.rung(stages.CONNECT):
            raise error
    except BaseException as left:  # noqa: BLE001 - what a probe lets out, whatever it is
        return ladder, left
    raise AssertionError


def test_each_rung_is_timed_and_told_as_it_ends() -> None:
    clock = Clock()
    told: list[Rung] = []
    ladder = Ladder(LADDER, clock=clock, watch=told.append)
    for stage in LADDER:
        with ladder.rung(stage):
            clock.now += 2.0
    result = finish(ladder)
    assert [(rung.stage, rung.seconds) for rung in told] == [(stage, 2.0) for stage in LADDER]
    assert (result.outcome, result.stage, result.rung, result.seconds) == (Outcome.OK, stages.GREETING, 3, 6.0)


def because_of(error: Exception) -> Fall:
    """What a parser that could not go on for that reason says of what it was to read."""
    try:
        try:
            raise error
        except Exception as link:
            raise Fall(causes.GARBAGE) from link
    except Fall as fall:
        return fall


@pytest.mark.parametrize(
    ("error", "code", "outcome"),
    [
        (Fall(causes.NXDOMAIN, "no such name"), "nxdomain", Outcome.FAILED),
        (Fall(BUSY), "busy", Outcome.UNKNOWN),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "refused", Outcome.FAILED),
        (ConnectionResetError(), "reset", Outcome.FAILED),
        (OSError(errno.EHOSTUNREACH, "no route"), "unreachable", Outcome.FAILED),
        (OSError(errno.EMFILE, "too many"), "local_resources", Outcome.UNKNOWN),
        (because_of(OSError(errno.EMFILE, "too many")), "local_resources", Outcome.UNKNOWN),
        (because_of(MemoryError()), "local_resources", Outcome.UNKNOWN),
        (because_of(OSError(errno.EINVAL, "no seek")), "garbage", Outcome.FAILED),
        (asyncio.IncompleteReadError(b"", 4), "closed_early", Outcome.FAILED),
        (TimeoutError(), "timeout", Outcome.FAILED),
        (asyncio.CancelledError(), "timeout", Outcome.FAILED),
        (ssl.SSLError(1, "odd"), "tls_handshake", Outcome.FAILED),
        (ZeroDivisionError("ours"), "probe_defect", Outcome.UNKNOWN),
        (OSError(errno.EXDEV, "nobody foresaw this"), "probe_defect", Outcome.UNKNOWN),
    ],
)
def test_whatever_leaves_a_rung_has_its_cause_there(error: BaseException, code: str, outcome: Outcome) -> None:
    ladder, left = climb_until(error)
    result = finish(ladder, left)
    assert result.cause is not None
    assert (result.cause.code, result.outcome, result.stage, result.rung) == (code, outcome, stages.CONNECT, 1)


def test_a_deadline_between_two_rungs_falls_on_the_next() -> None:
    ladder = Ladder(LADDER)
    with ladder.rung(stages.RESOLVE):
        pass
    result = finish(ladder, TimeoutError())
    assert (result.stage, result.cause) == (stages.CONNECT, causes.TIMEOUT)


def test_a_deadline_after_the_last_rung_has_only_cut_the_farewell() -> None:
    ladder = Ladder(LADDER)
    for stage in LADDER:
        with ladder.rung(stage):
            pass
    assert finish(ladder, TimeoutError()).outcome is Outcome.OK
    assert finish(ladder, ZeroDivisionError()).cause is causes.PROBE_DEFECT


def test_a_deadline_within_a_rung_that_is_climbed_again_is_a_timeout() -> None:
    ladder = Ladder(LADDER)
    for stage in LADDER:
        with ladder.rung(stage):
            pass
    with pytest.raises(TimeoutError), ladder.rung(stages.GREETING):
        raise TimeoutError
    assert finish(ladder, TimeoutError()).cause is causes.TIMEOUT


def test_rungs_do_not_nest() -> None:
    ladder = Ladder(LADDER)
    with pytest.raises(RuntimeError), ladder.rung(stages.RESOLVE), ladder.rung(stages.CONNECT):
        pass


def test_a_rung_climbed_twice_is_one_rung_with_both_times() -> None:
    clock = Clock()
    ladder = Ladder(LADDER, clock=clock)
    for _ in range(2):
        with ladder.rung(stages.CONNECT):
            clock.now += 1.0
    assert [rung.seconds for rung in finish(ladder).rungs] == [2.0]


def test_rungs_above_the_one_that_fell_are_not_climbed_even_if_they_held_before() -> None:
    ladder = Ladder(LADDER)
    for stage in LADDER:
        with ladder.rung(stage):
            pass
    fall = Fall(causes.REFUSED)
    with pytest.raises(Fall), ladder.rung(stages.CONNECT):
        raise fall
    result = finish(ladder, fall)
    assert [rung.stage for rung in result.rungs] == [stages.RESOLVE, stages.CONNECT]
    assert result.rung == 1


def test_what_a_probe_caught_and_overcame_is_no_failure() -> None:
    ladder = Ladder(LADDER)
    with pytest.raises(ConnectionRefusedError), ladder.rung(stages.CONNECT):
        raise ConnectionRefusedError
    with ladder.rung(stages.CONNECT):
        pass
    result = finish(ladder)
    assert (result.outcome, result.rung) == (Outcome.OK, 1)


def test_an_impairment_is_ok_and_not_whole_and_only_an_impairment_may_be_one() -> None:
    ladder = Ladder(LADDER)
    ladder.impair(SLOW_LIST, "3 days")
    result = finish(ladder)
    assert (result.outcome, result.whole, result.cause, result.detail) == (Outcome.OK, False, SLOW_LIST, "3 days")
    with pytest.raises(ValueError, match="no impairment"):
        ladder.impair(causes.REFUSED)


def test_an_ok_that_was_slow_is_not_whole() -> None:
    clock = Clock()
    ladder = Ladder(LADDER, clock=clock)
    clock.now += 3.0
    assert finish(ladder, slow=2.9).whole is False
    assert finish(ladder, slow=3.1).whole is True


def test_openssls_verify_codes_name_the_cause() -> None:
    for code, found in {10: "cert_expired", 9: "cert_not_yet_valid", 18: "cert_self_signed", 1: "cert_invalid"}.items():
        error = ssl.SSLCertVerificationError()
        error.verify_code = code
        cause = cause_of(error)
        assert cause is not None
        assert cause.code == found


def test_what_a_remote_said_is_cut_and_carries_no_control_or_direction_characters() -> None:
    said = clean("250 ok\r\n\x1b[31mred\x00 \u202eevil " + "x" * 5000)
    assert len(said) == 300
    assert all(char.isprintable() for char in said)
    assert "\u202e" not in said


def test_every_common_cause_speaks_both_languages_and_gives_advice() -> None:
    assert len({each.code for each in causes.COMMON}) == len(causes.COMMON)
    for each in causes.COMMON:
        assert each.words.fr
        assert each.words.en
        assert each.advice("fr") != each.advice("en")


def test_a_fall_may_be_of_an_earlier_rung_which_then_counts_as_the_one_that_fell() -> None:
    ladder = Ladder(LADDER)
    for stage in (stages.RESOLVE, stages.CONNECT):
        with ladder.rung(stage):
            pass
    with pytest.raises(Fall) as left, ladder.rung(stages.GREETING):
        raise Fall(BUSY, "your link is known here, and refused", rung=stages.CONNECT)
    result = finish(ladder, left.value)
    assert (result.stage, result.cause, result.rung) == (stages.CONNECT, BUSY, 1)
    assert [rung.stage for rung in result.rungs] == [stages.RESOLVE, stages.CONNECT]


def test_a_fall_of_a_rung_that_is_not_climbed_stays_where_it_fell() -> None:
    ladder, left = climb_until(Fall(BUSY, rung=stages.TLS))
    assert finish(ladder, left).stage is stages.CONNECT


def test_a_temporary_answer_is_not_advised_upon_as_if_the_partner_were_dead() -> None:
    own = cause("own", Side.OURS, fr="x", en="x", verdict=Verdict.TEMPORARY, look=Words("attendre", "wait"))
    assert BUSY.advice("en").startswith("A temporary answer")
    assert BUSY.advice("fr").startswith("Réponse provisoire")
    assert (own.advice("fr"), own.advice("en")) == ("attendre", "wait")
    assert causes.REFUSED.advice("en") == "Call the partner: their service does not answer."
