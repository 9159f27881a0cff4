"""What calls may cost: the month's quotas, and too many calls from one address. Calls per second: test_openapi."""

from actors.sandbox.server import Sandbox
from tests.sandbox.robot import ROBOT, Line, Robot

HELLO = {"msgtype": "text", "text": {"content": "您好"}}


async def test_beyond_the_months_calls_all_are_refused_until_the_next(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.rules.calls_per_month = 2
    await robot.create("c1")
    await robot.create("c2")
    refused = await robot.stream("c1", "一")
    assert (refused.status, refused.code) == (403, "Forbidden.AccessDenied.ApiCountLimitForOrg")
    assert (await robot.get_token()).status == 200, "tokens are free"
    assert (await robot.call("POST", "/sandbox/begin_month", {})).status == 200
    assert (await robot.stream("c1", "一")).status == 200


async def test_the_quota_is_the_organisations_not_the_apps() -> None:
    async with Sandbox() as sandbox, Robot.at(sandbox.url, "one") as one, Robot.at(sandbox.url, "other") as other:
        sandbox.rules.calls_per_month = 1
        await one.create("c1")
        assert (await other.create("c2")).code == "Forbidden.AccessDenied.ApiCountLimitForOrg"


async def test_a_call_that_was_refused_for_its_frequency_is_not_counted(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.rules.calls_per_second = 1
    sandbox.rules.calls_per_month = 2
    await robot.create("c1")
    assert (await robot.create("c2")).code == "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"
    assert (await robot.stream("c1", "一")).status == 200


async def test_beyond_the_months_pushes_a_message_comes_without_what_it_says(line: Line, sandbox: Sandbox) -> None:
    sandbox.rules.pushes_per_month = 1
    sandbox.say("听得到", robot=ROBOT)
    assert "errorCode" not in await line.message()
    for msgtype in ("text", "picture"):
        sandbox.say("听不到", robot=ROBOT, msgtype=msgtype)
        data = await line.message()
        assert (data["errorCode"], data["msgtype"]) == (20001, msgtype)
        assert not {"text", "content"} & set(data)


async def test_clicks_and_answers_by_webhook_count_as_pushes(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    sandbox.rules.pushes_per_month = 3
    sandbox.say("一", robot=ROBOT)
    webhook = (await line.message())["sessionWebhook"]
    await robot.call("POST", webhook, HELLO)
    await robot.create("c1")
    assert sandbox.click("c1", "helpful")
    await line.ack(await line.callback())
    sandbox.say("二", robot=ROBOT)
    assert (await line.message())["errorCode"] == 20001


async def test_too_many_calls_from_an_address_ban_it_with_a_page(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.rules.calls_per_address = 2
    assert [(await robot.get_token()).status for _ in range(2)] == [200, 200]
    for _ in range(2):
        async with robot.http.post(f"{robot.url}/v1.0/oauth2/accessToken", json={}) as banned:
            assert (banned.status, banned.content_type) == (403, "text/html")
    sandbox.rules.calls_per_address = 0
    assert (await robot.get_token()).status == 200


async def test_a_ban_ends(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.rules.calls_per_address = 1
    sandbox.rules.address_ban = 0.0
    for _ in range(3):
        assert (await robot.get_token()).status == 200


async def test_the_quotas_are_rules_that_can_be_set_from_outside(robot: Robot, sandbox: Sandbox) -> None:
    rules = await robot.call("POST", "/sandbox/rules", {"calls_per_month": 5000, "pushes_per_month": 3000})
    assert (rules.body["calls_per_month"], sandbox.rules.pushes_per_month) == (5000, 3000)
