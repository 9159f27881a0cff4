"""What operators take, as far as it is used here: the validator has no schemas of custom resources.

Prometheus Operator, CloudNativePG (from 1.28 on) and KEDA. What is here was held against their own schemas when it was
written; a field that is not here may well be one of theirs.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

Duration = Annotated[str, StringConstraints(pattern=r"^([0-9]+(ms|s|m|h|d|w|y))+$")]
Labels = dict[str, str]


class _Strict(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", strict=True)


class Metadata(_Strict):
    name: str
    namespace: str
    labels: Labels
    annotations: Labels = {}


class Selector(_Strict):
    match_labels: Labels = Field(min_length=1)


class Endpoint(_Strict):
    port: str
    path: str
    interval: Duration
    scrape_timeout: Duration


class PodMonitorSpec(_Strict):
    job_label: str
    selector: Selector
    pod_metrics_endpoints: list[Endpoint] = Field(min_length=1)


class PodMonitor(_Strict):
    api_version: Literal["monitoring.coreos.com/v1"]
    kind: Literal["PodMonitor"]
    metadata: Metadata
    spec: PodMonitorSpec


class Rule(_Strict):
    record: str | None = None
    alert: str | None = None
    expr: str
    for_: Duration | None = Field(None, alias="for")
    keep_firing_for: Duration | None = Field(None, alias="keep_firing_for")
    labels: Labels = {}
    annotations: Labels = {}


class Group(_Strict):
    name: str
    interval: Duration | None = None
    rules: list[Rule] = Field(min_length=1)


class Groups(_Strict):
    groups: list[Group] = Field(min_length=1)


class PrometheusRule(_Strict):
    api_version: Literal["monitoring.coreos.com/v1"]
    kind: Literal["PrometheusRule"]
    metadata: Metadata
    spec: Groups


# CloudNativePG.

Quantity = Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)?(m|Ki|Mi|Gi|Ti|k|M|G|T)?$")]


class Synchronous(_Strict):
    method: Literal["any", "first"]
    number: int = Field(ge=1)
    data_durability: Literal["required", "preferred"] = "required"
    failover_quorum: bool = False


class Postgresql(_Strict):
    synchronous: Synchronous | None = None
    parameters: dict[str, str] = {}


class InitDb(_Strict):
    database: str
    owner: str
    encoding: str


class Bootstrap(_Strict):
    initdb: InitDb


class Affinity(_Strict):
    pod_anti_affinity_type: Literal["preferred", "required"]


class Storage(_Strict):
    size: Quantity


class Resources(_Strict):
    requests: dict[str, Quantity]
    limits: dict[str, Quantity]


class ClusterSpec(_Strict):
    instances: int = Field(ge=1)
    postgresql: Postgresql
    bootstrap: Bootstrap
    affinity: Affinity
    storage: Storage
    wal_storage: Storage
    resources: Resources


class Cluster(_Strict):
    api_version: Literal["postgresql.cnpg.io/v1"]
    kind: Literal["Cluster"]
    metadata: Metadata
    spec: ClusterSpec


# KEDA.


class Target(_Strict):
    name: str


class PrometheusQuery(_Strict):
    server_address: str
    query: str
    threshold: str
    ignore_null_values: Literal["true", "false"] = "true"


class Trigger(_Strict):
    type: Literal["prometheus"]
    metric_type: Literal["AverageValue", "Value"] = "AverageValue"
    metadata: PrometheusQuery


class ScalingPolicy(_Strict):
    type: Literal["Pods", "Percent"]
    value: int = Field(ge=1)
    period_seconds: int = Field(ge=1, le=1800)


class Scaling(_Strict):
    stabilization_window_seconds: int | None = Field(None, ge=0, le=3600)
    policies: list[ScalingPolicy] = Field(min_length=1)


class Behaviour(_Strict):
    scale_up: Scaling
    scale_down: Scaling


class Autoscaler(_Strict):
    behavior: Behaviour


class Advanced(_Strict):
    horizontal_pod_autoscaler_config: Autoscaler


class ScaledObjectSpec(_Strict):
    scale_target_ref: Target
    min_replica_count: int = Field(ge=0)
    max_replica_count: int = Field(ge=1)
    polling_interval: int = Field(ge=1)
    triggers: list[Trigger] = Field(min_length=1)
    advanced: Advanced


class ScaledObject(_Strict):
    api_version: Literal["keda.sh/v1alpha1"]
    kind: Literal["ScaledObject"]
    metadata: Metadata
    spec: ScaledObjectSpec


MODELS: dict[str, type[BaseModel]] = {
    "Cluster": Cluster,
    "PodMonitor": PodMonitor,
    "PrometheusRule": PrometheusRule,
    "ScaledObject": ScaledObject,
}
