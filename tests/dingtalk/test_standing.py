"""Whether a robot's cards are taken: what turns it to plain text, for how long, and who is told."""

import logging
from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY

from actors.dingtalk.standing import Standing
from actors.errors import CallFailed, Fault
from tests.dingtalk.conftest import Clock

ROBOT = "dingstanding"
HOUR = 3600.0


def failure(fault: Fault, code: str = "code") -> CallFailed:
    return CallFailed("create", fault, 400, code, "message")


UNCLEAR = failure(Fault.TRANSIENT, "unknownError")
NO_TEMPLATE = failure(Fault.TEMPLATE, "param.templateNotExist")
NO_PERMISSION = failure(Fault.PERMISSION, "Forbidden.AccessDenied.AccessTokenPermissionDenied")


@pytest.fixture
def clock() -> Clock:
    return Clock(1000.0)


@pytest.fixture
def standing(clock: Clock) -> Standing:
    return Standing(ROBOT, clock)


def fails(standing: Standing, error: CallFailed, card: str = "card-1") -> None:
    with pytest.raises(CallFailed) as caught, standing.watched(card):
        raise error
    assert caught.value is error


def fallback() -> float | None:
    return REGISTRY.get_sample_value("dingtalk_card_fallback", {"robot": ROBOT})


def actions(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.action for record in caplog.records if hasattr(record, "action")]


@pytest.fixture(autouse=True)
def everything_is_heard(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.INFO):
        yield


def test_a_robot_begins_with_cards(standing: Standing) -> None:
    assert (standing.refusal, fallback()) == ("", 0)


@pytest.mark.parametrize("error", [NO_TEMPLATE, NO_PERMISSION], ids=["template", "permission"])
def test_a_template_or_permission_that_is_refused_turns_it_to_text_at_once(
    standing: Standing, error: CallFailed
) -> None:
    fails(standing, error)
    assert standing.refusal
    assert fallback() == 1


def test_the_refusal_says_why(standing: Standing) -> None:
    fails(standing, NO_TEMPLATE)
    assert "param.templateNotExist" in standing.refusal


@pytest.mark.parametrize(
    "fault", [fault for fault in Fault if fault not in {Fault.TEMPLATE, Fault.PERMISSION}], ids=str
)
def test_no_other_trouble_turns_it_to_text(standing: Standing, fault: Fault) -> None:
    for number in range(10):
        fails(standing, failure(fault), f"card-{number}")
    assert (standing.refusal, fallback()) == ("", 0)


# An hour


def test_no_card_is_tried_for_an_hour(standing: Standing, clock: Clock) -> None:
    fails(standing, NO_TEMPLATE)
    clock.now += HOUR - 1
    assert standing.refusal


def test_after_an_hour_a_card_may_be_tried_again(standing: Standing, clock: Clock) -> None:
    fails(standing, NO_TEMPLATE)
    clock.now += HOUR
    assert standing.refusal == ""


def test_a_card_that_is_refused_again_means_another_hour(standing: Standing, clock: Clock) -> None:
    fails(standing, NO_TEMPLATE)
    clock.now += HOUR
    fails(standing, NO_TEMPLATE)
    clock.now += HOUR - 1
    assert standing.refusal
    clock.now += 1
    assert standing.refusal == ""


def test_it_is_in_text_until_a_card_was_had_and_not_only_until_the_hour_is_over(
    standing: Standing, clock: Clock
) -> None:
    fails(standing, NO_TEMPLATE)
    clock.now += HOUR
    assert fallback() == 1
    standing.works()
    assert fallback() == 0


@pytest.mark.parametrize("error", [NO_TEMPLATE, NO_PERMISSION], ids=["template", "permission"])
def test_a_card_from_before_the_refusal_that_comes_to_its_end_changes_nothing(
    standing: Standing, caplog: pytest.LogCaptureFixture, error: CallFailed
) -> None:
    fails(standing, error)
    standing.works()
    fails(standing, error)
    assert standing.refusal
    assert (actions(caplog), fallback()) == (["cards_refused"], 1)


def test_doubts_do_not_make_a_refusal_less_certain(standing: Standing) -> None:
    fails(standing, NO_PERMISSION)
    for number in range(3):
        fails(standing, UNCLEAR, f"card-{number}")
    standing.works()
    assert standing.refusal


# Unknown errors


def test_a_card_that_comes_to_its_end_removes_all_doubt(standing: Standing) -> None:
    for number in range(3):
        fails(standing, UNCLEAR, f"card-{number}")
    standing.works()
    assert (standing.refusal, fallback()) == ("", 0)


def test_an_unknown_error_counts_after_three_cards_in_a_row(standing: Standing) -> None:
    fails(standing, UNCLEAR, "card-1")
    fails(standing, UNCLEAR, "card-2")
    assert standing.refusal == ""
    fails(standing, UNCLEAR, "card-3")
    assert "unknownError" in standing.refusal


def test_one_card_is_one_doubt_however_many_of_its_calls_fail(standing: Standing) -> None:
    for _ in range(20):
        fails(standing, UNCLEAR, "card-1")
    assert standing.refusal == ""


def test_a_card_that_was_had_between_them_ends_the_row(standing: Standing) -> None:
    fails(standing, UNCLEAR, "card-1")
    fails(standing, UNCLEAR, "card-2")
    standing.works()
    fails(standing, UNCLEAR, "card-3")
    fails(standing, UNCLEAR, "card-4")
    assert standing.refusal == ""


def test_after_an_hour_one_more_doubt_is_enough(standing: Standing, clock: Clock) -> None:
    for number in range(3):
        fails(standing, UNCLEAR, f"card-{number}")
    clock.now += HOUR
    assert standing.refusal == ""
    fails(standing, UNCLEAR, "card-4")
    assert standing.refusal


# Who is told


def test_one_line_says_so_and_names_the_code(standing: Standing, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        fails(standing, NO_PERMISSION)
    [record] = caplog.records
    assert (record.levelno, record.action, record.robot) == (logging.ERROR, "cards_refused", ROBOT)  # type: ignore[attr-defined]
    assert "AccessTokenPermissionDenied" in record.getMessage()


def test_the_line_is_not_repeated_every_hour(
    standing: Standing, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(5):
        fails(standing, NO_TEMPLATE)
        clock.now += HOUR
    assert actions(caplog) == ["cards_refused"]


def test_one_line_says_that_it_is_over(standing: Standing, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    fails(standing, NO_TEMPLATE)
    clock.now += HOUR
    standing.works()
    standing.works()
    assert actions(caplog) == ["cards_refused", "cards_taken"]
    assert standing.refusal == ""


def test_cards_that_work_are_no_news(standing: Standing, caplog: pytest.LogCaptureFixture) -> None:
    standing.works()
    assert caplog.records == []


def test_a_second_spell_is_told_again(standing: Standing, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    fails(standing, NO_TEMPLATE)
    clock.now += HOUR
    standing.works()
    fails(standing, NO_TEMPLATE)
    assert actions(caplog) == ["cards_refused", "cards_taken", "cards_refused"]
    assert fallback() == 1
