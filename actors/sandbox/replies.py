"""What is answered: to calls of the API as DingTalk spells it, to people in the sandbox's own words."""

import json
import uuid
from dataclasses import dataclass
from typing import Any

from aiohttp import web


class ApiError(Exception):
    """The call is refused. `code` is DingTalk's own; clients go by it, not by the HTTP status. `details` are what the
    body has beside it."""

    def __init__(self, status: int, code: str, message: str, **details: Any) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message
        self.details = details

    def reply(self) -> "Reply":
        return Reply(self.status, error_body(self.code, self.message) | self.details)


@dataclass(frozen=True, slots=True)
class Reply:
    """A status and a body; a body that is text goes out as it is."""

    status: int
    body: Any

    @property
    def code(self) -> str:
        """DingTalk's code in the body: `code`, or an `errcode` other than 0."""
        if not isinstance(self.body, dict):
            return ""
        return str(self.body.get("code") or self.body.get("errcode") or "")

    def response(self) -> web.Response:
        if isinstance(self.body, str):
            kind = "application/xml" if self.status < 400 else "text/html"  # noqa: PLR2004
            return web.Response(status=self.status, text=self.body, content_type=kind)
        text = json.dumps(self.body, ensure_ascii=False)
        # Status 0 stands for no answer: the connection is gone and nobody reads this.
        return web.Response(status=self.status or 500, text=text, content_type="application/json")


def answer(data: Any, status: int = 200) -> web.Response:
    """What the sandbox itself answers to people and to their programs."""
    text = json.dumps(data, ensure_ascii=False, default=sorted)
    return web.Response(status=status, text=text, content_type="application/json")


def refusal(kind: type[web.HTTPException], problem: str) -> web.HTTPException:
    """The same as an exception: why not."""
    return kind(text=json.dumps({"error": problem}, ensure_ascii=False), content_type="application/json")


def errcode(code: int, message: str, **more: Any) -> Reply:
    """An answer of the former API: always HTTP 200, 0 is well."""
    return Reply(200, {"errcode": code, "errmsg": message, **more})


def error_body(code: str, message: str) -> dict[str, Any]:
    """`requestid` is lower case (server API error codes, open.dingtalk.com)."""
    return {"requestid": str(uuid.uuid4()).upper(), "code": code, "message": message}
