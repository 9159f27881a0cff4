"""A Dify app's conversation and its answers are known by their ids: to the next question, and to whoever rates them."""

from pathlib import Path

from tests.actors.conftest import eventually
from tests.actors.test_dify import KEYS, press, shops
from tests.agents.dify_server import DifyApp


async def told(app: DifyApp, count: int) -> None:
    """Wait until the app has heard so many ratings."""

    async def heard() -> bool:
        return len(app.ratings) >= count

    await eventually(heard)


async def test_the_next_question_goes_on_in_the_same_conversation(tmp_path: Path) -> None:
    async with shops(tmp_path) as (dify, clothes, _):
        for number in (1, 2):
            await clothes.ask(f"第{number}问")
            await clothes.finished(number)
        first, second = dify.apps[KEYS[0]].asked
        assert (first["conversation_id"], second["user"]) == ("", first["user"])
        assert list(dify.apps[KEYS[0]].conversations) == [second["conversation_id"]]


async def test_a_new_session_is_a_new_conversation(tmp_path: Path) -> None:
    async with shops(tmp_path) as (dify, clothes, _):
        await clothes.ask("第一问")
        await clothes.finished()
        await clothes.ask("/new")
        await clothes.sandbox.until(clothes.said_to)
        await clothes.ask("第二问")
        await clothes.finished(2)
        assert [asked["conversation_id"] for asked in dify.apps[KEYS[0]].asked] == ["", ""]


async def test_a_conversation_that_dify_forgot_is_renewed_for_good(tmp_path: Path) -> None:
    async with shops(tmp_path) as (dify, clothes, _):
        app = dify.apps[KEYS[0]]
        await clothes.ask("第一问")
        await clothes.finished()
        app.conversations.clear()
        for number in (2, 3):
            await clothes.ask(f"第{number}问")
            await clothes.finished(number)
        first, gone, anew, third = (asked["conversation_id"] for asked in app.asked)
        assert (first, bool(gone), anew) == ("", True, "")
        assert list(app.conversations) == [third] != [gone]


async def test_a_rating_is_a_like_or_a_dislike_of_the_very_answer(tmp_path: Path) -> None:
    async with shops(tmp_path) as (dify, clothes, books):
        for stage in (clothes, books):
            await stage.ask("你好")
            (card,) = await stage.finished()
            press(stage, card, "非常有帮助" if stage is clothes else "没帮助")
        liked, disliked = (dify.apps[key] for key in KEYS)
        await told(liked, 1)
        await told(disliked, 1)
        assert liked.ratings == [(*liked.messages, "like")]
        assert disliked.ratings == [(*disliked.messages, "dislike")]


async def test_a_change_of_mind_reaches_dify_too(tmp_path: Path) -> None:
    async with shops(tmp_path) as (dify, clothes, _):
        app = dify.apps[KEYS[0]]
        await clothes.ask("你好")
        (card,) = await clothes.finished()
        for count, label in enumerate(("非常有帮助", "帮助不大"), start=1):
            press(clothes, card, label)
            await told(app, count)
        assert [rating for _, rating in app.ratings] == ["like", "dislike"]
