"""A Dify app is asked, stopped and told of ratings, by a stand-in that is as strict as Dify's description."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import pytest

from actors.agents.dify import Dify, file_type, make, user_of
from actors.agents.setup import Setup, no_session
from actors.agents.wording import QUOTED, UNSEEN
from actors.core.events import Begun, Feedback, Finished, Text
from actors.core.question import Attachment, Question, Turn
from actors.errors import AgentFailed, SettingsError
from actors.variables import Variables
from tests.agents.dify_server import END, HOLD, PING, DifyApp, DifyServer, Refuse, dify_server, message
from tests.agents.stories import answer_of, ask, counted, outcome, read, until

KEY = "app-key-1"


@dataclass
class Shop:
    """A Dify app, and the agent that asks it."""

    server: DifyServer
    app: DifyApp
    agent: Dify

    async def ask(self, question: Question | None = None, *, attempts: int = 3) -> tuple[str, str]:
        """The text and the reason of a failure."""
        return await outcome(answer_of(self.agent, question or ask(), attempts=attempts))

    async def failure(self, question: Question | None = None, *, attempts: int = 1) -> AgentFailed:
        _, failed = await read(answer_of(self.agent, question or ask(), attempts=attempts))
        assert failed
        return failed

    async def begun(self, question: Question) -> Begun:
        """The ids of the answer to a question."""
        heard, failed = await read(answer_of(self.agent, question))
        assert failed is None
        (begun,) = [event for event in heard if isinstance(event, Begun)]
        return begun


def agent_of(url: str, key: str, session: aiohttp.ClientSession) -> Dify:
    return make("", Setup(Variables(DIFY_BASE_URL=url, DIFY_API_KEY=key), lambda: session))  # type: ignore[call-arg]


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with AsyncExitStack() as opened:
        server = await opened.enter_async_context(dify_server(KEY))
        session = await opened.enter_async_context(aiohttp.ClientSession())
        agent = agent_of(server.url, KEY, session)
        opened.push_async_callback(agent.close)
        yield Shop(server, server.apps[KEY], agent)


# Settings.


def problems(rest: str = "", **settings: str) -> str:
    with pytest.raises(SettingsError) as caught:
        make(rest, Setup(Variables(**settings), no_session))  # type: ignore[arg-type]
    return str(caught.value)


@pytest.mark.parametrize("key", [{}, {"DIFY_API_KEY": " "}])
def test_without_a_key_there_is_no_agent(key: dict[str, str]) -> None:
    told = problems(**key)
    assert told.startswith("DIFY_API_KEY: ")
    assert "API Access" in told


def test_what_stands_behind_the_colon_is_refused() -> None:
    told = problems("shop", DIFY_API_KEY="app-secret-key")
    assert told.startswith("AGENT='dify:shop': ")
    assert "app-secret-key" not in told


# A question.


async def test_a_question_is_answered(shop: Shop) -> None:
    assert await shop.ask(ask("怎么退货？")) == ("您说：怎么退货？", "")


async def test_no_person_is_named_to_dify(shop: Shop) -> None:
    await shop.ask()
    (asked,) = shop.app.asked
    assert asked["user"] == user_of(ask())
    assert not any(name in str(asked) for name in ("lan", "小兰", "dingshop", "cid-1"))


async def test_dify_keeps_the_conversation_so_no_turns_are_sent(shop: Shop) -> None:
    await shop.ask(ask("那这个呢？").with_history((Turn("怎么退货？", "七天内。"),)))
    assert "七天内" not in str(shop.app.asked)


async def test_a_conversation_goes_on_where_it_was(shop: Shop) -> None:
    first = await shop.begun(ask())
    second = await shop.begun(ask().with_session(first.session))
    assert (second.session, first.run != second.run) == (first.session, True)
    assert [asked["conversation_id"] for asked in shop.app.asked] == ["", first.session]


async def test_two_memories_are_two_users(shop: Shop) -> None:
    await shop.ask()
    await shop.ask(replace(ask(), chat_id="dingshop:cid-1:mei"))
    first, second = (asked["user"] for asked in shop.app.asked)
    assert first != second


async def test_a_quote_is_told_apart_from_the_question(shop: Shop) -> None:
    await shop.ask(replace(ask("什么意思？"), quote="满减"))
    assert shop.app.asked[0]["query"] == f"{QUOTED}\n> 满减\n\n什么意思？"


async def test_the_cost_is_counted(shop: Shop) -> None:
    labels = {"robot": "dingshop", "agent": "dify"}
    before = counted("agent_tokens", **labels, kind="read")
    await shop.ask()
    assert counted("agent_tokens", **labels, kind="read") - before == 1033


async def test_a_replacement_takes_the_place_of_what_was_said(shop: Shop) -> None:
    shop.app.says([message("秘密"), {"event": "message_replace", "answer": "无可奉告"}, END])
    assert await shop.ask() == ("无可奉告", "")


async def test_pings_do_not_disturb(shop: Shop) -> None:
    shop.app.says([PING, message("七"), PING, message("天"), PING, END])
    assert await shop.ask() == ("七天", "")


async def test_what_trails_the_end_is_not_waited_for(shop: Shop) -> None:
    shop.app.says([message("七天"), END, HOLD])
    assert await shop.ask() == ("七天", "")
    await shop.agent.close()
    assert shop.app.stop_calls == []


async def test_its_events_end_with_the_answer_whatever_trails_it(shop: Shop) -> None:
    shop.app.says([message("七天"), END, HOLD])
    async with asyncio.timeout(30):
        events = [event async for event in shop.agent.answer(ask())]
    assert events[-1] == Finished()


# Conversations that Dify no longer has.


async def test_a_conversation_that_is_gone_is_begun_anew_within_the_same_try(shop: Shop) -> None:
    begun = await shop.begun(ask().with_session("gone"))
    assert [asked["conversation_id"] for asked in shop.app.asked] == ["gone", ""]
    assert begun.session in shop.app.conversations


async def test_a_new_conversation_begins_empty(shop: Shop) -> None:
    question = ask("那这个呢？").with_session("gone").with_history((Turn("怎么退货？", "七天内。"),))
    assert await shop.ask(question, attempts=1) == ("您说：那这个呢？", "")


async def test_beginning_anew_is_logged(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await shop.ask(ask().with_session("gone"))
    (line,) = [record for record in caplog.records if vars(record).get("action") == "dify_asked_again"]
    assert "Conversation Not Exists" in vars(line)["detail"]


async def test_a_chatflows_conversation_that_has_ended_is_begun_anew(shop: Shop) -> None:
    shop.app.says(Refuse(400, "conversation_completed"), [message("七天"), END])
    assert await shop.ask(ask().with_session("over"), attempts=1) == ("七天", "")


async def test_a_conversation_that_is_refused_again_and_again_is_given_up(shop: Shop) -> None:
    shop.app.says(Refuse(404, "not_found"))
    failed = await shop.failure(ask().with_session("gone"))
    assert (failed.reason, failed.retryable, len(shop.app.asked)) == ("rejected", False, 2)


async def test_an_answer_that_has_begun_is_never_asked_for_again(shop: Shop) -> None:
    begun = await shop.begun(ask())
    shop.app.says([message("七"), {"event": "error", "status": 404, "code": "not_found", "message": "x"}])
    assert await shop.ask(ask().with_session(begun.session)) == ("七", "rejected")
    assert len(shop.app.asked) == 2


# Failures.


async def test_a_stream_without_its_end_is_truncated(shop: Shop) -> None:
    shop.app.says([message("七")])
    assert await shop.ask() == ("七", "truncated")


async def test_a_failure_in_mid_answer_keeps_what_was_said(shop: Shop) -> None:
    shop.app.says([message("七"), {"event": "error", "status": 500, "code": "internal_server_error", "message": "x"}])
    assert await shop.ask() == ("七", "unavailable")
    assert len(shop.app.asked) == 1


async def test_a_passing_failure_ahead_of_the_text_is_tried_again(shop: Shop) -> None:
    busy = {"event": "error", "status": 429, "code": "too_many_requests", "message": "x"}
    shop.app.says([busy], Refuse(429, "too_many_requests"), [message("七天"), END])
    assert await shop.ask() == ("七天", "")


async def test_a_refused_key_is_not_tried_again(shop: Shop) -> None:
    shop.server.apps = {"another": shop.app}
    failed = await shop.failure(attempts=3)
    assert (failed.reason, failed.retryable) == ("refused", False)
    assert "DIFY_API_KEY" in failed.detail


async def test_a_quota_that_is_used_up_is_told_in_difys_words(shop: Shop) -> None:
    shop.app.says(Refuse(400, "provider_quota_exceeded", "Your quota has been exhausted."))
    failed = await shop.failure(attempts=3)
    assert (failed.reason, len(shop.app.asked)) == ("refused", 1)
    assert "Your quota has been exhausted." in failed.detail


async def test_dify_is_left_alone_for_as_long_as_it_asks(shop: Shop) -> None:
    shop.app.says(Refuse(429, "too_many_requests", headers={"Retry-After": "7"}))
    failed = await shop.failure()
    assert (failed.reason, failed.retryable, failed.retry_after) == ("throttled", True, 7.0)


async def test_an_error_under_200_is_one(shop: Shop) -> None:
    shop.app.says([{"event": "error", "status": 400, "code": "provider_not_initialize", "message": "No credentials."}])
    failed = await shop.failure()
    assert (failed.reason, failed.retryable) == ("refused", False)
    assert "No credentials." in failed.detail


async def test_a_wrong_address_is_told_as_such(shop: Shop) -> None:
    async with aiohttp.ClientSession() as session:
        lost = agent_of(shop.server.url.removesuffix("/v1"), KEY, session)
        _, failed = await read(answer_of(lost))
    assert failed
    assert "DIFY_BASE_URL" in failed.detail


# Stopping.


async def until_it_speaks(shop: Shop, question: Question) -> None:
    """Hear the first piece of an answer, and go."""
    async with aclosing(shop.agent.answer(question)) as events:
        async for event in events:
            if isinstance(event, Text):
                return


async def test_an_answer_that_nobody_waits_for_is_stopped_by_its_own_user(shop: Shop) -> None:
    shop.app.says([message("七"), HOLD])
    await until_it_speaks(shop, ask())
    await until(lambda: bool(shop.app.stop_calls) and shop.app.left + len(shop.app.stopped) > 0)
    ((task, user),) = shop.app.stop_calls
    assert shop.app.tasks[task][0] == user == shop.app.asked[0]["user"]


async def test_a_stop_call_that_fails_is_logged_and_harms_nobody(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    shop.app.stop_status = 500
    shop.app.says([message("七"), HOLD])
    await until_it_speaks(shop, ask())
    await until(lambda: any(vars(record).get("action") == "agent_call_failed" for record in caplog.records))


async def test_closing_the_agent_waits_for_its_stop_calls(shop: Shop) -> None:
    shop.app.says([message("七"), HOLD])
    await until_it_speaks(shop, ask())
    await shop.agent.close()
    assert len(shop.app.stop_calls) == 1


async def test_a_chatflow_is_stopped_before_it_says_a_word(shop: Shop) -> None:
    shop.app.says([{"event": "workflow_started", "data": {}}, HOLD])
    async with aclosing(shop.agent.answer(ask())) as events:
        await anext(events)
    await shop.agent.close()
    assert len(shop.app.stop_calls) == 1


async def test_an_answer_without_a_first_event_is_left_by_closing_its_stream(shop: Shop) -> None:
    shop.app.says([HOLD])
    asking = asyncio.create_task(anext(shop.agent.answer(ask())))
    await until(lambda: bool(shop.app.tasks))
    asking.cancel()
    await until(lambda: shop.app.left == 1)
    assert shop.app.stop_calls == []


async def test_an_answer_that_is_whole_is_not_stopped(shop: Shop) -> None:
    await shop.ask()
    await shop.agent.close()
    assert shop.app.stop_calls == []


# Ratings.


def rated(run: str, *, helpful: bool) -> Feedback:
    return Feedback(ask(), "七天。", "helpful" if helpful else "not_helpful", helpful, run)


async def test_a_rating_is_a_like_or_a_dislike_and_may_change(shop: Shop) -> None:
    run = (await shop.begun(ask())).run
    await shop.agent.feedback(rated(run, helpful=True))
    await shop.agent.feedback(rated(run, helpful=False))
    assert shop.app.ratings == [(run, "like"), (run, "dislike")]


async def test_a_rating_of_an_answer_that_dify_never_named_is_kept_to_ourselves(shop: Shop) -> None:
    await shop.agent.feedback(rated("", helpful=True))
    assert shop.app.ratings == []


async def test_a_rating_that_dify_refuses_is_a_failure(shop: Shop) -> None:
    with pytest.raises(AgentFailed, match="Message Not Exists"):
        await shop.agent.feedback(rated("no/such", helpful=True))


# Attachments.


def attached(folder: Path, kind: str, name: str, content: bytes = b"content") -> Attachment:
    (folder / name).write_bytes(content)
    return Attachment(kind, (folder / name).as_uri(), name)


def with_files(*attachments: Attachment, text: str = "这是什么？") -> Question:
    return ask(text).with_attachments(attachments)


async def test_a_picture_is_uploaded_and_shown_to_the_app(shop: Shop, tmp_path: Path) -> None:
    assert await shop.ask(with_files(attached(tmp_path, "picture", "小 猪.png", b"\x89PNG")), attempts=1) == (
        "您说：这是什么？",
        "",
    )
    ((file_id, upload),) = shop.app.uploads.items()
    assert (upload.name, upload.mime_type, upload.content) == ("小 猪.png", "image/png", b"\x89PNG")
    assert shop.app.asked[0]["files"] == [
        {"type": "image", "transfer_method": "local_file", "upload_file_id": file_id},
    ]


@pytest.mark.parametrize(
    ("kind", "name", "type"),
    [
        ("picture", "a.jpg", "image"),
        ("picture", "a.bmp", "image"),
        ("file", "a.pdf", "document"),
        ("file", "A.DOCX", "document"),
        ("file", "a.png", "image"),
        ("file", "a.zip", "custom"),
        ("file", "a", "custom"),
        ("file", "a.c", "document"),
        ("audio", "a.amr", "audio"),
        ("audio", "a.ogg", "audio"),
        ("video", "a.mp4", "video"),
    ],
)
def test_a_files_type_is_what_dify_finds_it_to_be(kind: str, name: str, type: str) -> None:  # noqa: A002
    assert file_type(Attachment(kind, "", name)) == type


async def test_a_file_that_cannot_be_uploaded_is_named(shop: Shop, tmp_path: Path) -> None:
    shop.app.upload_scripts = [Refuse(415, "unsupported_file_type")]
    await shop.ask(with_files(attached(tmp_path, "file", "a.zip")), attempts=1)
    assert shop.app.asked[0]["files"] == []
    assert shop.app.asked[0]["query"] == f'这是什么？\n\n{UNSEEN}\n- file "a.zip"'


async def test_a_file_that_is_no_longer_there_is_named(shop: Shop, tmp_path: Path) -> None:
    gone = Attachment("file", (tmp_path / "gone.txt").as_uri(), "gone.txt")
    await shop.ask(with_files(gone, attached(tmp_path, "picture", "a.png")), attempts=1)
    assert [file["type"] for file in shop.app.asked[0]["files"]] == ["image"]
    assert shop.app.asked[0]["query"].endswith(f'{UNSEEN}\n- file "gone.txt"')


async def test_an_upload_that_fails_in_passing_is_tried_again(shop: Shop, tmp_path: Path) -> None:
    shop.app.upload_scripts = [Refuse(503, "busy")]
    assert await shop.ask(with_files(attached(tmp_path, "picture", "a.png"))) == ("您说：这是什么？", "")
    assert [len(asked["files"]) for asked in shop.app.asked] == [1]


async def test_files_that_the_app_does_not_take_are_named_instead(shop: Shop, tmp_path: Path) -> None:
    shop.app.takes = frozenset({"image"})
    await shop.ask(with_files(attached(tmp_path, "file", "a.pdf")), attempts=1)
    assert [len(asked["files"]) for asked in shop.app.asked] == [1, 0]
    assert shop.app.asked[1]["query"].endswith(f'{UNSEEN}\n- file "a.pdf"')


async def test_a_file_may_be_all_that_is_asked(shop: Shop, tmp_path: Path) -> None:
    text, failed = await shop.ask(with_files(attached(tmp_path, "picture", "a.png"), text=""), attempts=1)
    assert (bool(text), failed) == (True, "")
