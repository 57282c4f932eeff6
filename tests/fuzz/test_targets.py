"""What must hold of each parser holds for whatever it is fed and for what once broke it; its time grows with length."""

import gc
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz.inputs import fed
from tests.fuzz.target import CORPUS, FOUND, Target
from tests.fuzz.targets import BY_NAME, TARGETS

EXAMPLES = 50  # of each target; the same ones at every run
FIRST, FURTHER = 4_096, 4  # bytes of the first input, and how many times as long each next one is
NOTICED = 0.08  # seconds of processor below which nothing can be told of how time grows
# Four times the input takes four times as long, sixteen times where it is squared; there is room for a busy machine.
STEEP = 9.0


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_what_must_hold_of_a_parser_holds_whatever_it_is_fed(target: Target) -> None:
    @settings(
        derandomize=True, database=None, max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(fed(target))
    def holds(data: bytes) -> None:
        target.check(data)

    holds()


@pytest.mark.parametrize(
    "file",
    [file for target in TARGETS for folder in (CORPUS, FOUND) for file in sorted((folder / target.name).glob("*"))],
    ids=lambda file: f"{file.parent.parent.name}/{file.parent.name}/{file.name}",
)
def test_what_is_kept_as_an_input_is_read_as_it_must(file: Path) -> None:
    BY_NAME[file.parent.name].check(file.read_bytes())


@pytest.mark.parametrize(
    ("target", "pump"),
    [(target, pump) for target in TARGETS for pump in target.pumps],
    ids=lambda value: value.name if isinstance(value, Target) else repr(value[0][-8:] + value[1] + value[2]),
)
def test_the_time_that_a_parser_takes_grows_with_its_input_and_not_faster(
    target: Target, pump: tuple[bytes, bytes, bytes]
) -> None:
    size = FIRST
    while size * FURTHER <= target.longest:
        size *= FURTHER
        if spent(target, pump, size) > NOTICED:
            break
    else:
        return
    large, small = (min(spent(target, pump, each) for _ in range(3)) for each in (size, size // FURTHER))
    assert large < STEEP * small, f"{size} bytes take {large:.2f} s, a {FURTHER}th of them {small:.3f} s"


def spent(target: Target, pump: tuple[bytes, bytes, bytes], size: int) -> float:
    """Seconds of processor time for an input of about that size."""
    before, again, after = pump
    data = before + again * (size // len(again)) + after
    gc.disable()  # its runs come with the number of objects, and would be taken for the parser's own time
    try:
        began = time.process_time()
        target.check(data)
        return time.process_time() - began
    finally:
        gc.enable()


def test_each_target_has_a_name_of_its_own_and_seeds_that_it_reads() -> None:
    assert len(BY_NAME) == len(TARGETS)
    assert not {folder.name for root in (CORPUS, FOUND) for folder in root.glob("*")} - set(BY_NAME)
