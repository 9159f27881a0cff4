"""A run in which nothing goes wrong between the service and the platform: every figure can be counted on both sides.

After it, connections are reset once their calls were executed; what both sides then still agree on is the attempts.
"""

import asyncio
import time
from pathlib import Path

from actors.core import texts
from actors.sandbox.rules import Rules
from tests.actors.conftest import OWN
from tests.operations.observed import counted
from tests.operations.observed.house import CONNECTIONS, PEOPLE, House, beside, housed
from tests.operations.observed.prometheus import prometheus
from tests.operations.observed.runs import Run, settled

ROBOT = "ding-shop"
SETTINGS = {
    "CONVERSATION_QUEUE": "1",
    "CARD_MIN_INTERVAL": "0.1",
    "AGENT_RETRY_INITIAL": "0.1",
    "AGENT_RETRY_JITTER": "0",
    "OPENAPI_RETRY_INITIAL": "0.1",
    "OPENAPI_RETRY_JITTER": "0",
    "OPENAPI_MONTHLY_QUOTA": "100000",
}


async def clean(folder: Path, rules: list[Path]) -> Run:
    """Play it; the data stay in the folder."""
    async with housed(folder, {ROBOT: OWN}, rules=Rules(first_ping=0.2, ping_interval=0.5, roll_grace=0.5)) as house:
        with (
            prometheus(folder, house.port, rules=rules) as watching,
            house.service([ROBOT], **SETTINGS) as service,
        ):
            since = time.time()
            await house.connected(ROBOT)
            await beside(lambda: watching.wait_for("sum(dingtalk_stream_connected) == 2"))
            await _questions(house)
            await _words(house)
            await _presses(house)
            await _roll(house)
            house.sandbox.rules.ping_interval = 60.0  # so that nothing at all happens any more
            at = await settled(house, watching)
            marks = {"clean": (at, list(counted.everything(house.sandbox)))}
            marks["shown"] = (at, list(counted.shown(house.sandbox)))
            await _resets(house)
            at = await settled(house, watching)
            marks["resets"] = (at, [*counted.attempts(house.sandbox), *counted.turned(house.sandbox)])
            assert await beside(service.end) == 0
            return Run(folder, since, at, marks, watching.unwell())


async def _questions(house: House) -> None:
    """Answers, failures, and what is attached."""
    for person in PEOPLE[:6]:
        house.ask(ROBOT, person, "4x0.15")
    house.attach(ROBOT, PEOPLE[6], b"what is in it")
    await asyncio.gather(*(house.finished(ROBOT, person) for person in PEOPLE[:7]))
    house.ask(ROBOT, PEOPLE[0], "boom")
    house.ask(ROBOT, PEOPLE[1], "2x0.1 boom")
    house.ask(ROBOT, PEOPLE[2], "tool 2x0.2 back")
    await asyncio.gather(*(house.finished(ROBOT, person, 2) for person in PEOPLE[:3]))


async def _words(house: House) -> None:
    """Words, repeats, and what is not taken."""
    again, queuer = PEOPLE[3], PEOPLE[7]
    asked = house.ask(ROBOT, again, "再问一次")
    await house.finished(ROBOT, again, 2)
    house.ask(ROBOT, again, "再问一次", message_id=asked)
    house.ask(ROBOT, "stranger", "我能问吗")
    house.ask(ROBOT, PEOPLE[4], "", msgtype="somethingNew")
    house.ask(ROBOT, queuer, "hang")
    await house.card(ROBOT, queuer)
    house.ask(ROBOT, queuer, "排队")
    await house.card(ROBOT, queuer, 2)
    house.ask(ROBOT, queuer, "排不上")
    refused = {texts.DENIED, texts.UNREADABLE["unknown"], texts.QUEUE_FULL}
    await house.until(lambda: refused <= {message.text for message in house.sandbox.messages})
    house.ask(ROBOT, queuer, "/new")
    await asyncio.gather(*(house.finished(ROBOT, queuer, count) for count in (1, 2)))


async def _presses(house: House) -> None:
    """Each rating, one that is repeated and one that is changed; what is not the asker's; and a stop."""
    for rating, person in zip(texts.RATINGS, PEOPLE, strict=False):
        await _pressed(house, person, rating)
    await _pressed(house, PEOPLE[0], "very_helpful", marked=False)
    await _pressed(house, PEOPLE[0], "not_helpful")
    house.rate(house.cards(ROBOT, PEOPLE[0])[0], "helpful", PEOPLE[1])
    stopper = PEOPLE[8]
    house.ask(ROBOT, stopper, "2x0.1 hang")
    card = await house.card(ROBOT, stopper)
    await house.until(lambda: card.text)
    assert house.press(card, "停止", stopper)
    await house.finished(ROBOT, stopper)


async def _pressed(house: House, person: str, rating: str, *, marked: bool = True) -> None:
    """Rate somebody's first answer, and wait until everybody sees it."""
    card, before = house.cards(ROBOT, person)[0], len(house.sandbox.acks)
    assert house.rate(card, rating, person)
    await house.until(lambda: len(house.sandbox.acks) > before)
    if marked:
        await house.until(lambda: card.params.get("rating") == rating)


async def _roll(house: House) -> None:
    """The gateway ends the connections as it does every few hours."""
    house.sandbox.roll(ROBOT)
    await house.connected(ROBOT)
    await house.until(lambda: sum(each.closed_at is None for each in house.sandbox.connections) == CONNECTIONS)


async def _resets(house: House) -> None:
    """Connections are reset when the call has taken effect: first card, text, closing and a word."""
    sandbox = house.sandbox
    for api in ("create", "update", "webhook"):
        sandbox.fail(api, reset=True, applied=True, times=2)
    for final in (False, True):
        sandbox.fail("streaming", reset=True, applied=True, times=2, match={"isFinalize": final})
    askers = PEOPLE[9:12]
    for person in askers:
        house.ask(ROBOT, person, "5x0.1")
    await asyncio.gather(*(house.finished(ROBOT, person) for person in askers))
    helped = len([message for message in sandbox.messages if message.text == texts.HELP])
    house.ask(ROBOT, askers[0], "/help")
    # Said twice, since nobody can know that it was: a word is no card. The second time by the other way.
    await house.until(lambda: sum(message.text == texts.HELP for message in sandbox.messages) == helped + 2)
    sandbox.heal("webhook")
