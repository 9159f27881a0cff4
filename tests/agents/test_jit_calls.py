"""How a JitAi element is asked: the call shapes of `run`, also behind a proxy, and never twice."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actors.agents import jit_calls
from actors.agents.jit_calls import AGREED, converse, is_assistant
from tests.agents.jitai import AIAgent, Assistant, OlderAgent, Proxy, saying, text

BRIDGE = Path(__file__).parents[2] / "deploy/jitai/services/AgentBridge"
SCRIPT = saying(text("七天"), returns={"output": "七天内。"})
CHUNKS = [{"content": "七天"}, {"content": "内。", "finished": True}]


def as_it_is(element: Any) -> Any:
    return element


class Decorated:
    """Its `run` is wrapped, as a framework does to count or to guard."""

    def __init__(self, element: Any) -> None:
        self._element = element

        @functools.wraps(element.run)
        def run(*args: Any, **kwargs: Any) -> Any:
            return element.run(*args, **kwargs)

        self.run = run

    def __getattr__(self, name: str) -> Any:
        return getattr(self._element, name)


HIDDEN = pytest.mark.parametrize("behind", [as_it_is, Proxy, Decorated])


def asked(element: Any, **how: Any) -> tuple[list[Any], Any]:
    """What is said to a question, and what is returned."""
    said: list[Any] = []
    returned = converse(element, "怎么退货？", "c1", said.append, **how)
    return said, returned


@HIDDEN
@pytest.mark.parametrize("kind", [AIAgent, OlderAgent])
def test_an_agent_is_asked_in_the_call_shape_that_it_has(behind: Callable[[Any], Any], kind: type[Any]) -> None:
    agent = kind(SCRIPT)
    assert asked(behind(agent)) == ([text("七天")], {"output": "七天内。"})
    assert agent.asked == [("怎么退货？", "c1")]


@HIDDEN
def test_an_assistant_is_asked_in_its_own(behind: Callable[[Any], Any]) -> None:
    assistant = Assistant(saying(*CHUNKS))
    assert asked(behind(assistant)) == (CHUNKS, None)
    assert assistant.asked == [("怎么退货？", "c1")]


@HIDDEN
@pytest.mark.parametrize(("kind", "is_one"), [(AIAgent, False), (OlderAgent, False), (Assistant, True)])
def test_an_assistant_is_told_from_an_agent(behind: Callable[[Any], Any], kind: type[Any], *, is_one: bool) -> None:
    assert is_assistant(behind(kind(SCRIPT))) is is_one


def test_an_agent_gets_its_text_as_a_variable_of_its_prompt_too() -> None:
    seen: list[Any] = []

    class Agent:
        def run(self, user_input: str, variables: Any, chatId: str, stream_callback: Any) -> None:  # noqa: N803
            seen.append(variables)

    asked(Agent())
    assert seen == [{"input_data": "怎么退货？"}]


class Counted:
    """An agent behind a proxy that hides its shape; it says something and then fails, and counts its runs."""

    def __init__(self, error: Exception, *, says: bool) -> None:
        self.runs = 0
        self._error = error
        self._says = says

    def run(self, **kwargs: Any) -> None:
        if "params" in kwargs:
            self.runs += 10
            return
        self.runs += 1
        if self._says:
            kwargs["stream_callback"](text("七天"))
        raise self._error


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (TypeError("Agent.run() got an unexpected keyword argument 'user_input'"), True),
        (TypeError("find() got an unexpected keyword argument 'user_input'"), False),
        (TypeError("Agent.run() got an unexpected keyword argument 'colour'"), False),
        (TypeError("unsupported operand type(s) for +: 'int' and 'str'"), False),
        (ValueError("run() got an unexpected keyword argument 'user_input'"), False),
    ],
)
def test_an_agent_that_began_to_run_is_not_run_again(error: Exception, *, says: bool) -> None:
    agent = Counted(error, says=says)
    with pytest.raises(type(error)):
        asked(agent)
    assert agent.runs == 1


@pytest.mark.parametrize(
    "message",
    [
        "Agent.run() got an unexpected keyword argument 'user_input'",
        "run() missing 1 required positional argument: 'params'",
    ],
)
def test_a_call_that_was_refused_as_such_is_made_in_the_other_shape(message: str) -> None:
    agent = Counted(TypeError(message), says=False)
    asked(agent)
    assert agent.runs == 11


def test_nothing_is_read_of_an_assistant_once_it_has_finished() -> None:
    assistant = Assistant(saying(*CHUNKS, {"content": "more"}))
    assert asked(assistant)[0] == CHUNKS
    assert assistant.closed == 1


def test_an_assistant_may_return_its_answer_in_one() -> None:
    class Whole(Assistant):
        def run(self, message: str, chatId: str, streamMode: bool) -> Any:  # type: ignore[override]  # noqa: N803
            return {"content": message}

    assert asked(Whole(SCRIPT)) == ([], {"content": "怎么退货？"})


@pytest.mark.parametrize(
    ("word", "agreed"), [("确认", True), ("好的。", True), (" OK ", True), ("不好", False), ("", False)]
)
def test_only_a_whole_word_of_agreement_confirms(word: str, *, agreed: bool) -> None:
    assistant = Assistant(saying(*CHUNKS))
    converse(assistant, word, "c1", lambda _: None, "human_1")
    assert assistant.resumed == [("c1", "human_1", {"user_input": word, "user_confirm": agreed})]


def test_words_of_agreement_are_written_as_they_are_compared() -> None:
    assert {word.lower().strip() for word in AGREED} == AGREED


def test_what_stops_a_run_passes_through_it() -> None:
    class Enough(BaseException):
        pass

    def say(_: Any) -> None:
        raise Enough

    assistant = Assistant(saying(*CHUNKS))
    for element in (AIAgent(SCRIPT), OlderAgent(SCRIPT), assistant):
        with pytest.raises(Enough):
            converse(element, "怎么退货？", "c1", say)
    assert assistant.closed == 1


def test_the_bridge_holds_the_same_file() -> None:
    own = Path(jit_calls.__file__).read_bytes()
    assert (BRIDGE / "calls.py").read_bytes() == own, "copy actors/agents/jit_calls.py to the bridge's calls.py"
