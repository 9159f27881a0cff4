"""The suite as a whole."""

import os
from itertools import groupby

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")  # a loaded machine is no failure


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Twice as many workers as there are processors: most tests wait for something half of their time."""
    return 2 * (os.cpu_count() or 1)


WAITING = ("operations/test_observed.py", "cluster/test_zombies.py", "chaos", "cluster", "browser", "actors")
"""Files and folders whose tests wait for processes and deadlines most of their time. First are the two files whose
tests share a long play, which each worker would play anew that gets some of them at the end."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Every second worker begins with tests that wait, the others with tests that compute: all together at the end,
    those that wait would leave the processors idle for minutes. xdist gives each worker a piece of the list, and gives
    the end of a worker's piece to one that has nothing left."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    tests = config.rootpath / "tests"
    waiting: dict[str, list[list[pytest.Item]]] = {place: [] for place in WAITING}
    computing: list[pytest.Item] = []
    for path, group in groupby(items, lambda item: item.path):
        place = next((place for place in WAITING if path.is_relative_to(tests / place)), None)
        if place:
            waiting[place].append(list(group))
        else:
            computing += group
    files = [file for place in WAITING for file in waiting[place]]
    hands = (workers + 1) // 2
    ordered: list[pytest.Item] = []
    for worker in range(workers):
        if worker % 2 == 0:
            ordered += (item for file in files[worker // 2 :: hands] for item in file)
        room = max(0, len(items) * (worker + 1) // workers - len(ordered))
        ordered += computing[:room]
        del computing[:room]
    items[:] = ordered
