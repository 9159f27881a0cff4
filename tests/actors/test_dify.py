"""Dify apps behind robots, through the edge: each has a key of its own, and is stopped by the card's button."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from actors.agents.wording import QUOTED
from actors.core import texts
from actors.sandbox.records import Card
from tests.actors.conftest import OWN, Stage, connected, eventually, several
from tests.agents.dify_server import HOLD, DifyApp, DifyServer, Refuse, dify_server, message

KEYS = ("app-clothes", "app-books")
PNG = b"\x89PNG\r\n\x1a\n"


@asynccontextmanager
async def shops(folder: Path) -> AsyncIterator[tuple[DifyServer, Stage, Stage]]:
    """Two robots of one process, each with a Dify app of its own."""
    async with dify_server(*KEYS) as dify:
        robots = {
            name: {"agent": "dify:", "DIFY_API_KEY": f"{{{{{name.upper()}_KEY}}}}"} for name in ("clothes", "books")
        }
        secrets = dict(zip(("CLOTHES_KEY", "BOOKS_KEY"), KEYS, strict=True))
        async with several(folder, robots, DIFY_BASE_URL=dify.url, **OWN, **secrets) as (clothes, books):
            await connected(clothes)
            await connected(books)
            yield dify, clothes, books


def queries(app: DifyApp) -> list[str]:
    return [asked["query"] for asked in app.asked]


def press(stage: Stage, card: Card, label: str) -> None:
    button = next(button for button in card.buttons() if label in button["text"])
    assert stage.sandbox.click(card.id, button["id"], "zhang")


async def test_each_robot_asks_its_own_app(tmp_path: Path) -> None:
    async with shops(tmp_path) as (dify, clothes, books):
        await clothes.ask("有大码吗？")
        await books.ask("有新书吗？")
        assert [(await stage.finished())[0].text for stage in (clothes, books)] == [
            "您说：有大码吗？",
            "您说：有新书吗？",
        ]
        assert [queries(dify.apps[key]) for key in KEYS] == [["有大码吗？"], ["有新书吗？"]]


async def test_the_stop_button_stops_the_answer_at_dify(tmp_path: Path) -> None:
    async with shops(tmp_path) as (dify, clothes, _):
        app = dify.apps[KEYS[0]]
        app.says([message("这款没问题，"), HOLD])
        await clothes.ask("有大码吗？")
        card = await clothes.card_with("这款没问题")
        press(clothes, card, "停止")
        await clothes.finished()
        assert card.text.startswith("这款没问题，")
        assert card.text.endswith(texts.STOPPED)

        async def called() -> bool:
            return bool(app.stop_calls)

        await eventually(called)
        ((task, user),) = app.stop_calls
        assert (task in app.tasks, user) == (True, app.asked[0]["user"])


async def test_a_picture_and_a_quote_reach_the_app(tmp_path: Path) -> None:
    async with shops(tmp_path) as (dify, clothes, _):
        app = dify.apps[KEYS[0]]
        parts = [{"type": "picture", "downloadCode": clothes.sandbox.attach(PNG, "p.png", "image/png")}]
        quote = {"isReplyMsg": True, "repliedMsg": {"msgType": "text", "content": {"text": "全场八折"}}}
        content = {"richText": [{"text": "这件也打折吗？"}, *parts], **quote}
        clothes.sandbox.say("", robot=clothes.robot, sender="zhang", msgtype="richText", content=content)
        await clothes.finished()
        (upload,) = app.uploads.values()
        (asked,) = app.asked
        assert (upload.content, upload.user, asked["files"][0]["type"]) == (PNG, asked["user"], "image")
        assert asked["query"] == f"{QUOTED}\n> 全场八折\n\n这件也打折吗？"


async def test_a_refused_key_is_an_apology_to_the_customer_and_a_reason_to_the_operator(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with shops(tmp_path) as (dify, clothes, books):
        dify.apps[KEYS[0]].says(Refuse(401, "unauthorized", f"Access token {KEYS[0]} is invalid"))
        await clothes.ask("有大码吗？")
        (card,) = await clothes.finished()
        assert card.text == texts.AGENT_FAILED
        assert await clothes.metric('dingtalk_agent_errors_total{agent="dify",reason="refused",{robot}}') == 1
        assert await books.metric('dingtalk_agent_errors_total{agent="dify",reason="refused",{robot}}') == 0
        (line,) = [vars(record) for record in caplog.records if vars(record).get("action") == "agent_failed"]
        assert "DIFY_API_KEY" in line["detail"]
        assert not any(key in record.getMessage() + str(vars(record)) for record in caplog.records for key in KEYS)


async def test_a_robot_without_its_key_is_parked_and_the_key_is_named(tmp_path: Path) -> None:
    async with several(tmp_path, {"keyless": {"agent": "dify:"}, "sound": {}}) as (_, sound):
        await connected(sound)
        _, told = await sound.get("/readyz")
        file = tmp_path / "app" / "imRobots" / "keyless" / "config.json"
        assert f"{file}: DIFY_API_KEY" in told
