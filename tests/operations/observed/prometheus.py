"""A real Prometheus: its process on loopback, and its HTTP API as Grafana uses it."""

import json
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.operations.observed.programs import ended, free_port, start

EVERY = 1
"""Seconds between two scrapes, and between two evaluations of a rule."""

JOB = "dingtalk-actors"

Labels = Mapping[str, str]


class QueryFailed(Exception):
    """Prometheus refused a query, in its own words."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series of an answer: its labels, and its samples as (time, value), oldest first."""

    labels: Labels
    samples: Sequence[tuple[float, float]]

    @property
    def last(self) -> float:
        """Its latest value."""
        return self.samples[-1][1]


@dataclass(frozen=True, slots=True)
class Prometheus:
    """The HTTP API of one that listens at `url`."""

    url: str

    def query(self, expression: str, at: float | None = None) -> list[Series]:
        """An instant query, as a table or a stat asks.

        Raises:
            QueryFailed: it cannot be answered.
        """
        moment = {} if at is None else {"time": str(at)}
        return [_series(found, [found["value"]]) for found in self._ask("query", query=expression, **moment)["result"]]

    def range(self, expression: str, since: float, until: float, step: float = EVERY) -> list[Series]:
        """A range query, as a graph asks.

        Raises:
            QueryFailed: it cannot be answered.
        """
        span = {"start": str(since), "end": str(until), "step": str(step)}
        answer = self._ask("query_range", query=expression, **span)
        return [_series(found, found["values"]) for found in answer["result"]]

    def label_values(self, label: str, selector: str = "") -> list[str]:
        """The values of a label, as a dashboard's variable asks."""
        return [
            str(value) for value in self._ask(f"label/{label}/values", **({"match[]": selector} if selector else {}))
        ]

    def unwell(self) -> list[str]:
        """The rules that cannot be evaluated, and why."""
        rules = [rule for group in self._ask("rules")["groups"] for rule in group["rules"]]
        return [f"{rule['name']}: {rule.get('lastError', 'not yet')}" for rule in rules if rule["health"] != "ok"]

    def ready(self) -> bool:
        """Whether it answers."""
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5):
                return True
        except OSError:
            return False

    def wait_for(self, expression: str, timeout: float = 30.0) -> None:
        """Wait until an expression gives something.

        Raises:
            TimeoutError: it did not.
        """
        deadline = time.monotonic() + timeout
        while not self.query(expression):
            if time.monotonic() > deadline:
                raise TimeoutError(f"Prometheus never saw: {expression}")
            time.sleep(0.1)

    def _ask(self, what: str, **parameters: str) -> Any:
        url = f"{self.url}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refusal:
            with refusal:
                raise QueryFailed(json.load(refusal).get("error", refusal.reason)) from None


def _series(found: dict[str, Any], samples: list[tuple[float, str]]) -> Series:
    return Series(found["metric"], tuple((float(at), float(value)) for at, value in samples))


@contextmanager
def prometheus(folder: Path, *scraped: int, rules: Sequence[Path] = ()) -> Iterator[Prometheus]:
    """One that keeps its data in `folder`, scrapes those ports on loopback, and evaluates those files of rules. Without
    a port it only answers from what it has.

    Raises:
        RuntimeError: it does not come up; with what it says.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # The labels that a scrape under Kubernetes adds.
    targets = [
        {"targets": [f"127.0.0.1:{port}"], "labels": {"namespace": "bots", "pod": f"{JOB}-{number}"}}
        for number, port in enumerate(scraped)
    ]
    config = {
        "global": {"scrape_interval": f"{EVERY}s", "evaluation_interval": f"{EVERY}s"},
        "rule_files": [str(_often(path, folder)) for path in rules],
        "scrape_configs": [{"job_name": JOB, "static_configs": targets}] if targets else [],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    port = free_port()
    command = [
        shutil.which("prometheus") or "prometheus",
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    api = Prometheus(f"http://127.0.0.1:{port}")
    with ended(start(command, folder / "prometheus.log", {})) as program:
        program.until(api.ready)
        yield api
        program.end()


def _often(path: Path, folder: Path) -> Path:
    """A copy of a file of rules whose groups are evaluated at every scrape, whatever interval they have."""
    rules = yaml.safe_load(path.read_text("utf-8"))
    for group in rules["groups"]:
        group.pop("interval", None)
    copy = folder / path.name
    copy.write_text(yaml.safe_dump(rules), encoding="utf-8")
    return copy
