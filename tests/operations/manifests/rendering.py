"""The manifests as kustomize renders them, once for all tests, and overlays of a test's own."""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from deploy.kubernetes import check

FOLDERS = ["base", *sorted(f"overlays/{folder.name}" for folder in (check.HERE / "overlays").iterdir())]

each = pytest.mark.parametrize("folder", FOLDERS)
each_overlay = pytest.mark.parametrize("folder", FOLDERS[1:])

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


def settings(folder: str) -> Any:
    """What the service's ConfigMap holds."""
    (source,) = [source["configMapRef"] for source in container(folder)["envFrom"] if "configMapRef" in source]
    (data,) = [found["data"] for found in of_kind(folder, "ConfigMap") if found["metadata"]["name"] == source["name"]]
    return data


def pod(folder: str) -> Any:
    """The template of the service's pod."""
    return one(folder, "StatefulSet")["spec"]["template"]


def container(folder: str) -> Any:
    (found,) = pod(folder)["spec"]["containers"]
    return found


def make_overlay(folder: Path, settings: str = "", patch: str = "") -> Path:
    """An overlay over the base, somewhere else: an operator's own. `patch` is laid over the service's container."""
    folder.mkdir(exist_ok=True)
    base = os.path.relpath(check.HERE / "base", folder)
    lines = ["resources:", f"  - {base}", "configMapGenerator:", "  - name: dingtalk-actors", "    behavior: merge"]
    (folder / "kustomization.yaml").write_text(
        "\n".join([*lines, "    envs: [settings.env]", "patches:", "  - path: patch.yaml", ""]), encoding="utf-8"
    )
    (folder / "settings.env").write_text(settings, encoding="utf-8")
    head = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: dingtalk-actors}\nspec:\n  template:\n    spec:\n"
    (folder / "patch.yaml").write_text(head + (patch or "      restartPolicy: Always\n"), encoding="utf-8")
    return folder
