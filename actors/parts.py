"""The parts that live on the reactor: the network, the inbox, and for each robot its agent, API, card desk, intake
and gateway.

It reads like a list. Each part is handed what it needs by the settings; nothing is started and nothing is decided here.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import aiohttp

from actors import series
from actors.agents.answering import Clocks, answering
from actors.agents.registry import make_agent
from actors.agents.setup import Setup
from actors.core.events import Agent
from actors.core.robot import Cause, Parked, Robot
from actors.desk import Desk
from actors.dingtalk.ban import Ban
from actors.dingtalk.files import AT_ONCE, DIRECTORY, Files
from actors.dingtalk.gateway import StreamGateway
from actors.dingtalk.network import Network, trusting
from actors.dingtalk.openapi import OpenApi
from actors.dingtalk.quota import Quota
from actors.dingtalk.replies import CARD_APIS, RobotReplies
from actors.dingtalk.standing import Standing
from actors.errors import InboxError, SettingsError
from actors.inbox.port import Archive, Inbox
from actors.inbox.sqlite import SqliteInbox
from actors.inbox.sqlite_archive import SqliteArchive
from actors.intake import Admission, Intake
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
    replies: RobotReplies
    standing: Standing
    files: Files


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything on the reactor; `robots` by client id."""

    network: Network
    inbox: Inbox
    quota: Quota
    robots: Mapping[str, RobotParts]

    @property
    def desks(self) -> dict[str, Desk]:
        """The desks by client id."""
        return {name: robot.desk for name, robot in self.robots.items()}

    @property
    def answers(self) -> dict[str, str]:
        """What each robot shows its answers on now, by client id."""
        return {name: robot.replies.shown_on for name, robot in self.robots.items()}

    async def close(self) -> None:
        """Give back what the parts hold, in reverse. One that fails or hangs keeps no other from it: the inbox above
        all, whose questions would count a death."""
        closes = [
            close
            for robot in self.robots.values()
            for close in (robot.intake.close, robot.agent.close, robot.files.close, robot.api.close)
        ]
        for close in (*closes, self.quota.close, self.network.close, self.inbox.close):
            try:
                async with asyncio.timeout(CLOSE_WITHIN):
                    await close()
            except Exception as error:
                log.error("a part was not closed: %r", error, exc_info=error, extra={"action": "part_not_closed"})


def open_network(settings: Settings) -> Network:
    """The way to other machines; to be called on the loop that uses it."""
    return Network(settings.proxies, trusting(settings.ssl_cert_file))


def make_agents(
    settings: Settings, session: Callable[[], aiohttp.ClientSession]
) -> tuple[dict[str, Agent], tuple[Parked, ...]]:
    """The agents of the robots that can be served, by client id, and the robots that cannot. `session` is for their
    back ends, and not asked for before they answer.

    Raises:
        SettingsError: there is no robot left; names all that is wrong with each.
    """
    agents: dict[str, Agent] = {}
    parked = list(settings.parked)
    for robot in settings.robots():
        own = settings.of(robot.client_id)
        try:
            agents[robot.client_id] = make_agent(robot.agent, Setup(own, session))
        except SettingsError as error:
            parked.append(own.parked_for(Cause.AGENT, error.problems))
    if not agents:
        raise SettingsError(tuple(problem for robot in parked for problem in robot.problems))
    return agents, tuple(parked)


async def open_inbox(settings: Settings, clock: Callable[[], float]) -> Inbox:
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
            clock=clock,
        )
    except InboxError as error:
        raise SettingsError((f"INBOX_URL: {error}",)) from error


async def open_archive(settings: Settings) -> Archive:
    """What an operator sees of the inbox.

    Raises:
        InboxError: it cannot be had.
    """
    return await SqliteArchive.open(settings.inbox_path)


@dataclass(frozen=True, slots=True)
class Signals:
    """Who is told that a conversation has work, by robot and conversation, and which questions were taken back."""

    work: Callable[[str, str], object]
    taken_back: Callable[[str, str, frozenset[str]], object]


async def assemble(  # noqa: PLR0917 - composition takes what it composes
    settings: Settings,
    network: Network,
    agents: Mapping[str, Agent],
    inbox: Inbox,
    signals: Signals,
    clock: Callable[[], float],
) -> Parts:
    """Make all other parts, of the robots that have an agent."""
    ban = Ban()
    quota = Quota(settings.openapi_monthly_quota, inbox.count_calls)
    robots = [robot for robot in settings.robots() if robot.client_id in agents]
    slots = asyncio.Semaphore(AT_ONCE)
    await quota.open(*agents)

    def parts_of(robot: Robot) -> RobotParts:
        name, own, agent = robot.client_id, settings.of(robot.client_id), agents[robot.client_id]
        series.begin_robot(name, agent.name, [api.name for api in CARD_APIS[own.card_kind]])
        api = _api(own, robot, network, quota, ban)
        standing = Standing(name)
        replies = RobotReplies(api, quota, standing, own.card_kind)
        files = Files(
            api,
            network.session,
            DIRECTORY,
            max_bytes=own.attachment_max_bytes,
            timeout=own.attachment_timeout,
            slots=slots,
        )
        return RobotParts(
            agent=agent,
            api=api,
            desk=_desk(own, name, agent, replies, files),
            intake=_intake(own, robot, inbox, replies, files, signals, agent),
            gateway=StreamGateway(robot, network, ban, silence_timeout=own.stream_silence_timeout, wall=clock),
            replies=replies,
            standing=standing,
            files=files,
        )

    return Parts(network, inbox, quota, {robot.client_id: parts_of(robot) for robot in robots})


def _api(settings: Settings, robot: Robot, network: Network, quota: Quota, ban: Ban) -> OpenApi:
    return OpenApi(
        robot,
        network.session,
        attempts=settings.openapi_retry_attempts,
        backoff=settings.openapi_backoff,
        timeout=settings.openapi_timeout,
        qps=settings.openapi_qps,
        quota=quota,
        ban=ban,
    )


def _desk(settings: Settings, robot: str, agent: Agent, replies: RobotReplies, files: Files) -> Desk:
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
    return Desk(replies, files, answer, agent.name)


def _intake(  # noqa: PLR0917 - composition takes what it composes
    settings: Settings,
    robot: Robot,
    inbox: Inbox,
    replies: RobotReplies,
    files: Files,
    signals: Signals,
    agent: Agent,
) -> Intake:
    return Intake(
        robot,
        inbox,
        replies,
        files,
        work=partial(signals.work, robot.client_id),
        taken_back=partial(signals.taken_back, robot.client_id),
        heard=agent.feedback,
        admission=Admission(
            settings.allowed_senders, settings.allowed_chats, settings.conversation_queue, settings.inbox_max_age
        ),
        accepts=agent.accepts,
        conversation_scope=settings.conversation_scope,
        memory_scope=settings.memory_scope,
    )
