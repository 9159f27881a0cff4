"""What an answer of DingTalk means, read from its body: what was returned, or why nothing was done.

The law: the code decides, the HTTP status only where there is no code that we know. A 403 may mean "too fast", a 400
"try again", and a 200 that nothing was delivered. Pure; it knows nothing of sending, waiting or counting.

The codes are from open.dingtalk.com ("Server API error codes", "API throttling" and each API's own page).
"""

import json
import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from actors.core.frozen import frozen
from actors.errors import Fault

THROTTLE_PAUSE = 1.0
"""Seconds to leave an API alone after it said "too fast": its window."""

BAN_PAUSE = 300.0
"""Seconds for which DingTalk turns an IP address away that made 10,000 calls in 20 s."""

BANNED = "ipBanned"
"""Our code for that, since its page has none."""

NO_JSON = "the answer is no JSON object"
"""Our words for a page, as proxies and gateways answer one."""

BAN_WORDS = "DingTalk turns this IP address away for 5 minutes, since too many calls came from it"

_FAULTS: tuple[tuple[str, Fault], ...] = (
    (r".*\bQp[sm]Limit\w*|send\.too\.fast|90002|90018|130101|410100", Fault.THROTTLED),
    (r".*\bApiCountLimitForOrg|90020", Fault.QUOTA),
    (r".*\bAccessTokenPermissionDenied", Fault.PERMISSION),
    (r"invalidClientIdOrSecret|authFailed|InvalidAuthentication|40014", Fault.CREDENTIALS),
    (r"system\.?busy|system\.?error|service\.?unavailable|unknownError|-1", Fault.TRANSIENT),
    (r"param\.stream\.content|460101", Fault.TOO_LARGE),
    (r"param\.cardAlreadyExist", Fault.CARD_EXISTS),
    (r"param\.template\w*", Fault.TEMPLATE),
)
_BAN_PAGE = re.compile(r"\bstatus\W{1,4}1111\b|\bpunish")


@frozen
class Refusal:
    """Why DingTalk did nothing. `pause` is for how many seconds nobody should call this API (if BANNED: any API)."""

    fault: Fault
    code: str
    message: str
    pause: float = 0.0


def read(status: int, text: str, retry_after: float = 0.0) -> dict[str, Any] | Refusal:
    """What an answer returns, or why the call did nothing. `retry_after` is the header of that name, in seconds."""
    body = _json_object(text)
    if body is None:
        if _BAN_PAGE.search(text):
            return _banned()
        fault = _fault("", status)
        return _refusal(Fault.TRANSIENT if fault is Fault.REJECTED else fault, "", NO_JSON, retry_after)
    if str(body.get("status")) == "1111":
        return _banned()
    errcode = str(body.get("errcode") or "")
    code = str(body.get("code") or errcode)
    if status >= HTTPStatus.MULTIPLE_CHOICES or body.get("success") is False or errcode not in {"", "0"}:
        return _refusal(_fault(code, status), code, _message(body), retry_after)
    return _undelivered(body) or body


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _fault(code: str, status: int) -> Fault:
    for pattern, fault in _FAULTS:
        if re.fullmatch(pattern, code, re.IGNORECASE):
            return fault
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Fault.THROTTLED
    if status == HTTPStatus.UNAUTHORIZED:
        return Fault.CREDENTIALS
    if status == HTTPStatus.REQUEST_TIMEOUT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Fault.TRANSIENT
    return Fault.REJECTED


def _refusal(fault: Fault, code: str, message: str, retry_after: float = 0.0) -> Refusal:
    pause = min(max(THROTTLE_PAUSE, retry_after), BAN_PAUSE) if fault is Fault.THROTTLED else 0.0
    return Refusal(fault, code, message, pause)


def _banned() -> Refusal:
    return Refusal(Fault.THROTTLED, BANNED, BAN_WORDS, BAN_PAUSE)


def _message(body: dict[str, Any]) -> str:
    """DingTalk's own words, and the permissions that are missing, which tell the operator what to tick."""
    words = str(body.get("message") or body.get("errmsg") or "")
    detail = body.get("accessdenieddetail")
    scopes = detail.get("requiredScopes") if isinstance(detail, dict) else None
    return f"{words} (missing: {scopes})" if scopes else words


def _undelivered(body: dict[str, Any]) -> Refusal | None:
    """A card that was made but not delivered, or a message that did not reach its reader: all under HTTP 200."""
    result = body.get("result")
    deliveries = result.get("deliverResults") if isinstance(result, dict) else None
    for delivery in deliveries if isinstance(deliveries, list) else ():
        if not isinstance(delivery, dict):
            return _refusal(Fault.REJECTED, "deliverFailed", "unreadable deliverResults")
        if not delivery.get("success"):
            return _refusal(Fault.REJECTED, "deliverFailed", str(delivery.get("errorMsg") or ""))
    if body.get("flowControlledStaffIdList"):
        return _refusal(Fault.THROTTLED, "flowControlled", "the reader gets too many messages")
    if body.get("invalidStaffIdList"):
        return _refusal(Fault.REJECTED, "invalidStaffId", "the reader does not exist")
    return None


def without(secrets: Iterable[str], words: str) -> str:
    """Words of the other side that may be logged: short, and without anything secret that they quote."""
    for secret in filter(None, secrets):
        words = words.replace(secret, "***")
    return words[:200]
