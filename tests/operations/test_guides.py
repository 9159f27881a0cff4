"""The operator's guide against the service: what it names exists, and what it advises can be set and applied."""

import re
from pathlib import Path
from textwrap import dedent

import pytest
import yaml
from kubernetes_validate import utils as kubernetes

from actors import metrics
from actors.settings import KNOWN, load
from deploy.kubernetes import check
from grafana.source import alerts
from tests.operations.manifests.rendering import one, pod, rendered
from tests.operations.workshop import ROOT

GUIDE = ROOT / "deploy" / "README.md"
PAGES = (GUIDE, ROOT / "deploy" / "jitai" / "README.md", ROOT / "grafana" / "README.md")
STAND_FOR_OTHERS = {"STAFF_ID", "MESSAGE_ID", "HTTP_PROXY", "HTTPS_PROXY"}
"""A command's arguments, and what the image's build is told."""

FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def text() -> str:
    return GUIDE.read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """What links to a page's headings are called."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def recipes() -> dict[str, str]:
    """The settings of each recipe, by its heading."""
    tuning = text().split("## Tune the retries")[1].split("\n## ")[0]
    parts = re.findall(r"^### (.+?)$(.*?)(?=^### |\Z)", tuning, re.MULTILINE | re.DOTALL)
    return {name: block for name, body in parts for _, block in FENCE.findall(body)}


def test_every_variable_it_names_exists() -> None:
    named = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", text())) - STAND_FOR_OTHERS
    assert {name for name in named if name not in KNOWN and not KNOWN.get(name.removesuffix("_FILE"))} == set()


def test_every_metric_it_names_exists() -> None:
    named = set(re.findall(r"dingtalk_[a-z_]+", text()))
    assert named <= {metric.name for metric in metrics.DECLARED}


def test_every_alert_it_names_exists() -> None:
    named = set(re.findall(r"`(DingTalk\w+)`", text()))
    assert named
    assert named <= {alert.name for group in alerts.ALERTS.values() for alert in group}


def test_every_log_line_it_names_is_written() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "actors").rglob("*.py"))
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", text())) - {metric.name for metric in metrics.DECLARED}
    named -= {"qyapi_robot_sendmsg"}
    assert named
    states = {f"connection_{state}" for state in ("connected", "waiting")}
    assert {name for name in named - states if f'"{name}"' not in code} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_every_place_it_points_to_exists(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", page.read_text(encoding="utf-8"))
    assert links
    missing = [
        (path, anchor)
        for path, anchor in links
        if not (target := (page.parent / path).resolve() if path else page).exists()
        or (anchor and anchor not in anchors(target))
    ]
    assert missing == []


@pytest.mark.parametrize("recipe", recipes())
def test_a_recipe_can_be_set_as_it_stands(recipe: str) -> None:
    settings = dict(re.findall(r"^([A-Z_]+)=(\S+)", recipes()[recipe], re.MULTILINE))
    assert settings
    effective = load(settings).effective()
    assert {name: str(effective[name]) for name in settings} == {
        name: str(float(value)) if isinstance(effective[name], float) else value for name, value in settings.items()
    }


@pytest.mark.parametrize("name", ["move-inbox", "restore"])
def test_the_pods_that_handle_the_inbox_are_pods(name: str) -> None:
    documents = [yaml.safe_load(dedent(found)) for found in re.findall(r"<<'EOF'\n(.*?)\n *EOF", text(), re.DOTALL)]
    (pod,) = [document for document in documents if document["metadata"]["name"] == name]
    kubernetes.validate(pod, "1.37", strict=True)


def test_the_pod_that_moves_the_inbox_has_the_database_as_the_replicas_have_it() -> None:
    (document,) = re.findall(r"<<'EOF'\n( +apiVersion.*?)\n *EOF", text(), re.DOTALL)
    spec = yaml.safe_load(dedent(document))["spec"]
    (database,) = [volume for volume in spec["volumes"] if volume["name"] == "database"]
    (replicas,) = [volume for volume in pod("overlays/replicas")["spec"]["volumes"] if volume["name"] == "database"]
    assert database["projected"]["sources"] == replicas["projected"]["sources"]
    (moving,) = spec["containers"]
    variables = check.deployed(rendered("overlays/replicas")).environment
    assert {each["name"]: each["value"] for each in moving["env"]} == {
        name: variables[name] for name in ("INBOX_URL_FILE", *check.LIBPQ)
    }


def test_the_numbers_of_the_autoscaler_are_those_of_the_manifests() -> None:
    spec = one("overlays/replicas", "ScaledObject")["spec"]
    section = text().split("### How many there are")[1].split("\n## ")[0]
    told = dict(re.findall(r"^\| `?([\w -]+?)`? \| ([\w ]+) \|", section, re.MULTILINE))
    behaviour = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert told == {
        "threshold": spec["triggers"][0]["metadata"]["threshold"],
        "minReplicaCount": str(spec["minReplicaCount"]),
        "maxReplicaCount": str(spec["maxReplicaCount"]),
        "scale-down window": f"{behaviour['scaleDown']['stabilizationWindowSeconds']} s",
        "scale-down step": "one in {periodSeconds} s".format(**behaviour["scaleDown"]["policies"][0]),
        "scale-up step": "two a minute",
    }
    assert behaviour["scaleUp"]["policies"] == [{"type": "Pods", "value": 2, "periodSeconds": 60}]


def test_it_names_the_folders_of_the_manifests() -> None:
    folders = {path.parent.name for path in (ROOT / "deploy" / "kubernetes").rglob("kustomization.yaml")}
    assert {folder for folder in folders if folder not in text()} == set()
