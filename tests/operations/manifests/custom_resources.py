"""What the Prometheus Operator takes, as far as it is used here: the validator has no schemas of custom resources."""

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


MODELS: dict[str, type[BaseModel]] = {"PodMonitor": PodMonitor, "PrometheusRule": PrometheusRule}
