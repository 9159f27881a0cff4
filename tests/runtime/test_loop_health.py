"""A loop that is stuck: it is noticed, told once with what holds it up, and told again when it is over."""

import asyncio
import io
import json
import logging
import threading
import time
from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY

from actors import logs
from actors.runtime.loop_health import FRAMES, STUCK_AFTER, TICK, Heart, Watch
from actors.runtime.reactor import Reactor
from tests.runtime.troupe import PATIENCE, eventually
from tests.runtime.virtual_time import play


class Clinic:
    """A heart on a clock that is moved by hand, a watch, and what it told."""

    def __init__(self, caplog: pytest.LogCaptureFixture, thread: int) -> None:
        caplog.set_level(logging.INFO)
        self._caplog = caplog
        self.now = 1000.0
        self.heart = Heart(lambda: self.now)
        self._watch = Watch(self.heart, thread)

    def look(self, *, after: float) -> float:
        """Look when so many seconds have passed."""
        self.now += after
        return self._watch.look()

    def beat(self, *, after: float) -> None:
        """The loop's next beat."""
        self.now += after
        self.heart.beaten = self.now

    @property
    def told(self) -> list[str]:
        """The actions that were logged, in order."""
        return [str(vars(record)["action"]) for record in self._caplog.records]


@pytest.fixture
def clinic(caplog: pytest.LogCaptureFixture) -> Clinic:
    return Clinic(caplog, threading.get_ident())


def stalls() -> float:
    return REGISTRY.get_sample_value("dingtalk_event_loop_stuck_total") or 0.0


def test_nothing_is_told_of_a_loop_that_beats(clinic: Clinic) -> None:
    for _ in range(100):
        clinic.beat(after=TICK)
        clinic.look(after=0)
    assert clinic.told == []


@pytest.mark.parametrize("age", [0.0, 0.1, TICK, 0.9])
def test_the_next_look_comes_when_the_last_beat_would_be_too_long_ago(clinic: Clinic, age: float) -> None:
    assert clinic.look(after=age) == pytest.approx(STUCK_AFTER - age)


def test_a_loop_that_does_not_beat_for_a_second_is_told(clinic: Clinic) -> None:
    clinic.look(after=STUCK_AFTER)
    assert clinic.told == ["loop_stuck"]


def test_a_loop_that_is_late_by_less_is_not_told(clinic: Clinic) -> None:
    clinic.look(after=STUCK_AFTER - 0.01)
    assert clinic.told == []


def test_a_stall_is_told_once_however_long_it_lasts(clinic: Clinic) -> None:
    for _ in range(100):
        clinic.look(after=1.0)
    assert clinic.told == ["loop_stuck"]


def test_a_loop_that_is_stuck_is_looked_at_more_often(clinic: Clinic) -> None:
    assert clinic.look(after=STUCK_AFTER) == TICK


def test_the_end_of_a_stall_is_told_once_with_how_long_it_took(
    clinic: Clinic, caplog: pytest.LogCaptureFixture
) -> None:
    clinic.look(after=STUCK_AFTER)
    clinic.beat(after=2.5)
    clinic.look(after=0)
    clinic.look(after=0)
    assert clinic.told == ["loop_stuck", "loop_runs_again"]
    assert vars(caplog.records[-1])["seconds"] == 3.5


def test_each_stall_is_told(clinic: Clinic) -> None:
    for _ in range(2):
        clinic.look(after=STUCK_AFTER)
        clinic.beat(after=1.0)
        clinic.look(after=0)
    assert clinic.told == ["loop_stuck", "loop_runs_again"] * 2


def test_a_stall_that_follows_on_the_heels_of_another_is_one_of_its_own(clinic: Clinic) -> None:
    clinic.look(after=STUCK_AFTER)
    clinic.beat(after=1.0)
    clinic.look(after=STUCK_AFTER)
    assert clinic.told == ["loop_stuck", "loop_runs_again", "loop_stuck"]


def test_each_stall_is_counted_once(clinic: Clinic) -> None:
    before = stalls()
    for _ in range(10):
        clinic.look(after=1.0)
    assert stalls() - before == 1


def test_the_innermost_frames_of_a_deep_stack_are_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    down, may_go = threading.Event(), threading.Event()

    def even_deeper(levels: int) -> None:
        if levels:
            # On two lines, since frames that look the same are told as one.
            even_deeper(levels - 1) if levels % 2 else odd(levels)
        else:
            down.set()
            may_go.wait(PATIENCE)

    def odd(levels: int) -> None:
        even_deeper(levels - 1)

    thread = threading.Thread(target=even_deeper, args=(300,))
    thread.start()
    assert down.wait(PATIENCE)
    assert thread.ident is not None
    Clinic(caplog, thread.ident).look(after=STUCK_AFTER)
    may_go.set()
    thread.join(PATIENCE)
    stack = str(vars(caplog.records[0])["stack"])
    assert stack.count("\n  File ") < FRAMES
    assert "may_go.wait(PATIENCE)" in stack


def test_a_thread_that_is_gone_has_no_stack(caplog: pytest.LogCaptureFixture) -> None:
    Clinic(caplog, thread=-1).look(after=STUCK_AFTER)
    assert vars(caplog.records[0])["stack"] == ""


def test_every_beat_measures_how_late_it_is() -> None:
    def measured() -> tuple[float, float]:
        name = "dingtalk_event_loop_lag_seconds"
        return REGISTRY.get_sample_value(f"{name}_count") or 0, REGISTRY.get_sample_value(f"{name}_sum") or 0

    async def scene() -> None:
        loop = asyncio.get_running_loop()
        late = 0.0
        heart = Heart(lambda: loop.time() + late)
        stopping = asyncio.Event()
        beating = asyncio.create_task(heart.beat(stopping))
        await asyncio.sleep(TICK * 1.5)  # one beat in time
        late = 3.0
        await asyncio.sleep(TICK)  # and one that comes when the clock has gone on by 3 s
        beating.cancel()

    before = measured()
    play(scene())
    after = measured()
    assert after[0] - before[0] == 2
    assert after[1] - before[1] == pytest.approx(3.0)


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """The service's own log."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    stream = io.StringIO()
    logs.configure("INFO", "json", stream)
    yield stream
    root.setLevel(level)
    root.handlers[:] = handlers


def told_by(lines: io.StringIO, action: str) -> list[dict[str, object]]:
    """The log lines of an action."""
    told = [json.loads(line) for line in lines.getvalue().splitlines()]
    return [line for line in told if line["action"] == action]


def holding_the_loop_up(until: threading.Event) -> None:
    until.wait(PATIENCE)
    time.sleep(3 * TICK)  # long enough for the watch to look again


def test_what_blocks_a_real_loop_is_named_once(reactor: Reactor, lines: io.StringIO) -> None:
    seen = threading.Event()

    async def block() -> None:
        holding_the_loop_up(seen)

    def named() -> list[dict[str, object]]:
        return [line for line in told_by(lines, "loop_stuck") if "in holding_the_loop_up" in str(line["stack"])]

    blocking = reactor.submit(block())
    eventually(named, "the stall is told")
    seen.set()
    blocking.result(PATIENCE)
    eventually(lambda: told_by(lines, "loop_runs_again"), "the end of the stall is told")
    assert len(named()) == 1


def test_a_reactor_that_has_stopped_is_listened_to_no_more(reactor: Reactor) -> None:
    def listeners() -> int:
        return sum(thread.name == "loop-watch" for thread in threading.enumerate())

    eventually(lambda: listeners() == 1, "the loop is listened to")
    reactor.stop(PATIENCE)
    eventually(lambda: listeners() == 0, "nobody listens any more")
