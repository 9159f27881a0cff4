"""The suite as a whole."""

import os

import pytest


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Twice as many workers as there are processors: most tests wait for something half of their time."""
    return 2 * (os.cpu_count() or 1)
