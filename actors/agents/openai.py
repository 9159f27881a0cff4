"""`openai:MODEL`: a model behind `/chat/completions`, as OpenAI, DashScope, DeepSeek, vLLM, Ollama, llama.cpp and many
others serve it.

The law: an answer is whole when the server says why it ended, or that it is done; a stream that merely stops is torn.
The server keeps nothing, so each request holds all it has to know. Closing the connection is what stops the model.
What a request says is `prompt.py`'s; this file must not know clocks or retries, but for what a server does not take,
which it is asked without, once.
"""

import asyncio
import hashlib
import json
import logging
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from http import HTTPStatus

from actors.agents.backend import Backend, Json, Refusal, words
from actors.agents.prompt import messages, read_pictures
from actors.agents.setup import Setup
from actors.agents.streams import ServerEvent
from actors.agents.thinking import Thinking
from actors.core import texts
from actors.core.events import Alive, Event, Feedback, Finished, Reasoning, Text, Used
from actors.core.question import Question
from actors.errors import AgentFailed, SettingsError
from actors.redaction import hide

log = logging.getLogger(__name__)

PATH = "/chat/completions"

COUNTED_WITHIN = 2.0
"""Seconds that a server has, after it said why the answer ended, to say what it cost."""

_DONE = "[DONE]"
_ABOUT_PICTURES = ("image", "vision", "multimodal", "multi-modal")
_CODES = {
    "invalid_api_key": HTTPStatus.UNAUTHORIZED,
    "InvalidApiKey": HTTPStatus.UNAUTHORIZED,
    "insufficient_quota": HTTPStatus.PAYMENT_REQUIRED,
    "Arrearage": HTTPStatus.PAYMENT_REQUIRED,
    "rate_limit_exceeded": HTTPStatus.TOO_MANY_REQUESTS,
    "content_filter": HTTPStatus.BAD_REQUEST,
    "DataInspectionFailed": HTTPStatus.BAD_REQUEST,
    "data_inspection_failed": HTTPStatus.BAD_REQUEST,
}
"""What an error that comes in a stream would have been, had it come in time to be an HTTP status."""


class OpenAiAgent:
    """Answers with one model of one server."""

    name = "openai"
    accepts = frozenset({"picture", "file"})
    """Pictures are sent, of a file the name is."""

    def __init__(self, model: str, setup: Setup, backend: Backend) -> None:
        self._model = model
        self._settings = setup.settings
        self._backend = backend
        self._asks_for_usage = True

    async def answer(self, question: Question) -> AsyncGenerator[Event, None]:
        """The answer's events, and its cost.

        Raises:
            AgentFailed: there is none, or it is not whole.
        """
        pictures = await asyncio.to_thread(read_pictures, question) if question.attachments else []
        while True:
            try:
                async with aclosing(self._asked(question, pictures)) as events:
                    async for event in events:
                        yield event
                return
            except Refusal as refusal:
                if self._asks_for_usage and _names(refusal, "stream_options"):
                    self._asks_for_usage = False
                elif any(pictures) and _takes_no_pictures(refusal):
                    pictures = []
                    log.warning(
                        "asked without the pictures, which the server does not take: %s",
                        refusal.detail,
                        extra={"action": "pictures_not_taken", "agent": self.name, **question.ids},
                    )
                else:
                    raise

    async def feedback(self, _: Feedback) -> None:
        """Nobody there takes it."""

    async def close(self) -> None:
        """Give back what the agent holds."""
        await self._backend.close()

    async def _asked(self, question: Question, pictures: list[str]) -> AsyncGenerator[Event, None]:
        reply = _Reply()
        async with self._backend.events(PATH, self._body(question, pictures)) as frames:
            async for frame in frames:
                for event in reply.read(frame):
                    yield event
                if reply.ended:
                    break
            if reply.ended and not reply.done:
                # The text is whole: whatever goes wrong from here on, or is late, takes nothing away from it.
                with suppress(AgentFailed, TimeoutError):
                    async with asyncio.timeout(COUNTED_WITHIN):
                        await _rest(reply, frames)
        for event in reply.end():
            yield event

    def _body(self, question: Question, pictures: list[str]) -> Json:
        settings = self._settings
        body: Json = {
            "model": self._model,
            "messages": messages(
                question,
                system=settings.agent_system_prompt,
                history_tokens=settings.agent_history_tokens,
                pictures=pictures,
            ),
            "stream": True,
            "user": pseudonym(question),
        }
        return body | ({"stream_options": {"include_usage": True}} if self._asks_for_usage else {})


@dataclass
class _Reply:
    """One reply as it comes in."""

    ended: str = ""
    """Why the answer ended, in the server's words, once it said so."""
    done: bool = False
    """Nothing more is to come."""
    _said: list[str] = field(default_factory=list)
    _used: Used | None = None
    _understood: bool = False
    _thinking: Thinking = field(default_factory=Thinking)

    def read(self, frame: ServerEvent) -> Iterator[Event]:
        """What one frame says.

        Raises:
            AgentFailed: it tells of an error, or nothing that can be read.
        """
        if not frame.data:
            yield Alive()
        elif frame.data.strip() == _DONE:
            self.done = True
            self.ended = self.ended or "stop"
        else:
            yield from self._chunk(_decoded(frame)) or (Alive(),)

    def end(self) -> Iterator[Event]:
        """What is left to say when the stream is at its end.

        Raises:
            AgentFailed: it was not the answer's end, or there is nothing that may be shown.
        """
        if not self.ended:
            what = (
                "no end was seen" if self._understood else "nothing in it is of a chat completion, is this its address?"
            )
            raise AgentFailed("truncated", what)
        yield from self._noted(self._thinking.end())
        if self._used:
            yield self._used
        said = "".join(self._said)
        if self.ended == "content_filter":
            raise AgentFailed("rejected", "the server's content filter ended the answer", retryable=False)
        if self.ended == "length":
            if not said.strip():
                raise AgentFailed("empty", "the token limit was reached before any text", retryable=False)
            yield Text(texts.cut_short(said).removeprefix(said))
        yield Finished(self.ended)

    def _chunk(self, chunk: Json) -> list[Event]:
        if used := _used(chunk.get("usage")):
            self._used = used
        choice = _first(chunk.get("choices"))
        self._understood = self._understood or "choices" in chunk
        said = choice.get("delta") or choice.get("message")
        reason = choice.get("finish_reason")
        events: list[Event] = []
        if isinstance(said, dict):
            for name in ("reasoning_content", "reasoning"):
                if isinstance(thought := said.get(name), str) and thought:
                    events.append(Reasoning(thought))
                    break
            if isinstance(text := said.get("content"), str) and text:
                events += self._noted(self._thinking.feed(text))
        if isinstance(reason, str) and reason not in {"", "null"}:
            self.ended = reason
        return events

    def _noted(self, pieces: Iterator[Text | Reasoning]) -> Iterator[Event]:
        for piece in pieces:
            if isinstance(piece, Text):
                self._said.append(piece.text)
            yield piece


async def _rest(reply: _Reply, frames: AsyncGenerator[ServerEvent, None]) -> None:
    """Read to the end; there is no more text to come."""
    async for frame in frames:
        for _ in reply.read(frame):
            pass
        if reply.done:
            return


def _decoded(frame: ServerEvent) -> Json:
    """The object in a frame.

    Raises:
        AgentFailed: there is none, or it tells of an error.
    """
    try:
        chunk = json.loads(frame.data)
    except (ValueError, RecursionError):
        chunk = None
    if not isinstance(chunk, dict):
        raise AgentFailed("error", "a frame of the stream is no JSON object")
    error = chunk.get("error") or (chunk if frame.name == "error" or _is_error(chunk) else None)
    if error:
        raise _failure(error)
    return chunk


def _is_error(chunk: Json) -> bool:
    return "choices" not in chunk and isinstance(chunk.get("message"), str)


def _failure(error: object) -> AgentFailed:
    """What an error means that comes under HTTP 200."""
    told = error if isinstance(error, dict) else {"message": error}
    for key in ("code", "type", "status"):
        code = told.get(key)
        status = _CODES.get(code) if isinstance(code, str) else code
        if isinstance(status, int) and HTTPStatus.BAD_REQUEST <= status < 600:  # noqa: PLR2004  where HTTP's end
            meant = Refusal(status, told, words(told))
            return AgentFailed(meant.reason, f"in the stream, {meant.detail}", retryable=meant.retryable)
    return AgentFailed("error", words(told))


def _used(usage: object) -> Used | None:
    if not isinstance(usage, dict):
        return None
    read, written = usage.get("prompt_tokens"), usage.get("completion_tokens")
    return Used(read, written) if isinstance(read, int) and isinstance(written, int) else None


def _first(choices: object) -> Json:
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else {}


def _names(refusal: Refusal, field_name: str) -> bool:
    """Whether a server refused a request for this field of it."""
    wrong = refusal.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}
    return wrong and field_name in json.dumps(refusal.body)


def _takes_no_pictures(refusal: Refusal) -> bool:
    """Servers have as many ways to say so as there are servers; llama.cpp's is an error 500."""
    about = any(word in refusal.detail.lower() for word in _ABOUT_PICTURES)
    return refusal.reason == "rejected" or (refusal.reason == "unavailable" and about)


def pseudonym(question: Question) -> str:
    """Who asks, as a server may tell people apart without knowing them."""
    return hashlib.sha256(f"{question.robot}\n{question.sender_id}".encode("utf-8", "replace")).hexdigest()[:32]


def make(rest: str, setup: Setup) -> OpenAiAgent:
    """The agent of `openai:MODEL`.

    Raises:
        SettingsError: it names no model, or its address or key cannot be right.
    """
    model, settings = rest.strip(), setup.settings
    key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else ""
    base = settings.openai_base_url
    problems = []
    if not model:
        problems.append("AGENT='openai:': names no model, write openai:MODEL")
    if base.endswith(PATH):
        problems.append(f"OPENAI_BASE_URL={base!r}: leave {PATH} out, it is added")
    if any(not "!" <= letter <= "~" for letter in key):
        problems.append("OPENAI_API_KEY: holds characters that no key has, copy it anew")
    if problems:
        raise SettingsError(tuple(problems))
    hide(key)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return OpenAiAgent(model, setup, Backend(setup, base, headers))
