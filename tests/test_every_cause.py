"""No cause without a test that names it, no code for two causes, no cause without words in both languages."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import probes
import retabli.net
from retabli.model import causes
from retabli.model.causes import Cause
from retabli.model.stages import Stage

TESTS = Path(__file__).parent


def every_cause() -> Iterator[Cause]:
    yield from causes.COMMON
    for name in probes.kinds():
        yield from probes.kind(name).CAUSES
    for module in pkgutil.walk_packages(retabli.net.__path__, "retabli.net."):
        values = vars(importlib.import_module(module.name)).values()
        yield from (value for value in values if isinstance(value, Cause))


def kinds_of(code: str) -> list[str]:
    """The kinds that name this cause as one they can meet."""
    return [name for name in probes.kinds() if code in {cause.code for cause in probes.kind(name).CAUSES}]


BY_CODE = {cause.code: cause for cause in every_cause()}


@pytest.fixture(scope="module")
def written() -> str:
    return "\n".join(path.read_text() for path in TESTS.rglob("*.py") if path != Path(__file__))


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_a_test_names_the_cause(code: str, written: str) -> None:
    assert re.search(rf"\b({code}|{code.upper()})\b", written), f"no test reaches {code}"


def test_a_code_stands_for_one_cause() -> None:
    for cause in every_cause():
        known = BY_CODE[cause.code]
        assert (cause.words, cause.side) == (known.words, known.side), cause.code


def test_a_rung_s_name_means_the_same_in_every_kind() -> None:
    """The log and the metrics know a rung by its name alone."""
    met: dict[str, Stage] = {}
    for name in probes.kinds():
        for stage in probes.kind(name).LADDER:
            assert met.setdefault(stage.id, stage).words == stage.words, f"{stage.id} of {name}"


def test_every_cause_speaks_french_and_english() -> None:
    for cause in BY_CODE.values():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", cause.code)
        assert cause.words.fr != cause.words.en or cause.code == "sinkhole", cause.code
        assert cause.advice("fr")


def test_every_kind_has_a_ladder_and_a_sentence_in_both_languages() -> None:
    for name in probes.kinds():
        kind = probes.kind(name)
        assert kind.LADDER
        assert len({stage.id for stage in kind.LADDER}) == len(kind.LADDER)
        assert all(kind.SUMMARY)
        assert kind.model_fields["kind"].annotation is not str
