"""The judge of a storm over replicas: it finds nothing wrong with a calm day, each fault by its name, and excuses what
a trouble explains."""

import json
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest

from actors.sandbox.records import CardState
from tests.chaos.cast import RUNS
from tests.chaos.conftest import placed
from tests.chaos.promises import accepted, card_of, kept
from tests.cluster.fleet import Fleet, Trouble, What, sailing
from tests.cluster.ledger import settled, unexplained
from tests.cluster.postgres import Server
from tests.cluster.storm import SETTINGS


@pytest.fixture
async def day(tmp_path: Path, postgresql: Server) -> AsyncIterator[Fleet]:
    """One replica, ten questions, and all is well."""
    async with placed(tmp_path) as place, sailing(place, postgresql, 1, **SETTINGS) as fleet:
        for number in range(10):
            place.ask(f"问{number}", sender=f"p{number}")
        await kept(place)
        assert await settled(partial(unexplained, fleet)) == []
        yield fleet


def a_question_is_still_held(day: Fleet) -> None:
    change(day, 0, "UPDATE questions SET state = 'held'")


def a_question_is_lost(day: Fleet) -> None:
    change(day, 1, "DELETE FROM questions")


def the_outcome_is_another(day: Fleet) -> None:
    change(day, 2, "UPDATE questions SET outcome = 'failed'")


def an_answer_is_remembered_twice(day: Fleet) -> None:
    again = "INSERT INTO turns SELECT 99, chat_id, question, answer, 0 FROM turns WHERE question = '问6'"
    day.server.execute(again, day.database)


def calls_are_missing(day: Fleet) -> None:
    day.server.execute("UPDATE calls SET counted = counted - 1", day.database)


def a_question_has_no_ack(day: Fleet) -> None:
    accepted(day.place)[3].pushes[0].code = None


def an_answer_is_begun_again_elsewhere(day: Fleet) -> None:
    day.processes[-1] = 2
    with (day.place.folder / RUNS).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"at": time.monotonic(), "text": accepted(day.place)[4].text, "process": -1}) + "\n")


def a_card_of_nobody_is_left_open(day: Fleet) -> None:
    card = card_of(day.place, accepted(day.place)[5])
    assert card is not None
    card.state = CardState.INPUTING


def a_replica_gives_up(day: Fleet) -> None:
    day.ends.append((1, 70, time.monotonic()))


def change(day: Fleet, number: int, statement: str) -> None:
    day.server.execute(f"{statement} WHERE message_id = '{accepted(day.place)[number].id}'", day.database)


FAULTS: dict[Callable[[Fleet], None], str] = {
    a_question_is_still_held: "the database has it as held",
    a_question_is_lost: "was acked, and is not in the database",
    the_outcome_is_another: "its card is answered, and the database says failed",
    an_answer_is_remembered_twice: "is remembered 2 times",
    calls_are_missing: "the month's calls",
    a_card_of_nobody_is_left_open: "is left open",
    an_answer_is_begun_again_elsewhere: "replica 2 began again what replica 1 was at, which nothing had befallen",
    a_question_has_no_ack: "has no ack, and nothing was wrong with the replica that it came to",
    a_replica_gives_up: "ended by itself with code 70",
}
EXCUSED = (calls_are_missing, an_answer_is_begun_again_elsewhere, a_question_has_no_ack)


async def test_each_fault_is_told_and_troubles_excuse_what_they_may(day: Fleet) -> None:
    for fault, words in FAULTS.items():
        assert not any(words in told for told in unexplained(day))
        fault(day)
        assert [words in told for told in unexplained(day)].count(True) == 1, fault.__name__
    day.troubles += [Trouble(What.CUT, 1, 0.0), Trouble(What.KILL, 1, day.place.sandbox.calls[-1].at)]
    left = unexplained(day)
    for fault, words in FAULTS.items():
        assert any(words in told for told in left) == (fault not in EXCUSED), fault.__name__
