"""The takeover of what changes in `ROBOTS_DIR`: looked for, compared by content, and carried out robot by robot.

The law: a change counts when two looks in a row agree on it, so that a file that is being written is nobody's fault.
What follows from it, `core.takeover` says; parts are changed here, on the reactor, and the supervisor is told, who owns
connections and conversations and says when nobody uses the former parts. Whoever has not changed does not notice.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any

from actors.core.events import Agent
from actors.core.robot import Cause, Parked
from actors.core.takeover import Plan, plan, settled
from actors.errors import SettingsError
from actors.messages import RobotAdded, RobotChanged, RobotRemoved
from actors.parts import Parts, RobotParts, try_agents, warm
from actors.roll import Entries, Roll
from actors.settings import Settings, load, look

log = logging.getLogger(__name__)

LOOK_EVERY = 3.0
"""Seconds between two looks: what has changed is taken over after two of them, within 10 s."""


class Takeover:
    """Watches `ROBOTS_DIR` of an environment. `entries` are who is served and parked at the start; `tell` tells the
    supervisor, `beside` has something done on the reactor that nobody waits for; both may be called from any thread.
    """

    def __init__(  # noqa: PLR0917 - composition takes what it composes
        self,
        environ: Mapping[str, str],
        entries: Entries,
        parts: Parts,
        roll: Roll,
        tell: Callable[[object], object],
        beside: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._environ = environ
        self._entries = entries
        self._parts = parts
        self._roll = roll
        self._tell = tell
        self._beside = beside

    async def watch(self) -> None:
        """Look again and again, in a thread, since a folder may hang."""
        taken: tuple[object, ...] | None = None
        before: tuple[object, ...] | None = None
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                now = await asyncio.to_thread(look, self._environ)
                if settled(taken, before, now) and await self._take(now):
                    taken = now
                before = now
            except Exception:  # a change that cannot be taken over must not be the last that is seen
                log.exception("a change was not taken over", extra={"action": "takeover_failed"})
                taken = before

    async def _take(self, seen: tuple[object, ...]) -> bool:
        """Take over what was seen; False if it changed meanwhile."""
        try:
            settings = await asyncio.to_thread(load, self._environ, again=True)
        except SettingsError as error:
            self._stay(error.problems)
            return True
        served = self._served
        news = plan(served, settings.tree, settings.parked, _element)
        new = settings.model_copy(update={"dingtalk_client_id": None, "tree": {**news.added, **news.changed}})
        agents, failed = await asyncio.to_thread(try_agents, new, lambda: self._parts.network.session)
        if await asyncio.to_thread(look, self._environ) != seen:
            for agent in agents.values():
                await agent.close()
            return False
        wanted = {robot: own for robot, own in settings.tree.items() if robot in agents or robot not in new.tree}
        todo = plan(served, wanted, (*settings.parked, *failed), _element)
        self._carry_out(todo, agents)
        self._enter(settings, todo)
        return True

    @property
    def _served(self) -> dict[str, Settings]:
        """The robots of the tree that are served, with the settings that they are served by."""
        served = {robot.client_id for robot in self._entries.served}
        return {robot: own for robot, own in self._entries.settings.tree.items() if robot in served}

    def _carry_out(self, todo: Plan[Settings], agents: Mapping[str, Agent]) -> None:
        for robot in todo.removed:
            over = self._when_over(robot, self._parts.retire(robot))
            self._tell(RobotRemoved(robot, over))
            _say("robot_removed", robot)
        for robot, own in todo.changed.items():
            former = self._parts.robots[robot]
            self._furnish(own, agents[robot])
            reconnect = self._parts.robots[robot].gateway is not former.gateway
            self._tell(RobotChanged(robot, reconnect, self._when_over(robot, former)))
            _say("robot_changed", robot, element=_element(own), reconnect=reconnect)
        for robot, own in todo.added.items():
            self._furnish(own, agents[robot])
            self._tell(RobotAdded(robot))
            _say("robot_added", robot, element=_element(own))

    def _furnish(self, own: Settings, agent: Agent) -> None:
        (robot,) = own.robots()
        self._parts.furnish(own, robot, agent)
        self._beside(warm(self._parts.robots[robot.client_id].api))

    def _when_over(self, robot: str, former: RobotParts) -> Callable[[], object]:
        return lambda: self._beside(self._parts.give_up(robot, former))

    def _enter(self, settings: Settings, todo: Plan[Settings]) -> None:
        """Who is served by what, and who is parked, for all to read."""
        before = self._entries
        left = {robot: own for robot, own in self._served.items() if robot not in todo.removed}
        tree = {**left, **todo.added, **todo.changed}
        of_the_environment = [robot for robot in before.served if robot.client_id not in before.settings.tree]
        self._renew(
            Entries(
                settings.model_copy(update={"tree": tree}),
                (*of_the_environment, *(robot for own in tree.values() for robot in own.robots())),
                (*(parked for parked in before.parked if not parked.element), *todo.parked),
                todo.outdated,
            )
        )

    def _stay(self, problems: tuple[str, ...]) -> None:
        """There is nothing to take over: all go on as they are."""
        outdated = {
            robot: Parked(robot, _element(own), own.agent, Cause.UNREADABLE, problems)
            for robot, own in self._served.items()
        }
        self._renew(replace(self._entries, outdated=outdated))

    def _renew(self, entries: Entries) -> None:
        self._entries = entries
        self._roll.renew(entries)


def _element(own: Settings) -> str:
    return own.element.name if own.element else ""


def _say(action: str, robot: str, **more: object) -> None:
    log.info(action.replace("_", " "), extra={"action": action, "robot": robot, **more})
