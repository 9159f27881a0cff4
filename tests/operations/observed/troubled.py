"""A run in which everything goes wrong that can go wrong: two rounds of each trouble, among people who ask and rate.

A round does each thing once. There are two, some seconds apart, because a series that begins with its first event shows
an increase with its second. What is asked first takes over a minute to be answered, and ends the run.
"""

import asyncio
import itertools
import random
import signal
import time
from pathlib import Path

from actors.core import texts
from actors.sandbox.rules import Rules
from tests.actors.conftest import OWN, PUBLIC, STANDARD
from tests.operations.observed.cast import BLOCKED, FREE
from tests.operations.observed.house import House, beside, housed, is_over
from tests.operations.observed.prometheus import prometheus
from tests.operations.observed.runs import Run, settled

SHOP, DESK, NIGHT = "ding-shop", "ding-helpdesk", "ding-night"
BROKEN = "ding-broken"
SLOW = "late 11 61"
"""Later than any service level allows."""

CUSTOMERS = [f"customer{number}" for number in range(10)]
SETTINGS = {
    "STREAM_CONNECTIONS": "2",
    "STREAM_RETRY_INITIAL": "0.5",
    "STREAM_RETRY_MAX": "4",
    "STREAM_RETRY_JITTER": "0.2",
    "STREAM_RETRY_RESET_AFTER": "2",
    "STREAM_SILENCE_TIMEOUT": "4",
    "OPENAPI_RETRY_ATTEMPTS": "3",
    "OPENAPI_RETRY_INITIAL": "0.2",
    "OPENAPI_RETRY_JITTER": "0.1",
    "OPENAPI_TIMEOUT": "1.5",
    "OPENAPI_MONTHLY_QUOTA": "600",
    "AGENT_RETRY_ATTEMPTS": "2",
    "AGENT_RETRY_INITIAL": "0.2",
    "AGENT_RETRY_JITTER": "0",
    "CARD_MAX_UPDATES": "5",
    "CARD_MIN_INTERVAL": "0.2",
    "CONVERSATION_QUEUE": "1",
    "ATTACHMENT_MAX_BYTES": "10000",
    "ATTACHMENT_TIMEOUT": "2",
    "INBOX_MAX_ATTEMPTS": "2",
    "INBOX_MAX_AGE": "2",
    "SHUTDOWN_GRACE": "5",
}
IMPATIENT = {
    "AGENT_FIRST_TOKEN_TIMEOUT": "1",
    "AGENT_IDLE_TIMEOUT": "1",
    "AGENT_TIMEOUT": "3",
}


async def troubled(folder: Path, rules: list[Path]) -> Run:
    """Play it; the data stay in the folder."""
    robots = {SHOP: OWN, DESK: STANDARD | IMPATIENT, NIGHT: PUBLIC}
    broken = {BROKEN: {"clientId": BROKEN}}
    platform = Rules(first_ping=0.2, ping_interval=0.5, roll_grace=0.5)
    async with housed(folder, robots, broken, rules=platform) as house:
        with prometheus(folder, scrape=house.port, rules=rules) as watching:
            since = time.time()
            await _killed(house)
            with house.service(**SETTINGS) as service:
                await house.connected(2)
                house.ask(SHOP, "patient", SLOW)
                crowd = asyncio.create_task(_crowd(house))
                for number in (1, 2):
                    await _round(house, number)
                await house.finished(SHOP, "patient")
                crowd.cancel()
                at = await settled(house, watching)
                await beside(service.end)
                return Run(folder, since, at, {})


async def _killed(house: House) -> None:
    """A process dies with questions in hand; the next finds them too old."""
    with house.service(**SETTINGS) as service:
        await house.connected(2)
        for sender in ("early", "bird"):
            house.ask(SHOP, sender, "2x0.1 hang")
        await asyncio.gather(*(house.card(SHOP, sender) for sender in ("early", "bird")))
        await asyncio.sleep(2.0)
        await beside(lambda: service.end(signal.SIGKILL))
    await house.until(lambda: not any(house.sandbox.online(robot) for robot in house.robots))


async def _crowd(house: House) -> None:
    """People who ask, and rate what they are answered."""
    chance = random.Random(1)
    ratings = [rating for rating, weight in zip(texts.RATINGS, (5, 3, 1, 1), strict=True) for _ in range(weight)]
    for customer in itertools.cycle(CUSTOMERS):
        for card in house.cards(SHOP, customer)[-1:]:
            if is_over(card):
                house.rate(card, chance.choice(ratings), customer)
        house.ask(SHOP, customer, f"{chance.randint(3, 9)}x0.15")
        await asyncio.sleep(0.6)


async def _round(house: House, number: int) -> None:
    for trouble in (_agents, _messages, _presses, _files, _calls, _throttles, _connections, _loop):
        began = time.monotonic()
        await trouble(house, number)
        print(f"{trouble.__name__} {number}: {time.monotonic() - began:.1f} s")


async def _agents(house: House, number: int) -> None:
    """Agents that fail, say nothing, or break off."""
    asked = {"boom": SHOP, "once": SHOP, "broken": SHOP, "hang": DESK, "1x0.1 hang": DESK, "nothing": DESK, "hi": NIGHT}
    house.sandbox.revoke(NIGHT, "Card.Instance.Write")
    for text, robot in asked.items():
        house.ask(robot, f"{text} {number}", text)
    await asyncio.gather(
        *(house.finished(robot, f"{text} {number}") for text, robot in asked.items() if robot is not NIGHT)
    )


async def _messages(house: House, number: int) -> None:
    """What is repeated, not allowed, not understood, or too much."""
    once = house.ask(SHOP, f"repeater{number}", "一次")
    await house.finished(SHOP, f"repeater{number}")
    house.ask(SHOP, f"repeater{number}", "一次", message_id=once)
    house.ask(SHOP, f"unclear{number}", "", msgtype="somethingNew")
    house.sandbox.push_raw(SHOP, "no frame at all")
    queuer = f"queuer{number}"
    house.ask(SHOP, queuer, "2x0.2 hang")
    await house.card(SHOP, queuer)
    for text in ("排队", "排不上", "也排不上"):
        house.ask(SHOP, queuer, text)
    await house.card(SHOP, queuer, 2)
    house.ask(SHOP, queuer, "/new")
    await asyncio.gather(*(house.finished(SHOP, queuer, count) for count in (1, 2)))
    # A webhook that is over: the word comes by a call of its own.
    house.ask(SHOP, f"helped{number}", "/help", changes={"sessionWebhookExpiredTime": 1})
    house.ask(SHOP, f"helped{number}", "/help", group="群", changes={"sessionWebhookExpiredTime": 1})


async def _presses(house: House, number: int) -> None:
    """Each rating; presses that are repeated, foreign or of an unknown button; and a stop."""
    raters = {rating: f"{rating} {number}" for rating in texts.RATINGS}
    for person in raters.values():
        house.ask(SHOP, person, "1x0.1")
    for rating, person in raters.items():
        card = await house.finished(SHOP, person)
        house.rate(card, rating, person)
        house.rate(card, rating, person)
        house.rate(card, rating, "somebody else")
        house.sandbox.click(card.id, "no such button", person, {"action": "nonsense"})
    stopper = f"stopper{number}"
    house.ask(SHOP, stopper, "2x0.1 hang")
    card = await house.card(SHOP, stopper)
    await house.until(lambda: card.text)
    house.press(card, "停止", stopper)
    await house.finished(SHOP, stopper)


async def _files(house: House, number: int) -> None:
    """Files that arrive, are too large, or are not there."""
    house.attach(SHOP, f"reader{number}", b"a page")
    house.attach(SHOP, f"hoarder{number}", b"x" * 20_000)
    await asyncio.gather(*(house.finished(SHOP, f"{who}{number}") for who in ("reader", "hoarder")))
    house.sandbox.fail("download", status=400, code="invalidParameter.robotCode.downloadCode")
    house.attach(SHOP, f"late{number}", b"gone")
    await house.finished(SHOP, f"late{number}")
    house.sandbox.fail("file", hang=True, times=2)
    house.attach(SHOP, f"stuck{number}", b"stuck")


async def _calls(house: House, number: int) -> None:
    """Calls that fail for a while or for good, are not answered, or whose token is not taken."""
    sandbox = house.sandbox
    sandbox.expire_tokens()
    sandbox.fail("token", status=503, code="ServiceUnavailable")
    sandbox.fail("create", status=500, code="system.busy")
    sandbox.fail("create", reset=True, applied=True)
    sandbox.fail("streaming", status=503, code="ServiceUnavailable", times=2)
    sandbox.fail("streaming", hang=True)
    sandbox.fail("update", status=500, code="system.busy", times=2)
    sandbox.fail("streaming", status=400, code="param.stream.guidEmpty", match={"isFinalize": False}, after=3, times=2)
    sandbox.fail("streaming", status=400, code="param.stream.guidEmpty", match={"isFinalize": True}, times=2)
    people = [f"unlucky{number}{letter}" for letter in "abcdef"]
    for person in people:
        house.ask(SHOP, person, "12x0.15")
    await asyncio.gather(*(house.card(SHOP, person) for person in people))
    await house.until(lambda: all(spent(house, person) for person in people))
    sandbox.heal()
    house.ask(SHOP, f"talker{number}", "30x0.1")
    await house.finished(SHOP, f"talker{number}")


def spent(house: House, person: str) -> bool:
    """Whether a person's card does not spin any more, whatever came of it."""
    return all(card.state.name in {"FINISHED", "FAILED"} for card in house.cards(SHOP, person))


async def _throttles(house: House, number: int) -> None:
    """DingTalk takes fewer calls than it did."""
    house.sandbox.rules.calls_per_second = 3
    people = [f"pushed{number}{letter}" for letter in "abcdefgh"]
    for person in people:
        house.ask(SHOP, person, "8x0.15")
    await asyncio.sleep(2.5)
    house.sandbox.rules.calls_per_second = 20
    await house.until(lambda: all(spent(house, person) for person in people))


async def _connections(house: House, number: int) -> None:
    """Connections that roll, break, are closed, fall silent, and are refused."""
    sandbox = house.sandbox
    sandbox.roll(SHOP)
    sandbox.abort(DESK)
    await sandbox.close(NIGHT)
    await asyncio.sleep(1.0)
    await house.connected(2)
    sandbox.fail("open", status=401, code="authFailed", times=2)
    sandbox.fail("open", status=503, code="ServiceUnavailable", times=2)
    sandbox.fail("open", reset=True, times=2)
    sandbox.fail("connect", status=503, times=2)
    sandbox.abort(SHOP if number == 1 else DESK)
    await house.connected(2)
    sandbox.rules.ping_interval = 60.0
    await house.until(lambda: sandbox.online(NIGHT) == 0)
    sandbox.rules.ping_interval = 0.5
    await house.connected(2)


async def _loop(house: House, number: int) -> None:
    """An agent holds the loop up while messages and presses have been read and are not acked."""
    blocked, free = house.folder / BLOCKED, house.folder / FREE
    for file in (blocked, free):
        file.unlink(missing_ok=True)
    rated = [f"held up {number}{letter}" for letter in "abc"]
    for person in rated:
        house.ask(SHOP, person, "1x0.1")
    cards = {person: await house.finished(SHOP, person) for person in rated}
    house.ask(NIGHT, "blocker", "block")
    while not blocked.exists():  # noqa: ASYNC110 - a file tells no events
        await asyncio.sleep(0.02)
    for person, card in cards.items():
        house.ask(SHOP, person, "1x0.1")
        house.rate(card, "helpful", person)
    await asyncio.sleep(0.3)
    free.touch()
    await asyncio.gather(*(house.finished(SHOP, person, 2) for person in rated))
