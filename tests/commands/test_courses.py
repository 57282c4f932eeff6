"""A daemon that starts takes the courses of its flows from the log; one that cannot read it all begins them anew."""

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from commands._records import Records
from retabli.model.states import State
from retabli.view import Site, View
from tests.store.making import sql
from tests.store.test_log import UNLOCK
from tests.store.test_moves import FLOW, ROWS, kept


def records(path: Path) -> Records:
    return Records(View(Site("CHU")), cast(Any, SimpleNamespace(path=path)), lambda: cast(Any, SimpleNamespace()))


async def test_the_courses_of_before_go_on(tmp_path: Path) -> None:
    await kept(tmp_path / "state.db", *ROWS)
    spans = list(records(tmp_path / "state.db").courses()[FLOW].spans())
    assert [each.state for each in spans] == [State.UNKNOWN, State.RESTORED, None, State.RESTORED, State.DROPPED]


async def test_a_log_that_cannot_be_read_as_a_whole_keeps_no_daemon_from_starting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await kept(tmp_path / "state.db", *ROWS)
    sql(tmp_path / "state.db", *UNLOCK, "UPDATE log SET data = '{' WHERE number = 3")
    with caplog.at_level(logging.WARNING, "retabli"):
        courses = records(tmp_path / "state.db").courses()
    assert len(courses[FLOW]) == 0
    assert "time lines begin now" in caplog.text
