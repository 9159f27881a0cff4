"""A secret in a file: read anew only when the one in use is refused, and never in a log."""

import logging
from pathlib import Path

import pytest

from actors.redaction import clean
from actors.secret_files import SecretFile


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("old-secret\n", encoding="utf-8")
    return path


def test_a_changed_file_does_not_matter_as_long_as_nobody_is_refused(mounted: Path) -> None:
    secret = SecretFile(mounted, "old-secret")
    mounted.write_text("new-secret\n", encoding="utf-8")
    assert secret.value == "old-secret"


def test_a_changed_file_is_another_secret(mounted: Path) -> None:
    secret = SecretFile(mounted, "old-secret")
    mounted.write_text("new-secret\n", encoding="utf-8")
    assert (secret.renew("old-secret"), secret.value) == (True, "new-secret")


def test_an_unchanged_file_is_no_other_secret(mounted: Path) -> None:
    secret = SecretFile(mounted, "old-secret")
    assert (secret.renew("old-secret"), secret.value) == (False, "old-secret")


def test_who_was_refused_with_an_older_secret_gets_the_one_that_is_known_by_now(mounted: Path) -> None:
    secret = SecretFile(mounted, "old-secret")
    mounted.write_text("new-secret\n", encoding="utf-8")
    secret.renew("old-secret")
    mounted.unlink()
    assert (secret.renew("old-secret"), secret.value) == (True, "new-secret")


def test_a_new_secret_is_hidden_before_anybody_has_it(mounted: Path) -> None:
    secret = SecretFile(mounted, "old-secret")
    mounted.write_text("new-secret\n", encoding="utf-8")
    secret.renew("old-secret")
    assert clean("it is new-secret") == "it is ***"


def test_reading_another_secret_is_told_once_and_without_it(mounted: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = SecretFile(mounted, "old-secret")
    secret.renew("old-secret")
    mounted.write_text("new-secret\n", encoding="utf-8")
    for _ in range(2):
        secret.renew("old-secret")
    assert [vars(record)["action"] for record in caplog.records] == ["secret_reread"]
    assert "-secret" not in str(vars(caplog.records[0]))


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"\n"], ids=["missing", "binary", "empty"])
def test_a_file_that_is_no_use_changes_nothing_and_is_told_once(
    mounted: Path, caplog: pytest.LogCaptureFixture, content: bytes | None
) -> None:
    secret = SecretFile(mounted, "old-secret")
    mounted.unlink()
    if content is not None:
        mounted.write_bytes(content)
    for _ in range(2):
        assert (secret.renew("old-secret"), secret.value) == (False, "old-secret")
    assert [vars(record)["action"] for record in caplog.records] == ["secret_unreadable"]
