"""The catalogue of trouble: every fault that can be switched on by its name, what it is called, and what it does.

Data only, one source for the page, the HTTP API and whoever tests a robot. Nothing here acts; see `switches`. Codes and
bodies are those of server API error codes, API limits and "receive messages" (open.dingtalk.com) where nothing else is
named.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from actors.sandbox.faults import APIS

CARDS = frozenset({"create", "instance", "deliver", "update", "streaming", "standard", "standard_update"})
WITH_TOKEN = CARDS | {"oto", "group", "download"}
"""The calls that carry an access token."""

_DENIED = "Forbidden.AccessDenied"


class Kind(StrEnum):
    """What a trouble is done to."""

    CALL = "call"
    """Calls of an API; `order` has the words of `faults.Fault`."""
    LINE = "line"
    """The connections that are up, which look as if they were well until their end; `order` says `how`."""
    RULE = "rule"
    """The platform as a whole; `order` has the rules that it changes."""
    ACT = "act"
    """It is done once and has no off."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One trouble. `apis` are those that it can be ordered for."""

    name: str
    chinese: str
    english: str
    order: Mapping[str, Any] = field(default_factory=dict)
    apis: frozenset[str] = frozenset()
    kind: Kind = Kind.CALL


_EVERY = (
    # Calls
    Trouble("slow", "很慢，3 秒后才办", "Slow: 3 s late", {"delay": 3.0}, APIS),
    Trouble("503", "服务不可用 503", "Unavailable", {"status": 503}, APIS),
    # The API gateway answers so after 3 s (developerpedia, retry.md).
    Trouble("504", "网关超时 504", "Gateway time-out", {"status": 504, "body": "<html>Gateway Time-out</html>"}, APIS),
    Trouble("timeout", "不回答", "Never answers", {"hang": True}, APIS),
    Trouble("reset", "连接被重置", "Connection reset", {"reset": True}, APIS),
    Trouble(
        "lost", "已执行，应答丢失", "Done, but the answer is lost", {"reset": True, "applied": True}, APIS - {"connect"}
    ),
    Trouble("torn", "已执行，应答中断", "Done, but the answer breaks off", {"torn": True}, APIS - {"connect"}),
    Trouble("busy", "系统繁忙 -1", "Busy", {"body": {"errcode": -1, "errmsg": "系统繁忙"}}, APIS),
    # Any of the statuses 400, 429 and 500 has been seen with this code.
    Trouble("system-busy", "系统繁忙 system.busy", "Busy, by code", {"status": 400, "code": "system.busy"}, WITH_TOKEN),
    Trouble(
        "qps",
        "应用调用太快 QPS",
        "QPS limit of the app",
        {"status": 403, "code": f"{_DENIED}.QpsLimitForAppkeyAndApi"},
        APIS,
    ),
    Trouble(
        "qps-api",
        "接口调用太快 QPS",
        "QPS limit of the API",
        {"status": 403, "code": f"{_DENIED}.QpsLimitForApi"},
        APIS,
    ),
    Trouble(
        "qpm",
        "每分钟次数超限 QPM",
        "QPM limit of the app",
        {"status": 403, "code": f"{_DENIED}.QpmLimitForAppkeyAndApi"},
        APIS,
    ),
    Trouble(
        "quota",
        "本月额度用完",
        "Month's quota used up",
        {"status": 403, "code": f"{_DENIED}.ApiCountLimitForOrg"},
        APIS,
    ),
    Trouble(
        "ban",
        "IP 被封",
        "IP banned",
        {"status": 403, "body": {"status": 1111, "wait": 5, "source": "x5", "punish": "deny"}},
        APIS,
    ),
    Trouble(
        "errcode", "会话失效 300001", "Session is gone", {"body": {"errcode": 300001, "errmsg": "session 不存在"}}, APIS
    ),
    Trouble(
        "permission",
        "缺少权限",
        "Permission missing",
        {"status": 403, "code": f"{_DENIED}.AccessTokenPermissionDenied"},
        WITH_TOKEN,
    ),
    Trouble("credentials", "令牌无效", "Token invalid", {"status": 400, "code": "InvalidAuthentication"}, WITH_TOKEN),
    Trouble(
        "secret", "密钥错误", "Wrong secret", {"status": 400, "code": "invalidClientIdOrSecret"}, frozenset({"token"})
    ),
    Trouble("auth", "鉴权失败 401", "Gateway refuses", {"status": 401, "code": "authFailed"}, frozenset({"open"})),
    # Transient although it is a 400 (AstrBot issue 1628).
    Trouble(
        "system", "网关系统错误", "Gateway in trouble", {"status": 400, "code": "systemError"}, frozenset({"open"})
    ),
    Trouble("ticket", "票据无效", "Ticket refused", {"status": 400, "code": "invalidTicket"}, frozenset({"connect"})),
    Trouble(
        "exists",
        "卡片已存在",
        "Card exists",
        {"status": 400, "code": "param.cardAlreadyExist", "applied": True},
        frozenset({"create"}),
    ),
    Trouble(
        "template",
        "模板不存在",
        "No such template",
        {"status": 400, "code": "param.templateNotExist"},
        frozenset({"create"}),
    ),
    Trouble(
        "undelivered",
        "卡片未投放",
        "Card not delivered",
        {"body": {"success": True, "result": {"deliverResults": [{"success": False, "errorMsg": "?"}]}}},
        frozenset({"create"}),
    ),
    Trouble("gone", "卡片不存在", "No such card", {"status": 400, "code": "param.cardNotExist"}, frozenset({"update"})),
    Trouble(
        "content",
        "内容太大",
        "Content too large",
        {"status": 400, "code": "param.stream.content"},
        frozenset({"streaming"}),
    ),
    Trouble("unknown", "未知错误", "Unknown error", {"status": 500, "code": "unknownError"}, frozenset({"streaming"})),
    Trouble("too-fast", "发送太快", "Sent too fast", {"status": 400, "code": "send.too.fast"}, frozenset({"group"})),
    # Connections
    Trouble("drop", "断开连接", "Drop connections", kind=Kind.ACT),
    Trouble("roll", "滚动连接", "Roll connections", kind=Kind.ACT),
    Trouble("expire", "令牌全部过期", "Expire tokens", kind=Kind.ACT),
    Trouble("mute", "静默：推送丢失", "Silence: pushes are lost", {"how": "mute"}, kind=Kind.LINE),
    Trouble("deaf", "失聪：应答丢失", "Deaf: acks are lost", {"how": "deaf"}, kind=Kind.LINE),
    Trouble("dead", "假死：全无动静", "Dead: nothing passes", {"how": "dead"}, kind=Kind.LINE),
    # The platform
    Trouble("duplicate", "每条消息推两次", "Every message twice", {"copies": 2}, kind=Kind.RULE),
    Trouble("lag", "所有接口慢 2 秒", "Every API 2 s slow", {"latency": 2.0}, kind=Kind.RULE),
    Trouble("strict", "每秒只许 1 次", "1 call a second", {"calls_per_second": 1}, kind=Kind.RULE),
    Trouble("brief", "令牌只活 5 秒", "Tokens live 5 s", {"token_life": 5.0}, kind=Kind.RULE),
)

TROUBLES = {trouble.name: trouble for trouble in _EVERY}
"""Every trouble by its name. Those of calls: `lost`, `torn` and `exists` take effect, the others do not."""
