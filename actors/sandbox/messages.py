"""Robot messages in (what a person says, as the payload of a push) and out (session webhook, robot-message APIs).

Sources: receive messages, reply by session webhook, batch send of private and send of group messages
(open.dingtalk.com), and developerpedia, message.md. It knows no HTTP and no sockets.
"""

import time
import uuid
from collections.abc import Sequence
from typing import Any

from actors.sandbox import jsontext
from actors.sandbox.cards import CORP
from actors.sandbox.records import EVERYBODY, Chat, Message, Person, Quote, Said
from actors.sandbox.replies import ApiError, Reply, errcode
from actors.sandbox.rules import Rules
from actors.sandbox.world import World, opaque

WEBHOOK_BYTES = 20_000
MSG_PARAM_BYTES = 15_000
MOST_RECEIVERS = 20
NOT_IN_GROUPS = frozenset({"audio", "video", "file"})
"""What a robot gets in private chats alone (types of messages that robots receive, open.dingtalk.com)."""
SESSIONS = 20_000
"""How many session webhooks are good at once; beyond that the oldest end early."""


class Messages:
    """Sessions and plain messages of all robots."""

    def __init__(self, world: World, rules: Rules) -> None:
        self._world = world
        self._rules = rules
        self._sessions: dict[str, tuple[str, str, float]] = {}

    def payload(
        self, base: str, robot: str, message_id: str, person: Person, chat: Chat, *, at: Sequence[str] = ()
    ) -> dict[str, Any]:
        """The fields that every message of this person to this robot has, with a session webhook of its own. `at` are
        the people whom it mentions in a group, beside the robot."""
        now = time.time()
        expires = now + self._rules.webhook_life
        while self._sessions and (len(self._sessions) >= SESSIONS or next(iter(self._sessions.values()))[2] <= now):
            del self._sessions[next(iter(self._sessions))]
        session = uuid.uuid4().hex
        self._sessions[session] = (robot, chat.id, expires)
        fields: dict[str, Any] = {
            "conversationId": chat.id,
            "conversationType": "2" if chat.group else "1",
            "msgId": message_id,
            "createAt": int(now * 1000),
            "senderId": f"$:LWCP_v1:${opaque('person', person.id)}",
            "senderNick": person.nick,
            "isAdmin": False,
            "senderPlatform": "Mac",
            "chatbotCorpId": CORP,
            "chatbotUserId": f"$:LWCP_v1:${opaque('robot', robot)}",
            "robotCode": robot,
            "sessionWebhook": f"{base}/robot/sendBySession?session={session}",
            "sessionWebhookExpiredTime": int(expires * 1000),
        }
        if person.staff:
            # Absent for people outside the company, as is the corp.
            fields |= {"senderStaffId": person.id, "senderCorpId": CORP}
        if chat.group:
            mentioned = [{"dingtalkId": fields["chatbotUserId"]}, *map(self._mentioned, at)]
            fields |= {"conversationTitle": chat.title, "isInAtList": True, "atUsers": mentioned}
        return fields

    def within_quota(self, fields: dict[str, Any]) -> dict[str, Any]:
        """A message as it is pushed: without what it says, once the month's pushes are used up."""
        if not 0 < self._rules.pushes_per_month <= self._world.counted["pushes"]:
            return fields
        error = {"errorCode": 20001, "errorMessage": "企业Stream推送次数已用尽"}
        return {name: value for name, value in fields.items() if name not in {"text", "content"}} | error

    def said(
        self,
        message_id: str,
        robot: str,
        person: Person,
        chat: Chat,
        text: str,
        *,
        kind: str = "text",
        content: dict[str, Any] | None = None,
        quote: Quote | None = None,
    ) -> Said:
        """The record of what a person said, shown in its chat; the same message id to the same robot is the same."""
        if (known := self._world.find_said(message_id, robot)) is not None:
            return known
        said = Said(
            message_id,
            robot,
            chat.id,
            person.id,
            person.nick,
            text,
            time.monotonic(),
            time.time(),
            kind=kind,
            content=content or {},
            quote=quote,
        )
        self._world.said.add(said)
        self._world.show(chat.id, said)
        return said

    def robot_of(self, session: str) -> str:
        """The robot that a session webhook belongs to, or an empty text."""
        return self._sessions[session][0] if session in self._sessions else ""

    def chat_of(self, session: str) -> str:
        """The conversation that a session webhook belongs to, or an empty text."""
        return self._sessions[session][1] if session in self._sessions else ""

    def by_webhook(self, session: str, raw: bytes, body: dict[str, Any]) -> Reply:
        """`POST /robot/sendBySession`: always HTTP 200, the errcode tells."""
        robot, chat, expires = self._sessions.get(session, ("", "", 0.0))
        if time.time() >= expires:
            return errcode(300001, "session 不存在")
        if len(raw) > WEBHOOK_BYTES:
            return errcode(460101, "message too long, exceed 20000 bytes")
        kind = str(body.get("msgtype"))
        content = body.get(kind)
        title, text = _webhook_text(kind, content if isinstance(content, dict) else {})
        if not text:
            return errcode(40035, "不合法的参数")
        self._world.counted["pushes"] += 1
        self._show("webhook", robot, chat, kind=kind, title=title, text=text, mentions=_mentions(body.get("at")))
        return errcode(0, "ok")

    def to_people(self, robot: str, body: dict[str, Any]) -> Reply:
        """`POST /v1.0/robot/oToMessages/batchSend`: unknown people are named in the answer, with HTTP 200."""
        _own_robot(robot, body)
        users = body.get("userIds")
        if not isinstance(users, list) or not 0 < len(users) <= MOST_RECEIVERS:
            raise ApiError(400, "invalidParameter.userIds.invalid", "userIds 为空或超过 20 个")
        title, text = _template_text(body)
        known = [person for user in users if isinstance(user, str) and (person := self._world.member(user))]
        for person in known:
            chat = self._world.private_chat(robot, person)
            self._show("oto", robot, chat.id, kind=body["msgKey"], title=title, text=text)
        reached = [person.id for person in known]
        invalid = [user for user in users if user not in reached]
        return _sent() if not invalid else Reply(200, _sent().body | {"invalidStaffIdList": invalid})

    def to_group(self, robot: str, body: dict[str, Any]) -> Reply:
        """`POST /v1.0/robot/groupMessages/send`."""
        _own_robot(robot, body)
        chat = self._world.chats.get(str(body.get("openConversationId")))
        if chat is None or not chat.group:
            raise ApiError(400, "invalidParameter.openConversationId", "openConversationId 不合法")
        title, text = _template_text(body)
        self._show("group", robot, chat.id, kind=body["msgKey"], title=title, text=text)
        return Reply(200, {"processQueryKey": opaque("query", str(uuid.uuid4()))})

    def _mentioned(self, user: str) -> dict[str, str]:
        staff = {"staffId": user} if self._world.member(user) else {}
        return {"dingtalkId": f"$:LWCP_v1:${opaque('person', user)}", **staff}

    def _show(
        self, via: str, robot: str, chat: str, *, kind: str, title: str, text: str, mentions: tuple[str, ...] = ()
    ) -> None:
        message = Message(via, robot, chat, kind, title, text, time.monotonic(), time.time(), mentions)
        self._world.messages.add(message)
        self._world.show(chat, message)


def message_body(msgtype: str, text: str, content: dict[str, Any] | None, *, group: bool) -> dict[str, Any]:
    """The part of a payload that depends on its type. In a group the mention is cut off, the blank behind it stays."""
    if msgtype == "text":
        return {"msgtype": "text", "text": {"content": f" {text}" if group else text, **(content or {})}}
    return {"msgtype": msgtype, "content": content if content is not None else {}}


def _own_robot(robot: str, body: dict[str, Any]) -> None:
    if body.get("robotCode") != robot:
        raise ApiError(400, "robot.not.exist", "robotCode 不存在")


def _webhook_text(kind: str, content: dict[str, Any]) -> tuple[str, str]:
    if kind == "text":
        return "", str(content.get("content", ""))
    if kind in {"markdown", "actionCard", "link"}:
        return str(content.get("title", "")), str(content.get("text", ""))
    if kind == "feedCard":
        links = content.get("links")
        return "", "\n\n".join(
            f"[{link.get('title', '')}]({link.get('messageURL', '')})"
            for link in (links if isinstance(links, list) else [])
            if isinstance(link, dict)
        )
    return "", ""


def _mentions(at: Any) -> tuple[str, ...]:
    """The user ids in `at.atUserIds`, and everybody with `at.isAtAll`; what cannot be read mentions nobody."""
    users = at.get("atUserIds") if isinstance(at, dict) else None
    everybody = (EVERYBODY,) if isinstance(at, dict) and at.get("isAtAll") is True else ()
    return everybody + tuple(user for user in (users if isinstance(users, list) else ()) if isinstance(user, str))


def _template_text(body: dict[str, Any]) -> tuple[str, str]:
    """Title and text of `msgParam`, which is JSON text."""
    raw = body.get("msgParam")
    if not isinstance(raw, str) or not isinstance(body.get("msgKey"), str):
        raise ApiError(400, "invalidParameter.msgParam.invalid", "msgKey 或 msgParam 不合法")
    if len(raw.encode()) > MSG_PARAM_BYTES:
        raise ApiError(400, "invalidParameter.msgParam.tooLong", "msgParam 超过 15000 字节")
    try:
        param = jsontext.read(raw)
    except ValueError:
        param = None
    if not isinstance(param, dict):
        raise ApiError(400, "invalidParameter.msgParam.invalid", "msgParam 不是 JSON 对象")
    return str(param.get("title", "")), str(param.get("text") or param.get("content") or raw)


def _sent() -> Reply:
    key = opaque("query", str(uuid.uuid4()))
    return Reply(200, {"processQueryKey": key, "invalidStaffIdList": [], "flowControlledStaffIdList": []})
