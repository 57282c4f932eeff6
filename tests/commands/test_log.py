"""`log` prints what happened, as text, CSV or JSON; `log verify` names the first broken row."""

import argparse
import asyncio
import csv
import io
import json
import os
import pty
import subprocess
from contextlib import suppress
from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from commands import Refused, log
from commands._moments import parse_moment
from retabli.model.record import Entry, Event
from retabli.store import Store
from retabli.store.spoken import event_word, sentence
from tests.entrance import ENTRANCE
from tests.store.making import commit, sql

NINE = 1688367600.0  # 3 July 2023, 07:00 UTC, 9:00 in Rennes
CAUSE = {"probe": "relay", "target": None, "stage": "connect", "cause": "refused", "side": "partner_down"}
ENTRIES = [
    Entry(NINE, Event.START, None, {"version": "0.1.0"}),
    Entry(NINE + 1, Event.CONFIG, "mail-out", {"change": "added", "intent": "open"}),
    Entry(NINE + 60, Event.STATE, "mail-out", {"was": "recovering", "now": "restored"}),
    Entry(
        NINE + 120,
        Event.STATE,
        "mail-out",
        {"was": "restored", "now": "dropped", **CAUSE, "detail": "10.0.0.25:25 said a great deal about it, at length"},
    ),
    Entry(NINE + 120, Event.PAGE, "mail-out", {"incident": "4f2a", "reason": "dropped", "channels": ["duty", "sms"]}),
    Entry(
        NINE + 121.5,
        Event.TOLD,
        "mail-out",
        {"channel": "duty", "key": "4f2a-firing", "incident": "4f2a", "status": "firing", "attempts": 3},
    ),
    Entry(NINE + 3600, Event.INTENT, "internet", {"was": "closed", "now": "open", "state": "contained"}),
]


@pytest.fixture
async def state(tmp_path: Path) -> Path:
    store = Store.open(tmp_path / "state.db")
    await commit(store, entries=ENTRIES)
    await store.close()
    return tmp_path / "state.db"


@pytest.fixture
def configuration(state: Path) -> Path:
    path = state.with_name("retabli.yaml")
    path.write_text(
        "site: {name: CHU de Rennes, timezone: Europe/Paris, language: fr}\nstate: state.db\n"
        "flows:\n  mail-out:\n    intent: open\n    probes:\n      relay: {kind: tcp, host: relay.example, port: 25}\n"
    )
    return path


def run(*words: object) -> int:
    parser = argparse.ArgumentParser()
    log.add_arguments(parser)
    return log.main(parser.parse_args([str(word) for word in words]))


def test_the_log_reads_in_the_language_and_time_of_the_site(
    configuration: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--config", configuration) == 0
    assert capsys.readouterr().out.splitlines() == [
        "2023-07-03 09:00:00     1 démarrage      version=0.1.0",
        "2023-07-03 09:00:01     2 configuration  mail-out: ajouté (ouvert)",
        "2023-07-03 09:01:00     3 état           mail-out: en reprise → rétabli",
        "2023-07-03 09:02:00     4 état           mail-out: rétabli → retombé (relay /",
        "                    connect / refused / partner_down: 10.0.0.25:25 said a great",
        "                    deal about it, at length)",
        "2023-07-03 09:02:00     5 alerte         mail-out: retombé → duty, sms;",
        "                    incident=4f2a",
        "2023-07-03 09:02:01     6 remis          mail-out: appel → duty (au 3e essai);",
        "                    incident=4f2a",
        "2023-07-03 10:00:00     7 décision       internet: fermé → ouvert (isolé)",
    ]


def test_without_a_configuration_the_state_file_is_enough(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--state", state, "--flow", "mail-out", "--limit", 2) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[20:] for line in lines] == [
        "    5 page           mail-out: dropped → duty, sms;",
        "incident=4f2a",
        "    6 told           mail-out: page → duty (attempt 3);",
        "incident=4f2a",
    ]


def test_piped_text_is_plain_and_no_line_is_longer_than_eighty_columns(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("--state", state)
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 80


def test_on_a_terminal_a_fall_is_red(state: Path) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    with subprocess.Popen([*ENTRANCE, "log", "--state", str(state)], stdout=theirs, env=environment) as process:
        os.close(theirs)
        out = b""
        with suppress(OSError):  # the terminal's end is an error of its own
            while part := os.read(ours, 65536):
                out += part
    os.close(ours)
    assert process.returncode == 0
    fall = next(line for line in out.decode().splitlines() if "dropped" in line)
    assert "\x1b[1;31m" in fall


def test_csv_holds_every_row_and_nothing_that_a_spreadsheet_would_compute(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def write() -> None:
        store = Store.open(tmp_path / "state.db")
        await commit(store, entries=[Entry(NINE, Event.STATE, f"{sign}cmd|'/C calc'!A0") for sign in "=+-@"])
        await store.close()

    asyncio.run(write())
    assert run("--state", tmp_path / "state.db", "--format", "csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["flow"][:2] for row in rows] == ["'=", "'+", "'-", "'@"]
    assert [row["number"] for row in rows] == ["1", "2", "3", "4"]
    assert {row["at"] for row in rows} == {"2023-07-03T07:00:00Z"}


def test_json_is_one_object_a_line_with_all_that_the_hash_covers(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--state", state, "--format", "json") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["number"] for row in rows] == [1, 2, 3, 4, 5, 6, 7]
    assert rows[5] == {
        "number": 6,
        "at": "2023-07-03T07:02:01Z",
        "unix": NINE + 121.5,
        "event": "told",
        "flow": "mail-out",
        "data": dict(ENTRIES[5].data),
        "hash": sql(state, "SELECT lower(hex(hash)) FROM log WHERE number = 6")[0][0],
        "local": rows[5]["local"],
        "said": "page → duty (attempt 3); incident=4f2a",
    }


def test_since_leaves_out_what_is_older(configuration: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("--config", configuration, "--since", "2023-07-03T09:02", "--format", "csv")
    assert len(capsys.readouterr().out.splitlines()) == 1 + 4
    run("--config", configuration, "--since", "1h", "--format", "csv")
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_since_is_an_instant_a_day_of_the_site_or_how_long_ago() -> None:
    paris = ZoneInfo("Europe/Paris")
    assert parse_moment("--since", "2h", NINE, paris) == NINE - 7200
    assert parse_moment("--since", "2023-07-03T07:00:00Z", 0, paris) == NINE
    assert parse_moment("--since", "2023-07-03T09:00", 0, paris) == NINE
    assert parse_moment("--since", "2023-07-03", 0, UTC) == NINE - 7 * 3600
    with pytest.raises(Refused, match="write 2023-07-03"):
        parse_moment("--since", "yesterday", 0, UTC)


def test_a_flow_that_no_row_speaks_of_is_answered_with_one_that_is_near(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--state", state, "--flow", "mial-out") == 0
    assert capsys.readouterr() == ("", 'no row speaks of a flow "mial-out" (did you mean "mail-out"?)\n')


def test_a_log_longer_than_a_page_is_printed_whole_and_in_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def write() -> None:
        store = Store.open(tmp_path / "state.db")
        await commit(store, entries=[Entry(NINE + n, Event.START, None, {"n": n}) for n in range(2500)])
        await store.close()

    asyncio.run(write())
    run("--state", tmp_path / "state.db", "--format", "json")
    assert [json.loads(line)["data"]["n"] for line in capsys.readouterr().out.splitlines()] == list(range(2500))


def test_a_remote_that_was_quoted_cannot_write_on_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def write() -> None:
        store = Store.open(tmp_path / "state.db")
        data = {
            "was": "restored",
            "now": "dropped",
            "cause": "garbage",
            "detail": "\x1b[2J\r\nall is well",
            "x": "\x07",
        }
        await commit(store, entries=[Entry(NINE, Event.STATE, "mail-out", data)])
        await store.close()

    asyncio.run(write())
    run("--state", tmp_path / "state.db")
    lines = capsys.readouterr().out.split("\n")
    assert all(line.isprintable() for line in lines)
    assert [line for line in lines if not line.startswith(("2023-", " "))] == [""]


# verify ------------------------------------------------------------------------------------------------------------


def test_an_intact_log_is_said_to_be_so_with_the_head_to_note_elsewhere(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("verify", "--state", state) == 0
    head = sql(state, "SELECT lower(hex(hash)) FROM log WHERE number = 7")[0][0]
    assert capsys.readouterr().out == f"the log is intact: 7 rows, head 7:{head}\n"
    assert run("verify", "--state", state, "--noted", f"7:{head}") == 0
    assert run("verify", "--state", state, "--noted", f"7:{'0' * 64}") == 1
    assert "the log was written anew" in capsys.readouterr().out


def test_a_row_that_was_altered_is_named_and_the_exit_code_says_so(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sql(state, "DROP TRIGGER log_is_never_altered", "UPDATE log SET data = replace(data, 'dropped', 'restored')")
    assert run("verify", "--state", state) == 1
    assert capsys.readouterr().out.splitlines() == [
        "the log is broken: row 4 is not what was written (altered, or put in the place of another)",
        "what stands before it holds (3 rows)",
    ]
    assert run("verify", "--state", state, "--format", "json") == 1
    assert json.loads(capsys.readouterr().out)["intact"] is False


def test_a_log_whose_file_is_damaged_is_no_intact_log(state: Path) -> None:
    whole = state.read_bytes()
    place = whole.index(b"10.0.0.25:25 said") // 4096 * 4096
    state.write_bytes(whole[:place] + bytes(4096) + whole[place + 4096 :])
    with pytest.raises(Refused, match="is damaged") as refused:
        run("verify", "--state", state)
    assert refused.value.code == 1


@pytest.mark.parametrize(
    "words",
    [
        ("--state", "no/such.db"),
        ("verify", "--since", "1h", "--state", "x"),
        ("verify", "--flow", "mail-out", "--state", "x"),
        ("--noted", f"7:{'0' * 64}", "--state", "x"),
    ],
)
def test_what_cannot_be_done_is_a_usage_fault(words: tuple[str, ...]) -> None:
    with pytest.raises(Refused) as refused:
        run(*words)
    assert refused.value.code == 2


@pytest.mark.parametrize("words", [("--limit", "0"), ("--limit", "x"), ("--noted", "7:ab"), ("--format", "xml")])
def test_an_argument_that_cannot_be_read_is_a_usage_fault(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        run(*words)
    assert refused.value.code == 2
    assert words[0] in capsys.readouterr().err


async def test_the_log_is_read_and_verified_beside_a_daemon_that_writes(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store.open(state)
    await commit(store, entries=[Entry(NINE + 7200, Event.STOP)])
    assert run("verify", "--state", state) == 0
    assert "8 rows" in capsys.readouterr().out
    await store.close()


def test_reasons_and_what_explains_a_change_are_in_words() -> None:
    moved = {"was": "restored", "now": "unknown", **CAUSE, "because": "proxy"}
    assert sentence("state", moved, "fr").endswith(" ; expliqué par proxy")
    assert sentence("state", {"was": "down", "now": "unknown", "because": "proxy"}, "en").endswith("explained by proxy")
    assert sentence("told", {"status": "resolved", "channel": "duty", "reason": "dropped"}, "en") == (
        "resolve (dropped) → duty"
    )
    grouped = {"status": "firing", "channel": "duty", "reason": "dropped", "group": "group-1", "together": 37}
    assert sentence("told", grouped, "fr") == "appel (retombé) → duty (groupé, 37 ensemble)"
    failing = {"reason": "channel_failing", "channel": "mail", "channels": ["duty"]}
    assert sentence("page", failing, "en") == "alert channel fails → duty; channel=mail"
    assert sentence("resolve", {"reason": "intent_changed", "channels": []}, "fr").startswith("décision changée → ")


def test_rows_of_on_call_are_words_and_their_instants_in_the_site_s_time() -> None:
    paris, until = ZoneInfo("Europe/Paris"), "2023-07-03T10:00:00Z"
    for event, data, french, english in (
        (
            "acknowledge",
            {"incident": "4f2a", "reason": "dropped", "by": "Jeanne", "note": "vu", "until": until},
            "par Jeanne jusqu'au 2023-07-03 12:00 (retombé) – vu; incident=4f2a",
            "by Jeanne until 2023-07-03 12:00 (dropped) – vu; incident=4f2a",
        ),
        (
            "silence",
            {"by": "Karim", "why": "bascule", "until": until},
            "jusqu'au 2023-07-03 12:00 – Karim : bascule",
            "until 2023-07-03 12:00 – Karim: bascule",
        ),
        ("silence", {"by": "Karim", "ended": True}, "levé par Karim", "lifted by Karim"),
        ("silence", {"ended": True}, "arrivé à son terme", "it ran out"),
        (
            "deferred",
            {"reason": "dropped", "because": "proxy", "silenced_by": "Karim", "until": until},
            "retombé, à cause de proxy, en silence par Karim jusqu'au 2023-07-03 12:00",
            "dropped, because of proxy, silenced by Karim until 2023-07-03 12:00",
        ),
        (
            "page",
            {"reason": "dropped", "status": "reminder", "channels": ["duty"]},
            "rappel : retombé → duty",
            "reminder: dropped → duty",
        ),
        (
            "page",
            {"reason": "dropped", "escalated": True, "channels": ["chief"]},
            "personne n'a pris en charge, d'autres sont appelés : retombé → chief",
            "nobody has taken it, others are called: dropped → chief",
        ),
        (
            "resolve",
            {"reason": "superseded", "channels": ["team"]},
            "remplacé par une alerte → team",
            "replaced by a page → team",
        ),
    ):
        assert sentence(event, data, "fr", paris) == french
        assert sentence(event, data, "en", paris) == english


@pytest.mark.parametrize("event", [*Event, "rung-of-tomorrow"])
def test_no_row_of_another_version_breaks_the_print(event: str) -> None:
    for data in (
        {},
        {"until": "soon", "by": 7, "ended": [], "channels": "duty", "status": {"a": 1}, "reason": ["x"]},
        {"until": 10**30, "escalated": 1, "silenced_by": {}, "because": [1]},
    ):
        for language in ("fr", "en"):
            sentence(event, data, language, UTC)
            assert event_word(event, language)


def test_rows_are_chosen_by_their_kind_and_until_when(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--state", state, "--event", "told", "--event", "start", "--format", "json") == 0
    assert {json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()} == {"told", "start"}
    assert run("--state", state, "--until", "2023-07-03T07:00:01+00:00", "--format", "json") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows
    assert all(row["at"] < "2023-07-03T07:00:01Z" for row in rows)


def test_a_kind_of_event_that_there_is_not_is_refused_with_what_was_meant(state: Path) -> None:
    with pytest.raises(Refused, match=r"--event stat: there is no such kind of event.*state"):
        run("--state", state, "--event", "stat")


def test_the_reader_chooses_the_language(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--state", state, "--lang", "fr") == 0
    assert "démarrage" in capsys.readouterr().out
