"""What every test here starts with."""

import pytest
from hypothesis import HealthCheck, settings

from actors import redaction

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For properties: a loaded machine is no failure."""


@pytest.fixture(autouse=True)
def nothing_is_hidden_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test's secrets are its own."""
    monkeypatch.setattr(redaction, "_secrets", redaction._Secrets())
