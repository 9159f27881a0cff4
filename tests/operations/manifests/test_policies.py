"""What a careful operator asks of any manifest, of each that is here."""

import json
import re
from typing import Any

import pytest

from actors import __version__, probes
from actors.settings import load
from tests.operations.manifests.rendering import (
    REPLICAS,
    container,
    each,
    each_overlay,
    each_single,
    for_people,
    of_kind,
    one,
    own,
    pod,
    rendered,
    settings,
    workload,
)
from tests.operations.workshop import ROOT

NAME = {"app.kubernetes.io/name": "dingtalk-actors"}
PRODUCTION = "overlays/production"


def labels(folder: str) -> dict[str, str]:
    found: dict[str, str] = pod(folder)["metadata"]["labels"]
    return found


def selects(selector: dict[str, str], folder: str) -> bool:
    """Whether it selects the pod, and not every pod."""
    return bool(selector) and selector.items() <= labels(folder).items()


# The pod's rights.


@each
def test_nothing_runs_as_root(folder: str) -> None:
    asked = pod(folder)["spec"]["securityContext"]
    assert asked["runAsNonRoot"] is True
    assert asked["runAsUser"] == asked["runAsGroup"] == asked["fsGroup"] == 10001


@each
def test_the_container_has_no_rights_and_gets_none(folder: str) -> None:
    assert container(folder)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


@each
def test_system_calls_are_filtered(folder: str) -> None:
    assert pod(folder)["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}


@each
def test_nothing_of_the_node_is_shared(folder: str) -> None:
    spec = pod(folder)["spec"]
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(spec)
    kinds = {kind for volume in spec["volumes"] for kind in set(volume) - {"name"}}
    assert kinds == {"secret", "emptyDir"} | ({"projected"} if folder == REPLICAS else set())
    assert all("hostPort" not in port for port in container(folder)["ports"])


@each
def test_no_token_for_kubernetes_is_in_the_pod(folder: str) -> None:
    account = one(folder, "ServiceAccount")
    assert pod(folder)["spec"]["serviceAccountName"] == account["metadata"]["name"]
    assert account["automountServiceAccountToken"] is pod(folder)["spec"]["automountServiceAccountToken"] is False


@each_overlay
def test_the_namespace_takes_only_restricted_pods(folder: str) -> None:
    asked = one(folder, "Namespace")["metadata"]["labels"]
    assert {asked[f"pod-security.kubernetes.io/{mode}"] for mode in ("enforce", "audit", "warn")} == {"restricted"}


@each
def test_other_services_leave_nothing_in_the_environment(folder: str) -> None:
    assert pod(folder)["spec"]["enableServiceLinks"] is False


# What it gets to run.


@each
def test_memory_is_limited_and_cpu_is_asked_for_and_not_limited(folder: str) -> None:
    resources = container(folder)["resources"]
    assert set(resources["requests"]) == {"cpu", "memory"}
    assert set(resources["limits"]) == {"memory"}
    scratch = [volume["emptyDir"] for volume in pod(folder)["spec"]["volumes"] if "emptyDir" in volume]
    assert scratch
    assert all("sizeLimit" in folder for folder in scratch)


@each
def test_the_images_entry_point_stays(folder: str) -> None:
    assert "command" not in container(folder)
    assert container(folder)["args"] == ["make", "run"]


@each_overlay
def test_an_image_is_never_the_latest(folder: str) -> None:
    name, _, tag = container(folder)["image"].rpartition(":")
    assert name.endswith("dingtalk-actors")
    assert tag not in {"", "latest"}


@for_people
def test_production_runs_this_version(folder: str) -> None:
    assert container(folder)["image"].endswith(f":{__version__}")
    assert workload(folder)["metadata"]["labels"]["app.kubernetes.io/version"] == __version__


def test_the_laptop_never_runs_a_strangers_image() -> None:
    assert container("overlays/laptop")["imagePullPolicy"] == "Never"


@each_single
def test_the_inbox_is_on_a_volume_that_outlives_everything(folder: str) -> None:
    spec = one(folder, "StatefulSet")["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    mounts = {mount["name"]: mount for mount in container(folder)["volumeMounts"]}
    assert mounts[claim["metadata"]["name"]]["mountPath"] == "/app/var"
    assert set(spec["persistentVolumeClaimRetentionPolicy"].values()) == {"Retain"}
    assert settings(folder)["INBOX_URL_FILE"] == ""
    assert load({}).inbox_url.get_secret_value() == "sqlite:///var/inbox.db"


@each
def test_nothing_that_changes_with_a_version_stands_where_kubernetes_allows_no_change(folder: str) -> None:
    spec = workload(folder)["spec"]
    fixed = [spec["selector"], spec.get("volumeClaimTemplates"), spec.get("serviceName")]
    assert "app.kubernetes.io/version" not in str(fixed)


@each_single
def test_one_replica_holds_the_inbox(folder: str) -> None:
    assert one(folder, "StatefulSet")["spec"]["replicas"] == 1


@each_single
def test_a_pod_that_is_never_ready_is_replaced_without_a_hand(folder: str) -> None:
    assert one(folder, "StatefulSet")["spec"]["podManagementPolicy"] == "Parallel"


@each
def test_the_reason_of_an_end_is_shown(folder: str) -> None:
    assert container(folder)["terminationMessagePath"] == "/dev/termination-log"
    assert container(folder)["terminationMessagePolicy"] == "FallbackToLogsOnError"


# Secrets.


@for_people
def test_a_changed_secret_reaches_a_running_pod(folder: str) -> None:
    path = settings(folder)["DINGTALK_CLIENT_SECRET_FILE"]
    (mount,) = [mount for mount in container(folder)["volumeMounts"] if path.startswith(f"{mount['mountPath']}/")]
    assert "subPath" not in mount
    (secret,) = [volume["secret"] for volume in pod(folder)["spec"]["volumes"] if "secret" in volume]
    assert (mount["name"], secret["secretName"]) == ("secrets", "dingtalk-actors")


@each
def test_no_secret_is_in_the_manifests(folder: str) -> None:
    assert of_kind(folder, "Secret") == []


@each
def test_only_the_group_reads_the_secrets_files(folder: str) -> None:
    kinds = (volume.get("secret", volume.get("projected")) for volume in pod(folder)["spec"]["volumes"])
    assert {kind["defaultMode"] for kind in kinds if kind} == {0o440}


# Probes.


@each
@pytest.mark.parametrize(
    ("probe", "path"), [("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")]
)
def test_a_probe_waits_longer_than_the_service_takes_to_answer(folder: str, probe: str, path: str) -> None:
    asked = container(folder)[probe]
    assert asked["httpGet"] == {"path": path, "port": "metrics"}
    assert asked["timeoutSeconds"] > probes.LONGEST_WAIT


@each
def test_a_start_has_a_minute(folder: str) -> None:
    probe = container(folder)["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 60


# Names that have to fit each other.


@each
def test_every_selector_selects_the_pod_and_not_every_pod(folder: str) -> None:
    selectors = [
        workload(folder)["spec"]["selector"]["matchLabels"],
        one(folder, "Service")["spec"]["selector"],
        one(folder, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        own(folder, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        *(monitor["spec"]["selector"]["matchLabels"] for monitor in of_kind(folder, "PodMonitor")),
    ]
    assert selectors == [NAME] * len(selectors)
    assert all(selects(selector, folder) for selector in selectors)


@each
def test_every_port_that_is_named_is_the_containers(folder: str) -> None:
    (port,) = container(folder)["ports"]
    (published,) = one(folder, "Service")["spec"]["ports"]
    (scraped,) = own(folder, "NetworkPolicy")["spec"]["ingress"]
    endpoints = [end for monitor in of_kind(folder, "PodMonitor") for end in monitor["spec"]["podMetricsEndpoints"]]
    named = [published["targetPort"], *(port["port"] for port in scraped["ports"]), *(end["port"] for end in endpoints)]
    assert set(named) == {port["name"]}
    assert (published["port"], published["name"]) == (port["containerPort"], port["name"])


@each
def test_everything_says_what_it_belongs_to(folder: str) -> None:
    for found in rendered(folder):
        if found["kind"] != "Namespace":
            assert found["metadata"]["labels"].items() >= NAME.items()
    assert set(labels(folder)) == {f"app.kubernetes.io/{part}" for part in ("name", "component", "part-of")}


@each_single
def test_the_governing_service_is_the_one_there_is(folder: str) -> None:
    assert one(folder, "StatefulSet")["spec"]["serviceName"] == one(folder, "Service")["metadata"]["name"]


@each
def test_the_service_names_the_pods_ready_or_not(folder: str) -> None:
    service = one(folder, "Service")
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["publishNotReadyAddresses"] is True


# Neighbours.


@each
def test_a_node_can_be_drained_ready_or_not(folder: str) -> None:
    budget = one(folder, "PodDisruptionBudget")["spec"]
    assert budget["maxUnavailable"] == 1
    assert "minAvailable" not in budget
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def ports(rule: dict[str, Any]) -> set[tuple[object, str]]:
    return {(port["port"], port.get("protocol", "TCP")) for port in rule.get("ports", [])}


@each
def test_only_what_is_needed_goes_out(folder: str) -> None:
    policy = own(folder, "NetworkPolicy")["spec"]
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    dns, internet, agent, *database = policy["egress"]
    assert (ports(dns), "to" in dns) == ({(53, "UDP"), (53, "TCP")}, False)
    assert ports(internet) == {(443, "TCP")}
    assert {block["ipBlock"]["cidr"] for block in internet["to"]} == {"0.0.0.0/0", "::/0"}
    assert agent == {"to": [{"namespaceSelector": {"matchLabels": {"dingtalk-actors/agent": "true"}}}]}
    assert [ports(rule) for rule in database] == [{(5432, "TCP")}] * (folder == REPLICAS)


@each
@pytest.mark.parametrize("private", ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7"])
def test_the_clusters_own_network_is_out_of_reach(folder: str, private: str) -> None:
    blocks = own(folder, "NetworkPolicy")["spec"]["egress"][1]["to"]
    assert private in [network for block in blocks for network in block["ipBlock"]["except"]]


@each
def test_only_the_monitoring_comes_in_and_only_for_metrics(folder: str) -> None:
    (rule,) = own(folder, "NetworkPolicy")["spec"]["ingress"]
    (source,) = rule["from"]
    assert source == {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}


def test_a_scrape_is_over_before_the_next() -> None:
    (endpoint,) = one(PRODUCTION, "PodMonitor")["spec"]["podMetricsEndpoints"]
    seconds = {name: int(re.sub(r"s$", "", endpoint[name])) for name in ("interval", "scrapeTimeout")}
    assert seconds["scrapeTimeout"] <= seconds["interval"]


# The image.


def test_the_pod_fits_the_image() -> None:
    text = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    said = dict(re.findall(r"^(USER|ENTRYPOINT|CMD|VOLUME|WORKDIR) (.*)$", text, re.MULTILINE))
    asked = pod("base")["spec"]["securityContext"]
    assert said["USER"] == f"{asked['runAsUser']}:{asked['runAsGroup']}"
    assert json.loads(said["CMD"]) == container("base")["args"]
    assert json.loads(said["ENTRYPOINT"]) == ["tini", "-e", "143", "--"]
    assert said["VOLUME"] in {mount["mountPath"] for mount in container("base")["volumeMounts"]}
