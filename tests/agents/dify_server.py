"""A Dify with one or more chat apps, written from its OpenAPI description (github.com/langgenius/dify-docs,
`en/api-reference/openapi_chat.json`) and as strict as it: keys, users, conversations, files. What an app says is set by
the test, as raw events or as steps; by default it repeats what it was asked.
"""

import asyncio
import json
import mimetypes
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from actors.agents.dify import TYPES

Json = dict[str, Any]

USAGE = {"usage": {"prompt_tokens": 1033, "completion_tokens": 128, "total_tokens": 1161}}
END: Json = {"event": "message_end", "metadata": USAGE}
PING = b"event: ping\n\n"
BY_CONTENT = {"image": "image", "video": "video", "audio": "audio", "text": "document", "pdf": "document"}


class Hold:
    """A step: nothing is said until the app is stopped by whom it answers, or nobody listens any more."""


HOLD = Hold()


@dataclass(frozen=True)
class Refuse:
    """A step in place of a stream: an error by HTTP."""

    status: int
    code: str
    message: str = "Something is wrong."
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> Json:
        return {"code": self.code, "message": self.message, "status": self.status}


Step = Json | bytes | Hold


def message(answer: str) -> Json:
    """A piece of an answer."""
    return {"event": "message", "answer": answer}


@dataclass
class Upload:
    """A file that was uploaded."""

    user: str
    name: str
    mime_type: str
    content: bytes

    @property
    def type(self) -> str:
        """What Dify finds a file to be."""
        suffix = Path(self.name).suffix.lower()
        by_suffix = next((kind for kind, suffixes in TYPES.items() if suffix in suffixes), None)
        return by_suffix or (
            self.mime_type.split("/")[0] if self.mime_type.startswith(("image", "audio")) else "custom"
        )


@dataclass
class DifyApp:
    """One app: what it says, and what was asked of it."""

    key: str
    scripts: list[Refuse | list[Step]] = field(default_factory=list)
    """What is said to the next questions; the last one is said again and again."""
    upload_scripts: list[Refuse] = field(default_factory=list)
    takes: frozenset[str] = frozenset({"image", "document", "audio", "video", "custom"})
    asked: list[Json] = field(default_factory=list)
    uploads: dict[str, Upload] = field(default_factory=dict)
    conversations: dict[str, str] = field(default_factory=dict)
    """By id, whose they are."""
    messages: dict[str, str] = field(default_factory=dict)
    stop_calls: list[tuple[str, str]] = field(default_factory=list)
    """Task and user."""
    stopped: list[str] = field(default_factory=list)
    """Tasks that a stop call really stopped."""
    left: int = 0
    """Streams whose reader went away before their end."""
    ratings: list[tuple[str, str | None]] = field(default_factory=list)
    tasks: dict[str, tuple[str, asyncio.Event]] = field(default_factory=dict)
    stop_status: int = 200

    def says(self, *scripts: Refuse | list[Step]) -> None:
        """Set what is said to the next questions."""
        self.scripts = list(scripts)


@dataclass
class DifyServer:
    """The server; `url` goes up to its `/v1`."""

    url: str
    apps: dict[str, DifyApp]

    async def chat(self, request: web.Request) -> web.StreamResponse:
        app = self._app(request)
        body = await request.json()
        app.asked.append(body)
        script = (app.scripts.pop(0) if len(app.scripts) > 1 else app.scripts[0]) if app.scripts else None
        if isinstance(script, Refuse):
            return web.json_response(script.body, status=script.status, headers=script.headers)
        for name, kind in {"inputs": dict, "query": str, "user": str, "conversation_id": str, "files": list}.items():
            _require(isinstance(body[name], kind), "invalid_param", f"{name} is required")
        _require(bool(body["query"] and body["user"]), "invalid_param", "query and user are required")
        _require(body["response_mode"] == "streaming", "invalid_param", "these tests stream")
        for file in body["files"]:
            self._check(app, file, body["user"])
        conversation = body["conversation_id"] or str(uuid.uuid4())
        if body["conversation_id"] and app.conversations.get(conversation) != body["user"]:
            raise _refusing(Refuse(404, "not_found", "Conversation Not Exists."))
        app.conversations[conversation] = body["user"]
        steps: list[Step] = [message("您说："), message(body["query"]), END]
        return await self._stream(request, app, body["user"], conversation, steps if script is None else script)

    async def _stream(
        self, request: web.Request, app: DifyApp, user: str, conversation: str, steps: list[Step]
    ) -> web.StreamResponse:
        task, message_id, stopped = str(uuid.uuid4()), str(uuid.uuid4()), asyncio.Event()
        app.tasks[task] = (user, stopped)
        app.messages[message_id] = user
        ids = {"task_id": task, "message_id": message_id, "conversation_id": conversation, "created_at": 1705395333}
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        try:
            for step in steps:
                if isinstance(step, Hold):
                    await stopped.wait()
                    app.stopped.append(task)
                    await response.write(_framed(END | ids))
                    return response
                await response.write(step if isinstance(step, bytes) else _framed(ids | step))
        except (asyncio.CancelledError, ConnectionResetError):
            app.left += 1
            raise
        return response

    async def stop(self, request: web.Request) -> web.Response:
        app, task = self._app(request), request.match_info["task"]
        body = await request.json()
        user: str = body["user"]
        app.stop_calls.append((task, user))
        if task in app.tasks and app.tasks[task][0] == user:
            app.tasks[task][1].set()
        return web.json_response({"result": "success"}, status=app.stop_status)

    async def rate(self, request: web.Request) -> web.Response:
        app, rated = self._app(request), request.match_info["message"]
        body = await request.json()
        _require(body["rating"] in {"like", "dislike", None}, "invalid_param", "no such rating")
        if app.messages.get(rated) != body["user"]:
            raise _refusing(Refuse(404, "not_found", "Message Not Exists."))
        app.ratings.append((rated, body["rating"]))
        return web.json_response({"result": "success"})

    async def upload(self, request: web.Request) -> web.Response:
        app = self._app(request)
        form = await request.post()
        if app.upload_scripts:
            raise _refusing(app.upload_scripts.pop(0))
        file = form["file"]
        assert isinstance(file, web.FileField)
        upload = Upload(str(form.get("user", "DEFAULT-USER")), file.filename, file.content_type, file.file.read())
        file_id = str(uuid.uuid4())
        app.uploads[file_id] = upload
        extension = (mimetypes.guess_extension(upload.mime_type) or ".bin").lstrip(".")
        return web.json_response({"id": file_id, "name": upload.name, "extension": extension}, status=201)

    def _app(self, request: web.Request) -> DifyApp:
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if key not in self.apps:
            raise _refusing(Refuse(401, "unauthorized", "Access token is invalid"))
        return self.apps[key]

    @staticmethod
    def _check(app: DifyApp, file: Json, user: str) -> None:
        upload = app.uploads.get(file["upload_file_id"])
        _require(upload is not None and upload.user == user, "invalid_param", "Invalid upload file")
        assert upload is not None
        _require(file["transfer_method"] == "local_file", "invalid_param", "Invalid file transfer method")
        _require(file["type"] == upload.type, "invalid_param", "Detected file type does not match the specified type.")
        _require(upload.type in app.takes, "invalid_param", f"File validation failed for file: {upload.name}")


def _framed(event: Json) -> bytes:
    return f"data: {json.dumps(event)}\n\n".encode()


def _refusing(refuse: Refuse) -> web.HTTPException:
    kinds = {
        400: web.HTTPBadRequest,
        401: web.HTTPUnauthorized,
        404: web.HTTPNotFound,
        415: web.HTTPUnsupportedMediaType,
    }
    kind = kinds.get(refuse.status, web.HTTPServiceUnavailable)
    return kind(text=json.dumps(refuse.body), content_type="application/json")


def _require(right: bool, code: str, what: str) -> None:
    if not right:
        raise _refusing(Refuse(400, code, what))


@asynccontextmanager
async def dify_server(*keys: str) -> AsyncGenerator[DifyServer, None]:
    """A Dify with an app for each key."""
    server = DifyServer("", {key: DifyApp(key) for key in keys})
    application = web.Application()
    application.router.add_post("/v1/chat-messages", server.chat)
    application.router.add_post("/v1/chat-messages/{task}/stop", server.stop)
    application.router.add_post("/v1/messages/{message}/feedbacks", server.rate)
    application.router.add_post("/v1/files/upload", server.upload)
    runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0]
        server.url = f"http://{host}:{port}/v1"
        yield server
    finally:
        await runner.cleanup()
