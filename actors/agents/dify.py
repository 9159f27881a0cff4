"""`dify:`, a Dify app: a chatbot, an agent or a chatflow. How it is asked, stopped and told of a rating.

The law: all calls that belong together name the same `user`, or Dify hides the conversation, refuses the files and lets
the answer run on without a word. A memory is one user, under a name that gives nobody away.

Dify keeps the conversation itself, under an id that is its session; no turns are sent along. One that Dify no longer
has is begun anew, empty: what was said before is not told again, since the app may have been changed to forget it.

What a Dify app says is in `dify_events.py`, with its sources; stopping, uploads and ratings are from the same.
"""

import asyncio
import logging
import mimetypes
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote, urlsplit
from urllib.request import url2pathname

import aiohttp

from actors.agents.backend import BESIDE_WITHIN, Backend, Json, Refusal
from actors.agents.dify_events import Answer, conversation_is_gone, explained, files_are_not_wanted
from actors.agents.gathering import gathered
from actors.agents.setup import Setup
from actors.agents.wording import as_text
from actors.core.events import Event, Feedback
from actors.core.frozen import frozen
from actors.core.question import KINDS, Attachment, Question
from actors.errors import AgentFailed, SettingsError

log = logging.getLogger(__name__)

UPLOAD_WITHIN = 30.0
RATING_WITHIN = 10.0
"""Seconds that a call has."""

TYPES = {
    "image": {".jpg", ".jpeg", ".png", ".webp", ".gif", ".svg"},
    "video": {".mp4", ".mov", ".mpeg", ".webm"},
    "audio": {".mp3", ".m4a", ".wav", ".amr", ".mpga"},
    "document": {
        *{".txt", ".markdown", ".md", ".mdx", ".html", ".htm", ".xml", ".properties", ".csv", ".vtt"},
        *{".pdf", ".doc", ".docx", ".xls", ".xlsx", ".ppt", ".pptx", ".epub", ".eml", ".msg"},
    },
}
"""Dify's types of files by their endings (its `api/constants`). It finds them out itself, by these and else by the kind
of content, and refuses a file that is called otherwise (its `api/factories/file_factory.py`)."""


@frozen
class Request:
    """What is asked. `sent` are the attachments that were uploaded, with their ids there, `not_sent` the others."""

    question: Question
    user: str
    conversation_id: str
    sent: tuple[tuple[Attachment, str], ...]
    not_sent: tuple[Attachment, ...]

    @property
    def body(self) -> Json:
        """The body of `POST /chat-messages`."""
        return {
            "inputs": {},
            "query": as_text(self.question, self.not_sent),
            "response_mode": "streaming",
            "conversation_id": self.conversation_id,
            "user": self.user,
            "files": [
                {"type": file_type(attachment), "transfer_method": "local_file", "upload_file_id": file_id}
                for attachment, file_id in self.sent
            ],
        }

    def without_what_is_refused(self, refusal: Refusal) -> "Request | None":
        """The request that may be taken in place of this one, or None: then something else is refused."""
        if self.conversation_id and conversation_is_gone(refusal):
            return replace(self, conversation_id="")
        if self.sent and files_are_not_wanted(refusal):
            return replace(self, sent=(), not_sent=self.question.attachments)
        return None


class Dify:
    """Answers with what a Dify app says."""

    name = "dify"
    accepts = KINDS

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def answer(self, question: Question) -> AsyncGenerator[Event, None]:
        """Ask, and once more at once where only the conversation or the files are what Dify refuses."""
        request = await self._request(question)
        while True:
            answer = Answer()
            try:
                async with aclosing(self._streamed(request, answer)) as events:
                    async for event in events:
                        yield event
            except Refusal as refusal:
                other = None if answer.begun else request.without_what_is_refused(refusal)
                if other is None:
                    raise explained(refusal) from None
                extra = {"action": "dify_asked_again", "detail": refusal.detail, **question.ids}
                log.info("asked again, without what Dify refused", extra=extra)
                request = other
            else:
                return

    async def feedback(self, given: Feedback) -> None:
        """Pass a rating on as a like or a dislike."""
        if given.run:
            rating = {"rating": "like" if given.helpful else "dislike", "user": user_of(given.question)}
            path = f"/messages/{quote(given.run, safe='')}/feedbacks"
            await self._backend.call("POST", path, within=RATING_WITHIN, json=rating)

    async def close(self) -> None:
        """Let the stop calls come to their end."""
        await self._backend.close()

    async def _streamed(self, request: Request, answer: Answer) -> AsyncGenerator[Event, None]:
        try:
            async with self._backend.events("/chat-messages", request.body) as stream:
                async for raws in stream:
                    for event in gathered(answer.events, raws):
                        yield event
                    if answer.over:
                        return
        finally:
            if answer.task_id and not answer.over:
                self._stop(answer.task_id, request.user)

    def _stop(self, task_id: str, user: str) -> None:
        path = f"/chat-messages/{quote(task_id, safe='')}/stop"
        call = self._backend.call("POST", path, within=BESIDE_WITHIN, json={"user": user})
        self._backend.beside("the stop call to Dify", call)

    async def _request(self, question: Question) -> Request:
        user = user_of(question)
        ids = await asyncio.gather(*(self._upload(attachment, user) for attachment in question.attachments))
        uploaded = list(zip(question.attachments, ids, strict=True))
        return Request(
            question,
            user,
            question.session,
            sent=tuple((attachment, file_id) for attachment, file_id in uploaded if file_id),
            not_sent=tuple(attachment for attachment, file_id in uploaded if not file_id),
        )

    async def _upload(self, attachment: Attachment, user: str) -> str:
        """The id of an attachment at Dify; empty where it cannot be had, which is no reason not to ask.

        Raises:
            AgentFailed: another try may help.
        """
        try:
            with await asyncio.to_thread(path_of(attachment).open, "rb") as file:
                form = aiohttp.FormData({"user": user}, quote_fields=False)  # a name is sent as it is, as browsers do
                form.add_field("file", file, filename=attachment.name, content_type=content_type(attachment))
                reply = await self._backend.call("POST", "/files/upload", within=UPLOAD_WITHIN, data=form)
        except (OSError, AgentFailed) as error:
            if isinstance(error, AgentFailed) and error.retryable:
                raise
            extra = {"action": "dify_file_not_uploaded", "kind": attachment.kind}
            log.warning("an attachment was not uploaded to Dify: %s", error, extra=extra)
            return ""
        file_id = reply.get("id")
        return file_id if isinstance(file_id, str) else ""


def user_of(question: Question) -> str:
    """Whom Dify is told to talk to: the question's memory, under a pseudonym."""
    return f"dingtalk-{sha256(question.chat_id.encode()).hexdigest()[:32]}"


def path_of(attachment: Attachment) -> Path:
    """Where a fetched attachment is on this machine."""
    return Path(url2pathname(urlsplit(attachment.url).path))


def content_type(attachment: Attachment) -> str:
    """The kind of a file's content, by its name."""
    return mimetypes.guess_type(attachment.name)[0] or "application/octet-stream"


def file_type(attachment: Attachment) -> str:
    """Dify's type of a file."""
    suffix, content = Path(attachment.name).suffix.lower(), content_type(attachment)
    for kind, suffixes in TYPES.items():
        if suffix in suffixes:
            return kind
    if content.startswith("text/"):
        return "document"
    kind = content.partition("/")[0]
    return kind if kind in TYPES else "custom"


def make(rest: str, setup: Setup) -> Dify:
    """The agent of `dify:`.

    Raises:
        SettingsError: it has no key, or there is something behind its colon.
    """
    key = setup.settings.dify_api_key
    problems = []
    if rest.strip():
        problems.append(f"AGENT={'dify:' + rest!r}: write `dify:` alone, which app it is says DIFY_API_KEY")
    if key is None or not key.get_secret_value().strip():
        problems.append("DIFY_API_KEY: `dify:` needs it, the app's page `API Access` in Dify has it")
    if key is None or problems:
        raise SettingsError(tuple(problems))
    headers = {"Authorization": f"Bearer {key.get_secret_value().strip()}"}
    return Dify(Backend(setup, setup.settings.dify_base_url, headers))
