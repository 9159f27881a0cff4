"""The whole service as a program, told as its people see it: `python -m actors run` at a DingTalk with moods."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actors.core import texts
from actors.sandbox.records import CardState
from actors.sandbox.rules import Rules
from actors.sandbox.testing import DingTalk
from tests.actors.cast import whole
from tests.actors.conftest import OWN, TEMPLATES

SETTINGS = {
    "AGENT": "python:tests.actors.cast:scripted",
    "CARD_MIN_INTERVAL": "0.05",
    "HTTP_PORT": "0",
    "OPENAPI_RETRY_INITIAL": "0.02",
    "STREAM_RETRY_INITIAL": "0.05",
    "STREAM_RETRY_JITTER": "0",
    "SHUTDOWN_GRACE": "0.1",
    **OWN,
}


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[DingTalk]:
    """A DingTalk with one robot, which is online."""
    rules = Rules(first_ping=0.02, ping_interval=0.5)
    async with DingTalk(patience=40.0, rules=rules, templates=TEMPLATES) as platform:
        inbox = f"sqlite:///{tmp_path}/inbox.db"
        await platform.robot().runs(sys.executable, "-m", "actors", "run", INBOX_URL=inbox, **SETTINGS)
        yield platform


async def test_a_card_thinks_types_and_is_finished_and_is_rated(platform: DingTalk) -> None:
    person = platform.person("小兰")
    card = await person.asks("40x0.05").card()
    await card.is_finished()
    assert card.final_text() == whole(40)
    assert card.went_through() == [CardState.PROCESSING, CardState.INPUTING, CardState.FINISHED]
    rating = texts.RATINGS["helpful"]
    await card.shows(rating)
    await person.rates(card, rating).is_taken()


async def test_whoever_asked_can_stop_the_answer_on_its_card(platform: DingTalk) -> None:
    card = await platform.person("小兰").asks("3x0.01 hang").card()
    await card.shows(whole(3))
    card.press("停止")
    await card.is_finished()
    assert card.final_text().startswith(whole(3))
    await card.shows("已停止")


async def test_two_people_in_a_group_have_a_card_each(platform: DingTalk) -> None:
    group = platform.group("产品群")
    first = platform.person("小兰").asks("hang", group=group)
    card = await first.card()
    second = platform.person("小明").asks("你好", group=group)
    other = await second.card()
    await other.is_finished()
    assert (other.final_text(), card.state) == ("您说：你好", CardState.PROCESSING)


async def test_a_connection_that_is_dropped_in_mid_answer_costs_nothing(platform: DingTalk) -> None:
    (robot,), person = platform.robots, platform.person("小兰")
    card = await person.asks("40x0.05").card()
    await card.shows("0 1")
    platform.drops_connections()
    await card.is_finished()
    assert card.final_text() == whole(40)
    await robot.is_online()
    await (await person.asks("还在吗").card()).is_finished()


async def test_a_card_that_cannot_be_made_at_once_comes_later(platform: DingTalk) -> None:
    (robot,), person = platform.robots, platform.person("小兰")
    platform.fails("create", status=503, code="system.busy", times=2)
    card = await person.asks("你好").card()
    await card.is_finished()
    assert [call.status for call in robot.calls("create")] == [503, 503, 200]
