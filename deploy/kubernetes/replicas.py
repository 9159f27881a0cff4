"""Whether several replicas fit each other: their inbox, their autoscaler and their database.

The law: what one number follows from is another one, which somebody may change without thinking of the first; so it is
computed here, and told when it does not come out. Each fault is told with the key that it is about; where that stands
is not known here.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from actors import metrics
from actors.settings import Settings

Object: TypeAlias = Mapping[str, Any]
Fault: TypeAlias = tuple[str, str]
"""The key that is wrong, and what is wrong with it."""

LISTENING = 1
"""Connections of a replica that are not of its pool: it listens for what the others tell."""

SET_ASIDE = 10
"""Connections of the database that are not ours: three are its superuser's, the rest the operator's and people's."""

TOLERATED = 1.1
"""How far above its target an autoscaler lets a metric be without doing anything."""


def faults(objects: Sequence[Object], workload: Object, settings: Settings) -> Iterator[Fault]:
    """What does not fit, of the service's workload and of what stands beside it."""
    scalers = [found for found in objects if found["kind"] == "ScaledObject"]
    scaler = next((each for each in scalers if _target(each) == workload["metadata"]["name"]), None)
    databases = [
        found for found in objects if (found["apiVersion"], found["kind"]) == ("postgresql.cnpg.io/v1", "Cluster")
    ]
    if settings.inbox_url.get_secret_value().startswith("sqlite:"):
        if workload["kind"] != "StatefulSet" or _most(workload, scaler) > 1:
            told = "processes cannot share an inbox in a file, name a database in INBOX_URL_FILE"
            yield "replicas", f"replicas={_most(workload, scaler)}: {told}"
        return
    yield from _of_the_secrets(workload, databases)
    if scaler is not None:
        yield from _of_the_scaler(scaler, workload, settings)
    for database in databases:
        most = _most(workload, scaler)
        yield from _of_the_database(database, most + _surge(workload, most), settings)


def _target(scaler: Object) -> str:
    return str(scaler["spec"]["scaleTargetRef"]["name"])


def _most(workload: Object, scaler: Object | None) -> int:
    """How many replicas there may be, but for an update's."""
    return int(scaler["spec"].get("maxReplicaCount", 100) if scaler else workload["spec"].get("replicas", 1))


def _surge(workload: Object, most: int) -> int:
    """How many more there are during an update: a number, or a share of them."""
    if workload["kind"] != "Deployment":
        return 0
    surge = workload["spec"].get("strategy", {}).get("rollingUpdate", {}).get("maxSurge", "25%")
    return surge if isinstance(surge, int) else math.ceil(most * int(surge.removesuffix("%")) / 100)


def _of_the_secrets(workload: Object, databases: Sequence[Object]) -> Iterator[Fault]:
    """Where the database's address comes from."""
    volumes = workload["spec"]["template"]["spec"].get("volumes", ())
    found = {volume["name"]: volume["projected"].get("sources") or () for volume in volumes if "projected" in volume}
    if "database" not in found:
        return
    given = {source["secret"]["name"] for source in found["database"] if "secret" in source}
    if not given:
        yield "sources", "sources: no database is chosen, add components/cloudnative-pg or components/managed-database"
        return
    for database in databases:
        made = {f"{database['metadata']['name']}-{part}" for part in ("app", "ca")}
        if missing := sorted(made - given):
            told = f"the pod has no {' and no '.join(missing)}, which is what the operator makes of the Cluster's name"
            yield "sources", f"sources: {told}"


def _of_the_scaler(scaler: Object, workload: Object, settings: Settings) -> Iterator[Fault]:
    if "replicas" in workload["spec"]:
        yield "replicas", f"replicas={workload['spec']['replicas']}: is the autoscaler's to say, take it out"
    least = scaler["spec"].get("minReplicaCount", 0)
    if least <= 1:
        yield "minReplicaCount", f"minReplicaCount={least}: nobody listens while one is replaced, have two at least"
    else:
        yield from _of_the_trigger(scaler, least, settings)
    yield from _of_the_way_down(scaler, workload, settings)


def _of_the_trigger(scaler: Object, least: int, settings: Settings) -> Iterator[Fault]:
    declared = {metric.name for metric in metrics.DECLARED}
    for trigger in scaler["spec"]["triggers"]:
        if trigger["type"] != "prometheus":
            continue
        query, threshold = trigger["metadata"]["query"], float(trigger["metadata"]["threshold"])
        for name in re.findall(r"dingtalk_\w+", query):
            if name not in declared:
                yield "query", f"query: there is no metric {name}"
        own = scaler["metadata"].get("namespace", "")
        for namespace in re.findall(r'namespace="([^"]*)"', query):
            if namespace != own:
                yield "query", f"query: asks for the namespace {namespace}, this is {own}"
        most = math.floor(settings.max_concurrent_turns * (least - 1) / least / TOLERATED)
        if threshold > most:
            told = f"when one of {least} dies the others take over {most} each at most"
            yield "threshold", f"threshold={threshold:g}: {told}, MAX_CONCURRENT_TURNS={settings.max_concurrent_turns}"


def _of_the_way_down(scaler: Object, workload: Object, settings: Settings) -> Iterator[Fault]:
    autoscaler = scaler["spec"].get("advanced", {}).get("horizontalPodAutoscalerConfig", {})
    down = autoscaler.get("behavior", {}).get("scaleDown", {})
    window, longest = down.get("stabilizationWindowSeconds", 300), settings.agent_timeout
    if window < longest:
        told = f"a lull may be one answer's, which takes AGENT_TIMEOUT={longest:g}"
        yield "stabilizationWindowSeconds", f"stabilizationWindowSeconds={window}: is too short, {told}"
    drain = workload["spec"]["template"]["spec"].get("terminationGracePeriodSeconds", 30)
    # Without policies all may go at once.
    shortest = min((policy["periodSeconds"] for policy in down.get("policies", ())), default=15)
    if shortest < drain:
        told = f"the one before has terminationGracePeriodSeconds={drain} to drain"
        yield "periodSeconds", f"periodSeconds={shortest}: is too short, {told}"


def _of_the_database(database: Object, replicas: int, settings: Settings) -> Iterator[Fault]:
    postgresql, instances = database["spec"].get("postgresql", {}), database["spec"].get("instances", 1)
    each = settings.inbox_pool_size + LISTENING
    needed, given = replicas * each + SET_ASIDE, int(postgresql.get("parameters", {}).get("max_connections", 100))
    if given < needed:
        told = f"{needed} are needed, {each} for each of {replicas} replicas and {SET_ASIDE} set aside"
        yield "max_connections", f"max_connections={given}: {told}, INBOX_POOL_SIZE={settings.inbox_pool_size}"
    waits_for = postgresql.get("synchronous", {}).get("number", 0)
    if waits_for < 1:
        yield "instances", "synchronous: is missing, a failover may lose what DingTalk was told is stored"
    elif instances < waits_for + 2:
        told = f"with one away nothing can be stored, {waits_for + 2} are needed for synchronous.number={waits_for}"
        yield "instances", f"instances={instances}: {told}"
