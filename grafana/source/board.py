"""What all dashboards have in common: variables, links, annotations, the grid, and how one becomes a file.

The law: the same variables with the same names everywhere, so that a link keeps what was chosen; what happened to the
service (a start, a deployment, another retry policy) is marked on every picture. Nothing here knows a panel.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders.dashboard import (
    AnnotationQuery,
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    QueryVariable,
    Row,
)
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard
from grafana_foundation_sdk.models.common import TimeZoneBrowser

from grafana.source.panels import AMBER, BLUE, DATA_SOURCE, PURPLE, Panel
from grafana.source.queries import JOB, chosen, shared

TAG = "dingtalk-actors"


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard: its rows are questions of an operator, each with the panels that answer it."""

    uid: str
    title: str
    description: str
    rows: tuple[tuple[str, Sequence[Panel]], ...]

    def text(self) -> str:
        """The dashboard as the file that Grafana takes."""
        plain = json.loads(JSONEncoder().encode(self._built()))
        for shown in (*plain["links"], *plain["annotations"]["list"]):
            del shown["placement"]  # the SDK's default would hide them in a menu
        return json.dumps(plain, indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    def _built(self) -> dashboard.Dashboard:
        built = (
            Dashboard(self.title)
            .uid(self.uid)
            .description(self.description)
            .tags([TAG])
            .refresh("30s")
            .time("now-3h", "now")
            .timezone(TimeZoneBrowser)
            .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
            .editable()
            .variables([_data_source(), _jobs(), _robots(), _replicas()])
            .annotations([_started(), _deployed(), _policy_changed()])
            .link(_others())
        )
        for place, (question, panels) in enumerate(self.rows, 1):
            built.with_row(Row(question).id(place * 100))
            for panel in panels:
                built.with_panel(panel)
        return built.build()


def _data_source() -> DatasourceVariable:
    return DatasourceVariable("datasource").label("Data source").type("prometheus")


def _jobs() -> QueryVariable:
    return _choice("job", "Job", "label_values(dingtalk_build_info, job)")


def _robots() -> QueryVariable:
    # A robot that is parked from the start has no connection: "All" has to mean more than those in the list.
    return _choice("robot", "Robot", f"label_values(dingtalk_stream_connected{{{JOB}}}, robot)").all_value(".*")


def _replicas() -> QueryVariable:
    # Those that are gone meanwhile did a part of what is shown: "All" has to mean them, too.
    return _choice("replica", "Replica", f"label_values(dingtalk_build_info{{{JOB}}}, instance)").all_value(".*")


def _choice(name: str, label: str, query: str) -> QueryVariable:
    return (
        QueryVariable(name)
        .label(label)
        .datasource(DATA_SOURCE)
        .query(query)
        .definition(query)
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .current(dashboard.VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def _others() -> DashboardLink:
    """The other dashboards, with the same time and variables."""
    return (
        DashboardLink("DingTalk robots")
        .type(dashboard.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .icon("external link")
        .include_vars(True)
        .keep_time(True)
    )


def _started() -> AnnotationQuery:
    # The metric's value is the time itself: a new pod is seen, too, which has no former value to differ from.
    return (
        _mark("Process started", AMBER, f"{chosen('process_start_time_seconds')} * 1000")
        .title_format("Process started")
        .text_format("{{instance}}")
        .use_value_for_time(True)
    )


def _deployed() -> AnnotationQuery:
    version = chosen("dingtalk_build_info")
    return _mark(
        "Deployment",
        BLUE,
        f"sum by (version) ({version}) unless sum by (version) (max_over_time({version}[1h] offset 2m))",
    ).title_format("Version {{version}}")


def _policy_changed() -> AnnotationQuery:
    before = f"max by (scope, setting) (last_over_time({chosen('dingtalk_retry_policy')}[1h] offset 2m))"
    return _mark(
        "Retry policy changed", PURPLE, f"{shared('dingtalk_retry_policy', 'scope', 'setting')} != {before}"
    ).title_format("Retry policy: {{scope}} {{setting}}")


def _mark(name: str, colour: str, query: str) -> AnnotationQuery:
    return AnnotationQuery().name(name).datasource(DATA_SOURCE).enable(True).icon_color(colour).expr(query).step("60s")
