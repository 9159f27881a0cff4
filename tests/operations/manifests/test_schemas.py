"""What kustomize renders is what Kubernetes takes, in its three newest releases, with nothing that it does not know."""

import subprocess
from typing import Any

import pydantic
import pytest
from kubernetes_validate import utils as kubernetes

from deploy.kubernetes import check
from tests.operations.manifests.custom_resources import MODELS
from tests.operations.manifests.rendering import FOLDERS, REPLICAS, Overlay, each, each_overlay, one, rendered

RELEASES = list(dict.fromkeys(map(kubernetes.major_minor, kubernetes.all_versions())))[-3:]


def validate(found: Any, release: str) -> None:
    if found["kind"] in MODELS:
        MODELS[found["kind"]].model_validate(found)
    else:
        kubernetes.validate(found, release, strict=True)


def test_the_releases_are_three_in_a_row() -> None:
    minors = [int(release.removeprefix("1.")) for release in RELEASES]
    assert minors == list(range(minors[0], minors[0] + 3))
    assert minors[-1] >= 37


@each
@pytest.mark.parametrize("release", RELEASES)
def test_every_object_is_valid(folder: str, release: str) -> None:
    assert len(rendered(folder)) > 5
    for found in rendered(folder):
        validate(found, release)


def test_so_is_every_object_with_a_managed_database_and_no_autoscaler(overlay: Overlay) -> None:
    for found in check.render(overlay(components=["replicas", "managed-database"])):
        validate(found, RELEASES[-1])


@pytest.mark.parametrize("release", RELEASES)
def test_a_field_that_does_not_exist_is_not_valid(release: str) -> None:
    stateful = one("base", "StatefulSet")
    (container,) = stateful["spec"]["template"]["spec"]["containers"]
    wrong = {**container, "readinesProbe": container["readinessProbe"]}
    template = {"spec": {**stateful["spec"]["template"]["spec"], "containers": [wrong]}}
    with pytest.raises(kubernetes.ValidationError):
        validate({**stateful, "spec": {**stateful["spec"], "template": template}}, release)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("PodMonitor", {"endpoints": []}),
        ("Cluster", {"instances": "3"}),
        ("Cluster", {"minSyncReplicas": 1}),
        ("Cluster", {"postgresql": {"synchronous": {"method": "quorum", "number": 1}}}),
        ("Cluster", {"storage": {"size": "20 GB"}}),
        ("ScaledObject", {"minReplicas": 3}),
        ("ScaledObject", {"triggers": [{"type": "prometheus", "metadata": {"threshold": 240}}]}),
        ("ScaledObject", {"scaleTargetRef": {}}),
    ],
)
def test_a_field_that_an_operator_does_not_take_is_not_valid(kind: str, wrong: dict[str, Any]) -> None:
    found = one(REPLICAS, kind)
    with pytest.raises(pydantic.ValidationError):
        validate({**found, "spec": {**found["spec"], **wrong}}, RELEASES[-1])


@each
def test_no_two_objects_have_one_name(folder: str) -> None:
    names = [(found["kind"], found["metadata"]["name"]) for found in rendered(folder)]
    assert len(names) == len(set(names))


@each_overlay
def test_everything_is_in_the_overlays_own_namespace(folder: str) -> None:
    namespace = one(folder, "Namespace")["metadata"]["name"]
    assert {found["metadata"].get("namespace", namespace) for found in rendered(folder)} == {namespace}


def test_what_is_tried_on_a_laptop_is_not_where_people_are_served() -> None:
    names = {folder: one(folder, "Namespace")["metadata"]["name"] for folder in FOLDERS[1:]}
    assert names["overlays/laptop"] != names["overlays/production"]


def test_replicas_take_the_place_of_the_one_process_with_its_secrets() -> None:
    before, after = (one(folder, "Namespace")["metadata"]["name"] for folder in ("overlays/production", REPLICAS))
    assert before == after


@each
def test_nothing_uses_a_field_that_kustomize_has_deprecated(folder: str) -> None:
    command = [str(check.KUBECTL), "kustomize", str(check.HERE / folder)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stderr == ""
