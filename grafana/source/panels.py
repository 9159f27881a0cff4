"""The house style of panels: a small builder for each kind of picture, so that a dashboard reads as a list of them.

The law: every panel says what it shows and what to do when it looks bad, has a number that never changes, a unit, and a
text for the time when there is nothing to show. Colours mean something: green is well, amber is on its way to trouble,
red is trouble, blue is neither. Nothing here knows a metric.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    heatmap,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.builders.dashboard import FieldColor, ThresholdsConfig
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as looks
from grafana_foundation_sdk.models import dashboard
from grafana_foundation_sdk.models import heatmap as heat
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

DATA_SOURCE = looks.DataSourceRef(type_val="prometheus", uid="${datasource}")

GREEN, AMBER, RED, BLUE, PURPLE, GREY = "green", "orange", "red", "blue", "purple", "#808080"

SECONDS, BYTES, SHARE, COUNT, WHEN = "s", "bytes", "percentunit", "short", "dateTimeAsIso"
PER_MINUTE = "suffix:/min"
LINEAR, LOG, SYMLOG = (
    looks.ScaleDistribution.LINEAR,
    looks.ScaleDistribution.LOG,
    looks.ScaleDistribution.SYMLOG,
)
TIMES = "suffix:×"

Panel: TypeAlias = Builder[dashboard.Panel]
Steps: TypeAlias = Sequence[tuple[float | None, str]]
"""Colours from a value on, in rising order; the first from None."""

P = TypeVar("P", stat.Panel, timeseries.Panel, heatmap.Panel, statetimeline.Panel, table.Panel, bargauge.Panel)

PLAIN: Steps = ((None, BLUE),)


@dataclass(frozen=True, slots=True)
class About:
    """What a panel is. `shows` says what is to be seen, `act` what to do when it looks bad, `empty` is shown when there
    is nothing. `width` is in columns of 24, `height` in rows of about 30 pixels."""

    id: int
    title: str
    unit: str
    shows: str
    act: str
    empty: str = "no data"
    width: int = 8
    height: int = 8


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel, and how its series are called: labels in `{{}}`."""

    text: str
    legend: str = ""


def number(about: About, query: Query, steps: Steps = PLAIN, *, decimals: int = 0, text: bool = False) -> Panel:
    """One figure, for the row at the top; with `text` it shows the series' name instead."""
    return (
        _house(stat.Panel(), about)
        .with_target(_target(query, 0).instant())
        .thresholds(_thresholds(steps))
        .decimals(decimals)
        .graph_mode(looks.BigValueGraphMode.NONE)
        .color_mode(looks.BigValueColorMode.VALUE)
        .text_mode(looks.BigValueTextMode.NAME if text else looks.BigValueTextMode.VALUE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )


def lines(
    about: About,
    *queries: Query,
    colours: Mapping[str, str] | None = None,
    steps: Steps = (),
    most: float | None = None,
    shades: str | None = None,
    stacked: bool = False,
    rare: bool = False,
    scale: looks.ScaleDistribution = LINEAR,
    listed: bool = False,
) -> Panel:
    """Values over time, from zero up.

    `steps` are drawn as dashed lines, which are always in view on a linear scale. `colours` are fixed by a series'
    name, `shades` is one for all of them. `rare` draws bars, for what is there only at times. The scale SYMLOG is
    straight below 1, so that zero has a place; LOG has none for it. `listed` makes a table of the legend.
    """
    filled = stacked or rare
    panel = (
        _house(timeseries.Panel(), about)
        .draw_style(looks.GraphDrawStyle.BARS if rare else looks.GraphDrawStyle.LINE)
        .line_width(0 if filled else 2)  # the outline of a series that is zero would lie on those below
        .fill_opacity(80 if rare else 60 if stacked else 0)
        .show_points(looks.VisibilityMode.NEVER)
        .span_nulls(False)
        .color_scheme(_scheme(shades))
        .tooltip(common.VizTooltipOptions().mode(looks.TooltipDisplayMode.MULTI).sort(looks.SortOrder.DESCENDING))
        .legend(_legend(listed))
    )
    for place, query in enumerate(queries):
        panel.with_target(_target(query, place))
    for name, colour in (colours or {}).items():
        panel.override_by_name(str(name), [_fixed(colour)])
    if steps:
        panel.thresholds(_thresholds(steps)).thresholds_style(
            common.GraphThresholdsStyleConfig().mode(looks.GraphThresholdsStyleMode.DASHED)
        ).axis_soft_max(max(value for value, _ in steps if value is not None))
    if most is not None:
        panel.max(most)
    if filled:
        panel.stacking(common.StackingConfig().mode(looks.StackingMode.NORMAL))
    if scale != LOG:
        panel.min(0)
    if scale != LINEAR:
        panel.scale_distribution(common.ScaleDistributionConfig().type(scale).log(10).linear_threshold(1))
    return panel


def heat_map(about: About, query: Query) -> Panel:
    """How many events fell into each bucket of a histogram, over time."""
    return (
        _house(heatmap.Panel(), about)
        .with_target(_target(query, 0).format(PromQueryFormat.HEATMAP))
        .max_data_points(120)  # cells that are wide enough to be seen
        .calculate(False)
        .cell_gap(1)
        .color(
            heatmap.HeatmapColorOptions()
            .mode(heat.HeatmapColorMode.SCHEME)
            .scheme("Blues")
            .scale(heat.HeatmapColorScale.EXPONENTIAL)
            .exponent(0.5)
            .steps(64)
        )
        .filter_values(heatmap.FilterValueRange().le(1e-9))
        .y_axis(heatmap.YAxisConfig().unit(about.unit).axis_placement(looks.AxisPlacement.LEFT))
        .tooltip(heatmap.HeatmapTooltip().mode(looks.TooltipDisplayMode.SINGLE))
        .hide_legend()
    )


def states(about: About, query: Query, words: Mapping[int, tuple[str, str]]) -> Panel:
    """What state something is in, over time; `words` are the text and the colour of each value."""
    mapped = {
        str(value): dashboard.ValueMappingResult(text=text, color=colour, index=place)
        for place, (value, (text, colour)) in enumerate(words.items())
    }
    return (
        _house(statetimeline.Panel(), about)
        .with_target(_target(query, 0))
        .mappings([dashboard.ValueMap(options=mapped)])
        .color_scheme(FieldColor().mode(dashboard.FieldColorModeId.THRESHOLDS))
        .thresholds(_thresholds(((None, GREY),)))
        .merge_values(True)
        .show_value(looks.VisibilityMode.AUTO)
        .row_height(0.8)
        .fill_opacity(80)
        .line_width(0)
        .legend(_legend())
        .tooltip(common.VizTooltipOptions().mode(looks.TooltipDisplayMode.SINGLE))
    )


def bars(
    about: About,
    *queries: Query,
    steps: Steps = PLAIN,
    colours: Mapping[str, str] | None = None,
    most: float | None = None,
) -> Panel:
    """One bar for each value as it is now."""
    panel = (
        _house(bargauge.Panel(), about)
        .thresholds(_thresholds(steps))
        .decimals(0)
        .text(common.VizTextDisplayOptions().title_size(13).value_size(18))
        .min(0)
        .orientation(looks.VizOrientation.HORIZONTAL)
        .display_mode(looks.BarGaugeDisplayMode.BASIC)
        .value_mode(looks.BarGaugeValueMode.COLOR)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )
    for place, query in enumerate(queries):
        panel.with_target(_target(query, place).instant())
    for name, colour in (colours or {}).items():
        panel.override_by_name(str(name), [_fixed(colour)])
    if most is not None:
        panel.max(most)
    return panel


def rows(about: About, query: Query, columns: Mapping[str, str], *, matrix: tuple[str, str] | None = None) -> Panel:
    """A table of values as they are now. `columns` are the labels that are shown and their headings, in order, with
    "Value" among them where that is shown; with `matrix` (the label of its rows, the label of its columns) it is laid
    out crosswise instead."""
    panel = _house(table.Panel(), about).with_target(_target(query, 0).instant().format(PromQueryFormat.TABLE))
    if "Value" in columns:  # else labels would be read as times
        panel.unit("none").override_by_name(
            columns["Value"], [dashboard.DynamicConfigValue(id_val="unit", value=about.unit)]
        )
    if matrix:
        row, column = matrix
        options: dict[str, object] = {"rowField": row, "columnField": column, "valueField": "Value"}
        panel.with_transformation(dashboard.DataTransformerConfig(id_val="groupingToMatrix", options=options))
        columns = {f"{row}\\{column}": columns[row]}
    else:
        panel.with_transformation(
            dashboard.DataTransformerConfig(id_val="filterFieldsByName", options={"include": {"names": list(columns)}})
        )
    return panel.with_transformation(
        dashboard.DataTransformerConfig(
            id_val="organize",
            options={
                "excludeByName": {},
                "indexByName": {name: place for place, name in enumerate(columns)},
                "renameByName": dict(columns),
            },
        )
    )


def _house(panel: P, about: About) -> P:
    """What all kinds of panels have in common."""
    return (
        panel.id(about.id)
        .title(about.title)
        .description(f"{about.shows}\n\n**If it looks bad:** {about.act}")
        .datasource(DATA_SOURCE)
        .unit(about.unit)
        .no_value(about.empty)
        .span(about.width)
        .height(about.height)
    )


def _target(query: Query, place: int) -> prometheus.Dataquery:
    return (
        prometheus.Dataquery()
        .datasource(DATA_SOURCE)
        .expr(query.text)
        .legend_format(query.legend)
        .ref_id(chr(ord("A") + place))
        .range()
    )


def _legend(listed: bool = False) -> common.VizLegendOptions:
    legend = common.VizLegendOptions().show_legend(True).placement(looks.LegendPlacement.BOTTOM)
    if listed:
        return legend.display_mode(looks.LegendDisplayMode.TABLE).calcs(["lastNotNull", "max"])
    return legend.display_mode(looks.LegendDisplayMode.LIST).calcs([])


def _thresholds(steps: Steps) -> ThresholdsConfig:
    return (
        ThresholdsConfig()
        .mode(dashboard.ThresholdsMode.ABSOLUTE)
        .steps([dashboard.Threshold(value=value, color=colour) for value, colour in steps])
    )


def _scheme(shades: str | None) -> FieldColor:
    if shades:
        return FieldColor().mode(dashboard.FieldColorModeId.SHADES).fixed_color(shades)
    return FieldColor().mode(dashboard.FieldColorModeId.PALETTE_CLASSIC)


def _fixed(colour: str) -> dashboard.DynamicConfigValue:
    return dashboard.DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": colour})
