"""Writes the Grafana dashboards, in French and in English: `python -m deploy.grafana.build`.

Grafana translates no dashboard, so each language has its own, with uids of its own; both come from one description.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from deploy.grafana import confinement, flow, itself, restoration
from deploy.grafana.looks import BAD, QUIET
from deploy.grafana.panels import SOURCE, Panel, drawn
from deploy.grafana.queries import FLOW, HERE, alive
from retabli.model.words import Words

FOLDER = Path(__file__).parent
LANGUAGES = ("fr", "en")
PAGE = "http://127.0.0.1:9877"
Variable = build.DatasourceVariable | build.QueryVariable | build.ConstantVariable


@dataclass(frozen=True, slots=True)
class Board:
    name: str
    title: Words
    tells: Words
    panels: Sequence[Panel]
    start: str
    refresh: str
    one_flow: bool = False

    def uid(self, language: str) -> str:
        return f"retabli-{self.name}-{language}"


BOARDS = (
    Board("restoration", restoration.TITLE, restoration.TELLS, restoration.PANELS, "now-24h", "15s"),
    Board("flow", flow.TITLE, flow.TELLS, flow.PANELS, "now-6h", "15s", one_flow=True),
    Board("confinement", confinement.TITLE, confinement.TELLS, confinement.PANELS, "now-24h", "15s"),
    Board("itself", itself.TITLE, itself.TELLS, itself.PANELS, "now-6h", "30s"),
)


def board(described: Board, language: str, page: str = PAGE) -> dict[str, Any]:
    made = build.Dashboard(described.title[language]).uid(described.uid(language))
    made.description(described.tells[language]).tags(["retabli", language]).timezone("browser").editable()
    made.time(described.start, "now").refresh(described.refresh).tooltip(model.DashboardCursorSync.CROSSHAIR)
    made.timepicker(build.TimePicker().refresh_intervals(["5s", "15s", "30s", "1m", "5m"]))
    for variable in variables(described, language, page):
        made.with_variable(variable)
    for link in links(described, language):
        made.link(link)
    for number, panel in enumerate(described.panels, 1):
        made.with_panel(drawn(panel, language, number))
    plain: dict[str, Any] = json.loads(JSONEncoder().encode(made.build()))
    return plain | {"annotations": {"list": annotations(described, language)}}


def variables(described: Board, language: str, page: str) -> list[Variable]:
    """A dead daemon can still be chosen: `up` is Prometheus's own word and stays."""
    source = build.DatasourceVariable("source").label("Prometheus").type("prometheus")
    source.current(model.VariableOption(text="Prometheus", value="prometheus"))
    daemon = build.QueryVariable("instance").label(Words("Démon", "Daemon")[language]).datasource(SOURCE)
    daemon.query('label_values(up{job="retabli"}, instance)').refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
    daemon.sort(model.VariableSort.ALPHABETICAL_ASC)
    if not described.one_flow:
        daemon.multi(True).include_all(True).all_value(".+").current(model.VariableOption(text="All", value="$__all"))
    address = build.ConstantVariable("page").value(page)
    address.description(Words("Adresse de la page de Retabli", "Address of Retabli's page")[language])
    found: list[Variable] = [source, daemon]
    if described.one_flow:
        chosen = build.QueryVariable("flow").label(Words("Flux", "Flow")[language]).datasource(SOURCE)
        chosen.query(f"label_values(retabli_flow_info{{{HERE}}}, flow)").sort(model.VariableSort.ALPHABETICAL_ASC)
        found.append(chosen.refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED))
    return [*found, address]


def links(described: Board, language: str) -> list[build.DashboardLink]:
    """To the other dashboards of the language, to this one in the other, and to Retabli's own page."""
    to_page = "${page:raw}/flows/${flow}" if described.one_flow else "${page:raw}/"
    found = [
        build.DashboardLink(each.title[language].removeprefix("Retabli – ")).url(f"/d/{each.uid(language)}")
        for each in BOARDS
        if each is not described
    ]
    other = next(each for each in LANGUAGES if each != language)
    named = {"fr": "Français", "en": "English"}[other]
    found.append(build.DashboardLink(named).url(f"/d/{described.uid(other)}").include_vars(True))
    kept = [link.type(model.DashboardLinkType.LINK).icon("dashboard").keep_time(True) for link in found]
    page = build.DashboardLink(Words("Page de Retabli", "Retabli's page")[language]).url(to_page)
    return [*kept, page.type(model.DashboardLinkType.LINK).icon("external link").target_blank(True)]


def annotations(described: Board, language: str) -> list[dict[str, Any]]:
    """Marks over time. The model of annotations lacks what Prometheus's own adds to them: the texts, and the time."""
    of = FLOW if described.one_flow else HERE
    changed = {
        "name": Words("Changements d'état", "Changes of state")[language],
        "expr": f"1000 * retabli_flow_state_changed_timestamp_seconds{{{of}}}",
        "iconColor": QUIET,
        "titleFormat": Words("État changé", "State changed")[language],
        "useValueForTime": True,
        "enable": described.one_flow,
    }
    paged = {
        "name": Words("Pages", "Pages")[language],
        "expr": alive(f"retabli_flow_page_open{{{of}}} == 1"),
        "iconColor": BAD,
        "titleFormat": Words("Page ouverte", "Page open")[language],
        "enable": True,
    }
    given = {"datasource": SOURCE.to_json(), "hide": False, "step": "15s", "textFormat": "{{flow}} {{reason}}"}
    return [{**given, **each} for each in (changed, paged)] if described.name in ("restoration", "flow") else []


def files(page: str = PAGE) -> Mapping[Path, str]:
    """What is to be written, by its path in the folder it is written to."""
    return {
        Path(language, f"{each.name}.json"): json.dumps(board(each, language, page), ensure_ascii=False, indent=1)
        + "\n"
        for each in BOARDS
        for language in LANGUAGES
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.grafana.build", description="write the dashboards")
    parser.add_argument("--page", default=PAGE, help=f"the address of Retabli's page, which links lead to ({PAGE})")
    parser.add_argument("--into", default=FOLDER, type=Path, help="a folder; by default that of the dashboards here")
    args = parser.parse_args(arguments)
    for path, text in files(args.page).items():
        written: Path = args.into / path
        written.parent.mkdir(parents=True, exist_ok=True)
        written.write_text(text)


if __name__ == "__main__":
    main()
