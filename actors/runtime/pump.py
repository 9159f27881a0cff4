"""The pump: what an agent says and does collects here, on the reactor, until its card is worth an update.

The law: the actor hears of news only when an update is due, and of one update at a time (credit 1); text and status are
taken at the moment of sending, so the latest wins; a failed update costs nothing of the budget. Everything here runs on
the reactor's loop. The pump knows the pacing rules and nothing of cards, calls or conversations.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import NamedTuple

from actors.core import texts
from actors.core.events import Progress, Reasoning, Replace, Retrying, Text, ToolEnd, ToolStart
from actors.core.pacing import Budget, Pace, next_update


class Said(NamedTuple):
    """What is shown of the text so far, and in one line what is being done ("" while the text speaks for itself)."""

    text: str
    status: str


LONGEST = 50_000
"""Characters of a text that are shown while it grows. Each update carries them all and costs in proportion, and nobody
reads along; of a longer text the rest comes with the last update."""

Send = Callable[[Callable[[], Said], float], Awaitable[None]]
"""Sends one update: takes what was said at the moment of sending, and the age mark of its oldest unseen piece."""


class Pump:
    """Collects one answer and says when an update is due.

    `due` is called when there is something unseen, the budget allows an update and the credit is here; `began` once, at
    the first text. Neither may block. `show_reasoning` lets the model's thinking count as text.
    """

    def __init__(
        self, budget: Budget, *, due: Callable[[], object], began: Callable[[], object], show_reasoning: bool = False
    ) -> None:
        self._budget = budget
        self._due = due
        self._began = began
        self._show_reasoning = show_reasoning
        self._pieces: list[str] = []
        self._length = 0
        self._status = texts.THINKING
        self._tools: list[str] = []
        self._text_shown = False
        self._pace: Pace | None = None
        self._unseen_since: float | None = None
        self._newest = 0.0
        self._running = True
        self._showing = True
        self._credit = True
        self._timer: asyncio.TimerHandle | None = None
        self._sending: asyncio.Future[None] | None = None
        self._sent_at: float | None = None
        self._withdrawn = False
        self._spent = False

    @property
    def text(self) -> str:
        """All that was said so far."""
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    @property
    def said(self) -> Said:
        """What is shown of the text so far, and what is being done."""
        return Said(self.text[:LONGEST], self._status)

    @property
    def shown(self) -> int:
        """How many updates were shown."""
        return self._pace.before + self._pace.shown if self._pace else 0

    @property
    def lasted(self) -> float | None:
        """Seconds since the first text; None as long as there is none."""
        return self._now() - self._pace.began if self._pace and self._pace.speaking else None

    @property
    def spent(self) -> bool:
        """Whether text came for which there was no update left but the last one."""
        return self._spent

    async def run(self, events: AsyncGenerator[Progress, None]) -> str:
        """Collect until the end and return the whole text. Closing or cancelling stops the agent.

        Raises:
            AgentFailed: the agent did; `text` keeps what it had said.
        """
        try:
            async with aclosing(events) as said:
                async for event in said:
                    self._fold(event)
        finally:
            self._running = False
            self._drop_timer()
        return self.text

    async def show(self, send: Send) -> float | None:
        """Send one update, and take the credit back whatever becomes of it.

        Returns:
            How old the oldest text was when it was shown, in seconds; None if the update was withdrawn.

        Raises:
            Whatever `send` does.
        """
        since = self._now() if self._unseen_since is None else self._unseen_since
        self._withdrawn = False
        self._sending = asyncio.ensure_future(send(self._take, since))
        shown = False
        try:
            await self._sending
            shown = True
        except asyncio.CancelledError:
            if not self._withdrawn:
                raise
        finally:
            self._settle(since, shown=shown)
        return self._now() - since if shown else None

    def tell(self, status: str) -> None:
        """Say what is being done; "" when the text speaks for itself again."""
        if status != self._status:
            self._status = status
            self._news()

    def show_no_more(self) -> None:
        """No further update is worth trying; the text goes on collecting for the end."""
        self._showing = False
        self._drop_timer()

    def withdraw(self) -> None:
        """Drop the update under way, if its text is not taken yet."""
        if self._sending is not None and self._sent_at is None:
            self._withdrawn = True
            self._sending.cancel()

    def _take(self) -> Said:
        self._sent_at = self._now()
        self._unseen_since = None
        self._text_shown = bool(self._pieces)
        return self.said

    def _settle(self, since: float, *, shown: bool) -> None:
        if self._sent_at is not None and self._pace is not None:
            self._pace = self._pace.showed(self._sent_at) if shown else self._pace.missed(self._sent_at)
        if not shown:
            self._unseen_since = since
        self._sending = None
        self._sent_at = None
        self._credit = True
        self._schedule()

    def _fold(self, event: Progress) -> None:
        match event:
            case Replace(text):
                self._speak(text, afresh=True)
            case Text(text) if text:
                self._speak(text)
            case Reasoning(text) if text and self._show_reasoning:
                self._speak(text)
            case ToolStart(name):
                self._tools.append(name)
                self.tell(texts.using_tool(name))
            case ToolEnd(name):
                self._tool_ended(name)
            case Retrying():
                self.tell(texts.RETRYING)

    def _tool_ended(self, name: str) -> None:
        """Another one may still be in use; an agent may use several at once."""
        if name in self._tools:
            self._tools.remove(name)
        if self._tools:
            self.tell(texts.using_tool(self._tools[-1]))
        else:
            self.tell("" if self.text.strip() else texts.THINKING)

    def _speak(self, text: str, *, afresh: bool = False) -> None:
        first = not self._pieces
        if afresh:
            self._pieces.clear()
            self._length = 0
        self._pieces.append(text)
        self._length += len(text)
        self._tools.clear()
        self._status = texts.THINKING if afresh and not text.strip() else ""
        if first:
            self._began()
            self._pace = self._pace and self._pace.spoke(self._now())
            self._drop_timer()  # a status was waiting for its turn; text does not
        self._news()

    def _news(self) -> None:
        self._newest = self._now()
        if self._pace is None:
            self._pace = Pace(self._newest, speaking=bool(self._pieces))
        if self._unseen_since is None:
            self._unseen_since = self._newest
        self._schedule()

    def _schedule(self) -> None:
        ready = self._running and self._showing and self._credit and self._timer is None
        if not ready or self._unseen_since is None:
            return
        at = self._due_at()
        if at is None:
            self._spent = self._spent or bool(self._pieces)
        else:
            self._timer = asyncio.get_running_loop().call_at(at, self._fire, at)

    def _due_at(self) -> float | None:
        """When the next update is due, by what has come until now; None if there is to be none."""
        if self._pace is None or self._unseen_since is None or self._length > LONGEST:
            return None
        at_once = bool(self._pieces) and not self._text_shown
        return next_update(self._pace, self._budget, self._unseen_since, self._newest, at_once=at_once)

    def _drop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self, at: float) -> None:
        self._timer = None
        due = self._due_at()
        if due is not None and due > at:
            self._schedule()  # more has come: it was no pause
        else:
            self._credit = False
            self._due()

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
