"""One answer's card on DingTalk: how its faces are spelled for a template, and the four calls of its life.

The law: whatever is repeated, after a timeout or a crash, names the same card and the same frame, so DingTalk does it
once. When a card is worth a call, and what to do when it cannot be had, is decided elsewhere.

Platform facts: open.dingtalk.com ("create and deliver cards", "streaming updates of AI cards", "update cards"), the
dingtalk-stream SDK's `AIMarkdownCardInstance` for the variables of its public template.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from actors import metrics
from actors.core.card import Face, State
from actors.core.question import Address
from actors.dingtalk.limits import Kind, Rank
from actors.dingtalk.openapi import CREATE, STREAMING, UPDATE, OpenApi
from actors.errors import CallFailed, Fault

FLOW_STATUS = {State.THINKING: "1", State.TYPING: "2", State.FINISHED: "3", State.FAILED: "3"}
"""`flowStatus` of a template. An apology is a finished card too: 5 (failed) exists only where the template's owner has
switched that state on, and is refused elsewhere."""

SUMMARY_LENGTH = 40
"""Characters of a card that the list of chats shows."""


def summary(text: str) -> str:
    """One line for the list of chats, which otherwise shows only "[interactive card]"."""
    first = next(filter(None, (line.strip() for line in text.splitlines())), "…")
    return first if len(first) <= SUMMARY_LENGTH else first[: SUMMARY_LENGTH - 1] + "…"


class AiCard:
    """A template card with streamed text. `attempt` makes the frames of one attempt at the answer unique."""

    def __init__(self, api: OpenApi, address: Address, card: str, attempt: int) -> None:
        self.id = card
        self._api = api
        self._address = address
        self._attempt = attempt
        self._frame = 0

    async def create(self, face: Face) -> None:
        """Create and deliver the card; a card that is there already is fine.

        Raises:
            CallFailed: it cannot be had; code `noStaffId` if the asker can get none, being outside the company.
        """
        if not self._address.group and not self._address.user:
            raise CallFailed(CREATE.name, Fault.REJECTED, 0, "noStaffId", "a card needs a user id in a private chat")
        with self._counted("initial"):
            try:
                await self._api.call(CREATE, lambda: self._creation(face))
            except CallFailed as failure:
                if failure.fault is not Fault.CARD_EXISTS:
                    raise

    async def update(self, text: Callable[[], str], since: float) -> None:
        """Show the text so far; see the port.

        Raises:
            CallFailed: it was not shown.
        """
        self._frame += 1
        guid = self._guid(f"{self._attempt} {self._frame}")
        with self._counted("streaming"):
            await self._api.call(STREAMING, lambda: self._streamed(guid, text(), last=False), Rank(Kind.USUAL, since))

    async def finish(self, text: str) -> None:
        """Show the whole text and end the streaming. Every attempt sends the same frame, so that one counts.

        Raises:
            CallFailed: it is not confirmed; fault TOO_LARGE if the text does not fit on a card.
        """
        guid, first = self._guid("final"), Rank(Kind.FINAL, 0.0)
        with self._counted("final"):
            await self._api.call(STREAMING, lambda: self._streamed(guid, text, last=True), first)

    async def close(self, face: Face) -> None:
        """The closing update. It repeats the text for those who were offline while it was streamed.

        Raises:
            CallFailed: it is not confirmed.
        """
        body = {
            "outTrackId": self.id,
            "cardData": {"cardParamMap": self._variables(face)},
            "cardUpdateOptions": {"updateCardDataByKey": True},
        }
        with self._counted("final"):
            await self._api.call(UPDATE, lambda: body)

    def _creation(self, face: Face) -> dict[str, Any]:
        body = {
            "cardTemplateId": self._api.robot.card_template,
            "outTrackId": self.id,
            "callbackType": "STREAM",
            "cardData": {"cardParamMap": self._variables(face)},
            "userIdType": 1,
        }
        line = summary(face.text)
        space = {"supportForward": True, "lastMessageI18n": {"ZH_CN": line, "EN_US": line}}
        if self._address.group:
            return body | {
                "openSpaceId": f"dtv1.card//IM_GROUP.{self._address.chat}",
                "imGroupOpenSpaceModel": space,
                "imGroupOpenDeliverModel": {"robotCode": self._address.robot_code},
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

    def _variables(self, face: Face) -> dict[str, str]:
        """The template's variables, all of them strings. The SDK's template shows what `order` names, in that order;
        its buttons call back with their id."""
        key, line = self._api.robot.card_content_key, summary(face.text)
        shown: dict[str, Any] = {"order": [key, "msgButtons"]}
        if face.buttons:
            shown["msgButtons"] = [
                {"text": button.label, "color": "blue", "id": button.id, "request": True} for button in face.buttons
            ]
        return {
            "flowStatus": FLOW_STATUS[face.state],
            key: face.text,
            "sys_full_json_obj": _json(shown),
            "sys_lastMessageI18n": _json({"zh_CN": line, "en_US": line}),
        }

    def _streamed(self, guid: str, text: str, *, last: bool) -> dict[str, Any]:
        """A frame of the streaming API; `isFull`, because a Markdown variable takes nothing else."""
        return {
            "outTrackId": self.id,
            "guid": guid,
            "key": self._api.robot.card_content_key,
            "content": text,
            "isFull": True,
            "isFinalize": last,
            "isError": False,
        }

    def _guid(self, frame: str) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self.id} {frame}"))

    @contextmanager
    def _counted(self, stage: str) -> Iterator[None]:
        outcome = None
        try:
            yield
            outcome = "ok"
        except CallFailed as failure:
            outcome = "throttled" if failure.fault is Fault.THROTTLED else "failed"
            raise
        finally:
            if outcome:  # a cancelled call has none
                metrics.CARD_UPDATES.labels(robot=self._api.robot.client_id, stage=stage, outcome=outcome).inc()


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
