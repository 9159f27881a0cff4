"""The parts that live on the reactor: the HTTP session, the inbox, and for each robot its agent, API, card desk, intake
and gateway.

It reads like a list. Each part is handed what it needs by the settings; nothing is started and nothing is decided here.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import aiohttp

from actors.agents.answering import Clocks, answering
from actors.agents.registry import make_agent
from actors.core.events import Agent
from actors.core.robot import Robot
from actors.dingtalk.gateway import StreamGateway
from actors.dingtalk.openapi import OpenApi
from actors.dingtalk.quota import Quota
from actors.dingtalk.replies import RobotReplies
from actors.effects import Desk
from actors.errors import InboxError, SettingsError
from actors.inbox.port import Archive, Inbox
from actors.inbox.sqlite import SqliteInbox
from actors.inbox.sqlite_archive import SqliteArchive
from actors.intake import Intake
from actors.settings import Settings

log = logging.getLogger(__name__)

CLOSE_WITHIN = 2.0
"""Seconds that each part has to close in."""


@dataclass(frozen=True, slots=True)
class RobotParts:
    """What one robot is served with."""

    agent: Agent
    api: OpenApi
    desk: Desk
    intake: Intake
    gateway: StreamGateway


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything on the reactor; `robots` by client id."""

    session: aiohttp.ClientSession
    inbox: Inbox
    quota: Quota
    robots: Mapping[str, RobotParts]

    @property
    def desks(self) -> dict[str, Desk]:
        """The desks by client id."""
        return {name: robot.desk for name, robot in self.robots.items()}

    async def close(self) -> None:
        """Give back what the parts hold, in reverse. One that fails or hangs keeps no other from it: the inbox above
        all, whose questions would count a death."""
        closes = [close for robot in self.robots.values() for close in (robot.agent.close, robot.api.close)]
        for close in (*closes, self.quota.close, self.session.close, self.inbox.close):
            try:
                async with asyncio.timeout(CLOSE_WITHIN):
                    await close()
            except Exception as error:
                log.error("a part was not closed: %r", error, exc_info=error, extra={"action": "part_not_closed"})


def make_agents(robots: tuple[Robot, ...]) -> dict[str, Agent]:
    """The agent of each robot.

    Raises:
        SettingsError: names every agent that cannot be had.
    """
    agents: dict[str, Agent] = {}
    problems: list[str] = []
    for robot in robots:
        try:
            agents[robot.client_id] = make_agent(robot.agent)
        except SettingsError as error:
            problems.extend(error.problems)
    if problems:
        raise SettingsError(tuple(problems))
    return agents


async def open_inbox(settings: Settings) -> Inbox:
    """The inbox.

    Raises:
        SettingsError: it cannot be had.
    """
    try:
        return await SqliteInbox.open(
            settings.inbox_path,
            lease=settings.inbox_lease,
            dedupe_window=settings.inbox_dedupe_window,
            retention=settings.inbox_retention,
        )
    except InboxError as error:
        raise SettingsError((f"INBOX_URL: {error}",)) from error


async def open_archive(settings: Settings) -> Archive:
    """What an operator sees of the inbox.

    Raises:
        InboxError: it cannot be had.
    """
    return await SqliteArchive.open(settings.inbox_path)


async def assemble(
    settings: Settings, agents: Mapping[str, Agent], inbox: Inbox, work: Callable[[str, str], object]
) -> Parts:
    """Make all other parts. `work(robot, conversation)` is called for every stored question."""
    session = aiohttp.ClientSession(
        # How many calls may be under way is the limiter's to say: a place in the pool would be waited for on the clock.
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=True,
    )
    quota = Quota(settings.openapi_monthly_quota, inbox.count_calls)
    await quota.open(*(robot.client_id for robot in settings.robots()))

    def parts_of(robot: Robot) -> RobotParts:
        name, agent = robot.client_id, agents[robot.client_id]
        api = _api(settings, robot, session, quota)
        replies = RobotReplies(api, quota)
        return RobotParts(
            agent=agent,
            api=api,
            desk=_desk(settings, name, agent, replies),
            intake=_intake(settings, robot, inbox, replies, partial(work, name)),
            gateway=StreamGateway(robot, session, silence_timeout=settings.stream_silence_timeout),
        )

    return Parts(session, inbox, quota, {robot.client_id: parts_of(robot) for robot in settings.robots()})


def _api(settings: Settings, robot: Robot, session: aiohttp.ClientSession, quota: Quota) -> OpenApi:
    return OpenApi(
        robot,
        session,
        attempts=settings.openapi_retry_attempts,
        backoff=settings.openapi_backoff,
        timeout=settings.openapi_timeout,
        qps=settings.openapi_qps,
        quota=quota,
    )


def _desk(settings: Settings, robot: str, agent: Agent, replies: RobotReplies) -> Desk:
    clocks = Clocks(
        connect=settings.agent_connect_timeout,
        first_token=settings.agent_first_token_timeout,
        idle=settings.agent_idle_timeout,
        total=settings.agent_timeout,
    )
    answer = partial(
        answering,
        agent,
        robot=robot,
        clocks=clocks,
        attempts=settings.agent_retry_attempts,
        backoff=settings.agent_backoff,
    )
    return Desk(replies, answer, agent.name)


def _intake(
    settings: Settings, robot: Robot, inbox: Inbox, replies: RobotReplies, work: Callable[[str], object]
) -> Intake:
    return Intake(
        robot,
        inbox,
        replies,
        work,
        queue=settings.conversation_queue,
        conversation_scope=settings.conversation_scope,
        memory_scope=settings.memory_scope,
    )
