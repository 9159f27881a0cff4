"""JitAi's signed calls: known signatures, and replies that are not what they seem."""

from typing import Any

import pytest

from actors.agents.jit_signature import headers, opened, signature
from actors.errors import AgentFailed

NOW = 1_737_011_628.994
STAMP = 1_737_011_628_994
SECRET = "s3cret"


def test_a_signature_is_the_one_that_jitais_own_client_makes() -> None:
    arguments = {"user_input": "你好", "chatId": "c1", "variables": {"b": 1, "a": [2]}}
    assert signature(arguments, STAMP, SECRET) == "8ba329304277b892cc5f055b4f8f706ba052ab77"


def test_a_call_carries_key_time_and_signature() -> None:
    assert headers({"runId": "r1", "after": 0}, "key", SECRET, NOW) == {
        "accessKey": "key",
        "timestamp": str(STAMP),
        "accessSign": signature({"after": 0, "runId": "r1"}, STAMP, SECRET),
    }


def reply(data: Any, *, at: int = STAMP, secret: str = SECRET) -> dict[str, Any]:
    signed = {"data": data, "timestamp": at, "accessSign": signature({"data": data}, at, secret)}
    return {"errcode": 0, "errmsg": "OK", "requestId": "r", "data": signed}


@pytest.mark.parametrize(
    "data", [{"state": "known", "events": [{"content": "七天\u2028"}], "x": 0.1}, "七天", None, [1, True]]
)
def test_a_signed_reply_is_opened(data: Any) -> None:
    assert opened(reply(data), SECRET, NOW) == data


def test_the_time_of_a_reply_may_be_a_text() -> None:
    stamped = reply({"state": "known"})
    stamped["data"]["timestamp"] = str(STAMP)
    assert opened(stamped, SECRET, NOW) == {"state": "known"}


def changed(**what: Any) -> dict[str, Any]:
    whole = reply({"state": "known"})
    return whole | {"data": whole["data"] | what}


@pytest.mark.parametrize(
    ("got", "reason", "detail"),
    [
        (reply({}, secret="other"), "refused", "is JIT_ACCESS_SECRET right?"),
        (changed(data={"state": "unknown"}), "refused", "the reply's signature is wrong"),
        (changed(timestamp=STAMP + 1), "refused", "the reply's signature is wrong"),
        (changed(timestamp="soon"), "refused", "the reply's signature is wrong"),
        (changed(accessSign="é"), "refused", "the reply's signature is wrong"),
        (changed(data="\ud800"), "refused", "the reply's signature is wrong"),
        (reply({}, at=STAMP - 301_000), "refused", "is 301 s off, are both clocks right?"),
        (reply({}, at=STAMP + 301_000), "refused", "is 301 s off, are both clocks right?"),
        ({}, "error", "is this the right address?"),
        ({"errcode": 0}, "error", "is this the right address?"),
        ({"errcode": 0, "data": {"data": {}}}, "error", "is this the right address?"),
        ({"errcode": 0, "data": None}, "error", "is this the right address?"),
        ({"errcode": "0", "data": {}}, "error", "is this the right address?"),
        (
            {"errcode": 46001, "errmsg": "元素services.AgentBridge不存在", "data": {}},
            "error",
            "errcode 46001: 元素services",
        ),
        ({"errcode": 46001, "errmsg": None}, "error", "errcode 46001"),
        ({"errcode": 41001, "errmsg": "签名错误"}, "refused", "errcode 41001: 签名错误"),
        ({"errcode": 41002, "errmsg": "unknown accessKey"}, "refused", "errcode 41002: unknown accessKey"),
    ],
)
def test_what_is_no_good_reply_says_whose_fault_it_is(got: dict[str, Any], reason: str, detail: str) -> None:
    with pytest.raises(AgentFailed) as caught:
        opened(got, SECRET, NOW)
    assert (caught.value.reason, detail in caught.value.detail) == (reason, True)
    assert SECRET not in str(caught.value)


def test_a_refused_key_is_not_tried_again() -> None:
    with pytest.raises(AgentFailed) as caught:
        opened({"errcode": 41001, "errmsg": "签名错误"}, SECRET, NOW)
    assert not caught.value.retryable
