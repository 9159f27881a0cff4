"""The rules of template cards: create, deliver, update, stream, click.

Sources: the pages of the card API on open.dingtalk.com (create, deliver, create and deliver, update, AI card streaming
update, card callbacks) where nothing else is named. It knows no HTTP and no sockets: bodies come in, cards change,
refusals are raised.
"""

import json
import time
import uuid
from typing import Any

from actors.sandbox.records import VERSIONS, Card, CardState, Push
from actors.sandbox.replies import ApiError
from actors.sandbox.rules import Rules
from actors.sandbox.standard import TEMPLATE as STANDARD
from actors.sandbox.templates import FLOW_STATUS, Templates
from actors.sandbox.world import World, opaque

CORP = "ding0123456789abcdef0123456789abcdef"
SPACES = {
    "IM_GROUP": ("imGroupOpenSpaceModel", "imGroupOpenDeliverModel"),
    "IM_ROBOT": ("imRobotOpenSpaceModel", "imRobotOpenDeliverModel"),
}


class Cards:
    """All cards of all robots."""

    def __init__(self, world: World, rules: Rules, templates: Templates) -> None:
        self._world = world
        self._rules = rules
        self._templates = templates

    def create(self, robot: str, body: dict[str, Any], call: str) -> Card:
        """Make a card that nobody sees yet."""
        track = _text(body, "outTrackId", "param.outTrackIdEmpty")
        template_id = _text(body, "cardTemplateId", "param.cardTemplateIdEmpty")
        if len(track) > 64:  # noqa: PLR2004 - the error outTrackId.outOfLimit names 64, the parameter's table 100
            raise ApiError(400, "outTrackId.outOfLimit", "outTrackId 超过 64 个字符")
        if track in self._world.cards:
            raise ApiError(400, "param.cardAlreadyExist", "卡片已经存在")
        if not self._templates.offers(template_id):
            raise ApiError(400, "param.templateNotExist", "模板不存在")
        params = _params(body.get("cardData"))
        template = self._templates.find(template_id)
        state = CardState.PROCESSING if template.states else CardState.FINISHED
        card = Card(
            id=track,
            robot=robot,
            template=template_id,
            layout=template.layout,
            key=template.key or next((name for name in ("content", "msgContent") if name in params), "content"),
            state=FLOW_STATUS.get(params.get("flowStatus", ""), state),
            callback=str(body.get("callbackType", "")),
            spaces=frozenset(space for space, (opened, _) in SPACES.items() if opened in body),
            params=params,
            at=time.monotonic(),
            time=time.time(),
            private=_private(body),
            mentions=_mentions(body.get("cardAtUserIds")),
        )
        self._world.keep_card(card)
        self._record(card, call)
        return card

    def deliver(self, robot: str, body: dict[str, Any]) -> list[dict[str, Any]]:
        """Put a card into the spaces of `openSpaceId`; each has its own success, whatever the HTTP status says."""
        card = self._find(body, "param.cardNotExist")
        return [self._deliver(card, robot, body, kind, space_id) for kind, space_id in _spaces(body)]

    def create_and_deliver(self, robot: str, body: dict[str, Any]) -> tuple[Card, list[dict[str, Any]]]:
        """Both in one call; a card whose delivery failed exists all the same."""
        _spaces(body)
        card = self.create(robot, body, "create")
        return card, self.deliver(robot, body)

    def update(self, body: dict[str, Any]) -> None:
        """Change variables: all of them are replaced, unless `updateCardDataByKey` says to change only those given."""
        card = self._find(body, "param.cardNotExist")
        if body.get("cardData") is None and body.get("privateData") is None:
            raise ApiError(400, "param.cardDataAndPrivateDataBothEmpty", "cardData和privateData同时为空")
        private = _private(body)  # read first: what is refused changes nothing
        options = _object(body.get("cardUpdateOptions"))
        if body.get("cardData") is not None:
            params = _params(body["cardData"])
            card.params = card.params | params if options.get("updateCardDataByKey") else params
            card.state = FLOW_STATUS.get(params.get("flowStatus", ""), card.state)
            # What an earlier click showed to one person alone gives way to news for everybody.
            card.views.clear()
        by_key = options.get("updatePrivateDataByKey")
        for user, params in private.items():
            card.private[user] = card.private.get(user, {}) | params if by_key else params
        self._record(card, "update")

    def stream(self, body: dict[str, Any]) -> None:
        """One streaming call. The same `guid` again changes nothing and is as good as the first."""
        guid = _text(body, "guid", "param.stream.guidEmpty")
        key = _text(body, "key", "param.stream.keyEmpty")
        content = _text(body, "content", "param.stream.contentEmpty")
        card = self._find(body, "param.stream.outTrackId", "card is not exist")
        template = self._templates.find(card.template)
        full = body.get("isFull")
        if not isinstance(full, bool) or (template.key and not full):
            raise ApiError(400, "param.stream.isFull", "streaming update the parameter isFull is null")
        if 0 < self._rules.content_limit < len(content.encode()):
            raise ApiError(400, "param.stream.content", "content is too large")
        if guid in card.guids:
            return
        state = _after(body)
        if key != (template.key or key) or state not in template.states:
            # Key and template do not match (soimy/openclaw-channel-dingtalk issue 81), or it has no failed state
            # (zfanswer/dify-on-dingtalk issue 2).
            raise ApiError(500, "unknownError", "未知错误")
        if card.finalized and not self._rules.streaming_after_finalize:
            # What the platform answers here is not documented; this is its word for a state that is not enabled.
            raise ApiError(500, "unknownError", "未知错误")
        if len(card.guids) >= VERSIONS:
            card.guids.clear()  # a repeat comes soon after the first, or never
        card.guids.add(guid)
        card.key = key
        card.params = card.params | {key: content if full else card.params.get(key, "") + content}
        card.state = state
        card.finalized = card.state is not CardState.INPUTING
        self._record(card, "streaming", guid=guid)

    def click_data(self, card: Card, button: str, user: str, params: dict[str, Any]) -> dict[str, Any]:
        """The callback of one click: `content` is JSON text inside `data`, which is JSON text inside the frame."""
        content = json.dumps({"cardPrivateData": {"actionIds": [button], "params": params}}, ensure_ascii=False)
        return {
            "extension": "{}",
            "corpId": CORP,
            "spaceType": "im",
            "userIdType": 1,
            "type": "actionCallback",
            "userId": user,
            "content": content,
            "spaceId": card.chats[0] if card.chats else "",
            "outTrackId": card.id,
            "value": content,
        }

    def answer_click(self, card: Card, user: str, push: Push) -> None:
        """Apply a callback's answer, to the clicking person's view alone and only when it came in time."""
        response = push.data.get("response") if isinstance(push.data, dict) else None
        late = push.seconds is None or push.seconds > self._rules.click_deadline
        if push.code != 200 or late or not isinstance(response, dict):  # noqa: PLR2004
            return
        shown: dict[str, str] = {}
        for part in ("cardData", "userPrivateData"):
            given = _object(_object(response.get(part)).get("cardParamMap"))
            shown |= {name: value for name, value in given.items() if isinstance(value, str)}
        if shown:
            card.views[user] = card.views.get(user, {}) | shown
            self._record(card, "click", user=user)

    def _find(self, body: dict[str, Any], code: str, message: str = "卡片不存在") -> Card:
        track = _text(body, "outTrackId", "param.outTrackIdEmpty")
        card = self._world.cards.get(track)
        if card is None or card.template == STANDARD:
            raise ApiError(400, code, message)
        return card

    def _deliver(self, card: Card, robot: str, body: dict[str, Any], kind: str, space_id: str) -> dict[str, Any]:
        # Both cases of the space type occur in the documents.
        kind = kind.upper()
        result = {"spaceType": kind, "spaceId": space_id, "success": False, "carrierId": "", "errorMsg": ""}
        if kind not in SPACES or SPACES[kind][1] not in body or kind not in card.spaces:
            # A space needs its model at creation and its model at delivery (open-dingtalk/developerpedia, questions).
            return result | {"spaceType": "IM", "spaceId": "IM_ALL", "errorMsg": "spaces of card is empty"}
        chat = self._chat_of(robot, kind, space_id)
        if chat is None:
            return result | {"errorMsg": "spaceId is illegal"}
        mentioned = _mentions(_object(body[SPACES[kind][1]]).get("atUserIds"))
        card.mentions = tuple(dict.fromkeys(card.mentions + mentioned))
        if chat not in card.chats:
            card.chats.append(chat)
            self._world.show(chat, card)
        return result | {"success": True, "carrierId": opaque("carrier", str(uuid.uuid4()))}

    def _chat_of(self, robot: str, kind: str, space_id: str) -> str | None:
        if kind == "IM_GROUP":
            chat = self._world.chats.get(space_id)
            return space_id if chat and chat.group else None
        person = self._world.member(space_id)
        return self._world.private_chat(robot, person).id if person else None

    def _record(self, card: Card, call: str, *, guid: str = "", user: str = "") -> None:
        card.record(call, guid=guid, user=user)
        self._world.changed(card)


def _after(body: dict[str, Any]) -> CardState:
    if body.get("isError"):
        return CardState.FAILED
    return CardState.FINISHED if body.get("isFinalize") else CardState.INPUTING


def _text(body: dict[str, Any], name: str, code: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise ApiError(400, code, code)
    return value


def _spaces(body: dict[str, Any]) -> list[tuple[str, str]]:
    """Kind and id of each space in `openSpaceId`, e.g. `dtv1.card//IM_ROBOT.u1`."""
    prefix, _, spaces = _text(body, "openSpaceId", "param.openSpaceIdEmpty").partition("//")
    pairs = [(kind, space_id) for kind, _, space_id in (space.partition(".") for space in spaces.split(";"))]
    if prefix != "dtv1.card" or not all(kind and space_id for kind, space_id in pairs):
        raise ApiError(400, "param.openSpaceIdInvalid", "openSpaceId不符合规范")
    return pairs


def _mentions(users: Any) -> tuple[str, ...]:
    """User ids: a list of them, or a map that has their names; what cannot be read mentions nobody."""
    return tuple(map(str, users)) if isinstance(users, list | dict) else ()


def _private(body: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {user: _params(data) for user, data in _object(body.get("privateData")).items()}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _params(data: Any) -> dict[str, str]:
    """`cardParamMap` is a map of text to text: numbers, booleans and objects are written as text."""
    params = data.get("cardParamMap") if isinstance(data, dict) else None
    if params is None:
        raise ApiError(400, "param.cardPublicDataEmpty", "卡片公共数据为空")
    if not isinstance(params, dict):
        raise ApiError(400, "param.invalid", "存在非法参数: cardParamMap 必须是对象")
    for name, value in params.items():
        if not isinstance(value, str):
            raise ApiError(400, "param.invalid", f"存在非法参数: {name} 必须是字符串")
    return dict(params)
