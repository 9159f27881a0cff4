"""JitAi's signed calls: how arguments are signed, and how a reply is opened.

Pure: the time is handed in. The signature is the one that JitAi's own client makes (`wanyun-JitSdk` 1.0.7): the SHA-1
of the Base64 of all arguments, the time stamp and the secret, in the order of their names.
"""

import hmac
import json
import re
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha1
from typing import Any

from actors.agents.backend import words
from actors.errors import AgentFailed

VALID_FOR = 300.0
"""Seconds that the two clocks may be apart."""

_OF_THE_KEY = re.compile(r"access.?key|sign|secret|token|auth|login|permission|签名|授权|密钥|权限|登录", re.IGNORECASE)
"""What an error says that is about who calls. JitAi documents no codes for it."""


def signature(arguments: Mapping[str, Any], timestamp: int, secret: str) -> str:
    """The `accessSign` of a call with these arguments at `timestamp`, in milliseconds since the epoch."""
    signed = {name.lower(): value for name, value in arguments.items()} | {"timestamp": timestamp, "secret": secret}
    told = "&".join(f"{name}={_as_text(signed[name])}" for name in sorted(signed))
    return sha1(b64encode(told.encode()), usedforsecurity=False).hexdigest()


def headers(arguments: Mapping[str, Any], key: str, secret: str, now: float) -> dict[str, str]:
    """What a signed call needs beside its arguments."""
    timestamp = int(now * 1000)
    sign = signature(arguments, timestamp, secret)
    return {"accessKey": key, "timestamp": str(timestamp), "accessSign": sign}


def opened(reply: Mapping[str, Any], secret: str, now: float) -> Any:
    """What a function returned, out of the reply to a signed call.

    Raises:
        AgentFailed: it is an error, or not what somebody signed who knows the secret.
    """
    match reply:
        case {"errcode": 0, "data": {"data": data, "timestamp": str() | int() as timestamp, "accessSign": str(sign)}}:
            pass
        case {"errcode": int(code)} if code != 0:
            raise _error(code, reply.get("errmsg"))
        case _:
            raise AgentFailed("error", "the reply is none of JitAi's signed calls, is this the right address?")
    try:
        at = int(timestamp)
        genuine = hmac.compare_digest(signature({"data": data}, at, secret).encode(), sign.encode())
    except ValueError:  # no number, or half a character
        at, genuine = 0, False
    if not genuine:
        raise AgentFailed("refused", "the reply's signature is wrong, is JIT_ACCESS_SECRET right?", retryable=False)
    if abs(now - at / 1000) > VALID_FOR:
        what = f"the reply's time is {abs(now - at / 1000):.0f} s off, are both clocks right?"
        raise AgentFailed("refused", what, retryable=False)
    return data


def _error(code: int, message: object) -> AgentFailed:
    told = words(message)
    detail = f"errcode {code}: {told}" if told else f"errcode {code}"
    refused = bool(_OF_THE_KEY.search(told))
    return AgentFailed("refused" if refused else "error", detail, retryable=not refused)


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
