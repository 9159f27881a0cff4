"""Whatever comes in, nothing falls over: what reads frames, payloads, texts, events, configurations and settings.

The suite tries 20,000 cases here, and 500 frames through a running service (`test_fuzz_edge.py`); each example that is
drawn is many cases. A million by hand: `python -m tests.chaos.fuzz`. What was found
has its test beside what was mended.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import redaction
from actors.core.events import Finished, Text
from actors.core.question import Question
from actors.errors import AgentFailed, SettingsError
from actors.settings import KNOWN, load
from tests.agents.stories import Scripted, answer_of, read, text_of
from tests.chaos import fuzz, payloads
from tests.chaos.fuzz import text_holds
from tests.chaos.payloads import fuzzed
from tests.jaap.trees import plant, robot, write

PLACES = fuzz.PLACES


@pytest.fixture(autouse=True)
def nothing_is_hidden_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret of an example, "0" perhaps, is none for the tests after it."""
    monkeypatch.setattr(redaction, "_secrets", redaction._Secrets())


@fuzzed(250)
@given(payloads.frames, PLACES)
def test_any_frame_is_read_and_has_its_ack(value: Any, place: int) -> None:
    assert fuzz.every_frame(value, place) == payloads.CASES


@fuzzed(75)
@given(payloads.messages, PLACES, payloads.ODD)
def test_any_message_is_a_question_unreadable_or_malformed(data: Any, place: int, odd: Any) -> None:
    assert fuzz.every_version(fuzz.message_holds)(data, place, odd) == payloads.CASES


@fuzzed(150)
@given(payloads.clicks, PLACES, payloads.ODD)
def test_any_click_is_read_or_malformed(data: Any, place: int, odd: Any) -> None:
    assert fuzz.every_version(fuzz.click_holds)(data, place, odd) == payloads.CASES


@fuzzed(200)
@given(payloads.texts, PLACES)
def test_any_text_can_be_shown(text: str, place: int) -> None:
    assert fuzz.every_text(text, place) == 5


_ROBOT = {"clientId": "ding1", "clientSecret": "geheim-0815", "agent": "faq:", "AGENT_TIMEOUT": 60, "CARD_KIND": "text"}
_CONFIGS = st.builds(payloads.spoiled, st.just(_ROBOT), payloads.edits)


@fuzzed(3)
@given(value=_CONFIGS, place=PLACES)
def test_any_config_of_a_robot_is_read_or_refused_with_its_place(
    value: Any, place: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tree = plant(tmp_path_factory.mktemp("app"), {"whole": robot("ding2"), "odd": {}})
    for raw in payloads.variants(payloads.spelled(value), place):
        write(tree / "imRobots" / "odd" / "config.json", raw)
        served = load({"ROBOTS_DIR": str(tree)})
        assert "ding2" in served.tree
        for parked in served.parked:
            assert all("imRobots/odd" in problem for problem in parked.problems)
            assert not any("geheim-0815" in problem for problem in parked.problems)


_VALUES = st.sampled_from([value for value in payloads.NASTY if "\x00" not in value]) | st.sampled_from(
    ["0", "-1", "1", "0.1", "1e3", "nan", "inf", "1" * 400, "true", "text", "faq:", "sqlite:///x", "http://a", "a,b"]
)


@fuzzed(4)
@given(_VALUES, _VALUES)
def test_any_value_of_any_setting_is_taken_or_refused_by_its_name(one: str, other: str) -> None:
    for name in sorted(KNOWN)[:: 1 + len(one) % 7]:
        told = problems({name: one, "DINGTALK_CLIENT_SECRET": f"geheim-0815{other}"})
        assert not any("geheim-0815" in problem or "\n" in problem for problem in told)


def problems(environ: dict[str, str]) -> tuple[str, ...]:
    """What is wrong with an environment; nothing if it is taken."""
    try:
        load(environ).effective()
    except SettingsError as error:
        return error.problems
    return ()


_EVENTS = [Text(event) if isinstance(event, str) else event for event in payloads.EVENTS]
"""An adapter's own: bare text is what a function of somebody's own may yield."""


@fuzzed(50)
@given(st.lists(st.sampled_from(_EVENTS), max_size=12))
def test_any_events_of_an_agent_end_in_an_answer_that_can_be_shown_or_in_a_failure(events: list[Any]) -> None:
    async def script(_: Question) -> AsyncGenerator[Any, None]:
        for event in events:
            yield event

    heard, failure = asyncio.run(read(answer_of(Scripted(script), attempts=1)))
    assert isinstance(failure, AgentFailed | None)
    assert (failure is None) == (bool(heard) and isinstance(heard[-1], Finished))
    text_holds(text_of(heard))
