"""The dashboards: in step with their source, whole, and every fault that can be planted is named with its place."""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, get_args

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from actors import metrics
from actors.core.texts import RATINGS
from actors.core.turn_words import End
from actors.dingtalk.download import Outcome
from actors.series import RESTARTED
from grafana.source import __main__ as command
from grafana.source import cards, connections, conversations
from grafana.source.dashboards import BOARDS
from grafana.source.inspection import inspected, unseen
from grafana.source.queries import ALIKE, JOB, REPLICA, ROBOT
from tests.operations.workshop import ROOT

Json = dict[str, Any]
BUILT = ROOT / "grafana"

every = pytest.mark.parametrize("name", BOARDS)


def built(name: str) -> Json:
    """One dashboard as it is built now."""
    board: Json = json.loads(BOARDS[name].text())
    return board


def panels(board: Json) -> list[Json]:
    """Its panels, without the headings of rows."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


# In step.


@every
def test_a_dashboards_file_is_in_step_with_its_source(name: str) -> None:
    assert (BUILT / "dashboards" / f"{name}.json").read_text(encoding="utf-8") == BOARDS[name].text()


def test_building_anew_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "FOLDER", tmp_path)
    assert command.main(["--write"]) == 0
    files = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    assert {Path("dashboards") / f"{name}.json" for name in BOARDS} <= files
    for path in files:
        assert (tmp_path / path).read_bytes() == (BUILT / path).read_bytes(), path
    assert command.main(["--check"]) == 0


def test_a_file_that_somebody_edited_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "FOLDER", tmp_path)
    command.main(["--write"])
    edited = tmp_path / "dashboards" / "service-levels.json"
    edited.write_text(edited.read_text(encoding="utf-8").replace("Burn rate", "Burning"), encoding="utf-8")
    assert command.main(["--check"]) == 1
    assert capsys.readouterr().err == (
        "grafana/dashboards/service-levels.json: is out of step with its source; renew it by: make dashboards\n"
    )


def test_a_fault_makes_the_check_fail(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(command, "faults", lambda: iter(["dashboard 'x', panel 'y': has no unit"]))
    assert command.main(["--check"]) == 1
    assert "dashboard 'x', panel 'y': has no unit\n" in capsys.readouterr().err


# Whole.


@every
def test_a_dashboard_has_no_faults(name: str) -> None:
    assert list(inspected(built(name))) == []


def test_every_metric_of_the_service_is_on_a_dashboard() -> None:
    assert list(unseen(map(built, BOARDS))) == []


def test_a_metric_that_no_panel_shows_is_named() -> None:
    boards = [built(name) for name in BOARDS]
    for board in boards:
        for panel in panels(board):
            panel["targets"] = [target for target in panel["targets"] if "_clicks_total" not in target["expr"]]
    assert list(unseen(boards)) == ["metric dingtalk_clicks_total is on no dashboard"]


def lost(ours: Any, theirs: Any, path: str = "") -> Iterable[str]:
    """The fields of ours that Grafana's own model does not know."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            if key in theirs:
                yield from lost(value, theirs[key], f"{path}/{key}")
            else:
                yield f"{path}/{key}"
    elif isinstance(ours, list):
        for place, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from lost(one, other, f"{path}/{place}")
    elif ours != theirs:
        yield f"{path}: {ours!r} became {theirs!r}"


def read_by_grafanas_model(board: Json) -> Json:
    """What the foundation SDK makes of a file."""
    read: Json = json.loads(JSONEncoder().encode(Dashboard.from_json(board)))
    return read


@every
def test_grafanas_own_model_knows_every_field(name: str) -> None:
    board = built(name)
    assert list(lost(board, read_by_grafanas_model(board))) == []


def test_a_field_that_grafanas_model_does_not_know_is_found() -> None:
    board = built("service-levels")
    board["panels"][1]["fieldConfig"]["defaults"]["decimal"] = 2
    assert list(lost(board, read_by_grafanas_model(board))) == ["/panels/1/fieldConfig/defaults/decimal"]


@every
def test_lines_of_panels_are_full_and_of_one_height(name: str) -> None:
    lines = defaultdict(list)
    for panel in panels(built(name)):
        lines[panel["gridPos"]["y"]].append(panel["gridPos"])
    for line in lines.values():
        assert sum(place["w"] for place in line) == 24
        assert len({place["h"] for place in line}) == 1


@every
def test_no_line_has_more_than_can_be_read_on_a_small_screen(name: str) -> None:
    lines = defaultdict(list)
    for panel in panels(built(name)):
        lines[panel["gridPos"]["y"]].append(panel["type"])
    for line in lines.values():
        assert len(line) <= (6 if set(line) == {"stat"} else 3)


def test_links_lead_from_each_dashboard_to_all_with_time_and_variables() -> None:
    for board in map(built, BOARDS):
        (link,) = board["links"]
        assert set(link["tags"]) <= set(board["tags"])
        assert (link["type"], link["keepTime"], link["includeVars"]) == ("dashboards", True, True)


def test_all_dashboards_have_the_same_variables_and_marks() -> None:
    first, *others = map(built, BOARDS)
    for other in others:
        assert other["templating"] == first["templating"]
        assert other["annotations"] == first["annotations"]
    assert [variable["name"] for variable in first["templating"]["list"]] == ["datasource", "job", "robot", "replica"]


@every
def test_what_every_replica_tells_alike_is_never_added_up(name: str) -> None:
    queries = [target["expr"] for panel in panels(built(name)) for target in panel["targets"]]
    told = [(query, alike) for query in queries for alike in ALIKE if alike in query]
    assert all(re.search(rf"max( by \(\w+\) )?\({alike}{{", query) for query, alike in told)
    assert told or name == "service-levels"


@every
def test_all_replicas_are_shown_unless_one_is_chosen(name: str) -> None:
    (replica,) = [each for each in built(name)["templating"]["list"] if each["name"] == "replica"]
    assert (replica["includeAll"], replica["multi"], replica["current"]["value"]) == (True, True, ["$__all"])
    # One that is gone meanwhile is no longer in the list, and did a part of what is shown.
    assert replica["allValue"] == ".*"


@pytest.mark.parametrize(
    ("colours", "values"),
    [
        (conversations.ENDS, End),
        (conversations.FETCHES, Outcome),
        (conversations.RECEIVED, get_args(metrics.Reception)),
        (connections.REASONS, RESTARTED),
        (cards.RATED, RATINGS),
        (cards.CLICKED, get_args(metrics.Press)),
        (cards.SKIPPED, get_args(metrics.Skip)),
        (cards.STAGES, get_args(metrics.Stage)),
        (
            cards.TROUBLE,
            [f"{stage} {called}" for called in ("throttled", "failed") for stage in get_args(metrics.Stage)],
        ),
    ],
)
def test_a_colour_is_fixed_for_each_outcome_that_there_is(colours: dict[str, str], values: Iterable[str]) -> None:
    assert list(colours) == list(values)


# Planted faults.

QUERY = "query A: "
CHOSEN = f"{JOB}, {ROBOT}, {REPLICA}"
LEVELS = "dashboard 'DingTalk robots: service levels'"


def of_the_first_query(text: str) -> Callable[[Json], None]:
    """Put another query into the panel."""
    return lambda panel: panel["targets"][0].update(expr=text)


@pytest.mark.parametrize(
    ("plant", "fault"),
    [
        (
            of_the_first_query("sum by (outcome) (rate(dingtalk_turn_total[5m]))"),
            f", {QUERY}there is no metric dingtalk_turn_total, did you mean dingtalk_turns_total?",
        ),
        (
            of_the_first_query('sum by (outcome) (rate(dingtalk_turns_total{agent="faq"}[5m]))'),
            f", {QUERY}dingtalk_turns_total has no label agent; it has instance, job, namespace, outcome, pod, robot",
        ),
        (
            of_the_first_query('sum by (outcome) (rate(dingtalk_turns_total{outcome="answerd"}[5m]))'),
            f", {QUERY}label outcome of dingtalk_turns_total is never answerd; it is one of {', '.join(sorted(End))}",
        ),
        (
            of_the_first_query(f"sum by (robot) (rate(dingtalk_turns_total{{{CHOSEN}}}[5m]))"),
            f", {QUERY}names its series by the label outcome, which the result does not have",
        ),
        (
            of_the_first_query(f"sum by (outcome) (rate(dingtalk_turns_total{{{JOB}, {ROBOT}}}[5m]))"),
            f", {QUERY}dingtalk_turns_total does not follow the variable replica",
        ),
        (
            of_the_first_query(f"sum by (outcome) (rate(dingtalk_turns_total{{{JOB}, {REPLICA}}}[5m]))"),
            f", {QUERY}dingtalk_turns_total does not follow the variable robot",
        ),
        (lambda panel: panel.pop("description"), ": has no description that says what it shows and what to do"),
        (
            lambda panel: panel.update(description="Questions."),
            ": has no description that says what it shows and what to do",
        ),
        (
            lambda panel: panel.update(description=panel["description"] + " See CARD_MAX_UPDATE."),
            ": its description names CARD_MAX_UPDATE, which is no setting",
        ),
        (lambda panel: panel.pop("id"), ": has no id"),
        (lambda panel: panel["fieldConfig"]["defaults"].pop("unit"), ": has no unit"),
        (lambda panel: panel.pop("targets"), ": has no query"),
        (
            lambda panel: panel.update(datasource={"type": "prometheus", "uid": "P1809F7CD0C75ACF3"}),
            ": its data source is not the variable ${datasource}",
        ),
        (
            lambda panel: panel["targets"][0].update(datasource={"uid": "P1809F7CD0C75ACF3"}),
            f", {QUERY}its data source is not the variable ${{datasource}}",
        ),
    ],
)
def test_a_fault_of_a_panel_is_named_with_dashboard_panel_and_query(plant: Callable[[Json], None], fault: str) -> None:
    board = built("conversations-and-cards")
    plant(next(panel for panel in board["panels"] if panel.get("id") == 201))
    place = "dashboard 'DingTalk robots: conversations and cards', panel 'Questions, by how they ended'"
    assert list(inspected(board)) == [place + fault]


def test_a_title_that_does_not_fit_is_named() -> None:
    board = built("service-levels")
    board["panels"][1]["title"] = "Acknowledged within three seconds"
    assert [fault.partition(", ")[2] for fault in inspected(board)] == [
        "panel 'Acknowledged within three seconds': its title has more than the 18 characters that fit"
    ]


def test_panels_that_overlap_are_named() -> None:
    board = built("service-levels")
    board["panels"][2]["gridPos"]["x"] -= 1
    assert list(inspected(board)) == [f"{LEVELS}: panels 'Ack ≤ 3 s' and 'Click ≤ 2 s' overlap"]


def test_a_panel_that_sticks_out_is_named() -> None:
    board = built("service-levels")
    board["panels"][6]["gridPos"]["w"] += 1
    assert list(inspected(board)) == [f"{LEVELS}: panel 'Answered' reaches beyond the 24 columns"]


def test_panels_with_the_same_id_are_named() -> None:
    board = built("service-levels")
    board["panels"][2]["id"] = 101
    assert list(inspected(board)) == [f"{LEVELS}: several panels have the id 101"]


def test_a_fault_of_a_variable_is_named() -> None:
    board = built("service-levels")
    board["templating"]["list"][2]["query"] = "label_values(dingtalk_stream_connected, robots)"
    board["templating"]["list"][1]["query"] = "label_values(job)"
    where = f"{LEVELS}, variable"
    assert list(inspected(board)) == [
        f"{where} 'job': is not of the form label_values(metric, label): label_values(job)",
        f"{where} 'robot': names its series by the label robots, which the result does not have",
    ]


def test_a_fault_of_an_annotation_is_named() -> None:
    board = built("service-levels")
    board["annotations"]["list"][0]["expr"] = "process_start_time * 1000"
    board["annotations"]["list"][1]["titleFormat"] = "Version {{release}}"
    where = f"{LEVELS}, annotation"
    assert list(inspected(board)) == [
        f"{where} 'Process started': there is no metric process_start_time",
        f"{where} 'Deployment': names its series by the label release, which the result does not have",
    ]
