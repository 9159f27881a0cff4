"""An operator's commands beside a running service: real processes on one inbox file."""

import asyncio
import csv
import io
import json
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from actors.core import texts
from actors.inbox.sqlite_archive import SqliteArchive
from tests.chaos.conftest import Place, Running, placed


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with placed(tmp_path) as place:
        yield place


@dataclass
class Told:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


async def command(place: Place, *words: str, **settings: str) -> Told:
    """Give a command, in a process of its own."""
    process = await place.command(*words, **settings)
    code = await process.ended()
    return Told(code, "".join(process.output), "".join(process.errors))


async def ended(service: Running, count: int) -> list[str]:
    """How the service's turns came out, once there are so many."""
    outcomes: list[str] = []
    async with asyncio.timeout(60):
        while len(outcomes) < count:
            await asyncio.sleep(0.02)
            lines = [json.loads(line) for line in service.output]
            outcomes = [line["outcome"] for line in lines if line.get("action") == "turn_ended"]
    return outcomes


async def cancelled(place: Place, message_id: str) -> None:
    """Wait until a question is cancelled."""
    archive = await SqliteArchive.open(place.folder / "inbox.db")
    async with asyncio.timeout(60):
        while not [True async for stored in archive.questions(message_id=message_id) if stored.cancelled]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await archive.close()


async def test_questions_and_ratings_are_read_beside_the_service(place: Place) -> None:
    service = await place.serve()
    name = place.ask("你好")
    (card,) = await place.all_closed(1)
    await ended(service, 1)
    place.sandbox.click(card.id, card.buttons()[0]["id"], "zhang")
    await place.sandbox.until(lambda: len(place.sandbox.acks) == 2)
    listed = await command(place, "questions")
    assert (listed.code, name in listed.out, "answered" in listed.out) == (0, True, True)
    told = await command(place, "feedback", "--csv")
    _, record = csv.reader(io.StringIO(told.out, newline=""))
    assert record[1:4] + record[5:] == [place.robot, name, "zhang", "very_helpful", "helpful", "你好", "您说：你好"]


async def test_a_replayed_question_is_taken_up_by_the_running_service(place: Place) -> None:
    service = await place.serve(AGENT_RETRY_ATTEMPTS="1")
    name = place.ask("boom")
    assert await ended(service, 1) == ["failed"]
    assert (await command(place, "questions", "replay", name)).code == 0
    assert await ended(service, 2) == ["failed", "failed"]
    shown = await command(place, "questions", "show", name)
    assert "attempts    2 (deaths: 0, replays: 1)" in shown.out


async def test_the_answer_to_a_replayed_question_stands_on_a_card_of_its_own_and_may_be_rated(place: Place) -> None:
    service = await place.serve(AGENT_RETRY_ATTEMPTS="1", AGENT_FIRST_TOKEN_TIMEOUT="0.2")
    name = place.ask("hang")
    assert await ended(service, 1) == ["failed"]
    service.kill(signal.SIGTERM)
    await service.ended()
    second = await place.serve(AGENT="python:tests.actors.cast:other")
    assert (await command(place, "questions", "replay", name)).code == 0
    assert await ended(second, 1) == ["answered"]
    apology, answer = await place.all_closed(2)
    assert (apology.text, answer.text) == (texts.AGENT_FAILED, "另一个回答")
    place.sandbox.click(answer.id, answer.buttons()[0]["id"], "zhang")
    await place.sandbox.until(lambda: len(place.sandbox.acks) == 2)
    assert "very_helpful" in (await command(place, "feedback")).out


async def test_a_question_that_expired_is_replayed_by_the_next_service(place: Place) -> None:
    first = await place.serve(SHUTDOWN_GRACE="0.1")
    name = place.ask("30x0.1")
    await place.card()
    first.kill(signal.SIGTERM)
    await first.ended()
    second = await place.serve(INBOX_MAX_AGE="0.05")
    assert await ended(second, 1) == ["expired"]
    second.kill(signal.SIGTERM)
    await second.ended()
    assert (await command(place, "questions", "replay", name)).code == 0
    third = await place.serve()
    assert await ended(third, 1) == ["answered"]


async def test_a_person_is_forgotten_beside_the_service(place: Place) -> None:
    service = await place.serve()
    place.ask("身份证三三零一")
    await place.all_closed(1)
    await ended(service, 1)
    told = await command(place, "forget", "zhang", "--yes")
    assert (told.code, told.out.splitlines()[0]) == (
        0,
        "deleted: questions with their answers: 1, turns of memories: 1, sessions: 0, ratings: 0",
    )
    assert "The inbox is in use" in told.out


async def test_whoever_is_being_answered_is_forgotten_once_the_service_has_closed_the_question(place: Place) -> None:
    place.sandbox.fail("streaming", hang=True, times=None, match={"isFinalize": True})
    service = await place.serve(OPENAPI_TIMEOUT="0.5", OPENAPI_RETRY_ATTEMPTS="1000", OPENAPI_RETRY_MAX="0.5")
    name = place.ask("3x0.01")
    await place.sandbox.until(lambda: any(call.body.get("isFinalize") for call in place.sandbox.calls), 30.0)
    forget = await place.command("forget", "zhang", "--yes", "--wait", "60")
    await cancelled(place, name)
    place.sandbox.heal()
    assert await forget.ended() == 0
    assert (
        forget.output[0] == "deleted: questions with their answers: 1, turns of memories: 0, sessions: 0, ratings: 0\n"
    )
    assert await ended(service, 1) == ["answered"]


async def test_an_answer_under_way_is_stopped_for_somebody_who_is_forgotten(place: Place) -> None:
    service = await place.serve(INBOX_LEASE="1")
    place.ask("2x0.01 hang")
    await place.card(calls=2)
    told = await command(place, "forget", "zhang", "--yes", "--wait", "60")
    assert (told.code, told.out.startswith("deleted: questions with their answers: 1,")) == (0, True)
    assert await ended(service, 1) == ["stopped"]
    await place.all_closed(1)


async def test_the_service_goes_on_after_it_forgot_somebody_whom_it_was_answering(place: Place) -> None:
    service = await place.serve(INBOX_LEASE="1")
    place.ask("2x0.01 hang")
    await place.card(calls=2)
    assert (await command(place, "forget", "zhang", "--yes", "--now")).code == 0
    assert await ended(service, 1) == ["lost"]
    place.ask("你好")
    assert await ended(service, 2) == ["lost", "answered"]
    assert service.errors == []


async def test_nothing_of_a_person_stays_in_the_files_once_the_service_has_started_anew(place: Place) -> None:
    service = await place.serve()
    place.ask("身份证三三零一", sender="zhang")
    place.ask("多久发货", sender="wang")
    await ended(service, 2)
    await command(place, "forget", "zhang", "--yes")
    service.kill(signal.SIGTERM)
    await service.ended()
    second = await place.serve()
    second.kill(signal.SIGTERM)
    await second.ended()
    left = b"".join(file.read_bytes() for file in place.folder.glob("inbox.db*"))
    assert [word for word in ("身份证", "zhang", "多久发货") if word.encode() in left] == ["多久发货"]


async def test_wrong_settings_are_named_as_for_the_service(place: Place) -> None:
    told = await command(place, "questions", OPENAPI_QPS="many")
    assert (told.code, told.err.startswith("OPENAPI_QPS=")) == (2, True)


async def test_help_is_no_fault(place: Place) -> None:
    told = await command(place, "forget", "--help")
    assert (told.code, told.err, told.out.startswith("usage: python -m actors forget")) == (0, "", True)
