"""Which causes the tests really reached, by which kind: noted as they run, told as a table.

`python -m tests.reached` prints kind × cause × test of the last runs of `make test` and `make test-real`, and exits
with 1 when a cause in the code was reached by none.
"""

import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from retabli.model.result import Result

NOTES = Path(__file__).parent.parent / ".reached"


def note(kind: str, result: Result) -> None:
    """One line for each cause in this result: the kind, the cause, the test that runs. Nothing outside of tests."""
    test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
    found = {rung.cause.code for rung in result.rungs if rung.cause is not None}
    if result.cause is not None:
        found.add(result.cause.code)
    if not test or not found:
        return
    if not NOTES.exists():
        NOTES.mkdir(exist_ok=True)
        NOTES.chmod(0o1777)  # some tests climb as nobody
    with (NOTES / str(os.getpid())).open("a") as notes:
        notes.writelines(f"{kind}\t{code}\t{test}\n" for code in sorted(found))


def noted() -> dict[tuple[str, str], list[str]]:
    """The tests by (kind, cause), in the order of their names."""
    found: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for path in NOTES.glob("*"):
        for line in path.read_text().splitlines():
            kind, code, test = line.split("\t")
            found[kind, code].add(test)
    return {key: sorted(tests) for key, tests in sorted(found.items())}


def _shortly(tests: list[str]) -> str:
    """The first real server's test and the first other one, without their parameters' whole text."""
    real = [test for test in tests if "/real/" in test][:1]
    other = [test for test in tests if "/real/" not in test][:1]
    return "; ".join(test.removeprefix("tests/").replace("::test_", ": ")[:110] for test in real + other)


def missing(reached: dict[tuple[str, str], list[str]]) -> Iterator[str]:
    """The causes that no test reached, each with the kinds that name it."""
    from tests.test_every_cause import BY_CODE, kinds_of

    codes = {code for _, code in reached}
    for code in sorted(BY_CODE):
        if code not in codes:
            yield f"{code} ({', '.join(kinds_of(code)) or 'any kind'})"


def main() -> int:
    reached = noted()
    sys.stdout.write("| kind | cause | tests | for example |\n|---|---|---|---|\n")
    for (kind, code), tests in reached.items():
        sys.stdout.write(f"| {kind} | {code} | {len(tests)} | {_shortly(tests)} |\n")
    lacking = list(missing(reached))
    for each in lacking:
        sys.stderr.write(f"no test reached {each}\n")
    codes = {code for _, code in reached}
    sys.stderr.write(f"{len(codes)} causes reached in {len(reached)} pairs; {len(lacking)} not reached\n")
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
