"""What people attach to messages: download codes, and the temporary addresses that they are exchanged for.

Sources: download the content of files that a robot received, and upload media files (open.dingtalk.com). It knows no
HTTP; the API serves the bytes.
"""

import re
import time
import uuid
from dataclasses import dataclass
from typing import Any, TypeVar

from actors.sandbox.replies import ApiError, Reply, errcode
from actors.sandbox.rules import Rules
from actors.sandbox.world import opaque

T = TypeVar("T")

UPLOADS = frozenset({"image", "voice", "video", "file"})
KEPT = 500
"""How many files are kept, and how many addresses: the latest ones."""

BYTES = 100_000_000
"""How much all files of people may have together, and all of robots; beyond that the oldest are gone."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A file, and when (monotonic seconds) it was attached."""

    data: bytes
    name: str
    kind: str
    at: float


@dataclass(frozen=True, slots=True)
class Address:
    """A temporary address: whose it is, of which file, and since when."""

    robot: str
    file: Attached
    at: float


class Files:
    """All files that people attached. `uploads` are those of robots, by `media_id`."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._files: dict[str, Attached] = {}
        self.uploads: dict[str, Attached] = {}
        self._addresses: dict[str, Address] = {}

    def attach(self, data: bytes, name: str, kind: str) -> str:
        """Keep a file; returns its download code.

        Raises:
            ValueError: its `kind` is no media type.
        """
        if not re.fullmatch(r"[\w.+-]+/[\w.+-]+(;[ -~]*)?", kind, re.ASCII):
            raise ValueError(f"kind {kind[:60]!r} is no media type, such as image/png")
        code = opaque("file", uuid.uuid4().hex)
        _keep_file(self._files, code, Attached(data, name, kind, time.monotonic()))
        kept = {id(file) for file in self._files.values()}
        self._addresses = {key: at for key, at in self._addresses.items() if id(at.file) in kept}
        return code

    def upload(self, kind: str, data: bytes, name: str, media_type: str) -> Reply:
        """What a robot uploads, for its messages to show; returns a `media_id`."""
        if not data or kind not in UPLOADS:
            return errcode(40004, "不合法的媒体文件类型")
        media_id = f"@l{opaque('media', uuid.uuid4().hex)}"
        _keep_file(self.uploads, media_id, Attached(data, name, media_type, time.monotonic()))
        return errcode(0, "ok", type=kind, media_id=media_id, created_at=int(time.time() * 1000))

    def of(self, code: str) -> Attached | None:
        """The file of a download code, however old; None when it is not known."""
        return self._files.get(code)

    def grant(self, base: str, robot: str, body: dict[str, Any]) -> Reply:
        """`POST /v1.0/robot/messageFiles/download`: a temporary address below `base`. All codes of refusals speak of
        `robotCode`, as the page has them."""
        code, own = body.get("downloadCode"), body.get("robotCode")
        if not own or not code:
            missing = "downloadCode" if own else "robotCode"
            raise ApiError(400, "invalidParameter.robotCode.empty", f"机器人{missing}为空")
        if own != robot:
            raise ApiError(400, "invalidParameter.robotCode.auth", "此downloadCode和机器人robotCode不匹配")
        file = self._files.get(str(code))
        if file is None or time.monotonic() - file.at >= self._rules.download_code_life:
            raise ApiError(400, "invalidParameter.robotCode.downloadCode", "下载码有误或者已经过期")
        key = uuid.uuid4().hex
        _keep(self._addresses, key, Address(robot, file, time.monotonic()))
        expires = int(time.time() + self._rules.download_url_life)
        return Reply(200, {"downloadUrl": f"{base}/file/{key}?Expires={expires}"})

    def at(self, key: str) -> Address | None:
        """What stands at an address; None when it is not known, or not any more."""
        address = self._addresses.get(key)
        alive = address and time.monotonic() - address.at < self._rules.download_url_life
        return address if alive else None


def _keep_file(known: dict[str, Attached], key: str, file: Attached) -> None:
    _keep(known, key, file)
    while len(known) > 1 and sum(len(each.data) for each in known.values()) > BYTES:
        del known[next(iter(known))]


def _keep(known: dict[str, T], key: str, value: T) -> None:
    known[key] = value
    if len(known) > KEPT:
        del known[next(iter(known))]
