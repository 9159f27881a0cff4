"""One robot's check-up: the steps, what each needs, and that nothing is left behind.

The law: a step that fails stops only those that need it; every step ends as one finding; however the check-up ends, its
card is ended and its connection closed with a close frame. What is said about a finding is not known here.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from actors.core.card import CardKind, Face, answered, growing, thinking
from actors.core.frozen import frozen
from actors.core.question import Address, Question
from actors.core.robot import Robot
from actors.core.texts import THINKING
from actors.dingtalk.gateway import StreamGateway
from actors.dingtalk.network import Network
from actors.dingtalk.openapi import OpenApi
from actors.dingtalk.port import Card
from actors.dingtalk.replies import RobotReplies, trusted
from actors.doctor import texts
from actors.doctor.diagnosis import SCOPES, advice_for, missing_scopes, said_by
from actors.doctor.findings import Fail, Finding, Skip, State, Step
from actors.doctor.line import Ear, Line
from actors.doctor.screen import Teller
from actors.doctor.way import reach, webhook_host
from actors.errors import CallFailed, ConnectionTrouble, Fault, Trouble
from actors.settings import Settings

PING_WITHIN = 30.0
"""Seconds within which a frame has to come. The first ping was seen after 0.8 s (dingtalk-stream-sdk-python issue 30),
later ones every 20 to 30 s (soimy/openclaw-channel-dingtalk)."""

_CARD_STEPS = (Step.CREATE, Step.STREAMING, Step.FINALIZE, Step.UPDATE)


@frozen
class Request:
    """What the operator asks for: whom to write to ("" for nobody), and for how many seconds to listen."""

    person: str
    listen: float
    ping_within: float = PING_WITHIN


@frozen
class Instruments:
    """The service's own parts, with retries off."""

    network: Network
    api: OpenApi
    replies: RobotReplies
    gateway: StreamGateway


class Checkup:
    """The check-up of one robot; `run` it once."""

    def __init__(
        self, robot: Robot, settings: Settings, request: Request, instruments: Instruments, teller: Teller
    ) -> None:
        self._robot = robot
        self._settings = settings
        self._request = request
        self._with = instruments
        self._teller = teller
        self._question = _question(robot, request.person)
        self._card: Card = instruments.replies.card(self._question, attempt=1)
        self._card_runs = False
        self._states: dict[Step, State] = {}
        self._proved: set[str] = set()
        self._missing: dict[str, None] = {}
        self._ear = Ear(robot.client_id, request.person, listening=request.listen > 0)
        self._line = Line(instruments.gateway, self._ear)
        self._deadline = 0.0

    @property
    def passed_by(self) -> int:
        """How many messages and clicks came here that were not acked."""
        return self._ear.passed_by

    async def run(self) -> None:
        """Take all steps."""
        try:
            await self._step(Step.NETWORK, partial(self._reach, self._robot.endpoint))
            if host := webhook_host(self._robot.endpoint):
                await self._step(Step.WEBHOOK_HOST, partial(self._reach, host))
            await self._step(Step.TOKEN, self._fetch_token, Step.NETWORK)
            await self._connect()
            await self._try_card()
            await self._step(Step.MESSAGE, self._send_message, Step.TOKEN)
            await self._step(Step.PERMISSIONS, self._sum_up_permissions, Step.TOKEN)
            await self._listen()
        finally:
            await self._end_card()
            await self._line.close()

    # Reaching DingTalk

    async def _reach(self, address: str) -> str:
        return await reach(address, self._with.network, self._settings.proxies, self._settings.openapi_timeout)

    async def _fetch_token(self) -> str:
        await self._with.api.warm()
        return ""

    async def _connect(self) -> None:
        """Open a connection and see it live. It is closed at once, unless it is listened to."""
        await self._step(Step.STREAM, self._open, Step.NETWORK)
        await self._step(Step.PING, self._await_ping, Step.STREAM)
        if not self._request.listen:
            await self._line.close()

    async def _open(self) -> str:
        await self._line.open()
        return ""

    async def _await_ping(self) -> str:
        await self._line.brings(self._ear.first_frame, time.monotonic() + self._request.ping_within)
        return ""

    # The card

    async def _try_card(self) -> None:
        await self._step(Step.CREATE, self._create, Step.TOKEN)
        await self._step(Step.STREAMING, self._stream, Step.CREATE)
        await self._step(Step.FINALIZE, self._finalize, Step.CREATE)
        await self._step(Step.UPDATE, self._update, Step.CREATE)

    async def _create(self) -> str:
        self._card_runs = True
        try:
            await self._card.create(thinking())
        except CallFailed as failure:
            # After a try without a clear answer there may be a card all the same.
            self._card_runs = failure.fault is Fault.TRANSIENT
            raise
        self._ear.card = self._card.id
        if self._settings.card_kind is CardKind.STANDARD:
            return "StandardCard"
        return f"{self._robot.card_template} ({self._robot.card_content_key})"

    async def _stream(self) -> str:
        for face in (growing(texts.FRAMES[0], status=THINKING), growing(texts.FRAMES[1])):
            await self._card.update(face, partial(_same, face), time.monotonic())
            await asyncio.sleep(self._settings.card_min_interval)
        return "2 frames"

    async def _finalize(self) -> str:
        await self._card.finish(answered(texts.FRAMES[-1]))
        self._card_runs = False
        return ""

    async def _update(self) -> str:
        if self._settings.card_kind is CardKind.STANDARD and not self._card_runs:
            raise Skip("standard_whole")
        await self._card.show(answered(texts.FRAMES[-1]))
        self._card_runs = False
        return ""

    async def _end_card(self) -> None:
        """Whatever came between: no card is left spinning."""
        if self._card_runs:
            self._card_runs = False
            for end in (self._card.finish, self._card.show):
                with suppress(Trouble):
                    await end(answered(texts.FRAMES[-1]))

    # Messages, clicks, permissions

    async def _send_message(self) -> str:
        await self._with.replies.say(self._question.address, texts.MESSAGE)
        return ""

    async def _sum_up_permissions(self) -> str:
        wanted = set(SCOPES.values()) if self._settings.card_kind is CardKind.AI else {SCOPES["oto"]}
        proved, unproved = sorted(self._proved & wanted), sorted(wanted - self._proved - set(self._missing))
        told = "; ".join(
            f"{words} {', '.join(scopes)}"
            for words, scopes in (("granted", proved), ("missing", list(self._missing)), ("not proved", unproved))
            if scopes
        )
        if self._missing:
            raise Fail("permission", told, ", ".join(self._missing))
        if not proved:
            raise Skip("untried")
        return told

    async def _listen(self) -> None:
        self._deadline = time.monotonic() + self._request.listen
        if self._states[Step.STREAM] is State.OK and self._request.listen:
            person, seconds = self._request.person or texts.ANYBODY, self._request.listen
            pressed = self._states[Step.UPDATE] is State.OK
            wanted = texts.WRITE_AND_PRESS if pressed else texts.WRITE
            self._teller.remark(wanted.about(person=person, seconds=seconds))
        await self._step(Step.HEARD, self._hear, Step.STREAM)
        await self._step(Step.WEBHOOK, self._reply, Step.HEARD, Step.WEBHOOK_HOST)
        await self._step(Step.CLICK, self._await_click, Step.STREAM, Step.UPDATE)

    async def _hear(self) -> str:
        try:
            heard = await self._line.brings(self._ear.message, self._deadline)
        except ConnectionTrouble as trouble:
            raise Fail("not_heard", trouble.detail) from None
        code = heard.address.robot_code
        other = f", robotCode {code}" if code != self._robot.client_id else ""
        return f"from {heard.address.user or 'somebody outside the company'}{other}"

    async def _reply(self) -> str:
        if not self._request.person:
            raise Skip("not_answered")
        address = self._ear.message.result().address
        webhook = trusted(address.webhook, self._robot.endpoint)
        if webhook is None:
            raise Fail("webhook", "the message came without a session webhook of DingTalk's")
        text = {"title": texts.QUESTION, "text": texts.REPLY}
        await self._with.api.reply(webhook, lambda: {"msgtype": "markdown", "markdown": text})
        return ""

    async def _await_click(self) -> str:
        try:
            click = await self._line.brings(self._ear.click, self._deadline)
        except ConnectionTrouble as trouble:
            if trouble.reason != "silent":
                raise
            raise Skip("not_pressed") from None
        return f"{', '.join(action.partition(':')[0] for action in click.action_ids)} by {click.user}"

    # Taking a step

    async def _step(self, step: Step, take: Callable[[], Awaitable[str]], *needs: Step) -> None:
        began = time.monotonic()

        def found(state: State, detail: str = "", *, key: str = "", about: str = "") -> None:
            seconds = 0.0 if state is State.SKIPPED else time.monotonic() - began
            self._states[step] = state
            self._teller.tell(Finding(self._robot.client_id, step, state, seconds, detail, key, about))

        try:
            self._may(step, needs)
            detail = await take()
        except Skip as skip:
            found(State.SKIPPED, key=skip.key, about=skip.about)
        except Fail as fail:
            found(State.FAILED, fail.detail, key=fail.key, about=fail.about)
        except Trouble as trouble:
            scopes = missing_scopes(trouble)
            self._missing |= dict.fromkeys(scopes)
            proxied = self._settings.proxies.to(self._robot.endpoint) is not None
            key = advice_for(trouble, proxied=proxied)
            found(State.FAILED, said_by(trouble), key=key, about=", ".join(scopes))
        else:
            self._proved |= {SCOPES[_CALLS[step]]} if step in _CALLS else set()
            found(State.OK, detail)

    def _may(self, step: Step, needs: tuple[Step, ...]) -> None:
        """Whether a step can be taken.

        Raises:
            Skip: and why not.
        """
        kind = self._settings.card_kind
        if step in {*_CARD_STEPS, Step.CLICK} and kind is CardKind.TEXT:
            raise Skip("text_kind")
        if step is Step.CLICK and kind is CardKind.STANDARD:
            raise Skip("standard_clicks")
        if step in {Step.HEARD, Step.WEBHOOK, Step.CLICK} and self._request.listen == 0:
            raise Skip("not_listening")
        if step in {*_CARD_STEPS, Step.MESSAGE, Step.CLICK} and not self._request.person:
            raise Skip("no_to")
        for need in needs:
            if self._states.get(need, State.OK) is not State.OK:
                raise Skip("needs", need.value)


_CALLS = {Step.CREATE: "create", Step.STREAMING: "streaming", Step.UPDATE: "update", Step.MESSAGE: "oto"}
"""Which call proves a permission when its step is taken."""


def _same(face: Face) -> Face:
    return face


def _question(robot: Robot, person: str) -> Question:
    """A question that nobody asked, for a card of its own."""
    return Question(
        robot=robot.client_id,
        message_id=f"doctor-{uuid.uuid4()}",
        conversation="",
        chat_id="",
        text=texts.QUESTION,
        sender_id=person,
        sender_nick="",
        address=Address(robot.client_id, chat="", group=False, user=person, webhook="", webhook_expires=0.0),
        received_at=time.time(),
    )
