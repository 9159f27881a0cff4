"""The overlay of several replicas: one dies and two serve on, none is alone while another is replaced, and the numbers
that follow from one another are told where they do not come out."""

import copy
from typing import Any

import pytest

from actors.settings import load
from deploy.kubernetes import check, replicas
from tests.operations.manifests.rendering import (
    REPLICAS,
    Overlay,
    container,
    of_kind,
    one,
    own,
    pod,
    rendered,
    workload,
)

MANAGED = ("replicas", "managed-database")
CLOUD_NATIVE = ("replicas", "cloudnative-pg", "keda")

Objects = list[Any]


def told(objects: Objects, **settings: str) -> list[str]:
    """What is wrong with them."""
    (deployment,) = [found for found in objects if found["kind"] == "Deployment"]
    given = load({"INBOX_URL": "postgresql://db/inbox"} | settings)
    return [fault for _, fault in replicas.faults(objects, deployment, given)]


def changed(kind: str, path: str, value: Any) -> Objects:
    """The overlay's objects, with another value at one place; None takes it out."""
    objects = copy.deepcopy(list(rendered(REPLICAS)))
    (place,) = [found["spec"] for found in objects if found["kind"] == kind]
    *way, last = (int(step) if step.isdigit() else step for step in path.split("."))
    for step in way:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return objects


# The pods.


def test_three_share_one_inbox_and_have_no_volume_of_their_own() -> None:
    assert of_kind(REPLICAS, "StatefulSet") == []
    assert one(REPLICAS, "ScaledObject")["spec"]["minReplicaCount"] == 3
    assert not [volume for volume in pod(REPLICAS)["spec"]["volumes"] if "persistentVolumeClaim" in volume]
    assert not {"serviceName", "volumeClaimTemplates", "updateStrategy", "podManagementPolicy"} & set(
        workload(REPLICAS)["spec"]
    )


def test_without_an_autoscaler_there_are_three(overlay: Overlay) -> None:
    (deployment,) = [found for found in check.render(overlay(components=MANAGED)) if found["kind"] == "Deployment"]
    assert deployment["spec"]["replicas"] == 3


def test_pod_and_container_are_the_bases_but_for_what_they_share() -> None:
    ours, bases = copy.deepcopy(container(REPLICAS)), copy.deepcopy(container("base"))
    for different in ("env", "image", "volumeMounts", "envFrom"):
        del ours[different], bases[different]
    assert ours == bases
    (here,) = {mount["mountPath"] for mount in container(REPLICAS)["volumeMounts"]} - {
        mount["mountPath"] for mount in container("base")["volumeMounts"]
    }
    assert here == "/etc/dingtalk-inbox"


def test_there_are_never_fewer_than_wanted_while_they_are_replaced() -> None:
    spec = workload(REPLICAS)["spec"]
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    assert spec["minReadySeconds"] >= 10


def test_they_are_spread_over_nodes_and_zones() -> None:
    spread = {each["topologyKey"]: each for each in pod(REPLICAS)["spec"]["topologySpreadConstraints"]}
    assert list(spread) == ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]
    labels = pod(REPLICAS)["metadata"]["labels"]
    assert all(labels.items() >= each["labelSelector"]["matchLabels"].items() for each in spread.values())
    # A node that is lost must not count as one with room, else no pod could take the lost one's place.
    assert {each["nodeTaintsPolicy"] for each in spread.values()} == {"Honor"}


def test_one_of_three_may_be_evicted_at_a_time() -> None:
    assert one(REPLICAS, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    assert one(REPLICAS, "ScaledObject")["spec"]["minReplicaCount"] > 2


# The database.


def test_its_password_is_nowhere_but_in_a_secret() -> None:
    assert check.deployed(rendered(REPLICAS)).environment["INBOX_URL_FILE"] == "/etc/dingtalk-inbox/uri"
    assert "postgresql://" not in str(rendered(REPLICAS))


def test_it_has_to_prove_who_it_is() -> None:
    variables = check.deployed(rendered(REPLICAS)).environment
    assert (variables["PGSSLMODE"], variables["PGSSLROOTCERT"]) == ("verify-full", "/etc/dingtalk-inbox/ca.crt")


def test_the_pod_gets_the_authoritys_certificate_and_never_its_key() -> None:
    (database,) = [volume for volume in pod(REPLICAS)["spec"]["volumes"] if volume["name"] == "database"]
    given = {source["secret"]["name"]: source["secret"]["items"] for source in database["projected"]["sources"]}
    assert given == {
        "dingtalk-inbox-app": [{"key": "uri", "path": "uri"}],
        "dingtalk-inbox-ca": [{"key": "ca.crt", "path": "ca.crt"}],
    }


def test_a_commit_is_on_two_of_three_and_nobody_becomes_primary_without_it() -> None:
    spec = one(REPLICAS, "Cluster")["spec"]
    assert (spec["instances"], spec["affinity"]["podAntiAffinityType"]) == (3, "required")
    assert spec["postgresql"]["synchronous"] == {
        "method": "any",
        "number": 1,
        "dataDurability": "required",
        "failoverQuorum": True,
    }


def test_the_service_and_its_database_let_each_other_through() -> None:
    (_, policy) = sorted(
        of_kind(REPLICAS, "NetworkPolicy"), key=lambda found: found["metadata"]["name"] != "dingtalk-actors"
    )
    chosen = {"cnpg.io/cluster": one(REPLICAS, "Cluster")["metadata"]["name"]}
    assert policy["spec"]["podSelector"]["matchLabels"] == chosen
    service, _, _ = policy["spec"]["ingress"]
    labels = pod(REPLICAS)["metadata"]["labels"]
    assert service["from"][0]["podSelector"]["matchLabels"].items() <= labels.items()
    assert own(REPLICAS, "NetworkPolicy")["spec"]["egress"][-1]["to"] == [{"podSelector": {"matchLabels": chosen}}]


def test_a_managed_database_is_one_secret_and_a_way_out(overlay: Overlay) -> None:
    folder = overlay(components=MANAGED)
    assert list(check.faults(folder)) == []
    found = {found["kind"]: found for found in check.render(folder)}
    (database,) = [each for each in check.deployed(found.values()).pod["volumes"] if each["name"] == "database"]
    assert database["projected"]["sources"] == [{"secret": {"name": "dingtalk-inbox"}}]
    assert found["NetworkPolicy"]["spec"]["egress"][-1] == {"ports": [{"port": 5432}]}
    assert "Cluster" not in found


# What does not come out is told.


def test_all_of_it_comes_out() -> None:
    assert told(list(rendered(REPLICAS)), SHUTDOWN_GRACE="60") == []


@pytest.mark.parametrize(
    ("kind", "path", "value", "fault"),
    [
        (
            "ScaledObject",
            "triggers.0.metadata.threshold",
            "300",
            "threshold=300: when one of 3 dies the others take over",
        ),
        (
            "ScaledObject",
            "triggers.0.metadata.query",
            "sum(dingtalk_turns)",
            "query: there is no metric dingtalk_turns",
        ),
        (
            "ScaledObject",
            "triggers.0.metadata.query",
            'sum(dingtalk_turns_in_progress{namespace="robots"})',
            "query: asks for the namespace robots, this is dingtalk-actors",
        ),
        ("ScaledObject", "minReplicaCount", 1, "minReplicaCount=1: nobody listens while one is replaced"),
        (
            "ScaledObject",
            "maxReplicaCount",
            12,
            "max_connections=100: 127 are needed, 9 for each of 13 replicas and 10",
        ),
        (
            "ScaledObject",
            "advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.stabilizationWindowSeconds",
            300,
            "stabilizationWindowSeconds=300: is too short, a lull may be one answer's, which takes AGENT_TIMEOUT=600",
        ),
        (
            "ScaledObject",
            "advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.policies.0.periodSeconds",
            60,
            "periodSeconds=60: is too short, the one before has terminationGracePeriodSeconds=90 to drain",
        ),
        (
            "Deployment",
            "strategy.rollingUpdate.maxSurge",
            "100%",
            "max_connections=100: 118 are needed, 9 for each of 12 replicas",
        ),
        ("Deployment", "replicas", 3, "replicas=3: is the autoscaler's to say"),
        ("Cluster", "postgresql.parameters.max_connections", "60", "max_connections=60: 73 are needed"),
        ("Cluster", "postgresql.synchronous", None, "synchronous: is missing, a failover may lose"),
        ("Cluster", "instances", 2, "instances=2: with one away nothing can be stored, 3 are needed"),
        ("Cluster", "postgresql.synchronous.number", 2, "instances=3: with one away nothing can be stored, 4 are"),
    ],
)
def test_a_number_that_does_not_fit_is_told(kind: str, path: str, value: Any, fault: str) -> None:
    (said,) = told(changed(kind, path, value))
    assert said.startswith(fault)


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"MAX_CONCURRENT_TURNS": "100"}, "threshold=240: when one of 3 dies the others take over 60 each at most"),
        ({"AGENT_TIMEOUT": "1200"}, "stabilizationWindowSeconds=600: is too short"),
        ({"INBOX_POOL_SIZE": "16"}, "max_connections=100: 129 are needed, 17 for each of 7 replicas"),
        ({"INBOX_URL": "sqlite:///var/inbox.db"}, "replicas=6: processes cannot share an inbox in a file"),
    ],
)
def test_a_setting_that_the_manifests_do_not_fit_is_told(settings: dict[str, str], fault: str) -> None:
    (said,) = told(list(rendered(REPLICAS)), **settings)
    assert said.startswith(fault)


def test_another_name_of_the_database_is_told_where_its_secrets_are_still_the_old_ones() -> None:
    objects = copy.deepcopy(list(rendered(REPLICAS)))
    (database,) = [found for found in objects if found["kind"] == "Cluster"]
    database["metadata"]["name"] = "shop-inbox"
    (said,) = told(objects)
    assert said.startswith("sources: the pod has no shop-inbox-app and no shop-inbox-ca")


def test_an_autoscaler_of_something_else_is_not_ours() -> None:
    objects = changed("ScaledObject", "scaleTargetRef.name", "another")
    (scaler,) = [found for found in objects if found["kind"] == "ScaledObject"]
    scaler["spec"]["triggers"][0]["metadata"]["threshold"] = "1000"
    assert told(objects) == []


def test_what_else_an_autoscaler_may_go_by_is_its_own_affair() -> None:
    assert told(changed("ScaledObject", "triggers.0", {"type": "cpu", "metadata": {"value": "80"}})) == []


def test_a_fault_is_told_with_the_place_of_what_is_wrong(overlay: Overlay) -> None:
    folder = overlay("MAX_CONCURRENT_TURNS=100\nINBOX_POOL_SIZE=16\n", components=CLOUD_NATIVE)
    places = [fault.split(": ")[:2] for fault in check.faults(folder)]
    assert [(place.rpartition("components/")[2].partition(":")[0], key.partition("=")[0]) for place, key in places] == [
        ("keda/scaled-object.yaml", "threshold"),
        ("cloudnative-pg/cluster.yaml", "max_connections"),
    ]


def test_a_forgotten_database_is_told(overlay: Overlay) -> None:
    (said,) = check.faults(overlay(components=["replicas"]))
    assert "components/replicas/deployment.yaml:" in said
    assert said.endswith("no database is chosen, add components/cloudnative-pg or components/managed-database")
