"""One answer's card as a StandardCard: the founding tutorial's thinking, growing and final card, with its texts.

The law: every call carries the whole card, so whatever is repeated does no harm; the ids of its elements are unique,
and its four buttons say four different things. Apps that were made after 2024 cannot have this kind of card, and its
clicks reach no Stream client (open.dingtalk.com, "interactive card, standard edition": send, update).
"""

import json
from collections.abc import Callable
from typing import Any

from actors import metrics
from actors.core import texts
from actors.core.card import Face, card_id, rating_value
from actors.core.markdown import presentable
from actors.core.question import Question
from actors.dingtalk.cards import counted, spelled
from actors.dingtalk.limits import Kind, Rank
from actors.dingtalk.openapi import SEND_STANDARD, UPDATE_STANDARD, Api, OpenApi
from actors.dingtalk.port import Fence
from actors.dingtalk.standing import Standing
from actors.dingtalk.templates import doing, shown_name, title_of
from actors.errors import CallFailed, Fault


class StandardCard:
    """A StandardCard of one question."""

    def __init__(
        self, api: OpenApi, question: Question, attempt: int, standing: Standing, fence: Fence | None = None
    ) -> None:
        self.id = card_id(question.robot, question.message_id, question.replay)
        self._api = api
        self._question = question
        self._attempt = attempt
        self._standing = standing
        self._fence = fence
        self._shown: Face | None = None
        self._assumed = False

    async def create(self, face: Face, *, finished: bool = False) -> bool:
        """Send the card; see the port. There is no clear word for one that is there already, so a later attempt first
        tries whether it can be changed, and so does a first one whose card is refused: it may have stood in line. What
        may be finished must not say that it thinks: it is taken to be there, until its finishing tells.

        Raises:
            CallFailed: it cannot be had; code `noStaffId` if the asker can get none, being outside the company.
        """
        address = self._question.address
        if not address.group and not address.user:
            raise CallFailed(
                SEND_STANDARD.name, Fault.REJECTED, 0, "noStaffId", "a card needs a user id in a private chat"
            )
        self._assumed = self._attempt > 1 and finished
        if self._assumed or (self._attempt > 1 and await self._is_there(face)):
            return False
        try:
            await self._call("initial", SEND_STANDARD, lambda: self._sending(face))
        except CallFailed as failure:
            if failure.fault is not Fault.REJECTED or not await self._is_there(face):
                raise
            return False
        self._shown = face
        return True

    async def update(self, now: Face, latest: Callable[[], Face], since: float) -> None:
        """Show how far the answer is; see the port.

        Raises:
            CallFailed: it was not shown.
        """
        taken: list[Face] = []

        def body() -> dict[str, Any]:
            taken.append(latest())
            return self._change(taken[0])

        rank = Rank(Kind.USUAL, since, growing=self._shown is not None and bool(self._shown.text))
        await self._call("streaming", UPDATE_STANDARD, body, rank)
        self._shown = taken[0]

    async def show(self, face: Face) -> None:
        """Put a face on the card, unless it has it already.

        Raises:
            CallFailed: it is not confirmed.
        """
        if face != self._shown:
            body = await spelled(face.text, lambda: self._change(face))
            await self._call("initial" if face.running else "final", UPDATE_STANDARD, lambda: body)
            self._shown = face

    async def finish(self, face: Face) -> None:
        """Show the whole text and the buttons: that is all there is to end.

        Raises:
            CallFailed: it is not confirmed; fault TOO_LARGE if the text does not fit on a card.
        """
        try:
            await self._finish(face)
        except CallFailed as failure:
            if failure.fault is not Fault.REJECTED or not self._assumed:
                raise
            await self._call("initial", SEND_STANDARD, lambda: self._sending(face))
            await self._finish(face)
        self._shown = face
        self._standing.works()

    def rated(self, rating: str) -> dict[str, str]:
        """Nothing: no click comes back."""
        return {}

    def stopping(self) -> dict[str, str]:
        """Nothing: no click comes back."""
        return {}

    async def rate(self, rating: str) -> None:
        """Nothing: no click comes back."""

    async def _finish(self, face: Face) -> None:
        body = await spelled(face.text, lambda: self._change(face))
        await self._call("final", UPDATE_STANDARD, lambda: body, Rank(Kind.FINAL, 0.0))

    async def _is_there(self, face: Face) -> bool:
        try:
            await self._call("initial", UPDATE_STANDARD, lambda: self._change(face))
        except CallFailed as failure:
            if failure.fault is not Fault.REJECTED:
                raise
            return False
        self._shown = face
        return True

    async def _call(
        self, stage: metrics.Stage, api: Api, body: Callable[[], dict[str, Any]], rank: Rank | None = None
    ) -> None:
        with counted(self._api.robot.client_id, stage), self._standing.watched(self.id):
            await self._api.call(api, body, rank, self._fence)

    def _sending(self, face: Face) -> dict[str, Any]:
        address = self._question.address
        body = {
            "cardTemplateId": "StandardCard",
            "cardBizId": self.id,
            "robotCode": address.robot_code,
            "cardData": self._spelled(face),
        }
        if not address.group:
            return body | {"singleChatReceiver": _json({"userId": address.user}), "sendOptions": {}}
        mention = [{"nickName": shown_name(self._question), "userId": address.user}] if address.user else []
        return body | {"openConversationId": address.chat, "sendOptions": {"atUserListJson": _json(mention)}}

    def _change(self, face: Face) -> dict[str, Any]:
        return {"cardBizId": self.id, "cardData": self._spelled(face)}

    def _spelled(self, face: Face) -> str:
        contents = [{"type": "markdown", "text": _text(face), "id": "answer"}]
        buttons = [self._button(rating, label) for rating, label in texts.RATINGS.items()] if face.rateable else []
        below = [{"type": "divider", "id": "divider"}, {"type": "action", "actions": buttons, "id": "action"}]
        return _json(
            {
                "config": {"autoLayout": True, "enableForward": True},
                "header": {"title": {"type": "text", "text": title_of(self._question)}},
                "contents": [*contents, *(below if buttons else [])],
            }
        )

    def _button(self, rating: str, label: str) -> dict[str, Any]:
        return {
            "type": "button",
            "label": {"type": "text", "text": label, "id": f"label_{rating}"},
            "actionType": "request",
            "status": "normal",
            "size": "small",
            "id": f"button_{rating}",
            "value": _json(rating_value(rating, self._question.message_id)),
        }


def _text(face: Face) -> str:
    text = presentable(face.text, growing=face.running)
    status = doing(face, text)
    if status == texts.THINKING:
        status = texts.STANDARD_THINKING
    return f"{text}\n\n{status}" if text and status else text or status


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
