"""Two rows an hour apart, in the hour that autumn repeats: told apart on paper, and whole in exports."""

import argparse
import csv
import io
import json
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from commands import log
from retabli.model.record import Entry, Event
from retabli.store import Store
from retabli.store.spoken import sentence
from tests.store.making import commit

SUMMER = datetime.fromisoformat("2026-10-25T00:30:00Z").timestamp()
SILENCE = {"by": "Jeanne", "why": "proxy", "until": "2026-10-25T01:45:00Z"}
ROWS = [Entry(SUMMER + 3600 * hour, Event.SILENCE, "mail-out", SILENCE) for hour in (-1, 0, 1, 2)]


@pytest.fixture
async def configuration(tmp_path: Path) -> Path:
    store = Store.open(tmp_path / "state.db")
    await commit(store, entries=ROWS)
    await store.close()
    path = tmp_path / "retabli.yaml"
    path.write_text(
        "site: {name: CHU, timezone: Europe/Paris, language: fr}\nstate: state.db\n"
        "flows:\n  mail-out:\n    intent: open\n    probes:\n      relay: {kind: tcp, host: relay.example, port: 25}\n"
    )
    return path


def printed(configuration: Path, form: str, capsys: pytest.CaptureFixture[str]) -> str:
    parser = argparse.ArgumentParser()
    log.add_arguments(parser)
    assert log.main(parser.parse_args(["--config", str(configuration), "--format", form])) == 0
    return capsys.readouterr().out


def test_on_paper_the_offset_stands_where_the_hour_comes_twice(
    configuration: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = printed(configuration, "text", capsys)
    stamps = [line.partition(" silence")[0].rsplit(maxsplit=1)[0] for line in said.splitlines() if line[:1] == "2"]
    assert stamps == [
        "2026-10-25 01:30:00",
        "2026-10-25 02:30:00 (UTC+2)",
        "2026-10-25 02:30:00 (UTC+1)",
        "2026-10-25 03:30:00",
    ]
    assert " ".join(said.split()).count("jusqu'au 2026-10-25 02:45 (UTC+1)") == 4
    assert max(map(len, said.splitlines())) <= 80


def test_exports_have_utc_and_the_site_s_own_time_with_its_offset(
    configuration: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    as_json = [json.loads(line) for line in printed(configuration, "json", capsys).splitlines()]
    as_csv = list(csv.DictReader(io.StringIO(printed(configuration, "csv", capsys))))
    for rows in (as_json, as_csv):
        assert [row["at"] for row in rows] == [f"2026-10-{day}:30:00Z" for day in ("24T23", "25T00", "25T01", "25T02")]
        assert [row["local"] for row in rows[1:3]] == ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"]


def test_a_gap_is_told_in_words() -> None:
    data = {"from": "2026-10-24T23:30:00Z", "seconds": 7500.0, "clean_stop": False}
    assert sentence(Event.GAP, data, "fr", ZoneInfo("Europe/Paris")) == (
        "rien de surveillé pendant 2 h 05, depuis 2026-10-25 01:30, après un arrêt imprévu"
    )
    assert sentence(Event.GAP, {"seconds": 20.0, "clean_stop": True}, "en") == (
        "nothing watched for 20 s, after a wanted stop"
    )
    assert sentence(Event.GAP, {"seconds": "?", "more": 1}, "en") == "more=1"
    assert sentence(Event.GAP, {"seconds": 20.0, "why": "asleep"}, "fr") == (
        "rien de surveillé pendant 20 s, la machine dormait"
    )
    assert sentence(Event.GAP, {"seconds": 20.0, "why": "clock"}, "en") == (
        "nothing watched for 20 s, the machine was paused, or its clock was set forward"
    )
    assert sentence(Event.GAP, {"seconds": 20.0, "why": "later"}, "en") == "nothing watched for 20 s; why=later"
