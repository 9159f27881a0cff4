"""The inspector's side of the page: what one reader has not been told yet, and what is told when asked for.

What is shown is decided in `inspection` and `timing`.
"""

import math
import time
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from actors.sandbox import inspection
from actors.sandbox.replies import answer, refusal
from actors.sandbox.rules import Rules
from actors.sandbox.scenarios import Scenarios
from actors.sandbox.switches import Switches
from actors.sandbox.timing import timings
from actors.sandbox.trace import Event
from actors.sandbox.world import Watcher, World

ROWS = 300
QUESTIONS = 40
ENTRIES = 400
"""How many events and questions a page is told of at first, and among how many entries those are looked for."""

QUESTIONS_EVERY = 0.25
LIMITS_EVERY = 1.0
"""Seconds between two looks at what takes a while to work out."""


class Reader:
    """What one page knows. Events that change more than once between two tellings are told once, as they are."""

    def __init__(self, world: World, rules: Rules, switches: Switches, scenarios: Scenarios, watcher: Watcher) -> None:
        self._world = world
        self._rules = rules
        self._switches = switches
        self._scenarios = scenarios
        self._watcher = watcher
        self._questions: dict[str, dict[str, Any]] = {}
        self._on: list[dict[str, Any]] = []
        self._played: dict[str, Any] = {}
        self._limits: dict[str, Any] = {}
        self._asked = self._looked = 0.0
        self._unasked = self._stale = False

    @property
    def patience(self) -> float:
        """Seconds after which there may be news though nothing happens: what came since the last look, or the last
        second's calls pass."""
        if self._unasked:
            return QUESTIONS_EVERY
        calling = any(rate["now"] for rate in self._limits.get("rates", ()))
        return LIMITS_EVERY if self._stale or calling else math.inf

    def first(self) -> Iterator[tuple[str, Any]]:
        """All there is to know: the kind of each news, and the news."""
        self._on = self._switches.on()
        yield "catalogue", {"troubles": inspection.catalogue()}
        yield "troubles", {"on": self._on}
        yield "events", {"first": True, "events": self._rows(list(self._world.trace)[-ROWS:])}
        yield from self.news()

    def news(self) -> Iterator[tuple[str, Any]]:
        """What is new."""
        events, self._watcher.events = self._watcher.events, {}
        if events:
            self._stale = self._unasked = True
            yield "events", {"first": False, "events": self._rows(list(events.values()))}
        if (on := self._switches.on()) != self._on:
            self._on = on
            yield "troubles", {"on": on}
        if (played := self._scenarios.shown()) != self._played:
            self._played = played
            yield "scenarios", played
        now = time.monotonic()
        if now >= self._asked + QUESTIONS_EVERY:
            self._asked, self._unasked = now, False
            if changed := self._changed():
                yield "questions", {"questions": changed}
        if now >= self._looked + LIMITS_EVERY:
            self._looked, self._stale = now, False
            yield from self._used(now)

    def _rows(self, events: list[Event]) -> list[dict[str, Any]]:
        return [inspection.row(self._world, event) for event in events]

    def _changed(self) -> list[dict[str, Any]]:
        latest = timings(self._world.entries[-ENTRIES:])[-QUESTIONS:]
        known = self._questions
        told = (inspection.question(self._world, timing) for timing in latest)
        self._questions = {question["id"]: question for question in told}
        return [question for name, question in self._questions.items() if known.get(name) != question]

    def _used(self, now: float) -> Iterator[tuple[str, Any]]:
        limits = inspection.limits(self._world.calls, self._world.counted, self._rules, now)
        if limits != self._limits:
            self._limits = limits
            yield "limits", limits


class Inspector:
    """`/sandbox/event/N`, `/sandbox/updates?card=…` and `/sandbox/troubles`."""

    def __init__(self, world: World, rules: Rules, switches: Switches, scenarios: Scenarios) -> None:
        self._world = world
        self._rules = rules
        self._switches = switches
        self._scenarios = scenarios

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get(r"/sandbox/event/{number:\d{1,15}}", self._event),
            web.get("/sandbox/updates", self._updates),
            web.get("/sandbox/troubles", self._troubles),
        ]

    def reader(self, watcher: Watcher) -> Reader:
        """One page's."""
        return Reader(self._world, self._rules, self._switches, self._scenarios, watcher)

    async def _event(self, request: web.Request) -> web.Response:
        event = self._world.trace.find(int(request.match_info["number"]))
        if event is None:
            raise refusal(web.HTTPNotFound, "there is no such event, or it is forgotten")
        return answer(inspection.details(self._world, event))

    async def _updates(self, request: web.Request) -> web.Response:
        card = self._world.cards.get(request.query.get("card", ""))
        if card is None:
            raise refusal(web.HTTPNotFound, "there is no such card, or it is forgotten")
        return answer(inspection.updates(card))

    async def _troubles(self, _: web.Request) -> web.Response:
        return answer({"troubles": inspection.catalogue(), "on": self._switches.on()})
