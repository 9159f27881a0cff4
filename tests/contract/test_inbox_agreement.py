"""Whatever is asked of them, in whatever order, the adapters say the same as the one in memory, and no question is
lost, overtaken or held twice."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from actors.core.question import Question
from actors.errors import LeaseLost
from actors.inbox.port import Archive, Delivery, Feedback, Inbox, Outcome, Put, Word
from tests.contract.conftest import ARCHIVES, DURABLE, Ground, Grounds, open_memory, open_memory_archive
from tests.contract.stories import LEASE, LI, RETENTION, SHOP, WANG, Clock, question

CONVERSATIONS = st.sampled_from([LI, WANG])
NAMES = st.sampled_from([f"m{number}" for number in range(12)])
OUTCOMES = st.sampled_from(list(Outcome))
PASSING = st.sampled_from([0.5, LEASE - 1, LEASE, LEASE, 60.0, RETENTION])

Write = Callable[[Delivery], Awaitable[object]]
WRITES: st.SearchStrategy[Write] = st.sampled_from(
    [
        lambda delivery: delivery.touch(),
        lambda delivery: delivery.answered("明天到"),
        lambda delivery: delivery.answered("", Outcome.FAILED),
        lambda delivery: delivery.retry(0),
        lambda delivery: delivery.retry(LEASE),
    ]
)


@dataclass
class Attempt:
    """The same delivery of both inboxes."""

    one: Delivery
    other: Delivery


async def outcome_of(call: Awaitable[object]) -> object:
    """What a call said, its refusal included."""
    try:
        return await call
    except LeaseLost:
        return LeaseLost


def facts(delivery: Delivery | None) -> tuple[object, ...] | None:
    """All that a delivery tells."""
    if delivery is None:
        return None
    return (
        delivery.question,
        delivery.attempt,
        delivery.deaths,
        delivery.answer,
        delivery.outcome,
        delivery.cancelled,
        delivery.followed,
    )


async def everything(archive: Archive) -> object:
    """All that an archive shows."""
    return [stored async for stored in archive.questions()], [rating async for rating in archive.ratings()]


class Agreement(RuleBasedStateMachine):
    """Does everything to both inboxes."""

    adapter = ""
    new_ground: Callable[[], Ground]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = Clock()
        self.attempts: list[Attempt] = []
        self.open: dict[str, list[str]] = {LI: [], WANG: []}
        self.asked_in: dict[str, str] = {}

    @initialize()
    def open_both(self) -> None:
        ground = type(self).new_ground()
        self.one = self.runner.run(open_memory(ground, self.clock))
        self.other = self.runner.run(DURABLE[self.adapter](ground, self.clock))
        self.archives = [
            self.runner.run(open_memory_archive(self.one, ground, self.clock)),
            self.runner.run(ARCHIVES[self.adapter](self.other, ground, self.clock)),
        ]

    def both(self, call: Callable[[Inbox], Awaitable[object]]) -> object:
        said = [self.runner.run(outcome_of(call(inbox))) for inbox in (self.one, self.other)]
        assert said[0] == said[1]
        return said[0]

    def archived(self, call: Callable[[Archive], Awaitable[object]]) -> object:
        said = [self.runner.run(outcome_of(call(archive))) for archive in self.archives]
        assert said[0] == said[1]
        return said[0]

    def use(self, attempt: Attempt, call: Write) -> object:
        said = [self.runner.run(outcome_of(call(delivery))) for delivery in (attempt.one, attempt.other)]
        assert said[0] == said[1]
        return said[0]

    @rule(name=NAMES, conversation=CONVERSATIONS, limit=st.integers(0, 4))
    def put(self, name: str, conversation: str, limit: int) -> None:
        asked: Question = question(name, conversation=conversation, text=f"问题 {name}")
        if self.both(lambda inbox: inbox.put(asked, limit=limit)) is Put.NEW:
            self.open[conversation].append(name)
            self.asked_in[name] = conversation

    @rule(conversation=CONVERSATIONS)
    def take(self, conversation: str) -> None:
        one, other = (self.runner.run(inbox.take(conversation)) for inbox in (self.one, self.other))
        assert facts(one) == facts(other)
        if one is not None and other is not None:
            assert one.question.message_id == self.open[conversation][0], "a question was overtaken or lost"
            assert self.runner.run(self.other.take(conversation)) is None, "two are in flight"
            self.attempts.append(Attempt(one, other))

    @rule(data=st.data(), outcome=OUTCOMES)
    def done(self, data: st.DataObject, outcome: Outcome) -> None:
        attempt = self.any_attempt(data)
        if attempt and self.use(attempt, lambda delivery: delivery.done(outcome)) is None:
            closed = attempt.one.question
            assert self.open[closed.conversation].pop(0) == closed.message_id, "a closed question was closed again"

    @rule(data=st.data(), write=WRITES)
    def write(self, data: st.DataObject, write: Write) -> None:
        if attempt := self.any_attempt(data):
            self.use(attempt, write)

    @rule(conversation=CONVERSATIONS, name=NAMES, person=st.sampled_from(["staff-li", "staff-wang"]), new=st.booleans())
    def word(self, conversation: str, name: str, person: str, new: bool) -> None:
        word = Word(SHOP, f"word-{name}", conversation, conversation, person)
        self.both(lambda inbox: inbox.start_over(word) if new else inbox.stop(word))

    @rule(name=NAMES, person=st.sampled_from(["staff-li", "staff-wang"]), rating=st.sampled_from(["helpful", "poor"]))
    def rate(self, name: str, person: str, rating: str) -> None:
        self.both(lambda inbox: inbox.feedback(Feedback(SHOP, name, person, rating)))

    @rule(name=NAMES)
    def cancel(self, name: str) -> None:
        self.both(lambda inbox: inbox.cancel(SHOP, name))

    @rule(name=NAMES)
    def replay(self, name: str) -> None:
        if self.archived(lambda archive: archive.replay(SHOP, name)):
            self.open[self.asked_in[name]].append(name)

    @rule(unfinished=st.booleans(), robot=st.sampled_from(["", SHOP, "ding-bank"]))
    def forget(self, unfinished: bool, robot: str) -> None:
        self.archived(lambda archive: archive.forget("staff-li", robot, unfinished=unfinished))
        if unfinished and robot != "ding-bank":
            self.open = {LI: [], WANG: []}

    @rule(conversation=CONVERSATIONS)
    def abandon(self, conversation: str) -> None:
        self.both(lambda inbox: inbox.abandon(conversation))

    @rule(seconds=PASSING)
    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.both(lambda inbox: inbox.sweep())

    @invariant()
    def they_say_the_same(self) -> None:
        self.both(lambda inbox: inbox.backlog())
        self.both(lambda inbox: inbox.waiting(LI))
        self.both(lambda inbox: inbox.recall(LI, 2))
        self.both(lambda inbox: inbox.record(SHOP, "m1"))
        self.archived(everything)
        self.archived(lambda archive: archive.belongings("staff-li"))
        pending = self.both(lambda inbox: inbox.pending())
        assert pending == ({"ding-shop": total} if (total := sum(map(len, self.open.values()))) else {})

    def any_attempt(self, data: st.DataObject) -> Attempt | None:
        """One of the last attempts, over or not."""
        return data.draw(st.sampled_from(self.attempts[-4:])) if self.attempts else None

    def teardown(self) -> None:
        """Every question that was taken in comes out in the end, in order."""
        try:
            self.clock.advance(RETENTION)
            for conversation, names in self.open.items():
                for name in names:
                    delivery = self.runner.run(self.other.take(conversation))
                    assert delivery is not None
                    assert delivery.question.message_id == name
                    self.runner.run(delivery.done(Outcome.ANSWERED))
        finally:
            self.runner.run(self.archives[1].close())
            self.runner.run(self.other.close())
            self.runner.close()


@pytest.mark.parametrize("adapter", DURABLE)
def test_the_adapters_agree(adapter: str, grounds: Grounds) -> None:
    new_ground = staticmethod(partial(grounds, adapter))
    machine = type("Agreement", (Agreement,), {"adapter": adapter, "new_ground": new_ground})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=40,
            stateful_step_count=40,
            deadline=None,
            phases=(Phase.reuse, Phase.generate),  # making a failure smaller takes minutes where every step is a commit
            suppress_health_check=list(HealthCheck),
        ),
    )
