"""The rules of StandardCards: a card whose layout comes with the request, sent and updated as a whole.

Sources: the pages on robots that send and update interactive cards (basic edition, open.dingtalk.com, kept as history)
for calls and codes, dingtalk_stream's interactive_card.py for the elements. Clicks on them go to an HTTP callback alone
(developerpedia, card/intro), so no Stream client hears of one.
"""

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from actors.sandbox import jsontext
from actors.sandbox.records import EVERYBODY, Card, CardState, Look
from actors.sandbox.replies import ApiError, Reply
from actors.sandbox.rules import Rules
from actors.sandbox.world import World, opaque

TEMPLATE = "StandardCard"
LONGEST_ID = 100
MOST_MENTIONS = 30
COLOURS = {"primary": "blue", "warning": "red"}


class StandardLayout:
    """What a StandardCard looks like; its variables are `cardData` as it came, and what was read from it."""

    def look(self, state: CardState, key: str, seen: Mapping[str, str]) -> Look:
        """A button has its `id`, `text`, `value` (as it came) and `color`; a link has its `url`."""
        elements = _elements(json.loads(seen["cardData"])["contents"])
        buttons = tuple(_button(element) for element in elements if element.get("type") == "button")
        return Look(title=seen["title"], text=seen[key], buttons=buttons)


class StandardCards:
    """All StandardCards of all robots."""

    def __init__(self, world: World, rules: Rules) -> None:
        self._world = world
        self._rules = rules

    def send(self, robot: str, body: dict[str, Any]) -> Reply:
        """`POST /v1.0/im/v1.0/robot/interactiveCards/send`. The `cardBizId` makes it idempotent: the same one again is
        the same card, unchanged, and may put it into another chat."""
        card_id = _biz_id(body)
        if body.get("cardTemplateId") != TEMPLATE:
            raise _wrong("cardTemplateId")
        if body.get("robotCode") != robot:
            raise ApiError(400, "invalid.robotCode", "无效的机器人标识")
        chat, variables, mentions = self._chat(robot, body), self._variables(body.get("cardData")), _mentions(body)
        card = self._world.cards.get(card_id)
        if card is None:
            card = Card(
                id=card_id,
                robot=robot,
                template=TEMPLATE,
                layout=StandardLayout(),
                key="text",
                state=CardState.FINISHED,
                callback="",
                spaces=frozenset(),
                params=variables,
                at=time.monotonic(),
                time=time.time(),
                mentions=mentions,
            )
            card.record("standard")
            self._world.keep_card(card)
        elif (card.template, card.robot) != (TEMPLATE, robot) or not self._rules.standard_card_again:
            raise ApiError(400, "create.cardInstance.failed", "创建互动卡片实例失败")
        if chat not in card.chats:
            card.chats.append(chat)
            self._world.show(chat, card)
        return _done()

    def update(self, robot: str, body: dict[str, Any]) -> Reply:
        """`PUT /v1.0/im/robots/interactiveCards`: all of `cardData` is replaced, or with `updateCardDataByKey` only the
        parts of it that are given."""
        card = self._world.cards.get(_biz_id(body))
        if card is None or (card.template, card.robot) != (TEMPLATE, robot):
            raise ApiError(400, "cardInstance.notExist", "互动卡片实例不存在")
        given, options = body.get("cardData"), body.get("updateOptions")
        if isinstance(options, dict) and options.get("updateCardDataByKey"):
            given = json.dumps(_object("cardData", card.params["cardData"]) | _object("cardData", given))
        card.params = self._variables(given)
        card.record("standard_update")
        self._world.changed(card)
        return _done()

    def _chat(self, robot: str, body: dict[str, Any]) -> str:
        group, receiver = body.get("openConversationId"), body.get("singleChatReceiver")
        if bool(group) == bool(receiver):
            raise _wrong("openConversationId, singleChatReceiver")
        if group:
            chat = self._world.chats.get(str(group))
            if chat is None or not chat.group:
                raise ApiError(400, "invalid.openConversationId", "无效的openConversationId")
            return chat.id
        person = self._world.member(_object("singleChatReceiver", receiver).get("userId"))
        if person is None:
            raise ApiError(400, "invalid.user", "无效的用户ID")
        return self._world.private_chat(robot, person).id

    def _variables(self, raw: Any) -> dict[str, str]:
        """What a card shows, read once. The text is what its contents say, a paragraph each."""
        data = _object("cardData", raw)
        contents = data.get("contents")
        if not isinstance(contents, list) or not all(isinstance(element, dict) for element in contents):
            raise _wrong("cardData.contents")
        ids = [element.get("id") for element in _elements(contents)]
        named = all(isinstance(each, str) and each for each in ids)
        if not named or (self._rules.unique_element_ids and len(set(ids)) < len(ids)):
            raise _wrong("cardData.contents: id")
        text = "\n\n".join(filter(None, (_said(element) for element in contents)))
        header = data.get("header")
        return {"cardData": raw, "title": _said(header.get("title")) if isinstance(header, dict) else "", "text": text}


def _biz_id(body: dict[str, Any]) -> str:
    card_id = body.get("cardBizId")
    if not isinstance(card_id, str) or not 0 < len(card_id) <= LONGEST_ID:
        raise ApiError(400, "invalid.bizId", "互动卡片BIZID无效")
    return card_id


def _mentions(body: dict[str, Any]) -> tuple[str, ...]:
    """The user ids in `sendOptions.atUserListJson`, which is JSON text, and everybody with `atAll`."""
    options = body.get("sendOptions")
    if not isinstance(options, dict):
        return ()
    people = _json(options["atUserListJson"]) if options.get("atUserListJson") else []
    if not isinstance(people, list) or len(people) > MOST_MENTIONS:
        raise _wrong("sendOptions.atUserListJson")
    everybody = (EVERYBODY,) if options.get("atAll") is True else ()
    return everybody + tuple(str(each["userId"]) for each in people if isinstance(each, dict) and "userId" in each)


def _elements(part: Any) -> Iterator[dict[str, Any]]:
    """Everything in `contents` that has a type, at any depth."""
    if isinstance(part, dict):
        if "type" in part:
            yield part
        for inner in part.values():
            yield from _elements(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _elements(inner)


def _said(element: Any) -> str:
    """The text of a `text`, a `markdown` or a `section`, which has one inside; other elements have none."""
    if not isinstance(element, dict):
        return ""
    text = element.get("text")
    return text if isinstance(text, str) else _said(element.get("content"))


def _button(element: dict[str, Any]) -> dict[str, Any]:
    button = {"id": element["id"], "text": _said(element.get("label")), "value": element.get("value", "")}
    url = element.get("url")
    if element.get("actionType") == "openLink" and isinstance(url, dict):
        button["url"] = str(url.get("all", ""))
    return button | {"color": COLOURS.get(str(element.get("status")), "")}


def _object(name: str, raw: Any) -> dict[str, Any]:
    value = _json(raw)
    if not isinstance(value, dict):
        raise _wrong(name)
    return value


def _json(raw: Any) -> Any:
    try:
        return jsontext.read(raw) if isinstance(raw, str) else None
    except ValueError:
        return None


def _wrong(name: str) -> ApiError:
    return ApiError(400, "param.error", f"参数无效: {name}")


def _done() -> Reply:
    return Reply(200, {"processQueryKey": opaque("query", str(uuid.uuid4()))})
