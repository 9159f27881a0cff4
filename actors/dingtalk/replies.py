"""How one robot answers: a card for each question, or plain messages where a card cannot be had.

The law: a message goes by the question's session webhook while that lives, else by the robot-message API, and the text
arrives whole however long it is. A webhook's URL comes from outside, so it is followed only to DingTalk or to the
configured endpoint.

Platform facts: open.dingtalk.com ("robot replies", "send private messages in batches", "robot sends group messages").
"""

import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from yarl import URL

from actors.core.card import CardKind
from actors.core.markdown import Dialect, presentable
from actors.core.question import Address, Question
from actors.core.splitting import fenced, split
from actors.dingtalk.cards import AiCard, spelled
from actors.dingtalk.openapi import (
    CREATE,
    GROUP,
    OTO,
    SEND_STANDARD,
    STREAMING,
    UPDATE,
    UPDATE_STANDARD,
    Api,
    OpenApi,
)
from actors.dingtalk.port import Card, Fence
from actors.dingtalk.quota import Quota
from actors.dingtalk.standard import StandardCard
from actors.dingtalk.standing import Standing
from actors.dingtalk.templates import summary
from actors.errors import CallFailed, Fault

log = logging.getLogger(__name__)

CARD_APIS: Mapping[CardKind, tuple[Api, ...]] = {
    CardKind.AI: (CREATE, STREAMING, UPDATE),
    CardKind.STANDARD: (SEND_STANDARD, UPDATE_STANDARD),
    CardKind.TEXT: (),
}
"""The calls that a kind of card is made and changed with."""

MESSAGE_BYTES = 15_000
"""The most that the robot-message API takes as `msgParam`; a session webhook takes 20,000 bytes."""

TEXT_BYTES = MESSAGE_BYTES - 500
"""What is left of that for the text, beside the title, the number and the JSON around it."""

WEBHOOK_MARGIN = 60.0
"""Seconds before a webhook's end from which it is not used: the call has to get there, and clocks differ."""


class RobotReplies:
    """Implements the port `Replies` for one robot. `now` gives seconds since the epoch."""

    def __init__(
        self,
        api: OpenApi,
        quota: Quota,
        standing: Standing,
        kind: CardKind = CardKind.AI,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._api = api
        self._quota = quota
        self._standing = standing
        self._kind = kind
        self._now = now

    @property
    def always_text(self) -> bool:
        """Whether answers go as plain messages by the settings; see the port."""
        return self._kind is CardKind.TEXT

    @property
    def text_only(self) -> bool:
        """Whether answers go as plain messages now; see the port."""
        return self.always_text or bool(self._standing.refusal)

    @property
    def shown_on(self) -> str:
        """What answers are shown on now, in words for an operator."""
        refusal = self._standing.refusal
        return f"text, cards are refused: {refusal}" if refusal else self._kind

    def card(self, question: Question, attempt: int, fence: Fence | None = None) -> Card:
        """The card of this question; see the port."""
        made = StandardCard if self._kind is CardKind.STANDARD else AiCard
        return made(self._api, question, attempt, self._standing, fence)

    def budget(self, updates: int) -> int:
        """How many text updates an answer may have now; see the port."""
        return self._quota.budget(updates)

    async def say(self, address: Address, text: str, fence: Fence | None = None) -> None:
        """Send a plain Markdown message, or several numbered ones if it is too long for one.

        Raises:
            CallFailed: neither the webhook nor the API took it.
        """
        webhook, title = self._webhook(address), summary(text)
        for part in await spelled(text, lambda: numbered(presentable(text, dialect=Dialect.MESSAGE))):
            message = {"title": title, "text": part}  # the title is what the list of chats shows
            if webhook and await self._replied(webhook, address, message, fence):
                continue
            webhook = None
            await self._send(address, message, fence)

    def _webhook(self, address: Address) -> URL | None:
        if address.webhook_expires - WEBHOOK_MARGIN <= self._now():
            return None
        webhook = trusted(address.webhook, self._api.robot.endpoint)
        if webhook is None:
            log.warning(
                "session webhook refused, its host is not DingTalk's",
                extra={"action": "webhook_refused", "robot": self._api.robot.client_id},
            )
        return webhook

    async def _replied(self, webhook: URL, address: Address, message: dict[str, str], fence: Fence | None) -> bool:
        body: dict[str, Any] = {"msgtype": "markdown", "markdown": message}
        if address.group and address.user:
            body["at"] = {"atUserIds": [address.user]}
        try:
            await self._api.reply(webhook, lambda: body, fence)
        except CallFailed as failure:
            log.warning(
                "session webhook failed, the robot-message API is asked instead",
                extra={"action": "webhook_failed", "robot": self._api.robot.client_id, "detail": str(failure)},
            )
            return False
        return True

    async def _send(self, address: Address, message: dict[str, str], fence: Fence | None) -> None:
        body = {
            "robotCode": address.robot_code,
            "msgKey": "sampleMarkdown",
            "msgParam": json.dumps(message, ensure_ascii=False),
        }
        if address.group:
            await self._api.call(GROUP, lambda: body | {"openConversationId": address.chat}, fence=fence)
        elif address.user:
            await self._api.call(OTO, lambda: body | {"userIds": [address.user]}, fence=fence)
        else:
            raise CallFailed(OTO.name, Fault.REJECTED, 0, "noStaffId", "a message needs a user id in a private chat")


def trusted(webhook: str, endpoint: str) -> URL | None:
    """The webhook as a URL that may be followed: over https to DingTalk, or to the very place of the endpoint."""
    try:
        url, place = URL(webhook), URL(endpoint)
        host = url.host or ""
        ours = (url.scheme, host, url.port) == (place.scheme, place.host, place.port)
    except ValueError:
        return None
    theirs = url.scheme == "https" and host.endswith((".dingtalk.com", ".dingtalk.io"))
    return url if (ours or theirs) and url.user is None else None


def numbered(text: str) -> list[str]:
    """The text as one message if it fits, else as several, each with its number and the count."""
    parts = list(fenced(split(text, TEXT_BYTES)))
    if len(parts) == 1:
        return parts
    return [f"({number}/{len(parts)})\n\n{part}" for number, part in enumerate(parts, 1)]
