"""Spoiled frames over a real WebSocket into a running service: the connection survives, neighbours are answered, every
frame has its ack, and nothing crashes. The frames are of one drawing, and each has an id of its own, so that one that
does harm is named."""

import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from actors.core.question import Question
from actors.dingtalk.frames import read_frame
from actors.sandbox.rules import Rules
from tests.actors.conftest import Stage, connected, staged
from tests.actors.endings import ending
from tests.chaos import payloads
from tests.chaos.conftest import THOROUGH
from tests.dingtalk.gateway_script import frame

FRAMES = 2000 if THOROUGH else 500
AT_ONCE = 50
"""Frames that come in one go, between two neighbours' questions."""


NOT_STORED = {"message_not_stored", "press_not_stored"}


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    rules = Rules(first_ping=0.02, ping_interval=60.0, calls_per_second=0, redelivery_after=3600)
    settings = {"AGENT": "python:tests.actors.cast:scripted", "LOG_LEVEL": "DEBUG"}
    async with staged(tmp_path, rules, **settings) as stage:
        await connected(stage)
        yield stage


@dataclass(frozen=True)
class Sent:
    """A frame on the wire, and what its ack will name."""

    raw: bytes
    message_id: str | None


def _spoiled_frames(count: int) -> list[Sent]:
    """Frames that do not ask for the connection's end, and of those with an id each has its own."""
    sent = list(_with_a_field_gone())
    strategy = st.tuples(payloads.frames, st.integers(0, 5000))
    for number, (value, place) in enumerate(payloads.drawn(strategy, count)):
        variant = list(payloads.variants(payloads.spelled(_named(value, f"m{number}")), place))
        # Whole ones get deepest into the service, so half of all are.
        raw = variant[0 if number % 2 else number % payloads.CASES]
        if b'"disconnect"' not in raw:
            sent.append(Sent(raw, read_frame(raw).message_id or None))
    return sent


def _with_a_field_gone() -> Iterator[Sent]:
    for topic, data in ((payloads.MESSAGE_TOPIC, payloads.MESSAGES[0]), (payloads.CARD_TOPIC, payloads.CLICKS[0])):
        for gone in data:
            name = f"without {gone}"
            left = {key: value for key, value in data.items() if key != gone}
            yield Sent(payloads.spelled(_named(frame("CALLBACK", topic, "m", left), name)), name)


def _named(value: Any, name: str) -> Any:
    headers = value.get("headers") if isinstance(value, dict) else None
    if not isinstance(headers, dict) or headers.get("messageId") != "m":
        return value
    return value | {"headers": headers | {"messageId": name}} | _another_message(value.get("data"), name)


def _another_message(data: object, name: str) -> dict[str, Any]:
    """The data with a message id of its own, so that it is no repeat."""
    return {"data": data.replace("msgY****Pw==", f"msg{name}")} if isinstance(data, str) else {}


def _acks(stage: Stage) -> list[dict[str, Any]]:
    return [json.loads(str(stray["frame"])) for stray in stage.sandbox.stray_acks]


def _push(stage: Stage, raw: bytes) -> None:
    try:
        spelled: str | bytes = raw.decode()
    except UnicodeDecodeError:
        spelled = raw
    assert stage.sandbox.push_raw(stage.robot, spelled)


def _answered(stage: Stage, caplog: pytest.LogCaptureFixture) -> int:
    return len(stage.sandbox.stray_acks) + len(_not_stored(caplog))


def _not_stored(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What was refused because this machine was too busy to store it in time: for such a one there is no ack."""
    return [record for record in _errors(caplog) if vars(record).get("action") in NOT_STORED]


async def _failures(stage: Stage) -> list[float]:
    """How often an actor of each kind died in this process so far, in other tests too."""
    kinds = ("Supervisor", "Connection", "Conversation")
    return [await stage.metric(f'dingtalk_actor_failures_total{{actor="{kind}"}}') for kind in kinds]


def _errors(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.fixture
def frames() -> list[Sent]:
    """Drawn before there is a service in this process: hypothesis minds others that draw by chance meanwhile."""
    return _spoiled_frames(FRAMES)


async def test_no_frame_harms_the_connection_a_neighbour_or_the_service(
    frames: list[Sent], stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    before = await _failures(stage)
    for begin in range(0, len(frames), AT_ONCE):
        stage.sandbox.stray_acks.clear()
        batch = frames[begin : begin + AT_ONCE]
        neighbour = f"neighbour{begin}"
        for number, sent in enumerate(batch):
            _push(stage, sent.raw)
            if number == len(batch) // 2:
                await stage.ask("营业时间？", sender=neighbour)
        (card,) = await stage.finished(1, sender=neighbour, timeout=60.0)
        assert card.text == "您说：营业时间？"
        with suppress(TimeoutError):  # what is missing is named below
            await stage.sandbox.until(lambda batch=batch: _answered(stage, caplog) >= len(batch), 30.0)  # type: ignore[misc]
        acked = {ack["headers"].get("messageId") for ack in _acks(stage)}
        missing = [sent for sent in batch if sent.message_id and sent.message_id not in acked]
        assert len(missing) <= len(_not_stored(caplog)), missing
        assert _answered(stage, caplog) == len(batch)
        assert {ack["code"] for ack in _acks(stage)} <= {200, 400, 404}
        assert _errors(caplog) == _not_stored(caplog)
        caplog.clear()
    assert [connection.live for connection in stage.sandbox.connections] == [True]
    assert await _failures(stage) == before


ANSWERS = 200 if THOROUGH else 40


async def odd(question: Question) -> AsyncIterator[Any]:
    """An agent that yields what the numbers in its question stand for."""
    for number in question.text.split():
        yield payloads.EVENTS[int(number)]


async def test_whatever_an_agent_yields_its_card_ends_and_no_neighbour_suffers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    numbers = st.lists(st.integers(0, len(payloads.EVENTS) - 1), min_size=1, max_size=6)
    people = {f"p{number}": drawn for number, drawn in enumerate(payloads.drawn(numbers, ANSWERS))}
    async with staged(tmp_path, AGENT="python:tests.chaos.test_fuzz_edge:odd") as stage:
        await connected(stage)
        before = await _failures(stage)
        for person, drawn in people.items():
            await stage.ask(" ".join(map(str, drawn)), sender=person)
        for person, drawn in people.items():
            (card,) = await stage.finished(1, sender=person, timeout=60.0)
            assert ending(card) in {"answered", "failed"}, drawn
        assert _errors(caplog) == []
        assert await _failures(stage) == before
