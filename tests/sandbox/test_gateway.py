"""The Stream gateway as DingTalk's protocol.md describes it."""

import asyncio
import json
import uuid

import aiohttp
import pytest

from actors.sandbox.gateway import CARD_TOPIC, ROBOT_TOPIC
from actors.sandbox.server import Sandbox
from tests.sandbox.robot import PATIENCE, ROBOT, Line, Robot, card_body


async def knock(robot: Robot, ticket: str) -> int:
    """The HTTP status of a WebSocket handshake with this ticket."""
    try:
        async with robot.http.ws_connect(f"{robot.url}/connect", params={"ticket": ticket}):
            return 101
    except aiohttp.WSServerHandshakeError as refused:
        return refused.status


# Opening


async def test_the_gateway_names_an_endpoint_and_a_ticket(robot: Robot, sandbox: Sandbox) -> None:
    opened = await robot.open()
    assert opened.status == 200
    assert opened.body["endpoint"] == sandbox.url.replace("http", "ws") + "/connect"
    assert uuid.UUID(opened.body["ticket"]).version == 1


async def test_a_wrong_secret_is_401_with_the_gateways_own_spelling(robot: Robot) -> None:
    refused = await robot.open(secret="wrong")
    assert (refused.status, refused.code, refused.body["message"]) == (401, "authFailed", "鉴权失败")
    assert "requestid" in refused.body


async def test_an_opening_that_is_not_understood_is_400(robot: Robot) -> None:
    assert (await robot.call("POST", "/v1.0/gateway/connections/open", {"clientId": 7})).status == 400


async def test_the_gateway_answers_in_xml_unless_json_is_asked_for(robot: Robot) -> None:
    body = {"clientId": robot.client_id, "clientSecret": robot.secret, "subscriptions": []}
    async with robot.http.post(f"{robot.url}/v1.0/gateway/connections/open", json=body) as response:
        assert response.content_type == "application/xml"


async def test_a_ticket_is_good_for_one_connection(robot: Robot) -> None:
    ticket = (await robot.open()).body["ticket"]
    assert [await knock(robot, ticket), await knock(robot, ticket)] == [101, 400]


async def test_a_ticket_of_nobody_is_refused(robot: Robot) -> None:
    assert await knock(robot, str(uuid.uuid1())) == 400


async def test_a_ticket_that_is_too_old_is_refused(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.rules.ticket_life = 0.0
    assert await knock(robot, (await robot.open()).body["ticket"]) == 400


async def test_an_unknown_robot_is_let_in_with_the_secret_it_first_comes_with() -> None:
    async with Sandbox(robots=None) as sandbox, Robot.at(sandbox.url, "newcomer", "first") as robot:
        assert (await robot.open()).status == 200
        assert (await robot.open(secret="second")).code == "authFailed"
        assert (await robot.get_token(secret="second")).code == "invalidClientIdOrSecret"


async def test_openings_are_counted(robot: Robot, sandbox: Sandbox) -> None:
    await robot.open()
    await robot.open(secret="wrong")
    assert len(sandbox.opens) == 2


# Frames


async def test_a_ping_comes_first_and_says_which_connection_it_is(line: Line, sandbox: Sandbox) -> None:
    ping = await line.frame()
    assert (ping["specVersion"], ping["type"], ping["headers"]["topic"]) == ("1.0", "SYSTEM", "ping")
    assert ping["headers"]["connectionId"] == sandbox.connections[0].id
    assert set(ping["headers"]) == {"appId", "connectionId", "contentType", "messageId", "time", "topic"}
    assert ping["headers"]["time"].isdecimal()


async def test_a_pings_answer_is_seen(line: Line, sandbox: Sandbox) -> None:
    ping = await line.frame()
    await line.ack(ping, json.loads(ping["data"]))
    answered = await sandbox.until(lambda: [push for push in sandbox.pings if push.acked])
    assert answered[0].data == json.loads(ping["data"])
    assert not sandbox.acks, "acks are those of callbacks"


async def test_pings_go_on(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.rules.ping_interval = 0.01
    async with robot.line() as line:
        assert len({(await line.frame())["headers"]["messageId"] for _ in range(3)}) == 3


async def test_a_message_is_json_text_inside_a_callback_frame(line: Line, sandbox: Sandbox) -> None:
    message_id = sandbox.say("你好", robot=ROBOT)
    frame = await line.callback()
    assert (frame["type"], frame["headers"]["topic"]) == ("CALLBACK", ROBOT_TOPIC)
    assert json.loads(frame["data"])["msgId"] == message_id


async def test_an_ack_is_recorded_with_its_code_its_data_and_its_time(line: Line, sandbox: Sandbox) -> None:
    message_id = sandbox.say("你好", robot=ROBOT)
    await line.ack(await line.callback(), {"response": "ok"}, code=500)
    (ack,) = await sandbox.until(lambda: sandbox.acks)
    assert (ack.about, ack.code, ack.data) == (message_id, 500, {"response": "ok"})
    assert ack.seconds is not None
    assert sandbox.said[0].acked


async def test_an_ack_on_another_connection_counts_for_nothing(robot: Robot, sandbox: Sandbox) -> None:
    async with robot.line(topics=(ROBOT_TOPIC,)) as asked, robot.line(topics=()) as other:
        sandbox.say("你好", robot=ROBOT)
        await other.ack(await asked.callback())
        await sandbox.until(lambda: sandbox.stray_acks)
        assert not sandbox.acks


async def test_a_frame_that_nobody_understands_disturbs_nothing(line: Line, sandbox: Sandbox) -> None:
    for frame in ("not json", "[]", '{"code": 200}', '{"headers": {"messageId": "unknown"}}'):
        await line.socket.send_str(frame)
    await sandbox.until(lambda: len(sandbox.stray_acks) == 4)
    sandbox.say("还在吗", robot=ROBOT)
    assert (await line.message())["text"]["content"] == "还在吗"


async def test_messages_keep_their_order(line: Line, sandbox: Sandbox) -> None:
    texts = [f"第 {number} 条" for number in range(50)]
    for text in texts:
        sandbox.say(text, robot=ROBOT)
    assert [(await line.message())["text"]["content"] for _ in texts] == texts


async def test_a_malformed_frame_can_be_sent(line: Line, sandbox: Sandbox) -> None:
    assert sandbox.push_raw(ROBOT, "{")
    assert sandbox.push_raw(ROBOT, b"\xff")
    received = [await line.socket.receive(PATIENCE) for _ in range(3)]
    assert {"{", b"\xff"} <= {message.data for message in received}


# Who gets what


async def test_each_message_goes_to_one_connection_and_all_get_some(robot: Robot, sandbox: Sandbox) -> None:
    async with robot.line(), robot.line(), robot.line():
        await sandbox.until(lambda: sandbox.online(ROBOT) == 3)
        for number in range(100):
            sandbox.say(str(number), robot=ROBOT)
        assert len(sandbox.pushes) == 100
        assert len({push.connection for push in sandbox.pushes}) == 3


async def test_a_topic_that_was_not_subscribed_is_not_pushed(robot: Robot, sandbox: Sandbox) -> None:
    async with robot.line(topics=(CARD_TOPIC,)):
        sandbox.say("你好", robot=ROBOT)
        assert not sandbox.said[0].delivered


async def test_a_message_without_a_connection_is_lost(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.say("有人吗", robot=ROBOT)
    assert not sandbox.said[0].delivered
    async with robot.line() as line:
        sandbox.say("现在呢", robot=ROBOT)
        assert (await line.message())["text"]["content"] == "现在呢", "what was lost does not come later"


async def test_robots_do_not_get_each_others_messages() -> None:
    async with (
        Sandbox() as sandbox,
        Robot.at(sandbox.url, "one") as one,
        Robot.at(sandbox.url, "other") as other,
        one.line() as ones,
        other.line() as others,
    ):
        sandbox.say("给一号", robot="one")
        sandbox.say("给二号", robot="other")
        assert (await ones.message())["robotCode"] == "one"
        assert (await others.message())["robotCode"] == "other"


# Redelivery


async def test_a_message_without_an_ack_comes_once_more_under_a_new_message_id(line: Line, sandbox: Sandbox) -> None:
    sandbox.rules.redelivery_after = 0.02
    sandbox.say("你好", robot=ROBOT)
    first, again = await line.callback(), await line.callback()
    assert first["data"] == again["data"]
    assert first["headers"]["messageId"] != again["headers"]["messageId"]
    assert len(sandbox.said[0].pushes) == 2


async def test_an_ack_that_comes_after_the_repeat_is_still_an_ack(line: Line, sandbox: Sandbox) -> None:
    sandbox.rules.redelivery_after = 0.02
    sandbox.say("你好", robot=ROBOT)
    first, _ = await line.callback(), await line.callback()
    await line.ack(first)
    (ack,) = await sandbox.until(lambda: sandbox.acks)
    assert ack is sandbox.said[0].pushes[0]


@pytest.mark.parametrize("code", [200, 500])
async def test_an_acked_message_does_not_come_again(line: Line, sandbox: Sandbox, code: int) -> None:
    sandbox.rules.redelivery_after = 2.0
    sandbox.say("收到请回答", robot=ROBOT)
    await line.ack(await line.callback(), code=code)
    await sandbox.until(lambda: sandbox.acks)
    sandbox.say("不用回答", robot=ROBOT)
    silent, again = await line.callback(), await line.callback()
    assert silent["data"] == again["data"], "only the one that got no ack is repeated"


async def test_what_a_lost_connection_did_not_ack_comes_again_on_another(
    robot: Robot, line: Line, sandbox: Sandbox
) -> None:
    sandbox.rules.redelivery_after = 2.0
    async with robot.line() as doomed:
        _, connection = await sandbox.until(lambda: sandbox.connections[:2])
        sandbox.say("你好", robot=ROBOT, message_id="m1", connection=connection.id)
        await doomed.callback()
    assert (await line.message())["msgId"] == "m1"


async def test_a_click_without_an_ack_does_not_come_again(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    sandbox.rules.redelivery_after = 0.01
    await robot.create("c1")
    sandbox.click("c1", "b1")
    assert (await line.callback())["headers"]["topic"] == CARD_TOPIC
    sandbox.say("你好", robot=ROBOT)
    assert [(await line.callback())["headers"]["topic"] for _ in range(2)] == [ROBOT_TOPIC] * 2


async def test_redelivery_can_be_switched_off_as_the_protocol_document_has_it(line: Line, sandbox: Sandbox) -> None:
    sandbox.rules.redeliveries = 0
    sandbox.rules.redelivery_after = 0.0
    sandbox.say("一次", robot=ROBOT)
    sandbox.rules.redeliveries = 1
    sandbox.say("两次", robot=ROBOT)
    frames = [json.loads((await line.callback())["data"])["text"]["content"] for _ in range(3)]
    assert frames == ["一次", "两次", "两次"]


async def test_the_same_message_id_is_the_same_message(line: Line, sandbox: Sandbox) -> None:
    for _ in range(3):
        sandbox.say("三遍", robot=ROBOT, message_id="m1")
        assert (await line.message())["msgId"] == "m1"
    assert [len(said.pushes) for said in sandbox.said] == [3]


# The end of a connection


async def test_a_roll_is_announced_and_nothing_is_pushed_after_it(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    await line.frame()
    assert sandbox.roll(ROBOT) == 1
    farewell = await line.frame()
    assert (farewell["type"], farewell["headers"]["topic"]) == ("SYSTEM", "disconnect")
    assert json.loads(farewell["data"]) == {"reason": "persistent connection is timeout"}
    assert set(farewell["headers"]) == {"contentType", "messageId", "time", "topic"}
    sandbox.say("现在？", robot=ROBOT)
    async with robot.line() as successor:
        sandbox.say("给新的", robot=ROBOT)
        assert (await successor.message())["text"]["content"] == "给新的"
    assert [said.delivered for said in sandbox.said] == [False, True]


async def test_a_rolled_connection_still_takes_acks(line: Line, sandbox: Sandbox) -> None:
    sandbox.say("你好", robot=ROBOT)
    frame = await line.callback()
    sandbox.roll(ROBOT)
    await line.ack(frame)
    assert await sandbox.until(lambda: sandbox.acks)


async def test_a_rolled_connection_is_cut_after_silence_without_a_close_frame(line: Line, sandbox: Sandbox) -> None:
    sandbox.rules.roll_grace = 0.05
    sandbox.roll(ROBOT)
    await line.end()
    assert line.socket.close_code == 1006
    assert await sandbox.until(lambda: sandbox.connections[0].close_code) == 1006


async def test_an_abort_ends_without_a_close_frame(line: Line, sandbox: Sandbox) -> None:
    assert sandbox.abort(ROBOT) == 1
    await line.end()
    assert line.socket.close_code == 1006
    assert await sandbox.until(lambda: sandbox.connections[0].close_code) == 1006


async def test_a_close_carries_its_code(line: Line, sandbox: Sandbox) -> None:
    asyncio.get_running_loop().call_soon(asyncio.ensure_future, sandbox.close(ROBOT, 1000))
    assert (await line.end()).data == 1000
    assert await sandbox.until(lambda: sandbox.connections[0].close_code) == 1000


async def test_a_client_that_leaves_is_gone(robot: Robot, sandbox: Sandbox) -> None:
    async with robot.line():
        await sandbox.until(lambda: sandbox.online(ROBOT))
    await sandbox.until(lambda: not sandbox.online(ROBOT))
    assert sandbox.connections[0].closed_at is not None


async def test_a_stopped_sandbox_closes_its_connections_and_comes_back_on_its_port(robot: Robot, line: Line) -> None:
    async with Sandbox() as other, Robot.at(other.url, "guest") as guest, guest.line() as theirs:
        url = other.url
        stopping = asyncio.create_task(other.stop())
        assert (await theirs.end()).data == 1001
        await stopping
        with pytest.raises(aiohttp.ClientConnectorError):
            await guest.open()
        await other.start()
        assert other.url == url
        assert (await guest.open()).status == 200


async def test_a_click_on_a_card_needs_a_connection_that_takes_clicks(robot: Robot, sandbox: Sandbox) -> None:
    await robot.call("POST", "/v1.0/card/instances/createAndDeliver", card_body("c1"))
    async with robot.line(topics=(ROBOT_TOPIC,)):
        assert not sandbox.click("c1", "b1")


# A connection that only looks well


async def test_of_several_connections_one_can_be_chosen(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    async with robot.line() as other:
        first, second = (connection.id for connection in await sandbox.until(lambda: sandbox.connections[:2]))
        for _ in range(5):
            sandbox.say("给第二个", robot=ROBOT, connection=second)
            assert (await other.message())["text"]["content"] == "给第二个"
        assert (sandbox.roll(ROBOT, second), sandbox.abort(ROBOT, second)) == (1, 1)
        await other.end()
        sandbox.say("给第一个", robot=ROBOT, connection=first)
        assert (await line.message())["text"]["content"] == "给第一个"


async def test_what_is_sent_on_a_mute_line_is_lost_and_what_it_says_is_heard(line: Line, sandbox: Sandbox) -> None:
    sandbox.say("听得到", robot=ROBOT)
    frame = await line.callback()
    assert sandbox.impair(ROBOT, "mute") == 1
    sandbox.say("听不到", robot=ROBOT)
    await line.ack(frame)
    await sandbox.until(lambda: sandbox.said[0].acked)
    closing = asyncio.create_task(sandbox.close(ROBOT))
    while (message := await line.socket.receive()).type is aiohttp.WSMsgType.TEXT:
        assert "听不到" not in message.data
    await closing
    assert [said.acked for said in sandbox.said] == [True, False]


async def test_the_acks_on_a_deaf_line_are_lost(line: Line, sandbox: Sandbox) -> None:
    sandbox.impair(ROBOT, "deaf")
    sandbox.say("你好", robot=ROBOT)
    await line.message()
    await line.socket.close()
    await sandbox.until(lambda: sandbox.connections[0].closed_at)
    assert [said.acked for said in sandbox.said] == [False]


async def test_on_a_dead_line_nothing_passes(robot: Robot, sandbox: Sandbox) -> None:
    grant = (await robot.open()).body
    async with robot.http.ws_connect(grant["endpoint"], params={"ticket": grant["ticket"]}, heartbeat=0.1) as socket:
        await sandbox.until(lambda: sandbox.online(ROBOT))
        await socket.receive()
        sandbox.impair(ROBOT, "dead")
        sandbox.say("你好", robot=ROBOT)
        assert (await socket.receive()).type is aiohttp.WSMsgType.ERROR  # the heartbeat had no answer


def test_there_is_no_other_impairment(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="lame"):
        sandbox.impair(ROBOT, "lame")


async def test_a_handshake_can_fail_for_one_robot_alone(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.fail("connect", status=503, times=None, match={"clientId": "another"})
    async with robot.line() as line:
        await line.frame()
    sandbox.fail("connect", status=503, times=None, match={"clientId": ROBOT})
    with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
        async with robot.line():
            pass


async def test_a_client_that_leaves_before_it_is_let_in_is_no_fault(
    robot: Robot, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.fail("connect", times=2, delay=0.3)
    early, patient = [(await robot.open()).body["ticket"] for _ in range(2)]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(knock(robot, early), 0.1)
    assert await knock(robot, patient) == 101  # it came later, and had to wait for as long
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []
