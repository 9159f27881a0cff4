"""The fixture for tests of robots: a story is told with it, of a robot on the official SDK and of one on the wire."""

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actors.sandbox.records import CardState
from actors.sandbox.scenario import Happening, Scenario
from actors.sandbox.testing import DingTalk
from tests.sandbox import robot as wire

SDK = Path(__file__).with_name("sdk_robot.py")


@pytest.fixture
async def platform() -> AsyncIterator[DingTalk]:
    """A DingTalk where nobody waits long for what does not come."""
    async with DingTalk(patience=20.0) as platform:
        yield platform


async def runs_on_the_sdk(platform: DingTalk) -> None:
    """The robot of this platform is a program on DingTalk's SDK for Python."""
    robot = platform.robot()
    await robot.runs(sys.executable, SDK, robot.client_id, robot.secret)


async def test_a_story_of_a_robot_on_the_sdk(platform: DingTalk) -> None:
    await runs_on_the_sdk(platform)
    person = platform.person("小兰")
    question = person.asks("退款多久到账")
    assert (await question.message()).text() == "收到：退款多久到账"
    card = await question.card()
    await card.is_finished()
    assert (card.title(), card.final_text(), card.buttons()) == ("回答", "第一段，第二段，完", ["有帮助"])
    assert card.went_through() == [CardState.PROCESSING, CardState.INPUTING, CardState.FINISHED]
    await question.is_acked()
    await person.rates(card, "有帮助").is_taken()
    await card.shows('["helpful"]')


async def test_what_belongs_to_one_question_belongs_to_no_other(platform: DingTalk) -> None:
    await runs_on_the_sdk(platform)
    person, group = platform.person("小兰"), platform.group("产品群")
    first, second = person.asks("一", group=group), person.asks("二", group=group)
    texts = [(await question.message()).text() for question in (first, second)]
    assert sorted(texts) == ["收到：一", "收到：二"]
    assert (await first.card()).record is not (await second.card()).record


async def test_the_platform_has_its_moods(platform: DingTalk) -> None:
    await runs_on_the_sdk(platform)
    (robot,), person = platform.robots, platform.person("小兰")
    assert platform.rolls_connections() == 1
    await robot.is_offline()
    await robot.is_online()
    platform.fails("webhook")
    question = person.asks("你好")
    await question.is_acked()
    assert [call.status for call in robot.calls("webhook")] == [500]


def test_the_same_story_without_an_event_loop() -> None:
    with DingTalk() as platform:
        robot, person = platform.robot(), platform.person("小兰")
        robot.runs(sys.executable, SDK, robot.client_id, robot.secret)
        question = person.asks("退款多久到账")
        card = question.card()
        card.is_finished()
        assert card.final_text() == "第一段，第二段，完"
        person.rates(card, "有帮助").is_taken()
        assert [call.code for call in platform.robots[0].calls("streaming")] == ["", ""]


# On the wire


async def test_a_robot_has_the_credentials_of_its_environment_and_no_others(platform: DingTalk) -> None:
    robot = platform.robot()
    known = robot.environment
    url, client_id, secret = (
        known[name] for name in ("DINGTALK_OPENAPI_ENDPOINT", "DINGTALK_CLIENT_ID", "DINGTALK_CLIENT_SECRET")
    )
    async with wire.Robot.at(url, client_id, secret) as client:
        assert (await client.open()).status == 200
        assert (await client.open(secret="another")).status == 401


async def test_a_reply_quotes_what_it_replies_to(platform: DingTalk) -> None:
    robot, person = platform.robot(), platform.person("小兰")
    async with wire.Robot.at(platform.url, robot.client_id, robot.secret) as client, client.line() as line:
        first = person.asks("退款多久到账")
        await line.message()
        person.asks("这个呢", quoting=first)
        text = (await line.message())["text"]
    assert (text["content"], text["isReplyMsg"]) == ("这个呢", True)
    assert (text["repliedMsg"]["msgId"], text["repliedMsg"]["content"]) == (first.id, {"text": "退款多久到账"})


@pytest.mark.parametrize(
    ("name", "msgtype", "fields"),
    [
        ("a.png", "picture", {"downloadCode", "pictureDownloadCode"}),
        ("a.mp3", "audio", {"downloadCode", "duration", "recognition"}),
        ("a.mp4", "video", {"downloadCode", "duration", "videoType"}),
        ("a.xyz", "file", {"downloadCode", "fileName", "spaceId", "fileId"}),
    ],
)
async def test_a_file_is_sent_as_what_it_is(platform: DingTalk, name: str, msgtype: str, fields: set[str]) -> None:
    robot, person = platform.robot(), platform.person("小兰")
    async with wire.Robot.at(platform.url, robot.client_id, robot.secret) as client, client.line() as line:
        person.sends(b"bytes", name)
        message = await line.message()
        assert (message["msgtype"], set(message["content"])) == (msgtype, fields)
        body = {"robotCode": robot.client_id, "downloadCode": message["content"]["downloadCode"]}
        url = (await client.call("POST", "/v1.0/robot/messageFiles/download", body)).body["downloadUrl"]
        async with client.http.get(url) as file:
            assert await file.read() == b"bytes"


async def test_pictures_go_with_a_text(platform: DingTalk, tmp_path: Path) -> None:
    robot, person = platform.robot(), platform.person("小兰")
    (tmp_path / "a.png").write_bytes(b"picture")
    async with wire.Robot.at(platform.url, robot.client_id, robot.secret) as client, client.line() as line:
        person.asks("看图", pictures=[tmp_path / "a.png"])
        text, picture = (await line.message())["content"]["richText"]
    assert (text, picture["type"]) == ({"text": "看图"}, "picture")


async def test_somebody_from_outside_has_no_staff_id(platform: DingTalk) -> None:
    robot = platform.robot()
    async with wire.Robot.at(platform.url, robot.client_id, robot.secret) as client, client.line() as line:
        platform.person("访客", outside=True).asks("你好")
        assert "senderStaffId" not in await line.message()


async def test_what_is_asked_again_is_the_same_message(platform: DingTalk) -> None:
    robot, person = platform.robot(), platform.person("小兰")
    async with wire.Robot.at(platform.url, robot.client_id, robot.secret) as client, client.line() as line:
        first = person.asks("你好")
        assert person.asks("你好", again=first).id == first.id
        assert [(await line.message())["msgId"] for _ in range(2)] == [first.id, first.id]


async def test_a_scenario_from_a_file_is_played(platform: DingTalk, tmp_path: Path) -> None:
    robot = platform.robot()
    Scenario("a fall", (Happening(0.01, "abort"),)).write(tmp_path / "fall.json")
    async with wire.Robot.at(platform.url, robot.client_id, robot.secret) as client, client.line() as line:
        await robot.is_online()
        await platform.has_played(platform.plays(tmp_path / "fall.json", robot))
        await line.end()
        await robot.is_offline()


# What goes wrong is told


@pytest.fixture
async def hasty() -> AsyncIterator[DingTalk]:
    """A DingTalk that waits for nothing."""
    async with DingTalk(patience=0.01) as platform:
        yield platform


async def test_a_question_that_was_lost_says_so(hasty: DingTalk) -> None:
    hasty.robot()
    with pytest.raises(AssertionError, match=r"a card answers 小兰's '你好'; it was lost, for the robot had no live"):
        await hasty.person("小兰").asks("你好").card()


async def test_a_card_that_is_not_finished_has_no_final_text(platform: DingTalk) -> None:
    robot, person = platform.robot(), platform.person("小兰")
    async with wire.Robot.at(platform.url, robot.client_id, robot.secret) as client, client.line() as line:
        question = person.asks("你好")
        await line.message()
        await client.create("c1", user=person.id)
        card = await question.card()
        with pytest.raises(AssertionError, match=r"not finished: it is PROCESSING and shows '…'"):
            card.final_text()
        await client.stream("c1", "坏了", isError=True)
        with pytest.raises(AssertionError, match=r"the card failed: it is FAILED and shows '坏了'"):
            await card.is_finished()
        await card.has_failed()
        assert card.final_text() == "坏了"


async def test_a_button_that_is_not_there_is_named_with_those_that_are(platform: DingTalk) -> None:
    robot, person = platform.robot(), platform.person("小兰")
    buttons = wire.with_buttons({"id": "b1", "text": "没帮助"}, {"id": "b2", "text": "有帮助"})
    async with wire.Robot.at(platform.url, robot.client_id, robot.secret) as client, client.line() as line:
        question = person.asks("你好")
        await line.message()
        await client.create("c1", user=person.id, cardData={"cardParamMap": buttons})
        card = await question.card()
        for wrong in ("停止", "帮助"):
            with pytest.raises(LookupError, match="the card has \\['没帮助', '有帮助'\\]"):
                card.press(wrong)
        press = card.press("有帮")
        callback = await line.callback()
        pressed = json.loads(json.loads(callback["data"])["content"])["cardPrivateData"]
        assert pressed["actionIds"] == ["b2"]
        await line.ack(callback)
        await press.is_taken()


async def test_of_several_robots_one_has_to_be_named(platform: DingTalk) -> None:
    platform.robot()
    platform.robot()
    with pytest.raises(LookupError, match="there are 2 robots"):
        platform.person("小兰").asks("你好")


async def test_a_program_that_ends_shows_what_it_printed(platform: DingTalk) -> None:
    with pytest.raises(AssertionError, match=r"ended with 3; it printed:\nno such luck"):
        await platform.robot().runs(sys.executable, "-c", "print('no such luck'); raise SystemExit(3)")


async def test_a_program_that_never_connects_shows_what_it_printed(hasty: DingTalk) -> None:
    with pytest.raises(AssertionError, match="is not online; it printed:"):
        await hasty.robot().runs(sys.executable, "-c", "import time; time.sleep(600)")


def test_what_is_set_in_a_test_without_a_loop_holds_for_the_platform() -> None:
    with DingTalk() as platform:
        platform.patience = 0.01
        with pytest.raises(AssertionError, match=r"not within 0\.01 s"):
            platform.robot().is_online()
