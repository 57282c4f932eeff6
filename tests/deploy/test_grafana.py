"""The shipped dashboards: written by their generator, whole, in two languages, and asking for nothing unknown."""

import json
import re
import shutil
import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.models.dashboard import Dashboard
from prometheus_client import CollectorRegistry

from deploy.grafana import looks
from deploy.grafana.build import BOARDS, FOLDER, LANGUAGES, PAGE, files, main
from retabli.metrics import Figures, Metrics
from retabli.model.states import STATE_WORDS, State
from tests.deploy.dashboards import PATHS, Asked, asked, boards, filled, metrics
from tests.metrics.test_contract import samples, show_everything

CORE = {"stat", "table", "state-timeline", "timeseries", "bargauge", "status-history", "text"}
# What Prometheus, its own `up`, and the example's relabelling give every series.
GIVEN = {"job", "instance", "site", "standpoint"}
UIDS = {board.uid(language) for board in BOARDS for language in LANGUAGES}
READ = [(path, json.loads(path.read_text())) for path in PATHS]
WIDTH = 24
every_board = pytest.mark.parametrize(
    ("path", "board"), READ, ids=lambda each: "/".join(each.parts[-2:]) if isinstance(each, Path) else ""
)


def test_what_is_checked_in_is_what_the_generator_writes() -> None:
    wanted = {FOLDER / path: text for path, text in files().items()}
    assert {path: path.read_text() for path in PATHS} == wanted
    assert {*FOLDER.glob("*/*.json")} == set(wanted)


def test_the_generator_writes_where_it_is_told_to(tmp_path: Path) -> None:
    page = "https://retabli.chu.example"
    main(["--page", page, "--into", str(tmp_path / "new")])
    assert {path.relative_to(tmp_path / "new"): path.read_text() for path in tmp_path.rglob("*.json")} == files(page)


def test_another_address_of_the_page_changes_that_address_alone() -> None:
    moved = files("https://retabli.chu.example")
    assert {text.replace("https://retabli.chu.example", PAGE) for text in moved.values()} == set(files().values())


def test_uids_are_fixed_and_each_is_of_one_dashboard() -> None:
    assert sorted(board["uid"] for _, board in READ) == sorted(UIDS)
    assert "retabli-restoration-fr" in UIDS
    assert all(len(uid) <= 40 for uid in UIDS), "Grafana's own limit"


@every_board
def test_grafana_s_own_model_reads_it_and_loses_nothing(path: Path, board: dict[str, Any]) -> None:
    again = Dashboard.from_json(board)
    assert (again.uid, len(again.panels or [])) == (board["uid"], len(board["panels"]))
    assert board["timezone"] == "browser"
    assert board["refresh"]


@every_board
def test_every_panel_is_a_core_one_with_a_title_and_a_description_of_the_language(
    path: Path, board: dict[str, Any]
) -> None:
    described = next(each for each in BOARDS if each.name == path.stem)
    language = path.parent.name
    other = next(each for each in LANGUAGES if each != language)
    for panel, source in zip(board["panels"], described.panels, strict=True):
        assert panel["type"] in CORE
        assert panel["title"] == source.title[language]
        assert panel["description"] == source.tells[language]
        assert source.tells.fr != source.tells.en, f"{source.title.en}: not translated"
        assert (
            source.nothing[other] not in json.dumps(panel, ensure_ascii=False) or source.nothing.fr == source.nothing.en
        )


@every_board
def test_the_french_has_its_no_break_spaces(path: Path, board: dict[str, Any]) -> None:
    if path.parent.name == "fr":
        for panel in board["panels"]:
            for said in (panel["title"], panel["description"], panel["fieldConfig"]["defaults"]["noValue"]):
                assert not re.search(r" [:;!?»%]|« ", said), said


@every_board
def test_no_panel_lies_over_another_or_beside_the_page(path: Path, board: dict[str, Any]) -> None:
    places = [panel["gridPos"] for panel in board["panels"]]
    assert all(place["x"] + place["w"] <= WIDTH for place in places)
    for one, two in combinations(places, 2):
        beside = one["x"] + one["w"] <= two["x"] or two["x"] + two["w"] <= one["x"]
        above = one["y"] + one["h"] <= two["y"] or two["y"] + two["h"] <= one["y"]
        assert beside or above, (one, two)
    numbers = [panel["id"] for panel in board["panels"]]
    assert len(set(numbers)) == len(numbers)


@every_board
def test_each_line_of_panels_is_full(path: Path, board: dict[str, Any]) -> None:
    lines: dict[int, int] = {}
    for panel in board["panels"]:
        lines[panel["gridPos"]["y"]] = lines.get(panel["gridPos"]["y"], 0) + panel["gridPos"]["w"]
    assert set(lines.values()) == {WIDTH}


@every_board
def test_every_link_leads_to_a_dashboard_that_is_there_or_to_the_page(path: Path, board: dict[str, Any]) -> None:
    urls = re.findall(r'"url": "([^"]*)"', json.dumps(board))
    assert len(urls) >= len(BOARDS) + 1
    for url in urls:
        found = re.match(r"/d/([\w-]+)", url)
        assert url.startswith("${page:raw}/") if found is None else found[1] in UIDS, url
    own = {f"/d/{each.uid(path.parent.name)}" for each in BOARDS if each.name != path.stem}
    assert own <= {link["url"] for link in board["links"]}


@every_board
def test_every_data_source_is_the_one_that_is_chosen_above(path: Path, board: dict[str, Any]) -> None:
    named = {each["name"]: each for each in board["templating"]["list"]}
    assert named["source"]["type"] == "datasource"
    assert named["source"]["query"] == "prometheus"
    provisioned = yaml.safe_load((FOLDER / "provisioning" / "datasources" / "retabli.yml").read_text())
    assert named["source"]["current"]["value"] in [each["uid"] for each in provisioned["datasources"]]
    wanted = {"type": "prometheus", "uid": "${source}"}
    for panel in board["panels"]:
        assert [panel["datasource"], *(target["datasource"] for target in panel["targets"])] == [wanted] * (
            1 + len(panel["targets"])
        )
    for each in (*board["annotations"]["list"], named["instance"]):
        assert each["datasource"] == wanted


@every_board
def test_every_variable_that_is_used_is_one_of_the_dashboard(path: Path, board: dict[str, Any]) -> None:
    named = {each["name"] for each in board["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(board))) - {"__rate_interval", "__data", "__all"}
    assert used == named


def test_the_dashboards_of_the_provider_are_in_the_folders_that_are_shipped() -> None:
    read = yaml.safe_load((FOLDER / "provisioning" / "dashboards" / "retabli.yml").read_text())
    folders = {Path(each["options"]["path"]).name for each in read["providers"]}
    assert folders == set(LANGUAGES)
    assert len({each["name"] for each in read["providers"]}) == len(read["providers"])


# what they ask ----------------------------------------------------------------------------------------------------


def test_both_languages_ask_the_same() -> None:
    assert [each.expr for each in asked("fr")] == [each.expr for each in asked("en")]


async def test_every_metric_and_label_that_is_asked_for_is_one_that_the_daemon_exports() -> None:
    figures = Figures(CollectorRegistry(), version="1", standpoint="inside")
    figures.heartbeats(["duty"])
    shown = Metrics(figures)
    show_everything(shown)
    exported = await samples(shown)
    read = 0
    for expr in (*(each.expr for each in asked()), *marks()):
        for name, labels in metrics(expr):
            if name != "up":
                read += 1
                assert name in exported, name
                assert labels <= GIVEN.union(*(found for found, _ in exported[name])), (name, labels)
    assert read > 150


def marks() -> list[str]:
    return [each["expr"] for board in boards().values() for each in board["annotations"]["list"]]


def test_what_shows_the_present_asks_for_the_present() -> None:
    """The last value of a range is whatever was true last: green, hours after the daemon died."""
    for each in asked():
        ranged = each.panel["type"] in ("timeseries", "state-timeline")
        assert each.target.get("range", False) is ranged, each.name
        assert each.target.get("instant", False) is not ranged, each.name


@pytest.mark.parametrize("each", list(asked()), ids=lambda each: each.name)
def test_nothing_is_asked_of_a_state_without_asking_whether_the_daemon_lives(each: Asked) -> None:
    """What counts within a range ends by itself; all else is joined with `up`."""
    counting = re.search(r"(increase|rate)\(", each.expr)
    assert counting or "up{" in each.expr
    if re.search(r"last_over_time\(retabli_(?!flow_info)", each.expr):
        assert "unless on (job, instance)" in each.expr, "what was known last is only for what is not known now"


def test_every_dashboard_says_first_whether_retabli_answers_and_since_when() -> None:
    for board in boards().values():
        first, second = board["panels"][:2]
        (asks,) = (Asked("", first, target) for target in first["targets"])
        assert asks.looks(0) == ("NE RÉPOND PLUS", looks.BAD)
        assert first["fieldConfig"]["defaults"]["thresholds"]["steps"][0] == {"value": None, "color": looks.BAD}
        (ages,) = (Asked("", second, target) for target in second["targets"])
        assert [ages.looks(seconds)[1] for seconds in (5, 89, 90, 7200)] == [looks.QUIET] * 2 + [looks.BAD] * 2


def test_where_there_is_nothing_to_show_the_colour_is_never_that_of_something_restored() -> None:
    for board in boards().values():
        for panel in board["panels"]:
            defaults = panel["fieldConfig"]["defaults"]
            assert defaults["noValue"]
            assert defaults["thresholds"]["steps"][0]["color"] not in (looks.GOOD, looks.CLOSED)


# how they look ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_states_have_the_words_and_the_colours_of_the_page(language: str) -> None:
    style = (Path(looks.STYLE)).read_text()
    listed = next(each for each in asked(language) if each.target["refId"] == "A" and each.panel["type"] == "table")
    for state, words in STATE_WORDS.items():
        text, colour = listed.looks(looks.NUMBERS[state])
        assert text == f"{looks.MARKS[state]} {words[language]}"
        assert f"--{state.value}: {colour};" in style
    assert listed.looks(looks.SILENT) == (f"? {looks.NO_NEWS[language]}", looks.COLOURS[State.UNKNOWN])


def test_no_two_states_look_the_same() -> None:
    assert len(set(looks.COLOURS.values())) == len(set(looks.MARKS.values())) == len(State)


@pytest.mark.real
@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_reads_every_query(tmp_path: Path) -> None:
    asks = [filled(each.expr, instance=".+", flow="mail-out") for each in asked()]
    asks += [mark.replace("$instance", ".+").replace("$flow", "mail-out") for mark in marks()]
    rules = [{"record": f"retabli:query:{place}", "expr": expr} for place, expr in enumerate(asks)]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboards", "rules": rules}]}))
    done = subprocess.run(
        ["promtool", "check", "rules", str(tmp_path / "rules.yml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(asks)} rules found" in done.stdout


@pytest.mark.parametrize("page", ["README.md", "LISEZMOI.md"])
def test_the_page_names_every_dashboard(page: str) -> None:
    text = (FOLDER / page).read_text()
    language = {"README.md": "en", "LISEZMOI.md": "fr"}[page]
    for board in BOARDS:
        assert f"`retabli-{board.name}-{language}`" in text


# Two daemons, of which one falls silent; the other's flow was given another title. A minute each.
TWO_DAEMONS = {
    'up{job="retabli",instance="a"}': "1x9",
    'up{job="retabli",instance="b"}': "1 1 0x7",
    **{
        f'retabli_flow_state{{job="retabli",instance="{instance}",flow="{flow}",state="{state}"}}': values
        for instance, flow, now, of, not_ in (
            ("a", "mail", "restored", "1x9", "0x9"),
            ("b", "scans", "restored", "1 1 _x7", "0 0 _x7"),
            ("b", "internet", "contained", "1 1 _x7", "0 0 _x7"),
        )
        for state in STATE_WORDS
        for values in [of if state == now else not_]
    },
    'retabli_flow_restored{job="retabli",instance="a",flow="mail"}': "1x9",
    'retabli_flow_restored{job="retabli",instance="b",flow="scans"}': "1 1 stale _x6",
    'retabli_flow_restored{job="retabli",instance="b",flow="internet"}': "0 0 stale _x6",
    'retabli_flow_info{job="retabli",instance="a",flow="mail",title="Old",intent="open"}': "1 1 1 _x6",
    'retabli_flow_info{job="retabli",instance="a",flow="mail",title="New",intent="open"}': "_ _ 1x7",
    'retabli_flow_info{job="retabli",instance="b",flow="scans",title="Scans",intent="open"}': "1 1 stale _x6",
    'retabli_flow_info{job="retabli",instance="b",flow="internet",title="Internet",intent="closed"}': "1 1 stale _x6",
}
# Panel, its value at the first minute, and at the seventh.
OVER_BOTH: list[tuple[str, float, float]] = [
    ("restoration: ● Rétablis A", 2, 1),
    ("restoration: ? Inconnus A", 0, 2),
    ("restoration: ■ Isolés A", 1, 0),
    ("confinement: ? Non prouvés A", 0, 1),
]


@pytest.mark.real
@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_of_two_daemons_the_flows_of_the_one_that_fell_silent_count_as_unknown(tmp_path: Path) -> None:
    named = {each.name: filled(each.expr, instance=".+", flow="") for each in asked()}
    rows = named["restoration: Les flux A"]
    asks = [
        (named[name], minute, value)
        for name, *values in OVER_BOTH
        for minute, value in zip((1, 7), values, strict=True)
    ]
    asks += [
        (
            f'sum(({rows}) and on (flow) label_replace(vector(1), "flow", "mail", "", ""))',
            3,
            looks.NUMBERS[State.RESTORED],
        ),
        (f"count({rows})", 3, 3),  # with both titles of one flow there
        (f"count(({rows}) == {looks.SILENT})", 7, 2),
    ]
    tests = [
        {
            "interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in TWO_DAEMONS.items()],
            "promql_expr_test": [
                {"expr": expr, "eval_time": f"{minute}m", "exp_samples": [{"labels": "{}", "value": value}]}
                for expr, minute, value in asks
            ],
        }
    ]
    (tmp_path / "tests.yml").write_text(yaml.safe_dump({"rule_files": [], "tests": tests}))
    done = subprocess.run(
        ["promtool", "test", "rules", str(tmp_path / "tests.yml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
