"""What comes in a wrong shape: it is refused in words, changes nothing, and never spoils what everybody looks at."""

import asyncio
import json
import logging
from typing import Any

import pytest

from actors.sandbox import jsontext
from actors.sandbox.server import Sandbox
from tests.sandbox.robot import ROBOT, Line, Robot, card_body

HALF = "\ud800"
NOT_ZIPPED = (
    b"POST /v1.0/oauth2/accessToken HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0"
)
CREATE = "/v1.0/card/instances/createAndDeliver"
SEND = "/v1.0/im/v1.0/robot/interactiveCards/send"
TO_PEOPLE = "/v1.0/robot/oToMessages/batchSend"
PLAIN = {"robotCode": ROBOT, "msgKey": "sampleText", "msgParam": '{"content": "您好"}', "userIds": ["u1"]}
STANDARD = {
    "cardTemplateId": "StandardCard",
    "cardBizId": "b1",
    "robotCode": ROBOT,
    "singleChatReceiver": '{"userId": "u1"}',
}
REFUSED: list[tuple[str, dict[str, Any]]] = [
    (CREATE, card_body("c1") | {"outTrackId": HALF}),
    (CREATE, card_body("c1") | {"cardData": {"cardParamMap": {"msgContent": HALF}}}),
    (SEND, STANDARD | {"cardData": '{"contents": [{"type": "text", "id": {}}]}'}),
    (SEND, STANDARD | {"cardData": '{"contents": [{"type": "text", "id": "t", "text": "\\ud800"}]}'}),
    (TO_PEOPLE, PLAIN | {"msgParam": HALF}),
    (TO_PEOPLE, PLAIN | {"msgParam": '{"content": "\\ud800"}'}),
]
WRONG_ACTIONS: list[tuple[str, dict[str, Any], str]] = [
    ("say", {"robot": ROBOT, "text": "?", "sender": ""}, "say: sender must not be empty"),
    ("say", {"robot": "", "text": "?"}, "say: robot must not be empty"),
    ("say", {"robot": ROBOT, "text": HALF}, "the body has half a character"),
    ("close", {"robot": ROBOT, "code": 99999}, "close: code 99999 is none to close a WebSocket with"),
    ("rules", {"latency": 0, "copies": 10**9}, "rules: copies must be from 0 to 100"),
    ("rules", {"ping_interval": 0}, "rules: ping_interval must be from 0.001 to"),
    ("rules", {"webhook_life": 1e300}, "rules: webhook_life must be from 0 to"),
    ("rules", {"latency": -1}, "rules: latency must be from 0 to"),
    ("fail", {"api": "create", "status": 7}, "fail: status 7 is no answer"),
    ("attach", {"data": "aGk=", "name": "a", "kind": "a/b\r\nX: y"}, "attach: kind 'a/b\\r\\nX: y' is no media type"),
]


@pytest.mark.parametrize("text", ["[" * 100_000, "[" * 200 + "]" * 200, "1e999", "NaN", '"\\ud800"', b'"\xed\xa0\x80"'])
def test_what_cannot_be_told_on_is_no_json(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"nested|number|character|UTF-8"):
        jsontext.read(text)


def test_a_whole_character_beyond_the_first_plane_is_json() -> None:
    assert jsontext.read('"\\ud83d\\ude00"') == "😀"


@pytest.mark.parametrize(("path", "body"), REFUSED)
async def test_a_call_of_a_wrong_shape_is_refused_and_all_can_still_be_seen(
    robot: Robot, path: str, body: dict[str, Any]
) -> None:
    assert (await robot.call("POST", path, body)).status == 400
    assert (await robot.call("GET", "/sandbox/state", None)).status == 200


async def test_a_user_id_that_is_no_text_is_named_as_unknown(robot: Robot) -> None:
    answer = await robot.call("POST", TO_PEOPLE, PLAIN | {"userIds": ["u1", {}, 1]})
    assert (answer.status, answer.body["invalidStaffIdList"]) == (200, [{}, 1])


@pytest.mark.parametrize(("action", "arguments", "says"), WRONG_ACTIONS)
async def test_an_action_of_a_wrong_shape_says_why(
    robot: Robot, action: str, arguments: dict[str, Any], says: str
) -> None:
    answer = await robot.call("POST", f"/sandbox/{action}", arguments)
    assert (answer.status, answer.body["error"].startswith(says)) == (400, True)


async def test_a_refused_update_changes_nothing(robot: Robot, sandbox: Sandbox) -> None:
    await robot.create("c1")
    refused = await robot.update("c1", {"flowStatus": "3", "msgContent": "new"}, privateData={"u1": "?"})
    card = sandbox.cards["c1"]
    assert (refused.status, card.text, card.state.value) == (400, "…", "PROCESSING")


@pytest.mark.parametrize("code", [None, "200", [1]])
async def test_an_ack_whose_code_is_no_number_is_an_ack_all_the_same(line: Line, sandbox: Sandbox, code: Any) -> None:
    sandbox.say("你好", robot=ROBOT)
    frame = await line.callback()
    headers = {"messageId": frame["headers"]["messageId"]}
    await line.socket.send_str(json.dumps({"code": code, "headers": headers, "data": "[" * 50_000}))
    await sandbox.until(lambda: sandbox.acks)
    assert (sandbox.acks[0].code, sandbox.said[0].acked, sandbox.online(ROBOT)) == (0, True, 1)


async def test_an_upload_that_is_no_form_is_refused_by_errcode(robot: Robot) -> None:
    headers = {"Content-Type": "multipart/form-data"}
    address = f"{robot.url}/media/upload?access_token={robot.token}"
    async with robot.http.post(address, data=b"?", headers=headers) as response:
        assert (response.status, (await response.json())["errcode"]) == (200, 40035)


async def test_an_event_of_a_very_long_number_is_none(robot: Robot) -> None:
    async with robot.http.get(f"{robot.url}/sandbox/event/{'9' * 5000}") as response:
        assert response.status == 404


async def test_a_secret_under_a_wrong_name_is_not_kept(robot: Robot, sandbox: Sandbox) -> None:
    await robot.call("POST", "/v1.0/oauth2/accessToken", {"appKey": ROBOT, "app_Secret": "mistaken"})
    assert "mistaken" not in str(sandbox.calls[-1].body)


async def test_the_inspector_does_not_tell_where_a_session_webhook_is(
    robot: Robot, line: Line, sandbox: Sandbox
) -> None:
    sandbox.say("你好", robot=ROBOT)
    session = (await line.message())["sessionWebhook"].rpartition("=")[2]
    events = [event.id for event in sandbox._world.trace]
    told = [(await robot.call("GET", f"/sandbox/event/{number}", None)).body for number in events]
    assert session not in str(told)
    assert "session=…" in str(told)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (b"GET /gettoken?appkey=a&appsecret=hidden HTTP/1.1\r\nHost: \xff:1", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a:99999999", b"400"),
        (b"GET /gettoken?appkey=\xff&appsecret=hidden HTTP/1.1\r\nHost: localhost", b"400"),
        (b"GET /gettoken?appsecret=hidden\x00 HTTP/1.1\r\nHost: localhost", b"400"),
        (
            b"POST /v1.0/oauth2/accessToken HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\nContent-Length: 0",
            b"400",
        ),
        (NOT_ZIPPED, b"400"),
    ],
)
async def test_what_is_hardly_http_is_refused_and_leaves_no_secret_in_the_log(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, lines: bytes, says: bytes
) -> None:
    with caplog.at_level(logging.DEBUG):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(sandbox.url.rpartition(":")[2]))
        writer.write(lines + b"\r\n\r\n")
        status = await asyncio.wait_for(reader.readline(), 20)
        writer.close()
    assert says in status
    assert "hidden" not in caplog.text
    assert "Traceback" not in caplog.text


async def test_a_file_name_that_is_not_utf8_spoils_nothing(robot: Robot) -> None:
    part = b'--B\r\nContent-Disposition: form-data; name="media"; filename="\xff.txt"\r\n\r\nx\r\n--B--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=B"}
    async with robot.http.post(f"{robot.url}/media/upload", data=part, headers=headers) as response:
        assert response.status == 200
    assert (await robot.call("GET", "/sandbox/state", None)).status == 200


async def test_no_browser_guesses_what_a_downloaded_file_is(robot: Robot, sandbox: Sandbox) -> None:
    body = {"robotCode": ROBOT, "downloadCode": sandbox.attach(b"<script>", "a.html", "text/plain; charset=utf-8")}
    address = (await robot.call("POST", "/v1.0/robot/messageFiles/download", body)).body["downloadUrl"]
    async with robot.http.get(address) as response:
        assert response.headers["X-Content-Type-Options"] == "nosniff"
