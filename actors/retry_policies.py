"""The retry policies that the settings amount to, as people read them: in the log, in `/status` and in `check`.

Nothing is decided here, and nothing is tried again: the settings hand the same numbers to those who do.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict

from actors import metrics
from actors.core.backoff_words import Told, endless, limited
from actors.settings import Settings

log = logging.getLogger(__name__)


def retry_policies(settings: Settings) -> dict[str, Told]:
    """Each scope's policy, of the process."""
    return {
        "stream": endless(settings.stream_backoff, settings.stream_retry_reset_after),
        "openapi": limited(settings.openapi_backoff, settings.openapi_retry_attempts),
        **retry_policies_for_robot(settings),
    }


def retry_policies_for_robot(settings: Settings) -> dict[str, Told]:
    """Those that a robot of `ROBOTS_DIR` may have for itself."""
    return {"agent": limited(settings.agent_backoff, settings.agent_retry_attempts, settings.agent_timeout)}


def figures(policies: Mapping[str, Told]) -> dict[str, dict[str, object]]:
    """Policies for `/status`."""
    return {scope: asdict(told) for scope, told in policies.items()}


def comments(policies: Mapping[str, Told]) -> Iterator[str]:
    """Policies as comments of an environment, one line each."""
    for scope, told in policies.items():
        yield f"# {scope.upper()}_RETRY_*: {told.text}"


def announce(settings: Settings) -> None:
    """One log line for each scope, of the process or of a robot with settings of its own, and the gauges."""
    for scope, told in retry_policies(settings).items():
        _say(scope, told)
        for name, value in settings.model_dump().items():
            if name.startswith(f"{scope}_retry_"):
                metrics.RETRY_POLICY.labels(scope=scope, setting=name.removeprefix(f"{scope}_retry_")).set(value)
    for robot, own in settings.tree.items():
        for scope, told in retry_policies_for_robot(own).items():
            if told != retry_policies_for_robot(settings)[scope]:
                _say(scope, told, robot=robot)


def _say(scope: str, told: Told, **whose: str) -> None:
    log.info("retry policy, %s: %s", scope, told.text, extra={"action": "retry_policy", "scope": scope, **whose})
