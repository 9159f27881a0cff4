"""What every test here starts with."""

import pytest

from actors import redaction


@pytest.fixture(autouse=True)
def nothing_is_hidden_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test's secrets are its own."""
    monkeypatch.setattr(redaction, "_secrets", redaction._Secrets())
