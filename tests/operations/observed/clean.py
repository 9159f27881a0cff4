"""A run in which nothing goes wrong between the service and the platform: every figure can be counted on both sides.

After it, connections are reset once their calls were executed; what both sides then still agree on is the attempts.
"""

import asyncio
import itertools
import time
from pathlib import Path

from actors.core import texts
from actors.sandbox.rules import Rules
from tests.actors.conftest import OWN
from tests.operations.observed import counted
from tests.operations.observed.house import House, beside, housed
from tests.operations.observed.prometheus import Prometheus, prometheus
from tests.operations.observed.runs import Run, settled

ROBOT = "ding-shop"
PEOPLE = [f"person{number}" for number in range(6)]
SETTINGS = {
    "STREAM_CONNECTIONS": "2",
    "CONVERSATION_QUEUE": "1",
    "CARD_MIN_INTERVAL": "0.1",
    "AGENT_RETRY_INITIAL": "0.1",
    "AGENT_RETRY_JITTER": "0",
    "OPENAPI_RETRY_INITIAL": "0.1",
    "OPENAPI_RETRY_JITTER": "0",
    "OPENAPI_MONTHLY_QUOTA": "100000",
    "ALLOWED_SENDERS": ",".join([*PEOPLE, "stopper", "queuer", "reader"]),
}


async def clean(folder: Path, rules: list[Path]) -> Run:
    """Play it; the data stay in the folder."""
    async with housed(folder, {ROBOT: OWN}, rules=Rules(first_ping=0.2, ping_interval=0.5, roll_grace=0.5)) as house:
        with prometheus(folder, scrape=house.port, rules=rules) as watching, house.service(**SETTINGS) as service:
            since = time.time()
            await house.connected(2)
            await beside(lambda: watching.wait_for("sum(dingtalk_stream_connected) == 2"))
            await _questions(house)
            await _words(house)
            await _presses(house)
            await _roll(house)
            at = await settled(house, watching)
            marks = {"clean": (at, list(counted.everything(house.sandbox)))}
            await _resets(house)
            at = await settled(house, watching)
            marks["resets"] = (at, [*counted.attempts(house.sandbox), *counted.turned(house.sandbox)])
            assert await beside(service.end) == 0
            return Run(folder, since, at, marks)


async def _questions(house: House) -> None:
    """Answers, failures, and what is attached."""
    for person in PEOPLE:
        house.ask(ROBOT, person, "4x0.15")
    house.attach(ROBOT, "reader", b"what is in it")
    await asyncio.gather(*(house.finished(ROBOT, person) for person in [*PEOPLE, "reader"]))
    house.ask(ROBOT, PEOPLE[0], "boom")
    house.ask(ROBOT, PEOPLE[1], "2x0.1 boom")
    house.ask(ROBOT, PEOPLE[2], "tool 2x0.2 back")
    await asyncio.gather(*(house.finished(ROBOT, person, 2) for person in PEOPLE[:3]))


async def _words(house: House) -> None:
    """Words, repeats, and what is not taken."""
    asked = house.ask(ROBOT, PEOPLE[3], "再问一次")
    await house.finished(ROBOT, PEOPLE[3], 2)
    house.ask(ROBOT, PEOPLE[3], "再问一次", message_id=asked)
    house.ask(ROBOT, "stranger", "我能问吗")
    house.ask(ROBOT, PEOPLE[4], "", msgtype="somethingNew")
    house.ask(ROBOT, "queuer", "hang")
    await house.card(ROBOT, "queuer")
    house.ask(ROBOT, "queuer", "排队")
    await house.card(ROBOT, "queuer", 2)
    house.ask(ROBOT, "queuer", "排不上")
    refused = {texts.DENIED, texts.UNREADABLE["unknown"], texts.QUEUE_FULL}
    await house.until(lambda: refused <= {message.text for message in house.sandbox.messages})
    house.ask(ROBOT, "queuer", "/new")
    await asyncio.gather(*(house.finished(ROBOT, "queuer", count) for count in (1, 2)))


async def _presses(house: House) -> None:
    """Each rating, one that is repeated and one that is changed; what is not the asker's; and a stop."""
    for rating, person in zip(itertools.cycle(texts.RATINGS), PEOPLE, strict=False):
        await _pressed(house, person, rating)
    await _pressed(house, PEOPLE[0], "very_helpful", marked=False)
    await _pressed(house, PEOPLE[0], "not_helpful")
    house.rate(house.cards(ROBOT, PEOPLE[0])[0], "helpful", PEOPLE[1])
    house.ask(ROBOT, "stopper", "2x0.1 hang")
    card = await house.card(ROBOT, "stopper")
    await house.until(lambda: card.text)
    assert house.press(card, "停止", "stopper")
    await house.finished(ROBOT, "stopper")


async def _pressed(house: House, person: str, rating: str, *, marked: bool = True) -> None:
    """Rate somebody's first answer, and wait until everybody sees it."""
    card, before = house.cards(ROBOT, person)[0], len(house.sandbox.acks)
    assert house.rate(card, rating, person)
    await house.until(lambda: len(house.sandbox.acks) > before)
    if marked:
        await house.until(lambda: card.params.get("rating") == rating)


async def _roll(house: House) -> None:
    house.sandbox.roll(ROBOT)
    await house.connected(2)
    await house.until(lambda: sum(connection.closed_at is None for connection in house.sandbox.connections) == 2)


async def _resets(house: House) -> None:
    """Connections are reset when the call has taken effect: first card, text, closing and a word."""
    for api, match in (
        ("create", {}),
        ("streaming", {"isFinalize": False}),
        ("streaming", {"isFinalize": True}),
        ("update", {}),
        ("webhook", {}),
    ):
        house.sandbox.fail(api, reset=True, applied=True, match=match, times=2)
    for number in range(3):
        house.ask(ROBOT, f"{PEOPLE[number]}", "5x0.1")
    counts = (3, 3, 3)
    await asyncio.gather(
        *(house.finished(ROBOT, person, count) for person, count in zip(PEOPLE, counts, strict=False))
    )
    house.ask(ROBOT, PEOPLE[5], "/help")
    await house.until(lambda: sum(call.api == "webhook" and call.status == 200 for call in house.sandbox.calls) >= 4)
