"""Passwords in a database's address: found wherever the driver takes one from, and not shown."""

import pytest

from actors.core.database_url import passwords_in, without_passwords

ADDRESSES = [
    ("postgresql://bot:s3cret@db:5432/inbox", "postgresql://bot:***@db:5432/inbox"),
    ("postgresql://bot@db/inbox?password=s3cret", "postgresql://bot@db/inbox?password=***"),
    ("postgresql://db/inbox?user=bot&password=s3cret&sslmode=require", None),
    ("postgresql://bot@db/inbox?sslmode=verify-full&sslpassword=s3cret", None),
    ("postgresql://bot@db/inbox?PASSWORD=s3cret", None),
    ("postgresql://bot@db/inbox?pass%77ord=s3cret", None),
    ("postgresql://a,b/inbox?user=bot&scram_client_key=s3cret", None),
    ("postgresql://bot:s3cret@db/inbox?password=s3cret", "postgresql://bot:***@db/inbox?password=***"),
]


@pytest.mark.parametrize(("url", "shown"), ADDRESSES)
def test_a_password_is_found_and_not_shown(url: str, shown: str | None) -> None:
    assert set(passwords_in(url)) == {"s3cret"}
    assert "s3cret" not in without_passwords(url)
    assert shown in {None, without_passwords(url)}


def test_a_password_is_known_as_it_is_and_as_it_is_spelled() -> None:
    assert passwords_in("postgresql://bot@db/inbox?password=a%2Fb") == ("a%2Fb", "a/b")


@pytest.mark.parametrize(
    "url", ["sqlite:///var/inbox.db", "postgresql://bot@db/inbox?sslmode=require", "postgresql://"]
)
def test_what_has_no_password_is_shown_as_it_is(url: str) -> None:
    assert passwords_in(url) == ()
    assert without_passwords(url) == url
