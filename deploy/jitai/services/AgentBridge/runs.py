"""Runs of agents and assistants, each in a thread, which are asked for by their id until they have ended.

Plain code of the standard library. A run is kept as it was said, as JSON: what it means is the caller's to know. What
is kept is bounded: the length of a run, how many are at work, and how long and how many are kept once they have ended.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .calls import converse, is_assistant

AT_WORK = 200
"""Runs at once."""

KEPT = 500
"""Runs that have ended and are still told of; the oldest are forgotten first."""

KEPT_FOR = 600.0
"""Seconds for which a run that has ended is told of."""

ABANDONED_AFTER = 120.0
"""Seconds after which a run that nobody asks for is stopped: its caller is gone."""

LONGEST = 4_000_000
"""Characters of all that one run says, as JSON."""

DEEPEST = 20
"""Levels of what is said; what lies deeper is said as text."""


class Ended(BaseException):
    """Raised where a run says something that nobody wants any more; no `Exception`, which a platform may forgive."""


@dataclass
class Run:
    """One run: what it said, and how it ended, None while it is at work."""

    agent: str
    chat_id: str
    asked_at: float
    element: Any
    said: list[Any] = field(default_factory=list)
    length: int = 0
    ended: dict[str, Any] | None = None
    ended_at: float = 0.0
    unwanted: str = ""
    """Why it has to end: `cancelled`, `abandoned` or `too_long`."""

    @property
    def failed(self) -> bool:
        """Whether it ended without an answer."""
        return self.ended is not None and self.ended["how"] != "returned"


class Runs:
    """All runs of one process. Safe to use from any thread."""

    def __init__(self, element_of: Callable[[str], Any], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._element_of = element_of
        self._monotonic = monotonic
        self._runs: dict[str, Run] = {}
        self._lock = threading.Lock()

    def start(self, agent: str, text: str, chat_id: str, run_id: str, node_id: str) -> dict[str, Any]:
        """Begin a run, unless there is one with this id that is at work or has answered.

        The `state` is `running`, or why there is no run: `busy` (another one has this memory), `full` (too many are at
        work) or `no_agent` (the element cannot be asked).
        """
        try:
            element = self._element_of(agent)
            callable_run = callable(getattr(element, "run", None))
        except Exception as error:  # noqa: BLE001  whatever the platform raises for a name that it does not know
            return {"state": "no_agent", "why": type(error).__name__}
        if not callable_run:
            return {"state": "no_agent", "why": "it has no run()"}
        with self._lock:
            self._forget()
            known = self._runs.get(run_id)
            if known is not None and not (known.failed or known.unwanted):
                return {"state": "running"}
            at_work = [run for run in self._runs.values() if run.ended is None]
            if any((run.agent, run.chat_id) == (agent, chat_id) for run in at_work):
                return {"state": "busy"}
            if len(at_work) >= AT_WORK:
                return {"state": "full"}
            run = Run(agent, chat_id, self._monotonic(), element)
            try:
                threading.Thread(target=self._work, args=(run, text, node_id), name="agent run", daemon=True).start()
            except RuntimeError:  # the system gives no more threads
                return {"state": "full"}
            self._runs.pop(run_id, None)
            self._runs[run_id] = run
        return {"state": "running"}

    def poll(self, run_id: str, after: int) -> dict[str, Any]:
        """What a run said after so many events, and how it ended; the `state` is `unknown` for one that is none."""
        with self._lock:
            run = self._runs.get(run_id)
            if run is None:
                return {"state": "unknown"}
            run.asked_at = self._monotonic()
            return {"state": "known", "events": run.said[after:], "next": len(run.said), "ended": run.ended}

    def cancel(self, run_id: str) -> dict[str, Any]:
        """Let a run end at the next thing that it says; an assistant is told to terminate besides."""
        with self._lock:
            run = self._runs.get(run_id)
            if run is None:
                return {"state": "unknown"}
            first = run.ended is None and not run.unwanted
            run.unwanted = run.unwanted or "cancelled"
        if first and is_assistant(run.element):
            threading.Thread(target=run.element.terminate, kwargs={"chatId": run.chat_id}, daemon=True).start()
        return {"state": "known"}

    def _work(self, run: Run, text: str, node_id: str) -> None:
        try:
            value = converse(run.element, text, run.chat_id, lambda event: self._say(run, event), node_id)
            ended = {"how": "returned", "value": plain(value)}
        except Ended:
            ended = {"how": run.unwanted}
        except BaseException as error:  # noqa: BLE001  whatever ends this thread is news for the caller
            ended = _raised(error, run.element)
        with self._lock:
            run.ended = {"how": run.unwanted} if run.unwanted else ended
            run.ended_at = self._monotonic()

    def _say(self, run: Run, event: Any) -> None:
        event = plain(event)
        length = len(json.dumps(event))
        with self._lock:
            run.length += length
            if self._monotonic() - run.asked_at > ABANDONED_AFTER:
                run.unwanted = run.unwanted or "abandoned"
            if run.length > LONGEST:
                run.unwanted = run.unwanted or "too_long"
            if run.unwanted:
                raise Ended
            run.said.append(event)

    def _forget(self) -> None:
        ended = [run_id for run_id, run in self._runs.items() if run.ended is not None]
        too_many = len(ended) - KEPT
        before = self._monotonic() - KEPT_FOR
        for number, run_id in enumerate(ended):
            if number < too_many or self._runs[run_id].ended_at < before:
                del self._runs[run_id]


def plain(value: Any, depth: int = DEEPEST) -> Any:
    """The same as JSON can hold it; a value of JitAi's own types is what it keeps in `value`."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if depth and isinstance(value, Mapping):
        return {str(key): plain(inner, depth - 1) for key, inner in value.items()}
    if depth and isinstance(value, list | tuple):
        return [plain(inner, depth - 1) for inner in value]
    if depth and hasattr(value, "value"):
        return plain(value.value, depth - 1)
    return value if isinstance(value, float) and abs(value) < float("inf") else str(value)


def _raised(error: BaseException, element: Any) -> dict[str, Any]:
    """An error's message may quote the person who asked; only that of the platform's own kind is passed on."""
    told = {"how": "raised", "error": type(error).__name__, "initialized": getattr(element, "initialized", True)}
    if hasattr(error, "code") and hasattr(error, "reason"):
        told |= {"code": error.code, "reason": error.reason}
    return plain(told)  # type: ignore[no-any-return]
