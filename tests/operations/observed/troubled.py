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
from typing import Any

from actors.core import texts
from actors.sandbox.records import Connection
from actors.sandbox.rules import Rules
from tests.actors.conftest import OWN, PUBLIC, STANDARD
from tests.actors.endings import spins
from tests.operations.observed.cast import BLOCKED, FREE
from tests.operations.observed.house import SECRET, House, beside, housed, is_over
from tests.operations.observed.programs import free_port
from tests.operations.observed.prometheus import Prometheus, prometheus
from tests.operations.observed.replica import alive
from tests.operations.observed.runs import Run, settled

SHOP, DESK, NIGHT, SLOW, GONE = "ding-shop", "ding-helpdesk", "ding-night", "ding-slow", "ding-gone"
SERVED = (SHOP, DESK, NIGHT, SLOW)
BROKEN: dict[str, Any] = {
    "ding-broken": {"clientId": "ding-broken"},
    "unreadable": "{",
    "ding-agentless": {"clientId": "ding-agentless", "clientSecret": SECRET, "agent": "python:nowhere:nothing"},
}
"""Robots that cannot be served, each for a reason of its own."""
LATE = "late 11 61"
"""Later than any service level allows."""
STUCK = "stuck.txt"
DEATHS = 3

SETTINGS = {
    "STREAM_RETRY_INITIAL": "0.5",
    "STREAM_RETRY_MAX": "4",
    "STREAM_RETRY_JITTER": "0.2",
    "STREAM_RETRY_RESET_AFTER": "2",
    "STREAM_SILENCE_TIMEOUT": "4",
    "OPENAPI_RETRY_ATTEMPTS": "3",
    "OPENAPI_RETRY_INITIAL": "0.2",
    "OPENAPI_RETRY_JITTER": "0.1",
    "OPENAPI_TIMEOUT": "1.5",
    "OPENAPI_MONTHLY_QUOTA": "1000",
    "AGENT_RETRY_ATTEMPTS": "2",
    "AGENT_RETRY_INITIAL": "0.2",
    "AGENT_RETRY_JITTER": "0",
    "CARD_MAX_UPDATES": "5",
    "CARD_MIN_INTERVAL": "0.2",
    "CONVERSATION_QUEUE": "1",
    "ATTACHMENT_MAX_BYTES": "10000",
    "ATTACHMENT_TIMEOUT": "2",
    "INBOX_MAX_ATTEMPTS": "2",
    "INBOX_MAX_AGE": "5",
    "SHUTDOWN_GRACE": "5",
}
BEFORE = SETTINGS | {"STREAM_RETRY_INITIAL": "1", "INBOX_MAX_AGE": "900"}
"""What the processes had that were killed: another retry policy."""

IMPATIENT = {
    "AGENT_FIRST_TOKEN_TIMEOUT": "1",
    "AGENT_IDLE_TIMEOUT": "1",
    "AGENT_TIMEOUT": "3",
}


async def troubled(folder: Path, rules: list[Path]) -> Run:
    """Play it; the data stay in the folder."""
    robots = {SHOP: OWN, DESK: STANDARD | IMPATIENT, NIGHT: PUBLIC, SLOW: OWN, GONE: OWN}
    platform = Rules(first_ping=0.2, ping_interval=0.5, roll_grace=0.5)
    async with housed(folder, robots, BROKEN, rules=platform) as house:
        other = free_port()
        with prometheus(folder, house.port, other, rules=rules) as watching:
            since = time.time()
            for _ in range(DEATHS):
                await _killed(house, watching)
            with house.service(SERVED, **SETTINGS) as service:
                await house.connected(*SERVED)
                house.spoil(SLOW, SERVED)
                patient = await _asked(house, *[LATE] * 12, robot=SLOW)
                crowd = asyncio.create_task(_crowd(house))
                await beside(lambda: _a_replica_dies(other, watching))
                for _ in range(2):
                    await _round(house)
                await _answered(house, patient, SLOW)
                crowd.cancel()
                at = await settled(house, watching)
                await beside(service.end)
                return Run(folder, since, at, {}, watching.unwell())


async def _killed(house: House, watching: Prometheus) -> None:
    """A process whose answers nobody likes dies with questions in hand; the next finds them too old."""
    with house.service(tuple(house.robots), **BEFORE) as service:
        await house.connected(*house.robots)
        await _seen(watching)
        await _asked(house, "2x0.1 hang", "2x0.1 hang")
        for person in await _asked(house, *["1x0.1"] * 5, robot=GONE):
            house.rate(await house.finished(GONE, person), "not_helpful", person)
        await _seen(watching)
        await beside(lambda: service.end(signal.SIGKILL))
    await house.until(lambda: not any(map(house.sandbox.online, house.robots)))
    await beside(lambda: watching.wait_for("absent(dingtalk_build_info)"))


def _a_replica_dies(port: int, watching: Prometheus) -> None:
    """Another process of the job serves for a moment."""
    with alive(port):
        watching.wait_for("count(dingtalk_build_info) == 2")
    watching.wait_for("up == 0 and on (instance) last_over_time(dingtalk_build_info[1m])")


async def _seen(watching: Prometheus) -> None:
    """Wait for a scrape that begins now or later."""
    now = time.time()
    await beside(lambda: watching.wait_for(f"timestamp(dingtalk_build_info) > {now}"))


async def _crowd(house: House) -> None:
    """People who ask, and rate what they are answered."""
    chance = random.Random(1)
    ratings = [rating for rating, weight in zip(texts.RATINGS, (5, 3, 1, 1), strict=True) for _ in range(weight)]
    for customer in itertools.cycle([house.somebody() for _ in range(10)]):
        for card in house.cards(SHOP, customer)[-1:]:
            if is_over(card):
                house.rate(card, chance.choice(ratings), customer)
        house.ask(SHOP, customer, f"{chance.randint(3, 9)}x0.15")
        await asyncio.sleep(0.6)


async def _asked(house: House, *texts: str, robot: str = SHOP) -> list[str]:
    """Somebody else asks each of these, and gets a card; who they are."""
    people = {house.somebody(): text for text in texts}
    for person, text in people.items():
        house.ask(robot, person, text)
    await asyncio.gather(*(house.card(robot, person) for person in people))
    return list(people)


async def _answered(house: House, people: list[str], robot: str = SHOP) -> None:
    """Wait until nobody's card spins any more, whatever came of it."""
    cards = [card for person in people for card in house.cards(robot, person)]
    await house.until(lambda: not any(map(spins, cards)))


async def _round(house: House) -> None:
    for trouble in (_agents, _messages, _presses, _files, _calls, _throttles, _connections, _loop):
        await trouble(house)


async def _agents(house: House) -> None:
    """Agents that fail, say nothing, or break off; and cards that are not permitted."""
    house.sandbox.revoke(NIGHT, "Card.Instance.Write")
    house.ask(NIGHT, house.somebody(), "hi")
    impatient = await _asked(house, "hang", "1x0.1 hang", "nothing", "6x0.6", robot=DESK)
    failing = await _asked(house, "boom", "once", "broken", "2x0.1 boom")
    await _answered(house, failing)
    await _answered(house, impatient, DESK)


async def _messages(house: House) -> None:
    """What is repeated, not allowed, not understood, too late, too long in line, or too much."""
    (repeater,) = await _asked(house, "一次")
    await _answered(house, [repeater])
    house.ask(SHOP, repeater, "一次", message_id=house.sandbox.said[-1].id)
    house.ask(SHOP, "stranger", "我能问吗")
    house.ask(SHOP, house.somebody(), "昨天的问题", changes={"createAt": int((time.time() - 86400) * 1000)})
    for text in ("late 6 6.5", "等不到"):
        house.ask(SHOP, repeater, text)
    house.ask(SHOP, house.somebody(), "", msgtype="somethingNew")
    for frame in ("no frame at all", '{"type": "EVENT", "headers": {"messageId": "event"}, "data": "{}"}'):
        house.sandbox.push_raw(SHOP, frame)
    (queuer,) = await _asked(house, "2x0.2 hang")
    for robot, many in ((NIGHT, 15), (SHOP, 3)):
        for number in range(many):
            house.ask(robot, queuer, f"hang {number}")
    await house.card(SHOP, queuer, 2)
    for robot in (NIGHT, SHOP):
        house.ask(robot, queuer, "/new")
    await _answered(house, [queuer])
    # A webhook that is over: the word comes by a call of its own.
    for group in (None, "群"):
        house.ask(SHOP, house.somebody(), "/help", group=group, changes={"sessionWebhookExpiredTime": 1})


async def _presses(house: House) -> None:
    """Each rating; presses that are repeated, foreign or of an unknown button; and a stop."""
    raters = await _asked(house, *["1x0.1"] * len(texts.RATINGS))
    await asyncio.gather(*(house.finished(SHOP, person) for person in raters))
    for rating, person in zip(texts.RATINGS, raters, strict=True):
        (card,) = house.cards(SHOP, person)
        house.rate(card, rating, person)
        house.rate(card, rating, person)
        house.rate(card, rating, "somebody else")
        house.sandbox.click(card.id, "no such button", person, {"action": "nonsense"})
    (stopper,) = await _asked(house, "2x0.1 hang")
    (card,) = house.cards(SHOP, stopper)
    await house.until(lambda: card.text)
    house.press(card, "停止", stopper)
    await house.finished(SHOP, stopper)


async def _files(house: House) -> None:
    """Files that arrive, are too large, are not there, or do not come to their end."""
    fetched, large, refused, stuck = (house.somebody() for _ in range(4))
    house.sandbox.fail("file", hang=True, match={"name": STUCK}, times=None)
    house.attach(SHOP, stuck, b"stuck", STUCK)
    house.attach(SHOP, fetched, b"a page")
    house.attach(SHOP, large, b"x" * 20_000)
    await asyncio.gather(*(house.finished(SHOP, person) for person in (fetched, large)))
    house.sandbox.fail("download", status=400, code="invalidParameter.robotCode.downloadCode")
    house.attach(SHOP, refused, b"gone")
    await house.finished(SHOP, refused)
    house.sandbox.fail("download", status=503, code="ServiceUnavailable", times=6)
    house.attach(SHOP, house.somebody(), b"never")


async def _calls(house: House) -> None:
    """Calls that fail for a while or for good, are not answered, or whose token is not taken."""
    sandbox = house.sandbox
    sandbox.expire_tokens()
    sandbox.fail("token", status=503, code="ServiceUnavailable")
    sandbox.fail("create", status=500, code="system.busy")
    sandbox.fail("create", reset=True, applied=True)
    sandbox.fail("update", status=500, code="system.busy", times=2)
    sandbox.fail("streaming", hang=True)
    sandbox.fail("streaming", status=503, code="ServiceUnavailable", times=2)
    for final, times in ((False, 2), (True, 4)):
        sandbox.fail("streaming", status=400, code="param.stream.guidEmpty", match={"isFinalize": final}, times=times)
    await _answered(house, await _asked(house, *["9x0.15"] * 6))
    for api in ("token", "create", "update", "streaming"):
        sandbox.heal(api)
    await _answered(house, await _asked(house, "20x0.1"))
    await _unfinished(house)


async def _unfinished(house: House) -> None:
    """Cards that come into being and cannot be changed any more."""
    house.sandbox.fail("standard_update", status=400, code="invalidParameter", times=None)
    people = await _asked(house, *["1x0.1"] * 4, robot=DESK)
    chats = {house.sandbox.chat_id(DESK, person) for person in people}
    await house.until(lambda: chats <= {message.chat for message in house.sandbox.messages})
    house.sandbox.heal("standard_update")


async def _throttles(house: House) -> None:
    """DingTalk takes fewer calls than it did."""
    house.sandbox.rules.calls_per_second = 3
    people = [house.somebody() for _ in range(12)]
    for person in people:
        house.ask(SHOP, person, "8x0.15")
    await asyncio.sleep(2.5)
    house.sandbox.rules.calls_per_second = 20
    await _answered(house, people)


async def _connections(house: House) -> None:
    """Connections that roll, break, are closed, fall silent, and are refused."""
    sandbox = house.sandbox
    sandbox.roll(SHOP)
    sandbox.abort(DESK)
    await sandbox.close(NIGHT)
    await asyncio.sleep(1.0)
    await house.connected(*SERVED)
    sandbox.fail("open", status=401, code="authFailed", times=2)
    sandbox.fail("open", status=503, code="ServiceUnavailable", times=2)
    sandbox.fail("open", reset=True, times=2)
    sandbox.fail("connect", status=503, times=2)
    sandbox.abort(DESK)
    await house.connected(*SERVED)
    await _silence(house)


async def _silence(house: House) -> None:
    """The gateway says nothing any more, until every connection of a robot that nobody writes to was given up."""
    quiet = [connection for connection in house.sandbox.connections if connection.robot == NIGHT and connection.live]
    # Before it has seen two pings the service does not know how long silence is usual.
    await house.until(lambda: all(_pinged(house, connection) > 2 for connection in quiet))
    house.sandbox.rules.ping_interval = 60.0
    await house.until(lambda: all(connection.closed_at for connection in quiet))
    house.sandbox.rules.ping_interval = 0.5
    await house.connected(*SERVED)


def _pinged(house: House, connection: Connection) -> int:
    return sum(ping.acked and ping.connection == connection.id for ping in house.sandbox.pings)


async def _loop(house: House) -> None:
    """An agent holds the loop up while messages and presses have been read and are not acked."""
    blocked, free = house.folder / BLOCKED, house.folder / FREE
    for file in (blocked, free):
        file.unlink(missing_ok=True)
    people = await _asked(house, *["1x0.1"] * 3)
    await asyncio.gather(*(house.finished(SHOP, person) for person in people))
    before = len(house.sandbox.messages)
    house.ask(NIGHT, house.somebody(), "block")
    while not blocked.exists():  # noqa: ASYNC110 - a file tells no events
        await asyncio.sleep(0.02)
    for person in people:
        house.ask(SHOP, person, "1x0.1")
        house.ask(SLOW, person, "1x0.1")
        house.rate(house.cards(SHOP, person)[0], "helpful", person)
    await asyncio.sleep(0.3)
    free.touch()
    await house.until(lambda: any(said.robot == NIGHT for said in house.sandbox.messages[before:]))
