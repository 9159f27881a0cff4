"""What kustomize renders is what Kubernetes takes, in its three newest releases, with nothing that it does not know."""

import subprocess
from typing import Any

import pydantic
import pytest
from kubernetes_validate import utils as kubernetes

from deploy.kubernetes import check
from tests.operations.manifests.custom_resources import MODELS
from tests.operations.manifests.rendering import FOLDERS, each, each_overlay, one, rendered

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


@pytest.mark.parametrize("release", RELEASES)
def test_a_field_that_does_not_exist_is_not_valid(release: str) -> None:
    stateful = one("base", "StatefulSet")
    (container,) = stateful["spec"]["template"]["spec"]["containers"]
    wrong = {**container, "readinesProbe": container["readinessProbe"]}
    template = {"spec": {**stateful["spec"]["template"]["spec"], "containers": [wrong]}}
    with pytest.raises(kubernetes.ValidationError):
        validate({**stateful, "spec": {**stateful["spec"], "template": template}}, release)


def test_a_field_that_the_operator_does_not_know_is_not_valid() -> None:
    monitor = one("overlays/production", "PodMonitor")
    with pytest.raises(pydantic.ValidationError):
        validate({**monitor, "spec": {**monitor["spec"], "endpoints": []}}, RELEASES[-1])


@each
def test_no_two_objects_have_one_name(folder: str) -> None:
    names = [(found["kind"], found["metadata"]["name"]) for found in rendered(folder)]
    assert len(names) == len(set(names))


@each_overlay
def test_everything_is_in_the_overlays_own_namespace(folder: str) -> None:
    namespace = one(folder, "Namespace")["metadata"]["name"]
    assert {found["metadata"].get("namespace", namespace) for found in rendered(folder)} == {namespace}


def test_overlays_do_not_share_a_namespace() -> None:
    names = [one(folder, "Namespace")["metadata"]["name"] for folder in FOLDERS[1:]]
    assert len(names) == len(set(names))


@each
def test_nothing_uses_a_field_that_kustomize_has_deprecated(folder: str) -> None:
    command = [str(check.KUBECTL), "kustomize", str(check.HERE / folder)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stderr == ""
