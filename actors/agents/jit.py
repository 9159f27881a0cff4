"""`jit:FULLNAME`: an agent or assistant of JitAi, in the process that runs its app.

Inside JitNode `app` is a builtin of Python, and `app.getElement(FULLNAME)` gives the element. It is asked in a thread
(`jit_calls.py`), and what it says means what `jit_events.py` says. One run of a memory at a time: JitAi keeps the
conversation by its `chatId`, and a run that was stopped goes on until it says something more, so the next one waits for
its end. An assistant is told to terminate; an agent can only be stopped by an exception in its callback.

Written from JitAi's documentation, and unproven without a JitNode: see `deploy/jitai/services/README.md`. The request
context (`app.currentUser`, `env.getReqContext`) is not documented and left alone: an agent runs without a user.
"""

import asyncio
import builtins
import logging
import threading
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from actors.agents import jit_element
from actors.agents.jit_calls import converse, is_assistant
from actors.agents.jit_element import JitElement, Returned, not_initialized, still_at_work
from actors.agents.jit_events import asked
from actors.agents.setup import Setup
from actors.agents.threads import HandOver, Threads
from actors.core.question import Question
from actors.errors import SettingsError

log = logging.getLogger(__name__)


class JitAgent(JitElement):
    """Answers by an element of the app that this process runs."""

    def __init__(self, full_name: str) -> None:
        self._full_name = full_name
        self._threads = Threads()
        self._runs: dict[str, asyncio.Event] = {}
        """The run of each `chatId` that is at work; the event is its end."""

    async def _said(self, question: Question, chat_id: str, node_id: str) -> AsyncGenerator[Any, None]:
        text = asked(question, node_id)

        def work(hand_over: HandOver) -> None:
            element = element_of(self._full_name)
            try:
                hand_over(Returned(converse(element, text, chat_id, hand_over, node_id)))
            except Exception as error:
                if getattr(element, "initialized", True) is False:
                    raise not_initialized(self._full_name) from error
                raise

        await self._end_of_former(chat_id)
        ended = self._runs[chat_id] = asyncio.Event()

        def over() -> None:
            del self._runs[chat_id]
            ended.set()

        returned = False
        try:
            async with aclosing(self._threads.pieces(work, over)) as pieces:
                async for piece in pieces:
                    returned = isinstance(piece, Returned)
                    yield piece
        except (GeneratorExit, asyncio.CancelledError):
            if not returned:
                threading.Thread(target=_terminate, args=(self._full_name, chat_id), daemon=True).start()
            raise

    async def _end_of_former(self, chat_id: str) -> None:
        try:
            async with asyncio.timeout(jit_element.FORMER_GRACE):
                while (former := self._runs.get(chat_id)) is not None:
                    await former.wait()
        except TimeoutError:
            raise still_at_work() from None


def element_of(full_name: str) -> Any:
    """An element of the app, by its full name. What the platform raises for one that does not exist is its own affair.

    Raises:
        LookupError: there is none.
    """
    element = builtins.app.getElement(full_name)  # type: ignore[attr-defined]  # the platform's own builtin
    if element is None:
        raise LookupError("no such element")
    return element


def make(rest: str, _: Setup) -> JitAgent:
    """The agent that `jit:FULLNAME` names.

    Raises:
        SettingsError: this is no JitNode, or its app has no such agent or assistant.
    """
    name = rest.strip()
    where = f"AGENT={f'jit:{name}'!r}:"
    if not name:
        raise SettingsError((f"{where} names no element, write it as jit:aiagents.shop",))
    if not hasattr(builtins, "app"):
        outside = f"jit+https://HOST/ORG/APP/{name}"
        raise SettingsError((f"{where} is to be had only inside JitNode; run the robot there, or use {outside}",))
    try:
        element = element_of(name)
    except Exception as error:  # whatever the platform raises for a name that it does not know
        what = " ".join(f"{type(error).__name__}: {error}".split())
        raise SettingsError((f"{where} the app has no such element ({what})",)) from error
    if not callable(getattr(element, "run", None)):
        raise SettingsError((f"{where} the element has no run(), so it is neither an agent nor an assistant",))
    return JitAgent(name)


def _terminate(full_name: str, chat_id: str) -> None:
    try:
        element = element_of(full_name)
        if is_assistant(element):
            element.terminate(chatId=chat_id)
    except Exception as error:  # noqa: BLE001  nobody is there to hear of it but the operator
        log.warning(
            "assistant not terminated",
            extra={"action": "agent_stop_failed", "agent": JitAgent.name, "error": type(error).__name__},
        )
