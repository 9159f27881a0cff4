"""Whether the manifests fit the service: what they set is known to it, right, complete, and leaves it time to end.

`python -m deploy.kubernetes.check [FOLDER …]` renders each folder, or else the base and every overlay, names what is
wrong with its place, one line each, and ends with 1 if there is something. Whether Kubernetes takes the manifests is
not known here, that is for its schemas to say.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from actors import probes, robots, sandbox_child, service, settings_file, supervisor
from actors.core.spelling import near_miss
from actors.errors import SettingsError
from actors.settings import KNOWN, Settings, load
from deploy.kubernetes import replicas
from deploy.kubernetes.replicas import Object

HERE = Path(__file__).parent
KUBECTL = Path(sys.executable).with_name("kubectl")
SERVICE = "dingtalk-actors"
"""The name of the service's container."""

TO_CLOSE = (
    supervisor.PATIENCE + robots.STOP_WITHIN + service.DISSOLVE_WITHIN + service.STOP_WITHIN + sandbox_child.GOODBYE + 2
)
"""Seconds that the service has to end in after SHUTDOWN_GRACE, when everything is as slow as it may be; two of them are
for make and tini. After `terminationGracePeriodSeconds` it would be killed."""

PROBES = ("startupProbe", "livenessProbe", "readinessProbe")

SECRETS = {f"{name}_FILE": name for name, secret in KNOWN.items() if secret}
LIBPQ = ("PGSSLMODE", "PGSSLROOTCERT")
"""What the database's own library reads, where the address does not say otherwise."""

NAMES = (*KNOWN, *SECRETS, *LIBPQ)

ABSENT = {"INBOX_URL": "postgresql://a-database-that-is-not-here"}
"""What stands in place of a secret that is not any text."""

IN_THE_CONTAINER = ("ROBOTS_DIR", "SSL_CERT_FILE")
"""Settings that name what is there only where the service runs."""


class Unusable(Exception):
    """The manifests cannot be checked at all; the message says why."""


@dataclass(frozen=True)
class Deployed:
    """The service as rendered manifests have it: its workload, pod and container, and the variables in sight."""

    workload: Object
    pod: Object
    container: Object
    environment: Mapping[str, str]


def render(folder: Path) -> list[Any]:
    """The objects of a kustomization.

    Raises:
        Unusable: kustomize does not take it.
    """
    done = subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise Unusable(done.stderr.strip())
    return list(yaml.safe_load_all(done.stdout))


def deployed(objects: Iterable[Object]) -> Deployed:
    """The service in them.

    Raises:
        Unusable: it is not in them, or refers to a ConfigMap that is not.
    """
    objects = list(objects)
    workloads = [found for found in objects if "template" in found.get("spec", {})]
    maps = {found["metadata"]["name"]: found.get("data", {}) for found in objects if found["kind"] == "ConfigMap"}
    for workload in workloads:
        pod = workload["spec"]["template"]["spec"]
        for container in pod["containers"]:
            if container["name"] == SERVICE:
                return Deployed(workload, pod, container, dict(_variables(container, maps)))
    raise Unusable(f"there is no container with the name {SERVICE}")


def _variables(container: Object, maps: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[str, str]]:
    """Its variables, but for those whose value comes from a Secret or from the cluster."""
    for source in container.get("envFrom", []):
        if "configMapRef" in source:
            name = source["configMapRef"]["name"]
            if name not in maps:
                raise Unusable(f"the container takes its settings from a ConfigMap {name}, which is not there")
            yield from maps[name].items()
    for variable in container.get("env", []):
        yield variable["name"], variable.get("value", "")


def faults(folder: Path) -> Iterator[str]:
    """What is wrong with the manifests in a folder, each with its place."""
    try:
        objects = render(folder)
        found = deployed(objects)
    except Unusable as reason:
        yield f"{_shown(folder)}: {reason}"
        return
    for name in found.environment:
        if name not in NAMES:
            near = near_miss(name, NAMES)
            advice = f"did you mean {near}?" if near else "the service would not read it, take it out"
            yield f"{place(name, folder)}: {name}: there is no such setting, {advice}"
        if _told_to_everybody(name, found.environment[name]):
            told = f"is a secret and stands here for everybody to read, mount it and name its file in {name}_FILE"
            yield f"{place(name, folder)}: {name}: {told}"
    for name in settings_file.names():
        if name not in found.environment:
            renew = "renew base/settings.env by: python -m actors.reference --write"
            yield f"{_shown(folder)}: {name}: is missing from the ConfigMap; {renew}"
    try:
        settings = _settings(found.environment)
    except SettingsError as error:
        for problem in error.problems:
            name = re.split(r"[=:,]", problem, maxsplit=1)[0]
            yield f"{place(name, folder)}: {problem}"
    else:
        yield from _faults_of_the_pod(found, settings, folder)
        for name, told in replicas.faults(objects, found.workload, settings):
            yield f"{place(name, folder)}: {told}"


def _told_to_everybody(name: str, value: str) -> bool:
    """Whether it is a secret. The path of a file is none."""
    return bool(value and KNOWN.get(name)) and not (name == "INBOX_URL" and "@" not in value)


def _settings(environment: Mapping[str, str]) -> Settings:
    """The settings as the service would read them, with something in place of the secrets, which are elsewhere."""
    given = {name: value for name, value in environment.items() if name in NAMES}
    mounted = (SECRETS[name] for name, value in given.items() if value and name in SECRETS)
    secret = {name: ABSENT.get(name, "a secret that is not here") for name in mounted}
    kept = {name: value for name, value in given.items() if name not in SECRETS and name not in IN_THE_CONTAINER}
    return load(kept | secret)


def _faults_of_the_pod(found: Deployed, settings: Settings, folder: Path) -> Iterator[str]:
    name, grace = "terminationGracePeriodSeconds", settings.shutdown_grace
    needed, given = grace + TO_CLOSE, found.pod.get(name, 30)
    if given < needed:
        told = f"{needed:g} are needed, SHUTDOWN_GRACE={grace:g} and {TO_CLOSE:g} to close"
        yield f"{place(name, folder)}: {name}={given}: is too short, {told}"
    ports = {port.get("name"): port["containerPort"] for port in found.container.get("ports", [])}
    for probe in PROBES:
        where, asked = place(probe, folder), found.container.get(probe)
        if asked is None:
            yield f"{where}: {probe}: is missing"
            continue
        if (limit := asked.get("timeoutSeconds", 1)) <= probes.LONGEST_WAIT:
            told = f"the service answers within {probes.LONGEST_WAIT:g}, give it more"
            yield f"{where}: {probe}: timeoutSeconds={limit}: is too short, {told}"
        port = asked.get("httpGet", {}).get("port")
        if ports.get(port, port) != settings.http_port:
            yield f"{where}: {probe}: port={port}: is not that of HTTP_PORT={settings.http_port}"


def place(name: str, folder: Path) -> str:
    """File and line where a name is set: of what the folder is made of, in what is laid over all else that has it."""
    line = re.compile(rf"^[^#\n]*(?<![\w.-]){re.escape(name)}(?![\w.-])", re.MULTILINE)
    for layer in _layers(folder):
        for path in sorted({*layer.rglob("*.env"), *layer.rglob("*.yaml")}):
            text = path.read_text(encoding="utf-8")
            if found := line.search(text):
                return f"{_shown(path)}:{text.count(chr(10), 0, found.start()) + 1}"
    return _shown(folder)


def _layers(folder: Path) -> Iterator[Path]:
    """A folder and those of ours that it is made of, the uppermost first."""
    yield folder
    kustomization = folder / "kustomization.yaml"
    said = yaml.safe_load(kustomization.read_text(encoding="utf-8")) if kustomization.is_file() else {}
    for name in (*reversed(said.get("components", ())), *reversed(said.get("resources", ()))):
        below = (folder / name).resolve()
        if below.is_dir() and below.is_relative_to(HERE):
            yield from _layers(below)


def _shown(path: Path) -> str:
    path = path.resolve()
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def main(arguments: list[str]) -> int:
    """Check; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.kubernetes.check", description="The manifests' check.")
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="by default the base and every overlay")
    folders = parser.parse_args(arguments).folders or [HERE / "base", *sorted((HERE / "overlays").iterdir())]
    # What is wrong in the base is wrong in every overlay, and is told once.
    told = list(dict.fromkeys(fault for folder in folders for fault in faults(folder)))
    for fault in told:
        sys.stderr.write(f"{fault}\n")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
