"""Dashboards and alerts in a cluster: what people rely on has all there are, and Grafana and the operator find them."""

import yaml

from tests.operations.manifests.rendering import for_people, of_kind
from tests.operations.workshop import ROOT

LARGEST = 1024 * 1024
"""Bytes that Kubernetes allows a ConfigMap to have."""


def dashboards(folder: str) -> dict[str, str]:
    """The text of every dashboard, as Grafana's sidecar finds it."""
    maps = [found for found in of_kind(folder, "ConfigMap") if "grafana_dashboard" in found["metadata"]["labels"]]
    assert all(found["metadata"]["labels"]["grafana_dashboard"] == "1" for found in maps)
    return {name: text for found in maps for name, text in found["data"].items()}


@for_people
def test_every_dashboard_is_there_as_it_was_built(folder: str) -> None:
    built = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "grafana" / "dashboards").glob("*.json")}
    assert dashboards(folder) == built


@for_people
def test_a_new_version_of_a_dashboard_takes_the_place_of_the_old_one(folder: str) -> None:
    names = [found["metadata"]["name"] for found in of_kind(folder, "ConfigMap") if len(found["data"]) == 1]
    assert sorted(names) == sorted(f"dingtalk-actors-{name.removesuffix('.json')}" for name in dashboards(folder))


@for_people
def test_no_dashboard_is_too_large(folder: str) -> None:
    assert all(len(text.encode()) < LARGEST * 0.9 for text in dashboards(folder).values())


@for_people
def test_every_rule_is_there_as_it_was_built(folder: str) -> None:
    built = [yaml.safe_load(path.read_text("utf-8")) for path in (ROOT / "grafana" / "rules").glob("prometheus-*.yaml")]
    assert [found["spec"] for found in of_kind(folder, "PrometheusRule")] == [rule["spec"] for rule in built]
