"""What is masked in a text, and what stays readable. How a secret tries to get into a log is `test_logs.py`'s."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.redaction import MASK, clean, hide, plain

# Secrets that this process knows.


def test_two_secrets_of_which_one_begins_the_other_are_both_masked() -> None:
    hide("geheim")
    hide("geheimnis")
    assert clean("geheim geheimnis") == f"{MASK} {MASK}"


def test_an_empty_secret_masks_nothing() -> None:
    hide("")
    hide(" ")
    assert clean("all is well") == "all is well"


@given(st.text(min_size=4).filter(lambda text: text.strip() and "*" not in text), st.text(), st.text())
def test_no_known_secret_is_in_a_cleaned_text(secret: str, before: str, after: str) -> None:
    hide(secret)
    assert secret not in clean(f"{before}{secret}{after}")


# Secrets that are known only by the name before them.

TICKET = "98d1ea6f-c580-11ee-9a5f-26110c82ff67"
TOLD_BY_NAME = [
    f"wss://wss-open-connection.dingtalk.com/connect?ticket={TICKET}",
    f"endpoint is {{'endpoint': 'wss://host/connect', 'ticket': '{TICKET}'}}",
    f'{{"endpoint":"wss://host/connect","ticket":"{TICKET}"}}',
    json.dumps(json.dumps({"accessToken": TICKET, "expireIn": 7200})),
    f"https://oapi.dingtalk.com/robot/sendBySession?session={TICKET}",
    f"https://oapi.dingtalk.com/robot/send?access_token={TICKET}&x=1",
    f"/jump?to=https%3A%2F%2Foapi.dingtalk.com%2Fsend%3Fsession%3D{TICKET}",
    f"{{'x-acs-dingtalk-access-token': '{TICKET}', 'Content-Type': 'application/json'}}",
    f"x-acs-dingtalk-access-token: {TICKET}",
    f"Authorization: Bearer {TICKET}",
    f"{{'Authorization': 'Bearer {TICKET}'}}",
    f"Authorization: Basic {TICKET}",
    f'{{"appKey": "ding", "appSecret": "{TICKET}"}}',
    f'{{"clientId": "ding", "clientSecret" : "{TICKET}"}}',
    f"{{b'client_secret': b'{TICKET}'}}",
    f"DINGTALK_CLIENT_SECRET={TICKET}",
    f"OPENAI_API_KEY={TICKET}",
    f"proxy http://user:{TICKET}@proxy:3128 refused",
]


@pytest.mark.parametrize("text", TOLD_BY_NAME)
def test_what_stands_behind_a_secrets_name_is_masked(text: str) -> None:
    assert TICKET not in clean(text)
    assert MASK in clean(text)


@pytest.mark.parametrize("text", TOLD_BY_NAME)
def test_what_stands_before_a_secret_stays_readable(text: str) -> None:
    assert clean(text).startswith(text[: text.index(TICKET)])


@pytest.mark.parametrize(
    "name", ["Authorization", "x-acs-dingtalk-access-token", "accessToken", "appSecret", "client_secret", "ticket"]
)
def test_a_secrets_name_as_a_key_masks_its_value(name: str) -> None:
    assert plain({"headers": {name: TICKET, "Host": "api.dingtalk.com"}}) == {
        "headers": {name: MASK, "Host": "api.dingtalk.com"}
    }


@pytest.mark.parametrize(
    "text",
    [
        "connection opened",
        "no ticket came with the answer",
        "session closed by its owner after 12:30:00",
        "Authorization refused",
        "https://api.dingtalk.com/v1.0/card/streaming",
        "somebody@example.com wrote at 10:31",
    ],
)
def test_ordinary_words_are_left_alone(text: str) -> None:
    assert clean(text) == text
