"""One answer's card on DingTalk: a template card with streamed text, and the calls of its life.

The law: whatever is repeated, after a timeout or a crash, names the same card and the same frame, so DingTalk does it
once. How a face is spelled is the template's; when a card is worth a call, and what to do when it cannot be had, is
decided elsewhere.

Platform facts: open.dingtalk.com ("create and deliver cards", "streaming updates of AI cards", "update cards").
"""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any, TypeVar

from actors import metrics
from actors.core.card import Face, card_id
from actors.core.question import Question
from actors.dingtalk.limits import Kind, Rank
from actors.dingtalk.openapi import CREATE, STREAMING, UPDATE, Api, OpenApi
from actors.dingtalk.port import Fence
from actors.dingtalk.standing import Standing
from actors.dingtalk.templates import FLOW_STATUS, shown_name, summary, template_for
from actors.errors import CallFailed, Fault

NO_TEXT = "…"

LONG = 20_000
"""Characters of a text from which it is spelled in a thread; up to there it takes some hundredths of a second."""

T = TypeVar("T")


class AiCard:
    """A template card. `attempt` makes the frames of one attempt at the answer unique."""

    def __init__(
        self, api: OpenApi, question: Question, attempt: int, standing: Standing, fence: Fence | None = None
    ) -> None:
        self.id = card_id(question.robot, question.message_id, question.replay)
        self._api = api
        self._address = question.address
        self._nick = shown_name(question)
        self._template = template_for(question, api.robot.card_template, api.robot.card_content_key)
        self._spelled = lru_cache(maxsize=2)(self._template.streamed)  # a long text takes its time
        self._attempt = attempt
        self._standing = standing
        self._fence = fence
        self._frame = 0
        self._beside: dict[str, str] = {}
        self._streamed = ""
        self._finished = False

    async def create(self, face: Face, *, finished: bool = False) -> bool:
        """Create and deliver the card; see the port. DingTalk tells by a word of its own that there is one already.

        Raises:
            CallFailed: it cannot be had; code `noStaffId` if the asker can get none, being outside the company.
        """
        if not self._address.group and not self._address.user:
            raise CallFailed(CREATE.name, Fault.REJECTED, 0, "noStaffId", "a card needs a user id in a private chat")
        try:
            await self._call("initial", CREATE, lambda: self._creation(face))
        except CallFailed as failure:
            if failure.fault is not Fault.CARD_EXISTS:
                raise
            return False
        self._beside, self._streamed = self._template.beside(face), self._spelled(face)
        return True

    async def update(self, now: Face, latest: Callable[[], Face], since: float) -> None:
        """Show how far the answer is; see the port. Text goes by the stream, what stands beside it by an update.

        Raises:
            CallFailed: it was not shown.
        """
        rank, face = Rank(Kind.USUAL, since), cache(latest)
        if self._spelled(now) != self._streamed:
            await self._stream_on(face, rank)
            now = face()
        if self._template.beside(now) != self._beside:
            await self._call("streaming", UPDATE, lambda: self._change(self._template.beside(face())), rank)
            self._beside = self._template.beside(face())
        if self._spelled(face()) != self._streamed:  # it came while the rest waited for its place
            await self._stream_on(face, rank)

    async def show(self, face: Face) -> None:
        """Put a face on the card, whole. The last one repeats the text for those who were offline while it streamed.
        Where updates are not permitted it is streamed, which is a permission of its own: so the card spins no more.

        Raises:
            CallFailed: it is not confirmed.
        """
        state = {} if face.running else {"flowStatus": FLOW_STATUS[face.state]}
        stage: metrics.Stage = "initial" if face.running else "final"
        body = await spelled(face.text, lambda: self._change(state | self._template.variables(face)))
        try:
            await self._call(stage, UPDATE, lambda: body)
        except CallFailed as failure:
            if face.running or self._finished or failure.fault is not Fault.PERMISSION:
                raise
            await self.finish(face)
        self._beside, self._streamed = self._template.beside(face), self._spelled(face)

    async def finish(self, face: Face) -> None:
        """Show the whole text and end the streaming. Every attempt sends the same frame, so that one counts.

        Raises:
            CallFailed: it is not confirmed; fault TOO_LARGE if the text does not fit on a card.
        """
        guid, first = self._guid(f"final {len(face.text)}"), Rank(Kind.FINAL, 0.0)
        body = await spelled(face.text, lambda: self._stream(guid, face, last=True))
        await self._call("final", STREAMING, lambda: body, first)
        self._finished = True
        self._standing.works()

    def rated(self, rating: str) -> dict[str, str]:
        """The variables that show which rating was chosen; see the port."""
        return self._template.rated(rating)

    def stopping(self) -> dict[str, str]:
        """The variables that show that the stop button was pressed; see the port."""
        return self._template.stopping()

    async def rate(self, rating: str) -> None:
        """Show everybody which rating was chosen.

        Raises:
            CallFailed: it was not shown.
        """
        await self._call("final", UPDATE, lambda: self._change(self.rated(rating)))

    async def _stream_on(self, face: Callable[[], Face], rank: Rank) -> None:
        self._frame += 1
        guid, rank = self._guid(f"{self._attempt} {self._frame}"), rank._replace(growing=self._frame > 1)
        await self._call("streaming", STREAMING, lambda: self._stream(guid, face(), last=False), rank)
        self._streamed = self._spelled(face())

    async def _call(
        self, stage: metrics.Stage, api: Api, body: Callable[[], dict[str, Any]], rank: Rank | None = None
    ) -> None:
        with counted(self._api.robot.client_id, stage), self._standing.watched(self.id):
            await self._api.call(api, body, rank, self._fence)

    def _creation(self, face: Face) -> dict[str, Any]:
        variables = self._template.variables(face)
        body = {
            "cardTemplateId": self._template.id,
            "outTrackId": self.id,
            "callbackType": "STREAM",
            "cardData": {"cardParamMap": {"flowStatus": FLOW_STATUS[face.state], **variables}},
            "userIdType": 1,
        }
        line = summary(face.text or face.status)
        space = {"supportForward": True, "lastMessageI18n": {"ZH_CN": line, "EN_US": line}}
        if self._address.group:
            # card_replier.py of the SDK: who is mentioned, with the name that is shown.
            mention = {"atUserIds": {self._address.user: self._nick}} if self._address.user else {}
            return body | {
                "openSpaceId": f"dtv1.card//IM_GROUP.{self._address.chat}",
                "imGroupOpenSpaceModel": space,
                "imGroupOpenDeliverModel": {"robotCode": self._address.robot_code, **mention},
            }
        return body | {
            "openSpaceId": f"dtv1.card//IM_ROBOT.{self._address.user}",
            "imRobotOpenSpaceModel": space,
            "imRobotOpenDeliverModel": {
                "spaceType": "IM_ROBOT",
                "robotCode": self._address.robot_code,
                "extension": {"dynamicSummary": "true"},
            },
        }

    def _change(self, variables: dict[str, str]) -> dict[str, Any]:
        return {
            "outTrackId": self.id,
            "cardData": {"cardParamMap": variables},
            "cardUpdateOptions": {"updateCardDataByKey": True},
        }

    def _stream(self, guid: str, face: Face, *, last: bool) -> dict[str, Any]:
        """A frame of the streaming API; `isFull`, because a Markdown variable takes nothing else. One without
        content is refused, and a text that was taken back is none."""
        return {
            "outTrackId": self.id,
            "guid": guid,
            "key": self._template.key,
            "content": self._spelled(face) or NO_TEXT,
            "isFull": True,
            "isFinalize": last,
            "isError": False,
        }

    def _guid(self, frame: str) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self.id} {frame}"))


async def spelled(text: str, spell: Callable[[], T]) -> T:
    """What `spell` makes of this text. A long one takes seconds, for which nobody else on the loop shall wait."""
    return await asyncio.to_thread(spell) if len(text) > LONG else spell()


@contextmanager
def counted(robot: str, stage: metrics.Stage) -> Iterator[None]:
    """Count a card call by what becomes of it."""
    outcome: metrics.Called | None = None
    try:
        yield
        outcome = "ok"
    except CallFailed as failure:
        known = failure.fault is Fault.CARD_EXISTS
        outcome = "ok" if known else "throttled" if failure.fault is Fault.THROTTLED else "failed"
        raise
    finally:
        if outcome:  # a cancelled call has none
            metrics.CARD_UPDATES.labels(robot=robot, stage=stage, outcome=outcome).inc()
