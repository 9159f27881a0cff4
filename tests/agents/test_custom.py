"""`python:MODULE:NAME`: the many ways to write an agent, plain ones in a thread that may block or never come back."""

import asyncio
import functools
import logging
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from actors.agents import threads as worker_threads
from actors.agents.custom import PythonAgent, load
from actors.core.events import Feedback, Finished, Reasoning, Replace, Text
from actors.core.question import Question
from actors.errors import AgentFailed, SettingsError
from tests.agents.stories import answer_of, ask, outcome, read, text_of, until


async def async_generator(question: Question) -> AsyncIterator[str]:
    yield question.text
    yield "七天内。"


async def coroutine_of_an_async_iterator(question: Question) -> AsyncIterator[str]:
    return async_generator(question)


async def coroutine_of_a_plain_iterator(question: Question) -> Iterator[str]:
    return generator(question)


async def coroutine_of_a_string(question: Question) -> str:
    return f"{question.text}七天内。"


def generator(question: Question) -> Iterator[str]:
    yield question.text
    yield "七天内。"


def a_list(question: Question) -> list[str]:
    return [question.text, "七天内。"]


def a_string(question: Question) -> str:
    return f"{question.text}七天内。"


def an_event(question: Question) -> Replace:
    return Replace(f"{question.text}七天内。")


def an_async_iterator(question: Question) -> AsyncIterator[str]:
    return async_generator(question)


def an_awaitable(question: Question) -> Awaitable[str]:
    return coroutine_of_a_string(question)


class OfAClass:
    """What iterates is an object of this class."""

    def __init__(self, question: Question) -> None:
        self._question = question

    def __iter__(self) -> Iterator[str]:
        return generator(self._question)


class AnObject:
    """An object with an async call."""

    async def __call__(self, question: Question) -> str:
        asyncio.get_running_loop()
        return f"{question.text}七天内。"


WAYS = [
    async_generator,
    coroutine_of_an_async_iterator,
    coroutine_of_a_plain_iterator,
    coroutine_of_a_string,
    generator,
    a_list,
    a_string,
    an_event,
    an_async_iterator,
    an_awaitable,
    OfAClass,
    AnObject(),
    functools.partial(async_generator),
    functools.partial(a_string),
]


@pytest.mark.parametrize("function", WAYS, ids=lambda way: getattr(way, "__name__", type(way).__name__))
async def test_an_agent_may_be_written_in_any_of_these_ways(function: Callable[[Question], Any]) -> None:
    heard, failure = await read(answer_of(PythonAgent(function), ask("怎么退货？")))
    assert (text_of(heard), heard[-1], failure) == ("怎么退货？七天内。", Finished(), None)


def events_of_its_own(_: Question) -> Iterator[object]:
    yield Reasoning("hm")
    yield "七天"
    yield Finished("length")
    yield "内"


async def async_events_of_its_own(question: Question) -> AsyncIterator[object]:
    for event in events_of_its_own(question):
        yield event


@pytest.mark.parametrize("function", [events_of_its_own, async_events_of_its_own])
async def test_an_agent_may_say_itself_that_it_has_finished(function: Callable[[Question], Any]) -> None:
    async with aclosing(PythonAgent(function).answer(ask())) as events:
        assert [event async for event in events] == [Reasoning("hm"), Text("七天"), Finished("length")]


def fails_at_once(_: Question) -> Iterator[str]:
    raise ConnectionError


def fails_after_a_piece(_: Question) -> Iterator[str]:
    yield "七天"
    raise ConnectionError


async def async_fails_after_a_piece(_: Question) -> AsyncIterator[str]:
    yield "七天"
    raise ConnectionError


def exits(_: Question) -> str:
    sys.exit("bye")


def yields_a_number(_: Question) -> Iterator[object]:
    yield "七天"
    yield 7


@pytest.mark.parametrize(
    ("function", "said", "detail"),
    [
        (fails_at_once, "", "ConnectionError"),
        (fails_after_a_piece, "七天", "ConnectionError"),
        (async_fails_after_a_piece, "七天", "ConnectionError"),
        (exits, "", "SystemExit"),
        (yields_a_number, "七天", "TypeError"),
        (lambda _: None, "", "TypeError"),
        (lambda _: 7, "", "TypeError"),
        (lambda: "takes no question", "", "TypeError"),
    ],
)
async def test_a_fault_in_an_agent_is_its_failure(function: Callable[[Question], Any], said: str, detail: str) -> None:
    heard, failure = await read(answer_of(PythonAgent(function), attempts=1))
    assert (text_of(heard), str(failure)) == (said, f"error: {detail}")


async def test_a_failure_that_an_agent_raises_itself_stays_as_it_is() -> None:
    refusal = AgentFailed("error", "no such model", retryable=False)

    def function(_: Question) -> Iterator[str]:
        raise refusal

    _, failure = await read(answer_of(PythonAgent(function)))
    assert failure is refusal


async def test_plain_code_never_runs_on_the_loop() -> None:
    threads = set()

    def function(_: Question) -> Iterator[str]:
        threads.add(threading.current_thread())
        return pieces()

    def pieces() -> Iterator[str]:
        try:
            threads.add(threading.current_thread())
            yield "七天"
        finally:
            threads.add(threading.current_thread())

    await read(answer_of(PythonAgent(function)))
    assert len(threads) == 1
    assert threading.current_thread() not in threads


async def test_async_code_runs_on_the_loop() -> None:
    threads = set()

    async def function(_: Question) -> AsyncIterator[str]:
        threads.add(threading.current_thread())
        yield "七天"

    await read(answer_of(PythonAgent(function)))
    assert threads == {threading.current_thread()}


async def test_ten_thousand_plain_pieces_come_quickly_and_in_order() -> None:
    pieces = [f"{number} " for number in range(10_000)]
    async with asyncio.timeout(20):
        text, _ = await outcome(answer_of(PythonAgent(lambda _: pieces)))
    assert text == "".join(pieces)


async def test_a_plain_iterator_is_held_back_while_its_reader_pauses() -> None:
    said = 0

    def function(_: Question) -> Iterator[str]:
        nonlocal said
        while True:
            said += 1
            yield "字"

    async with aclosing(PythonAgent(function).answer(ask())) as events:
        await anext(events)
        await until(lambda: said > worker_threads.AHEAD)
        await asyncio.sleep(0.2)  # all this time it could run away
    assert said <= worker_threads.AHEAD + 2


async def test_a_plain_generator_is_closed_in_its_own_thread() -> None:
    threads: list[threading.Thread] = []

    def pieces() -> Iterator[str]:
        try:
            while True:
                threads.append(threading.current_thread())
                yield "字"
        finally:
            threads.clear()
            threads.append(threading.current_thread())

    kept = pieces()  # a reference of its own: nobody but the thread closes it

    async def function(_: Question) -> Iterator[str]:
        return kept

    events = answer_of(PythonAgent(function))
    await anext(events)
    await until(lambda: len(threads) > worker_threads.AHEAD)
    thread = threads[0]
    await events.aclose()
    await until(lambda: len(threads) == 1)
    assert threads == [thread]


async def test_an_async_agent_is_closed_in_the_task_that_reads_it() -> None:
    tasks: set[asyncio.Task[Any] | None] = set()

    async def function(_: Question) -> AsyncIterator[str]:
        try:
            while True:
                tasks.add(asyncio.current_task())
                yield "字"
        finally:
            tasks.add(asyncio.current_task())
            tasks.add(None)

    events = answer_of(PythonAgent(function))
    await anext(events)
    await events.aclose()
    assert None in tasks
    assert len(tasks) == 2


@pytest.mark.parametrize("function", [async_generator, coroutine_of_a_string, AnObject()])
async def test_an_async_agent_needs_no_thread(function: Callable[[Question], Any]) -> None:
    assert await outcome(answer_of(PythonAgent(function, threads=0))) == ("怎么退货？七天内。", "")


class Blocking:
    """A plain agent that blocks in its first answer until it is released, and answers every later one."""

    def __init__(self) -> None:
        self.called = 0
        self.release = threading.Event()

    def __call__(self, _: Question) -> str:
        self.called += 1
        if self.called == 1:
            self.release.wait(60)
        return "在。"


@pytest.fixture
def blocking(monkeypatch: pytest.MonkeyPatch) -> Iterator[Blocking]:
    monkeypatch.setattr(worker_threads, "STOP_GRACE", 0.05)
    agent = Blocking()
    yield agent
    agent.release.set()


async def stop_the_first_answer(agent: PythonAgent, blocking: Blocking) -> None:
    reader = asyncio.create_task(read(answer_of(agent)))
    await until(lambda: blocking.called == 1)
    reader.cancel()
    await asyncio.wait({reader})


async def test_a_thread_that_blocks_is_left_behind_and_reported(
    blocking: Blocking, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with asyncio.timeout(10):
        await stop_the_first_answer(PythonAgent(blocking), blocking)
        await until(lambda: bool(caplog.records))
    assert [record.action for record in caplog.records] == ["agent_thread_left_behind"]  # type: ignore[attr-defined]


async def test_a_thread_that_ends_in_time_is_not_reported(blocking: Blocking, caplog: pytest.LogCaptureFixture) -> None:
    blocking.release.set()
    await read(answer_of(PythonAgent(blocking)))
    await asyncio.sleep(0.2)  # well beyond the grace
    assert not caplog.records


async def test_others_are_answered_while_a_thread_blocks(blocking: Blocking) -> None:
    agent = PythonAgent(blocking, threads=2)
    await stop_the_first_answer(agent, blocking)
    assert await outcome(answer_of(agent)) == ("在。", "")


async def test_answers_wait_for_a_free_thread(blocking: Blocking) -> None:
    agent = PythonAgent(blocking, threads=1)
    await stop_the_first_answer(agent, blocking)
    waiting = asyncio.create_task(outcome(answer_of(agent)))
    done, _ = await asyncio.wait({waiting}, timeout=0.1)
    assert not done
    blocking.release.set()
    assert await waiting == ("在。", "")


async def test_every_thread_is_free_again_after_its_answer() -> None:
    agent = PythonAgent(fails_after_a_piece, threads=2)
    for _ in range(5):
        await read(answer_of(agent, attempts=1))
    assert await outcome(answer_of(agent, attempts=1)) == ("七天", "error")


def test_a_thread_that_blocks_for_ever_does_not_keep_the_process() -> None:
    program = """
import asyncio, threading
from actors.agents.custom import PythonAgent
from tests.agents.stories import ask

async def main():
    called = threading.Event()
    def function(question):
        called.set()
        threading.Event().wait()
    reader = asyncio.create_task(anext(PythonAgent(function).answer(ask())))
    await asyncio.to_thread(called.wait)
    reader.cancel()
    await asyncio.wait({reader})

asyncio.run(main())
print("over")
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True, cwd=Path.cwd()
    )
    assert (ended.stdout, ended.stderr) == ("over\n", "")


# Ratings

GIVEN = Feedback(ask(), "七天内。", "helpful", helpful=True)


class Rated:
    """An agent that hears what people think of its answers; in which thread it heard of it is noted too."""

    def __init__(self) -> None:
        self.heard: list[Feedback] = []
        self.threads: list[threading.Thread] = []

    def __call__(self, question: Question) -> str:
        return question.text

    def feedback(self, given: Feedback) -> None:
        self.heard.append(given)
        self.threads.append(threading.current_thread())


class AsyncRated(Rated):
    """The same, declared async."""

    async def feedback(self, given: Feedback) -> None:  # type: ignore[override]
        await asyncio.sleep(0)
        super().feedback(given)


class RatedByAnObject(Rated):
    """Its `feedback` is an object with an async call."""

    def __init__(self) -> None:
        super().__init__()
        hear = super().feedback

        class Hearing:
            async def __call__(self, given: Feedback) -> None:
                await asyncio.sleep(0)
                hear(given)

        self.feedback = Hearing()  # type: ignore[method-assign, assignment]


@pytest.mark.parametrize("kind", [Rated, AsyncRated, RatedByAnObject])
async def test_an_agent_hears_what_people_think_of_its_answers(kind: type[Rated]) -> None:
    own = kind()
    await PythonAgent(own).feedback(GIVEN)
    assert own.heard == [GIVEN]


async def test_a_plain_function_hears_of_it_by_an_attribute() -> None:
    heard = list[Feedback]()

    def reply(question: Question) -> str:
        return question.text

    reply.feedback = heard.append  # type: ignore[attr-defined]
    await PythonAgent(reply).feedback(GIVEN)
    assert heard == [GIVEN]


@pytest.mark.parametrize(("kind", "on_the_loop"), [(Rated, False), (AsyncRated, True)])
async def test_only_what_is_declared_async_hears_of_it_on_the_loop(kind: type[Rated], *, on_the_loop: bool) -> None:
    own = kind()
    await PythonAgent(own).feedback(GIVEN)
    assert (own.threads == [threading.current_thread()]) is on_the_loop


@pytest.mark.parametrize("function", [a_string, async_generator, AnObject(), functools.partial(a_string)])
async def test_an_agent_that_takes_no_ratings_is_left_in_peace(function: Callable[[Question], Any]) -> None:
    await PythonAgent(function).feedback(GIVEN)


async def test_what_an_agent_raises_over_a_rating_is_its_own() -> None:
    class Grumpy(Rated):
        def feedback(self, given: Feedback) -> None:
            raise LookupError(given.rating)

    with pytest.raises(LookupError, match="helpful"):
        await PythonAgent(Grumpy()).feedback(GIVEN)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory for modules of one's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    monkeypatch.setattr(sys, "modules", sys.modules.copy())
    return tmp_path


async def test_a_function_is_found_in_the_working_directory(shop: Path) -> None:
    (shop / "own_shop.py").write_text("def reply(question):\n    return '在。'\n")
    assert await outcome(answer_of(PythonAgent(load("own_shop", "reply")))) == ("在。", "")


@pytest.mark.parametrize(
    ("source", "name", "problem"),
    [
        (None, "reply", "ModuleNotFoundError: No module named 'own_shop'"),
        ("import no_such_library", "reply", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("def reply(:", "reply", "SyntaxError"),
        ("raise SystemExit('no')", "reply", "SystemExit: no"),
        ("raise ValueError('two\\nlines')", "reply", "ValueError: two lines"),
        ("def reply(question): ...", "replay", "the module has no replay, did you mean reply?"),
        ("", "reply", "the module has no reply"),
        ("reply = '在。'", "reply", "reply is not callable, it is of type str"),
    ],
)
def test_what_cannot_be_loaded_is_named_in_one_line(shop: Path, source: str | None, name: str, problem: str) -> None:
    if source is not None:
        (shop / "own_shop.py").write_text(source)
    with pytest.raises(SettingsError) as caught:
        load("own_shop", name)
    [line] = caught.value.problems
    assert line.startswith(f"AGENT='python:own_shop:{name}': ")
    assert problem in line
    assert "\n" not in line
