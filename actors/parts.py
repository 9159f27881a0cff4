"""The parts that live on the reactor: the network, the inbox, and for each robot its agent, API, card desk, intake
and gateway.

It reads like a list. Each part is handed what it needs by the settings; nothing is started and nothing is decided here.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import aiohttp

from actors import series
from actors.agents.answering import Clocks, answering
from actors.agents.registry import make_agent
from actors.agents.setup import Setup
from actors.core.events import Agent
from actors.core.frozen import frozen
from actors.core.robot import Cause, Parked, Robot
from actors.desk import Desk, Lately
from actors.dingtalk.ban import Ban
from actors.dingtalk.files import AT_ONCE, DIRECTORY, Files
from actors.dingtalk.gateway import StreamGateway
from actors.dingtalk.network import Network, trusting
from actors.dingtalk.openapi import OpenApi
from actors.dingtalk.quota import Quota
from actors.dingtalk.replies import CARD_APIS, RobotReplies
from actors.dingtalk.standing import Standing
from actors.errors import CallFailed, InboxError, SettingsError
from actors.heartbeat import Heartbeat
from actors.inbox.port import Archive, Inbox
from actors.inbox.sqlite import SqliteInbox
from actors.inbox.sqlite_archive import SqliteArchive
from actors.intake import Admission, Intake
from actors.settings import Settings

log = logging.getLogger(__name__)

CLOSE_WITHIN = 2.0
"""Seconds that each part has to close in."""


@frozen
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


@frozen
class Signals:
    """Who is told that a conversation has work, by robot and conversation, and which questions were taken back."""

    work: Callable[[str, str], object]
    taken_back: Callable[[str, str, frozenset[str]], object]


class Parts:
    """Everything on the reactor; `robots` by client id. It is changed on the reactor alone, and read by any thread."""

    def __init__(
        self, network: Network, inbox: Inbox, quota: Quota, signals: Signals, clock: Callable[[], float]
    ) -> None:
        self.network = network
        self.inbox = inbox
        self.quota = quota
        self.robots: Mapping[str, RobotParts] = {}
        self.desks: Mapping[str, Desk] = _Desks(self)
        self.heartbeat = Heartbeat(inbox, self._beaten)
        self._signals = signals
        self._clock = clock
        self._ban = Ban()
        self._replicas = 1
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._former: list[RobotParts] = []
        """Parts that were replaced and may still be used."""

    @property
    def answers(self) -> dict[str, str]:
        """What each robot shows its answers on now, by client id."""
        return {name: robot.replies.shown_on for name, robot in self.robots.items()}

    def furnish(self, settings: Settings, robot: Robot, agent: Agent) -> None:
        """Make the parts of a robot by its own settings; they are in use from now on. Those that they replace are
        kept until somebody gives them up; what depends on credentials alone is taken over from them."""
        name = robot.client_id
        self.quota.add(name)
        former = self.robots.get(name)
        self.robots = {**self.robots, name: self._made(settings, robot, agent, former)}
        if former is not None and former not in self._former:
            self._former.append(former)

    def retire(self, robot: str) -> RobotParts:
        """A robot is on its way out: its parts stay in use until somebody gives them up."""
        self._former.append(self.robots[robot])
        return self.robots[robot]

    async def give_up(self, robot: str, former: RobotParts) -> None:
        """Nobody uses these parts any more: close what no others have in common with them."""
        self._former.remove(former)
        if self.robots.get(robot) is former:
            self.robots = {name: parts for name, parts in self.robots.items() if name != robot}
            self.quota.forget(robot)
            series.end_robot(robot)
        others = (*self.robots.values(), *self._former)
        # Its calls are not closed: one that is under way ends by itself, and a card may be closed late.
        closes = [former.intake.close, former.agent.close]
        if not any(parts.files is former.files for parts in others):
            closes.append(former.files.close)
        await _close(closes)

    async def close(self) -> None:
        """Give back what the parts hold, in reverse. One that fails or hangs keeps no other from it: the inbox above
        all, whose questions would count a death."""
        robots = dict.fromkeys((*self.robots.values(), *self._former))
        closes = dict.fromkeys(
            close
            for robot in robots
            for close in (robot.intake.close, robot.agent.close, robot.files.close, robot.api.close)
        )
        await _close((*closes, self.quota.close, self.network.close, self.inbox.close))

    def _beaten(self, replicas: int) -> None:
        self._replicas = replicas
        for api in dict.fromkeys(parts.api for parts in (*self._former, *self.robots.values())):
            api.beaten(replicas)

    def _made(self, own: Settings, robot: Robot, agent: Agent, former: RobotParts | None) -> RobotParts:
        name = robot.client_id
        series.begin_robot(name, agent.name, [api.name for api in CARD_APIS[own.card_kind]])
        if former and former.api.robot.is_served_like(robot):
            api, files = former.api, former.files
        else:
            api = make_api(own, robot, self.network, self.quota, self._ban, self._replicas)
            files = Files(
                api,
                self.network.session,
                DIRECTORY,
                max_bytes=own.attachment_max_bytes,
                timeout=own.attachment_timeout,
                slots=self._slots,
            )
        if former and former.api.robot.has_credentials_of(robot):
            gateway = former.gateway
        else:
            gateway = StreamGateway(
                robot, self.network, self._ban, silence_timeout=own.stream_silence_timeout, wall=self._clock
            )
        standing = Standing(name)
        replies = RobotReplies(api, self.quota, standing, own.card_kind)
        # Another agent's answers take as long as they take.
        lately = former.desk.lately if former and former.desk.agent == agent.name else Lately()
        return RobotParts(
            agent=agent,
            api=api,
            desk=_desk(own, name, agent, replies, files, lately),
            intake=_intake(own, robot, self.inbox, replies, files, self._signals, agent),
            gateway=gateway,
            replies=replies,
            standing=standing,
            files=files,
        )


class _Desks(Mapping[str, Desk]):
    """The desks by client id, as they are at the moment of asking."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def __getitem__(self, robot: str) -> Desk:
        return self._parts.robots[robot].desk

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts.robots)

    def __len__(self) -> int:
        return len(self._parts.robots)


async def warm(api: OpenApi) -> None:
    """Have a token ahead of the first question."""
    try:
        await api.warm()
    except CallFailed as error:
        log.warning("no access token yet: %s", error, extra={"action": "token_missing", "robot": api.robot.client_id})


async def _close(closes: Iterable[Callable[[], Awaitable[None]]]) -> None:
    for close in closes:
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
    agents, failed = try_agents(settings, session)
    parked = (*settings.parked, *failed)
    if not agents:
        raise SettingsError(tuple(problem for robot in parked for problem in robot.problems))
    return agents, parked


def try_agents(
    settings: Settings, session: Callable[[], aiohttp.ClientSession]
) -> tuple[dict[str, Agent], tuple[Parked, ...]]:
    """The agents that can be had, by their robots' client ids, and the robots whose agents cannot."""
    agents: dict[str, Agent] = {}
    parked: list[Parked] = []
    for robot in settings.robots():
        own = settings.of(robot.client_id)
        try:
            agents[robot.client_id] = make_agent(robot.agent, Setup(own, session))
        except SettingsError as error:
            parked.append(own.parked_for(Cause.AGENT, error.problems))
    return agents, tuple(parked)


async def open_inbox(settings: Settings, clock: Callable[[], float]) -> Inbox:
    """The inbox. One that several machines share has a clock of its own.

    Raises:
        SettingsError: it cannot be had.
    """
    times: dict[str, Any] = {
        "lease": settings.inbox_lease,
        "dedupe_window": settings.inbox_dedupe_window,
        "retention": settings.inbox_retention,
    }
    try:
        if settings.inbox_path is not None:
            return await SqliteInbox.open(settings.inbox_path, clock=clock, **times)
        from actors.inbox.postgresql_inbox import PostgresqlInbox  # noqa: PLC0415 - 0.1 s that only its users shall wait for

        url = settings.inbox_url.get_secret_value()
        return await PostgresqlInbox.open(url, pool=settings.inbox_pool_size, **times)
    except InboxError as error:
        raise SettingsError((f"INBOX_URL: {error}",)) from error


async def open_archive(settings: Settings) -> Archive:
    """What an operator sees of the inbox.

    Raises:
        InboxError: it cannot be had.
    """
    if settings.inbox_path is not None:
        return await SqliteArchive.open(settings.inbox_path)
    from actors.inbox.postgresql_archive import PostgresqlArchive  # noqa: PLC0415 - see `open_inbox`

    return await PostgresqlArchive.open(settings.inbox_url.get_secret_value())


async def assemble(  # noqa: PLR0917 - composition takes what it composes
    settings: Settings,
    network: Network,
    agents: Mapping[str, Agent],
    inbox: Inbox,
    signals: Signals,
    clock: Callable[[], float],
) -> Parts:
    """Make all other parts, of the robots that have an agent."""
    parts = Parts(network, inbox, Quota(settings.openapi_monthly_quota, inbox.count_calls), signals, clock)
    await parts.quota.open()
    await parts.heartbeat.beat()
    for robot in settings.robots():
        if robot.client_id in agents:
            parts.furnish(settings.of(robot.client_id), robot, agents[robot.client_id])
    return parts


def make_api(  # noqa: PLR0917 - composition takes what it composes
    settings: Settings, robot: Robot, network: Network, quota: Quota, ban: Ban, replicas: int
) -> OpenApi:
    """What calls DingTalk for a robot, by its settings; `replicas` share its calls per second."""
    return OpenApi(
        robot,
        network.session,
        attempts=settings.openapi_retry_attempts,
        backoff=settings.openapi_backoff,
        timeout=settings.openapi_timeout,
        qps=settings.openapi_qps,
        quota=quota,
        ban=ban,
        replicas=replicas,
    )


def _desk(  # noqa: PLR0917 - composition takes what it composes
    settings: Settings, robot: str, agent: Agent, replies: RobotReplies, files: Files, lately: Lately
) -> Desk:
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
    return Desk(replies, files, answer, agent.name, settings.agent_show_reasoning, settings.agent_timeout, lately)


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
