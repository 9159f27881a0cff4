"""The suite as a whole."""

import os

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")  # a loaded machine is no failure


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Twice as many workers as there are processors: most tests wait for something half of their time."""
    return 2 * (os.cpu_count() or 1)
