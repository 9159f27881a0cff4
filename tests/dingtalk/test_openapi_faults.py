"""What DingTalk's answers mean, as a table of every code that we know."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.dingtalk.faults import BAN_PAUSE, BANNED, Refusal, read
from actors.errors import Fault

QPS = "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"

CODES = [
    (403, QPS, Fault.THROTTLED),
    (403, "Forbidden.AccessDenied.QpsLimitForApi", Fault.THROTTLED),
    (403, "Forbidden.AccessDenied.QpmLimitForAppkeyAndApi", Fault.THROTTLED),
    (429, "", Fault.THROTTLED),
    (429, "somethingNew", Fault.THROTTLED),
    (400, "send.too.fast", Fault.THROTTLED),
    (403, "Forbidden.AccessDenied.ApiCountLimitForOrg", Fault.QUOTA),
    (403, "Forbidden.AccessDenied.AccessTokenPermissionDenied", Fault.PERMISSION),
    (400, "invalidClientIdOrSecret", Fault.CREDENTIALS),
    (401, "authFailed", Fault.CREDENTIALS),
    (400, "InvalidAuthentication", Fault.CREDENTIALS),
    (401, "", Fault.CREDENTIALS),
    (400, "system.busy", Fault.TRANSIENT),
    (429, "system.busy", Fault.TRANSIENT),
    (500, "system.busy", Fault.TRANSIENT),
    (400, "systemError", Fault.TRANSIENT),
    (503, "ServiceUnavailable", Fault.TRANSIENT),
    (500, "unknownError", Fault.TRANSIENT),
    (500, "", Fault.TRANSIENT),
    (502, "somethingNew", Fault.TRANSIENT),
    (504, "", Fault.TRANSIENT),
    (408, "", Fault.TRANSIENT),
    (400, "param.stream.content", Fault.TOO_LARGE),
    (400, "param.stream.contentEmpty", Fault.REJECTED),
    (400, "param.cardAlreadyExist", Fault.CARD_EXISTS),
    (400, "param.templateNotExist", Fault.TEMPLATE),
    (400, "param.stream.outTrackId", Fault.REJECTED),
    (403, "Forbidden.AccessDenied.SomethingElse", Fault.REJECTED),
    (404, "", Fault.REJECTED),
    (302, "", Fault.REJECTED),
]

LEGACY = [
    (300001, Fault.REJECTED),
    (310000, Fault.REJECTED),
    (90018, Fault.THROTTLED),
    (90002, Fault.THROTTLED),
    (130101, Fault.THROTTLED),
    (410100, Fault.THROTTLED),
    (90020, Fault.QUOTA),
    (40014, Fault.CREDENTIALS),
    (-1, Fault.TRANSIENT),
    (460101, Fault.TOO_LARGE),
]


def refused(status: int, body: Any, retry_after: float = 0.0) -> Refusal:
    answer = read(status, body if isinstance(body, str) else json.dumps(body), retry_after)
    assert isinstance(answer, Refusal)
    return answer


@pytest.mark.parametrize(("status", "code", "fault"), CODES)
def test_the_code_decides_and_the_status_only_without_one(status: int, code: str, fault: Fault) -> None:
    assert refused(status, {"code": code, "message": "…"}).fault is fault


@pytest.mark.parametrize(("errcode", "fault"), LEGACY)
def test_an_errcode_under_200_is_an_error(errcode: int, fault: Fault) -> None:
    answer = refused(200, {"errcode": errcode, "errmsg": "session 不存在"})
    assert (answer.fault, answer.code, answer.message) == (fault, str(errcode), "session 不存在")


@pytest.mark.parametrize(
    "body",
    [
        {"success": True, "result": True},
        {"errcode": 0, "errmsg": "ok"},
        {"accessToken": "t", "expireIn": 7200},
        {"success": True, "result": {"deliverResults": [{"success": True}]}},
        {"processQueryKey": "q", "flowControlledStaffIdList": [], "invalidStaffIdList": []},
    ],
)
def test_what_worked_is_returned(body: dict[str, Any]) -> None:
    assert read(200, json.dumps(body)) == body


def test_200_is_no_success_when_the_body_says_so() -> None:
    assert refused(200, {"success": False, "code": "param.error"}).fault is Fault.REJECTED


def test_one_failed_delivery_fails_the_card() -> None:
    deliveries = [{"success": True}, {"success": False, "errorMsg": "spaceId is illegal"}]
    answer = refused(200, {"success": True, "result": {"deliverResults": deliveries}})
    assert (answer.fault, answer.message) == (Fault.REJECTED, "spaceId is illegal")


def test_a_delivery_that_cannot_be_read_fails_the_card() -> None:
    assert refused(200, {"success": True, "result": {"deliverResults": ["odd"]}}).fault is Fault.REJECTED


def test_a_reader_under_flow_control_is_throttling() -> None:
    assert refused(200, {"processQueryKey": "q", "flowControlledStaffIdList": ["u"]}).fault is Fault.THROTTLED


def test_a_reader_who_does_not_exist_is_a_rejection() -> None:
    assert refused(200, {"processQueryKey": "q", "invalidStaffIdList": ["u"]}).fault is Fault.REJECTED


@pytest.mark.parametrize("status", [200, 403, 404, 502])
def test_a_body_that_is_no_json_object_is_transient(status: int) -> None:
    assert refused(status, "<html>Bad Gateway</html>").fault is Fault.TRANSIENT


@pytest.mark.parametrize(("status", "fault"), [(429, Fault.THROTTLED), (401, Fault.CREDENTIALS)])
def test_two_statuses_speak_for_themselves(status: int, fault: Fault) -> None:
    assert refused(status, "<html>").fault is fault


@pytest.mark.parametrize(
    "page",
    [
        {"status": 1111, "wait": 5, "source": "x5", "punish": "deny"},
        {"status": "1111"},
        '<html><script>{"status":1111,"punish":"deny"}</script></html>',
        '<html><body class="punish-page">…</body></html>',
    ],
)
@pytest.mark.parametrize("status", [200, 403])
def test_the_page_for_a_banned_address_asks_for_a_long_pause(status: int, page: Any) -> None:
    answer = refused(status, page)
    assert (answer.fault, answer.code, answer.pause) == (Fault.THROTTLED, BANNED, BAN_PAUSE)


def test_a_page_that_merely_holds_such_a_number_is_no_ban() -> None:
    assert refused(502, "<html>Bad Gateway, request 7f1a-1111-09</html>").fault is Fault.TRANSIENT


def test_too_fast_asks_for_a_pause_of_a_second() -> None:
    assert refused(403, {"code": QPS}).pause == 1.0


def test_a_longer_pause_that_dingtalk_asks_for_is_kept() -> None:
    assert refused(429, {"code": QPS}, retry_after=7.0).pause == 7.0


def test_an_absurd_pause_is_not() -> None:
    assert refused(429, {"code": QPS}, retry_after=float("inf")).pause == BAN_PAUSE


def test_only_throttling_asks_for_a_pause() -> None:
    assert refused(500, {"code": "system.busy"}, retry_after=7.0).pause == 0.0


def test_a_missing_permission_is_named() -> None:
    body = {
        "code": "Forbidden.AccessDenied.AccessTokenPermissionDenied",
        "message": "no",
        "accessdenieddetail": {"requiredScopes": ["Card.Instance.Write"]},
    }
    assert "Card.Instance.Write" in refused(403, body).message


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["code", "message", "errcode", "success", "result", "deliverResults", "status", "x"])
            | st.sampled_from(["accessdenieddetail", "flowControlledStaffIdList", "errorMsg", "requiredScopes"]),
            inner,
        )
    ),
)


@given(st.integers(100, 599), JSON.map(json.dumps) | st.text())
def test_no_answer_whatever_is_a_crash(status: int, text: str) -> None:
    assert isinstance(read(status, text), dict | Refusal)
