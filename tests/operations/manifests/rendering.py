"""The manifests as kustomize renders them, once for all tests, and overlays of a test's own."""

import os
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from deploy.kubernetes import check

FOLDERS = ["base", *sorted(f"overlays/{folder.name}" for folder in (check.HERE / "overlays").iterdir())]

REPLICAS = "overlays/replicas"
SINGLE = [folder for folder in FOLDERS if folder != REPLICAS]

each = pytest.mark.parametrize("folder", FOLDERS)
each_overlay = pytest.mark.parametrize("folder", FOLDERS[1:])
each_single = pytest.mark.parametrize("folder", SINGLE)
"""Of one process, whose inbox is a file."""

for_people = pytest.mark.parametrize("folder", ["overlays/production", REPLICAS])
"""Of a robot that people rely on."""

Overlay = Callable[..., Path]


@cache
def rendered(folder: str) -> tuple[Any, ...]:
    """The objects of the base or of an overlay."""
    return tuple(check.render(check.HERE / folder))


def one(folder: str, kind: str) -> Any:
    """The only object of its kind."""
    (found,) = of_kind(folder, kind)
    return found


def of_kind(folder: str, kind: str) -> list[Any]:
    return [found for found in rendered(folder) if found["kind"] == kind]


def own(folder: str, kind: str) -> Any:
    """The service's own object of a kind, of which the database may have one, too."""
    (found,) = [found for found in of_kind(folder, kind) if found["metadata"]["name"] == "dingtalk-actors"]
    return found


def workload(folder: str) -> Any:
    """What runs the service's pods."""
    return one(folder, "Deployment" if folder == REPLICAS else "StatefulSet")


def settings(folder: str) -> Any:
    """What the service's ConfigMap holds."""
    (source,) = [source["configMapRef"] for source in container(folder)["envFrom"] if "configMapRef" in source]
    (data,) = [found["data"] for found in of_kind(folder, "ConfigMap") if found["metadata"]["name"] == source["name"]]
    return data


def pod(folder: str) -> Any:
    """The template of the service's pod."""
    return workload(folder)["spec"]["template"]


def container(folder: str) -> Any:
    (found,) = pod(folder)["spec"]["containers"]
    return found


def make_overlay(folder: Path, settings: str = "", patch: str = "", components: Sequence[str] = ()) -> Path:
    """An overlay over the base, somewhere else: an operator's own. `patch` is laid over the service's pod, or over
    whatever it begins with itself."""
    folder.mkdir(exist_ok=True)
    base = os.path.relpath(check.HERE / "base", folder)
    lines = ["namespace: dingtalk-actors", "resources:", f"  - {base}"]
    lines += ["components:"] * bool(components)
    lines += [f"  - {os.path.relpath(check.HERE / 'components' / name, folder)}" for name in components]
    lines += ["configMapGenerator:", "  - name: dingtalk-actors", "    behavior: merge", "    envs: [settings.env]"]
    (folder / "kustomization.yaml").write_text("\n".join([*lines, "patches:", "  - path: patch.yaml", ""]), "utf-8")
    (folder / "settings.env").write_text(settings, encoding="utf-8")
    kind = "Deployment" if "replicas" in components else "StatefulSet"
    head = f"apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: dingtalk-actors}}\nspec:\n  template:\n    spec:\n"
    patch = patch or "      restartPolicy: Always\n"
    (folder / "patch.yaml").write_text(patch if patch.startswith("apiVersion:") else head + patch, encoding="utf-8")
    return folder
