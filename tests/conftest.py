"""The suite as a whole."""

import os

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")  # a loaded machine is no failure


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Three workers for each processor: most tests wait for something most of their time."""
    return 3 * (os.cpu_count() or 1)
