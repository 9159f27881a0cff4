"""A folder for an overlay of the test's own."""

from functools import partial
from pathlib import Path

import pytest

from tests.operations.manifests.rendering import Overlay, make_overlay


@pytest.fixture
def overlay(tmp_path: Path) -> Overlay:
    return partial(make_overlay, tmp_path / "mine")
