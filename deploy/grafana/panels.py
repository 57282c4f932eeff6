"""A panel as a row of a table, and what Grafana's own model makes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from grafana_foundation_sdk.builders import bargauge, common, prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import prometheus as query

from deploy.grafana.looks import NO_NEWS, UNKNOWN, Meanings, mappings, thresholds
from retabli.model.words import Words

SOURCE = model.DataSourceRef("prometheus", "${source}")
Kind = stat.Panel | table.Panel | statetimeline.Panel | timeseries.Panel | bargauge.Panel


AUTOMATIC = Words.same("__auto")  # Grafana then names a series by its labels


@dataclass(frozen=True, slots=True)
class Query:
    expr: str
    legend: Words = AUTOMATIC
    colour: str | None = None  # else one of the palette, or by the value


@dataclass(frozen=True, slots=True)
class Column:
    """`name` is a label, or the letter of the query whose value it is."""

    name: str
    title: Words
    unit: str | None = None
    meanings: Meanings = field(default_factory=dict)
    filled: bool = False  # whether the cell is filled with its value's colour
    steps: Mapping[float | None, str] = field(default_factory=dict)
    width: int | None = None
    link: Words | None = None  # the address behind the cell
    vital: bool = False  # whether its absence means that the daemon does not answer


class Draw(StrEnum):
    """How a panel is drawn. What shows the present asks for the present; a line and a timeline ask for a range."""

    STAT = "stat"
    NAMED = "named"  # a stat whose series' name is what is to be read
    BARS = "bars"
    TABLE = "table"  # one row for what the queries' values have in common
    TIMELINE = "timeline"
    LINES = "lines"
    STACKED = "stacked"


RANGED = (Draw.TIMELINE, Draw.LINES, Draw.STACKED)


@dataclass(frozen=True, slots=True)
class Panel:
    """`tells` is its description. What is shown when there is nothing to show is `nothing`, never an empty space."""

    draw: Draw
    title: Words
    tells: Words
    queries: Sequence[Query]
    span: int  # of 24
    height: int
    unit: str | None = None
    meanings: Meanings = field(default_factory=dict)
    steps: Mapping[float | None, str] = field(default_factory=lambda: {None: UNKNOWN})
    nothing: Words = NO_NEWS
    columns: Sequence[Column] = ()


def drawn(panel: Panel, language: str, number: int) -> Kind:
    found = _kind(panel, language)
    found.id(number).title(panel.title[language]).description(panel.tells[language])
    found.span(panel.span).height(panel.height).datasource(SOURCE).no_value(panel.nothing[language])
    for place, each in enumerate(panel.queries):
        letter = chr(ord("A") + place)
        found.with_target(_target(each, language, letter, panel))
        if each.colour is not None:
            fixed = {"mode": model.FieldColorModeId.FIXED.value, "fixedColor": each.colour}
            found.override_by_query(letter, [model.DynamicConfigValue("color", fixed)])
    found.thresholds(thresholds(panel.steps))
    if panel.unit is not None:
        found.unit(panel.unit)
    if panel.meanings:
        found.mappings(mappings(panel.meanings, language))
    return found


def _target(each: Query, language: str, letter: str, panel: Panel) -> prometheus.Dataquery:
    """What is shown as of now is asked as of now: the last value of a range may be hours old."""
    target = prometheus.Dataquery().expr(each.expr).ref_id(letter).legend_format(each.legend[language])
    target.datasource(SOURCE).editor_mode(query.QueryEditorMode.CODE)
    if panel.draw in RANGED:
        return target.range()
    tabled = panel.draw is Draw.TABLE
    return target.instant().format(query.PromQueryFormat.TABLE if tabled else query.PromQueryFormat.TIME_SERIES)


def _kind(panel: Panel, language: str) -> Kind:
    by_steps = build.FieldColor().mode(model.FieldColorModeId.THRESHOLDS)
    match panel.draw:
        case Draw.TABLE:
            return _table(panel, language)
        case Draw.TIMELINE:
            timeline = statetimeline.Panel().merge_values(True).show_value(options.VisibilityMode.AUTO)
            timeline.row_height(0.85).line_width(0).fill_opacity(95).legend(_legend(shown=False))
            return timeline.color_scheme(by_steps)
        case Draw.BARS:
            bars = bargauge.Panel().orientation(options.VizOrientation.HORIZONTAL).reduce_options(_latest())
            return bars.display_mode(options.BarGaugeDisplayMode.BASIC).color_scheme(by_steps).min(0)
        case Draw.LINES | Draw.STACKED:
            return _lines(stacked=panel.draw is Draw.STACKED)
        case Draw.STAT | Draw.NAMED:
            read = options.BigValueTextMode.NAME if panel.draw is Draw.NAMED else options.BigValueTextMode.AUTO
            single = stat.Panel().graph_mode(options.BigValueGraphMode.NONE).reduce_options(_latest()).text_mode(read)
            return single.color_mode(options.BigValueColorMode.BACKGROUND).color_scheme(by_steps)


def _latest() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().values(False).calcs(["lastNotNull"])


def _legend(*, shown: bool) -> common.VizLegendOptions:
    legend = common.VizLegendOptions().show_legend(shown).placement(options.LegendPlacement.BOTTOM).calcs([])
    return legend.display_mode(options.LegendDisplayMode.LIST)


def _lines(*, stacked: bool) -> timeseries.Panel:
    found = timeseries.Panel().legend(_legend(shown=True)).min(0).line_width(1.5).span_nulls(False)
    found.show_points(options.VisibilityMode.AUTO).fill_opacity(50 if stacked else 8)
    found.tooltip(common.VizTooltipOptions().mode(options.TooltipDisplayMode.MULTI).sort(options.SortOrder.DESCENDING))
    found.color_scheme(build.FieldColor().mode(model.FieldColorModeId.PALETTE_CLASSIC))
    if stacked:
        found.stacking(common.StackingConfig().mode(options.StackingMode.NORMAL))
    return found


# tables -----------------------------------------------------------------------------------------------------------


def _table(panel: Panel, language: str) -> table.Panel:
    found = table.Panel().cell_height(options.TableCellHeight.SM)
    found.with_transformation(model.DataTransformerConfig("merge", options={}))
    wanted = {_field(each.name): each for each in panel.columns}
    if first := wanted.get(_field("A")):  # where no other query gives anything, Grafana leaves the letter out
        wanted["Value"] = first
    order = {name: place for place, name in enumerate(wanted)}
    letters = (chr(ord("A") + place) for place in range(len(panel.queries)))
    hidden = ["Time", "job", "__name__", "Value", *map(_field, letters)]
    arranged = {
        "excludeByName": {name: True for name in hidden if name not in wanted},
        "indexByName": order,
        "renameByName": {name: each.title[language] for name, each in wanted.items()},
    }
    found.with_transformation(model.DataTransformerConfig("organize", options=arranged))
    if vital := [each for each in panel.columns if each.vital]:  # states are numbered from the worst on
        found.sort_by([common.TableSortByFieldState().display_name(vital[0].title[language]).desc(False)])
    for each in panel.columns:
        found.override_by_name(each.title[language], _properties(each, language))
    return found


def _field(name: str) -> str:
    """What Grafana calls it: a query's value is named by the query's letter."""
    return f"Value #{name}" if len(name) == 1 else name


def _properties(column: Column, language: str) -> list[model.DynamicConfigValue]:
    # An empty cell says nothing of the daemon; a state that is not there does.
    properties: list[tuple[str, object]] = [] if column.vital else [("noValue", "–")]
    if column.unit is not None:
        properties.append(("unit", column.unit))
    if column.width is not None:
        properties.append(("custom.width", column.width))
    if column.meanings:
        properties.append(("mappings", mappings(column.meanings, language)))
    if column.steps:
        properties.append(("thresholds", thresholds(column.steps).build()))
    if column.filled:
        properties.append(("custom.cellOptions", {"type": "color-background", "mode": "basic"}))
    if column.link is not None:
        properties.append(("links", [{"title": column.title[language], "url": column.link[language]}]))
    return [model.DynamicConfigValue(name, value) for name, value in properties]
