"""From trouble to advice: which text of the catalogue tells the operator what to do.

The law: every trouble has an advice, and DingTalk's code decides before its HTTP status. Pure; it knows no steps.
"""

import re
import socket
import ssl
from collections.abc import Iterator

from actors.dingtalk import faults
from actors.dingtalk.openapi import CREATE, OTO, SEND_STANDARD, STREAMING, UPDATE, UPDATE_STANDARD, WEBHOOK
from actors.errors import CallFailed, ConnectionTrouble, Fault, Trouble

SCOPES = {
    CREATE.name: "Card.Instance.Write",
    UPDATE.name: "Card.Instance.Write",
    STREAMING.name: "Card.Streaming.Write",
    OTO.name: "qyapi_robot_sendmsg",
}
"""The permission that an API asks for (open.dingtalk.com, the "permission" row of each API's page)."""

_CODES: tuple[tuple[str, str], ...] = (
    (r"InvalidAuthentication|40014", "token_refused"),
    (r"param\.templateUnpublished", "template_unpublished"),
    (r"deliverFailed", "not_delivered"),
    (r"invalidStaffId|invalid\.user\w*|.*\buserIds?\b.*", "staff_id"),
    (r"robot\.not\.?exist|.*\brobotCode\b.*|chatbot\.notFound", "robot_code"),
    (r"flowControlled", "flow_controlled"),
    (r"300001", "webhook"),
)
_FAULTS = {
    Fault.THROTTLED: "qps",
    Fault.QUOTA: "quota",
    Fault.PERMISSION: "permission",
    Fault.TEMPLATE: "template",
    Fault.CREDENTIALS: "credentials",
    Fault.TRANSIENT: "transient",
}
_GATEWAY = {
    Fault.THROTTLED: "qps",
    Fault.QUOTA: "quota",
    Fault.PERMISSION: "not_stream",
    Fault.TRANSIENT: "transient",
    Fault.REJECTED: "not_stream",
}


def advice_for(trouble: Trouble, *, proxied: bool) -> str:
    """The advice for this trouble; `proxied` says whether a proxy is on the way."""
    if faults.BAN_WORDS in str(trouble):
        return "banned"
    if faults.NO_JSON in str(trouble):
        return "page"
    if isinstance(trouble, CallFailed):
        return _for_call(trouble, proxied=proxied)
    if isinstance(trouble, ConnectionTrouble):
        return _for_connection(trouble, proxied=proxied)
    return "rejected"


def said_by(trouble: Trouble) -> str:
    """What DingTalk, or the way to it, said."""
    if not isinstance(trouble, CallFailed):
        return trouble.detail if isinstance(trouble, ConnectionTrouble) else str(trouble)
    if trouble.status == 0:
        return trouble.message
    return f"HTTP {trouble.status} {trouble.code}: {trouble.message}"


def missing_scopes(trouble: Trouble) -> tuple[str, ...]:
    """The permissions that a refused call lacks: those that DingTalk names, or else the one that the call asks for."""
    if not isinstance(trouble, CallFailed) or trouble.fault is not Fault.PERMISSION:
        return ()
    _, _, named = trouble.message.rpartition("(missing: ")
    return tuple(re.findall(r"[A-Za-z][\w.]+", named)) if named != trouble.message else (SCOPES.get(trouble.api, ""),)


def _for_call(failure: CallFailed, *, proxied: bool) -> str:
    if failure.status == 0 and failure.fault is Fault.TRANSIENT:
        return "proxy" if proxied else "unreachable"
    if failure.code == "unknownError" and failure.api == STREAMING.name:
        return "stream_refused"
    for pattern, key in _CODES:
        if re.fullmatch(pattern, failure.code, re.IGNORECASE):
            return key
    refused_card = failure.api in {SEND_STANDARD.name, UPDATE_STANDARD.name}
    if refused_card and failure.fault in {Fault.REJECTED, Fault.PERMISSION}:
        return "standard"
    if failure.api == WEBHOOK.name and failure.fault is Fault.REJECTED:
        return "webhook"
    return _FAULTS.get(failure.fault, "rejected")


def _for_connection(trouble: ConnectionTrouble, *, proxied: bool) -> str:
    match trouble.reason:
        case "refused":
            return "credentials"
        case "unreachable":
            return _obstacle(trouble, proxied=proxied)
        case "unavailable" if trouble.fault:
            return _GATEWAY.get(trouble.fault, "not_stream")
        case "unavailable":
            return "handshake"
    return "silent"


def _obstacle(trouble: BaseException, *, proxied: bool) -> str:
    """What stands in the way, by the causes of the trouble. Behind a proxy all but the certificate is the proxy's."""
    causes = list(_causes(trouble))
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return "certificate"
    if proxied:
        return "proxy"
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return "name"
    return "unreachable"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
