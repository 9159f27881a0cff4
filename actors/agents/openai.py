"""`openai:MODEL`: a model behind `/chat/completions`, as OpenAI, DashScope, DeepSeek, vLLM, Ollama, llama.cpp and many
others serve it.

The law: the server keeps nothing, so each request holds all it has to know; closing the connection is what stops the
model; what a server says that it does not take, it is asked without, once. What a request says is `prompt.py`'s, what
the reply means `openai_events.py`'s; this file must not know clocks or retries.
"""

import asyncio
import hashlib
import json
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from http import HTTPStatus

from actors.agents.backend import Backend, Json, Refusal
from actors.agents.gathering import gathered
from actors.agents.openai_events import Reply, explained
from actors.agents.prompt import messages, read_pictures
from actors.agents.setup import Setup
from actors.core.events import Event, Feedback
from actors.core.question import Question
from actors.errors import AgentFailed, SettingsError
from actors.redaction import hide

log = logging.getLogger(__name__)

PATH = "/chat/completions"

COUNTED_WITHIN = 2.0
"""Seconds that a server has, after it said why the answer ended, to say what it cost."""

_ABOUT_PICTURES = ("image", "vision", "multimodal", "multi-modal")


class OpenAiAgent:
    """Answers with one model of one server."""

    name = "openai"
    accepts = frozenset({"picture"})

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
        usage = self._asks_for_usage
        while True:
            try:
                async with aclosing(self._asked(self._body(question, pictures, usage=usage))) as events:
                    async for event in events:
                        yield event
                return
            except Refusal as refusal:
                if usage and _names(refusal, "stream_options"):
                    usage = self._asks_for_usage = False
                elif any(pictures) and _takes_no_pictures(refusal):
                    pictures = []
                    log.warning(
                        "asked without the pictures, which the server does not take: %s",
                        refusal.detail,
                        extra={"action": "pictures_not_taken", "agent": self.name, **question.ids},
                    )
                else:
                    raise explained(refusal) from None

    async def feedback(self, _: Feedback) -> None:
        """Nobody there takes it."""

    async def close(self) -> None:
        """Give back what the agent holds."""
        await self._backend.close()

    async def _asked(self, body: Json) -> AsyncGenerator[Event, None]:
        reply, late = Reply(), list[Event]()
        async with self._backend.events(PATH, body) as frames:
            async for together in frames:
                for event in gathered(reply.read, together):
                    yield event
                if reply.ended:
                    break
            # From here on the answer is whole: whatever goes wrong now, or is late, takes nothing away from it.
            with suppress(AgentFailed, TimeoutError, StopAsyncIteration):
                async with asyncio.timeout(COUNTED_WITHIN):
                    while not reply.done:
                        late += gathered(reply.read, await anext(frames))
        for event in (*late, *reply.end()):
            yield event

    def _body(self, question: Question, pictures: list[str], *, usage: bool) -> Json:
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
        return body | ({"stream_options": {"include_usage": True}} if usage else {})


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
