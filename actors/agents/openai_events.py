"""What a chat completion streams, as events: the table of the adapter `openai.py`.

The law: an answer is whole when the server says why it ended, or that it is done; a stream that merely stops is torn.
An error may come in the midst of it, and means there what it would have meant as an HTTP status. Pure.
"""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus

from actors.agents.backend import Json, Refusal, words
from actors.agents.streams import ServerEvent, parsed
from actors.agents.thinking import Thinking
from actors.core import texts
from actors.core.events import Alive, Event, Finished, Reasoning, Text, Used
from actors.errors import AgentFailed

_DONE = "[DONE]"
_NO_COMPLETION = "nothing in the stream is of a chat completion, check OPENAI_BASE_URL"
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

_ADVICE: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "check OPENAI_API_KEY",
    HTTPStatus.PAYMENT_REQUIRED: "the account behind OPENAI_API_KEY has to be topped up",
    HTTPStatus.FORBIDDEN: "check what OPENAI_API_KEY is allowed to use",
    HTTPStatus.NOT_FOUND: "check the model in AGENT, and OPENAI_BASE_URL",
}
"""What an operator can do, where the server's own words may not say it."""


@dataclass
class Reply:
    """One reply as it comes in."""

    ended: str = ""
    """Why the answer ended, in the server's words, once it said so."""
    done: bool = False
    """Nothing more is to come."""
    _said: io.StringIO = field(default_factory=io.StringIO)
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
            try:
                chunk = _decoded(frame)
            except AgentFailed:
                if not self.ended:
                    raise
                self.done = True  # the answer is whole: what goes wrong now takes nothing away from it
            else:
                yield from self._chunk(chunk) or (Alive(),)

    def end(self) -> Iterator[Event]:
        """What is left to say when the stream is at its end.

        Raises:
            AgentFailed: it was not the answer's end, or there is nothing that may be shown.
        """
        if not self.ended:
            raise AgentFailed("truncated", "no end was seen" if self._understood else _NO_COMPLETION)
        yield from self._noted(self._thinking.end())
        if self._used:
            yield self._used
        said = self._said.getvalue()
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

    def _noted(self, pieces: Iterable[Text | Reasoning]) -> list[Event]:
        events: list[Event] = [*pieces]
        for event in events:
            if isinstance(event, Text):
                self._said.write(event.text)
        return events


def explained(refusal: Refusal) -> AgentFailed:
    """What a refusal means, with what an operator can do about it."""
    advice = _ADVICE.get(refusal.status)
    return refusal if advice is None else AgentFailed(refusal.reason, f"{refusal.detail}; {advice}", retryable=False)


def _decoded(frame: ServerEvent) -> Json:
    """The object in a frame.

    Raises:
        AgentFailed: there is none, or it tells of an error.
    """
    chunk = parsed(frame.data)
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
            meant = explained(Refusal(status, told, words(told)))
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
