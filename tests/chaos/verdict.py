"""What must hold when a mixture is over: every accepted question has one end that people see, in order, and what was
taken back before its turn is not answered."""

import asyncio
from functools import partial
from itertools import count, pairwise
from typing import Any

from actors.core import texts
from actors.core.card import card_id
from actors.inbox.port import Feedback, Outcome, Record
from actors.sandbox.records import CardState
from tests.actors.conftest import Stage
from tests.actors.endings import ending
from tests.chaos.mixture import Person, Run

ASIDE = frozenset({texts.NEW_SESSION, texts.NOTHING_TO_STOP, texts.QUEUE_FULL})
"""What is said beside the answers."""


class Ledger:
    """Looks over an inbox's shoulder, which does things in the order in which it is asked: `never` are the questions
    that were taken back before anybody took them."""

    def __init__(self, inbox: Any) -> None:
        self.never: set[str] = set()
        self._numbers = count()
        self._taken: dict[str, int] = {}
        inbox.take = partial(self._take, inbox.take)
        inbox.stop = partial(self._word, inbox.stop)
        inbox.start_over = partial(self._word, inbox.start_over)
        inbox.cancel = partial(self._cancel, inbox.cancel)

    async def _take(self, take: Any, conversation: str) -> Any:
        number, delivery = next(self._numbers), await take(conversation)
        if delivery is not None:
            self._taken.setdefault(delivery.question.message_id, number)
        return delivery

    async def _word(self, obey: Any, word: Any) -> Any:
        number, dropped = next(self._numbers), await obey(word)
        for message_id in dropped or ():
            self._taken_back(message_id, number)
        return dropped

    async def _cancel(self, cancel: Any, robot: str, message_id: str) -> Any:
        number, cancelled = next(self._numbers), await cancel(robot, message_id)
        if cancelled:
            self._taken_back(message_id, number)
        return cancelled

    def _taken_back(self, message_id: str, number: int) -> None:
        if self._taken.get(message_id, number) >= number:
            self.never.add(message_id)


async def judge(stage: Stage, cast: list[Person], ledger: Ledger, runs: list[Run]) -> None:
    """Raises AssertionError with the rule that is broken, and by whose question."""
    for person in cast:
        theirs = [run for run in runs if run.question.sender_id == person.name]
        records = {message_id: await record_of(stage, message_id) for message_id in person.asked}
        accepted = {mid: record for mid, record in records.items() if record.outcome is not Outcome.REFUSED}
        _all_are_closed(records)
        _each_ran_once_in_order(theirs, list(accepted))
        _none_ran_that_was_taken_back(theirs, ledger)
        _nothing_is_remembered_from_before(person, theirs)
        if stage.service._settings.card_kind == "text":
            _each_answer_is_one_message(stage, person, accepted)
        else:
            _each_answer_is_one_card(stage, records)
            _cards_end_in_order(stage, list(accepted))
            await _the_last_rating_stays(stage, person)


async def record_of(stage: Stage, message_id: str) -> Record:
    """What became of a question."""
    inbox, reactor = stage.service._parts.inbox, stage.service._reactor
    record = await asyncio.wrap_future(reactor.submit(inbox.record(stage.robot, message_id)))
    assert record is not None, f"{message_id} is not stored"
    return record


def _all_are_closed(records: dict[str, Record]) -> None:
    for message_id, record in records.items():
        assert record.closed, f"{message_id} is open"
        stopped = texts.STOPPED in (record.answer or "")
        assert stopped == (record.outcome is Outcome.STOPPED), f"{message_id}: {record.outcome}, {record.answer}"


def _each_ran_once_in_order(runs: list[Run], accepted: list[str]) -> None:
    ran = [run.question.message_id for run in runs]
    assert ran == [message_id for message_id in accepted if message_id in ran]
    for one, next_one in pairwise(runs):
        assert one.whole is None or one.whole <= next_one.began, f"{next_one.question.text} began too early"


def _none_ran_that_was_taken_back(runs: list[Run], ledger: Ledger) -> None:
    for run in runs:
        assert run.question.message_id not in ledger.never, f"{run.question.text} was taken back before its turn"


def _nothing_is_remembered_from_before(person: Person, runs: list[Run]) -> None:
    for before in person.renewed:
        forgotten = {run.question.text for run in runs if run.question.message_id in person.asked[:before]}
        for run in runs:
            if run.question.message_id in person.asked[before:]:
                remembered = forgotten & {turn.question for turn in run.question.history}
                assert not remembered, f"{run.question.text} remembers {remembered}"


def _each_answer_is_one_message(stage: Stage, person: Person, accepted: dict[str, Record]) -> None:
    said = [text.split() for text in stage.said_to(person.name) if text not in ASIDE]
    assert len(said) == len(accepted)
    for words, record in zip(said, accepted.values(), strict=True):
        assert words[:1] == (record.answer or "").split()[:1]


def _each_answer_is_one_card(stage: Stage, records: dict[str, Record]) -> None:
    for message_id, record in records.items():
        card = stage.sandbox.cards.get(card_id(stage.robot, message_id))
        if record.outcome is Outcome.REFUSED:
            assert card is None, f"{message_id} was refused and has a card"
            continue
        assert card is not None, f"{message_id} has no card"
        assert ending(card) == record.outcome, message_id
        assert card.text.split()[:1] == (record.answer or "").split()[:1]


def _cards_end_in_order(stage: Stage, accepted: list[str]) -> None:
    cards = [stage.sandbox.cards[card_id(stage.robot, message_id)] for message_id in accepted]
    ends = [
        next(version.at for version in card.versions if version.state is CardState.FINISHED)
        for card in cards
        if card.template != "StandardCard"
    ]
    assert ends == sorted(ends)


async def _the_last_rating_stays(stage: Stage, person: Person) -> None:
    inbox, reactor = stage.service._parts.inbox, stage.service._reactor
    for message_id, rating in person.rated.items():
        again = inbox.feedback(Feedback(stage.robot, message_id, person.name, rating))
        assert not await asyncio.wrap_future(reactor.submit(again)), f"{message_id}: {rating} is not stored"
        card = stage.sandbox.cards[card_id(stage.robot, message_id)]
        chosen = [button["text"] for button in card.buttons() if button.get("chosen") or "✅" in button["text"]]
        assert [texts.RATINGS[rating] in label for label in chosen] == [True], f"{message_id}: {rating}, {chosen}"
