"""What a Dify app says while it answers, as our events: the event table, and what its errors mean to an operator. Pure.

Source: Dify's OpenAPI descriptions of chat apps and chatflows, and its guides on streaming and errors
(github.com/langgenius/dify-docs, `en/api-reference/openapi_chat.json`, `openapi_chatflow.json`, `guides/`).
The end of an answer is `message_end`. What trails it (`workflow_finished` of a chatflow, speech) is not waited for: the
message is stored by then. Whatever is not in the table is a sign of life.
"""

import io
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

from actors.agents.backend import Json, Refusal, words
from actors.agents.streams import ServerEvent, parsed
from actors.agents.thinking import Thinking
from actors.core.events import Alive, Begun, Event, Finished, Reasoning, Replace, Text, ToolEnd, ToolStart, Used
from actors.errors import AgentFailed

SHOWN_NODES = frozenset({"tool", "knowledge-retrieval", "http-request", "agent"})
"""The nodes of a chatflow that a person may wait for and make sense of; their titles are shown as tools."""

MEANINGS: dict[str, tuple[str, str]] = {
    "unauthorized": ("refused", "is DIFY_API_KEY the key of this app, and DIFY_BASE_URL where it is?"),
    "forbidden": ("refused", "see in Dify whether the app's API is switched on, and what the plan allows"),
    "app_unavailable": ("unavailable", "see in Dify whether the app is published and complete"),
    "not_chat_app": ("rejected", "`dify:` takes the key of a chatbot, an agent or a chatflow"),
    "provider_not_initialize": ("refused", "give the model's provider its key in Dify's settings"),
    "provider_quota_exceeded": ("refused", "the quota at the model's provider is used up, see Dify's settings"),
    "model_currently_not_support": ("rejected", "choose another model in Dify"),
    "completion_request_error": ("unavailable", "the model failed, see the app's log in Dify"),
    "not_found": ("rejected", "is DIFY_BASE_URL right, up to its /v1?"),
}
"""Errors after which another try cannot help: the reason, and what an operator can do. All others go by their status,
which an error in mid stream has as well."""


class Answer:
    """One answer while it is streamed."""

    def __init__(self) -> None:
        self.task_id = ""
        """What the stop call names, once it is known."""
        self.begun = False
        self.over = False
        """Whether nothing is left to stop."""
        self._thinking = Thinking()
        self._said = io.StringIO()
        self._thoughts: dict[str, str] = {}
        self._tools: dict[str, set[str]] = {}

    def events(self, raw: ServerEvent) -> Iterator[Event]:
        """What one event means.

        Raises:
            AgentFailed: the answer failed; a `Refusal` where Dify says so in its own way.
        """
        if not raw.data:
            yield Alive()
            return
        said = _parsed(raw.data)
        kind = said.get("event") or raw.name
        if kind == "error" or ("event" not in said and "code" in said):
            self.over = True
            raise _error(said)
        self.task_id = self.task_id or _text(said, "task_id")
        if not self.begun and (_text(said, "message_id") or _text(said, "conversation_id")):
            self.begun = True
            yield Begun(_text(said, "message_id"), _text(said, "conversation_id"))
        yield from self._meaning(kind, said)

    def _meaning(self, kind: str, said: Json) -> Iterator[Event]:
        data = _within(said, "data")
        match kind:
            case "message" | "agent_message":
                yield from self._speak(_text(said, "answer"))
            case "message_replace":
                yield from self._replace(_text(said, "answer"))
            case "agent_thought":
                yield from self._thought(said)
            case "reasoning_chunk":
                yield Reasoning(_text(data, "reasoning"))
            case "message_file":
                yield from self._file(said)
            case "node_started" if data.get("node_type") in SHOWN_NODES:
                yield ToolStart(_text(data, "title"))
            case "node_finished" if data.get("node_type") in SHOWN_NODES:
                yield ToolEnd(_text(data, "title"))
            case "workflow_finished" if data.get("status") == "failed":
                self.over = True
                # Its nodes have retries of their own, and some may have acted already.
                raise AgentFailed("error", f"the chatflow failed: {words(data.get('error'))}", retryable=False)
            case "workflow_paused":
                self.over = True
                what_to_do = "take its Human Input node out, nobody can fill in its form here"
                raise AgentFailed("rejected", f"the chatflow waits for a person: {what_to_do}", retryable=False)
            case "message_end":
                yield from self._end(_within(said, "metadata", "usage"))
            case _:
                yield Alive()

    def _speak(self, text: str) -> Iterator[Event]:
        self._said.write(text)
        events = list(self._thinking.feed(text))
        yield from events or (Alive(),)

    def _replace(self, text: str) -> Iterator[Event]:
        self._said, self._thinking = io.StringIO(), Thinking()
        self._said.write(text)
        pieces = (*self._thinking.feed(text), *self._thinking.end())
        yield Replace("".join(piece.text for piece in pieces if isinstance(piece, Text)))

    def _thought(self, said: Json) -> Iterator[Event]:
        """A step of an agent, told again as it grows: thought, then tools, then what they found. The thought of a step
        may be what it said aloud, and is not told twice."""
        step, thought = _text(said, "id"), _text(said, "thought")
        before = self._thoughts.get(step, "")
        self._thoughts[step] = thought
        news = thought.removeprefix(before)
        if news.strip() and thought.strip() not in self._said.getvalue():
            yield Reasoning(news)
        tools = [name for name in _text(said, "tool").split(";") if name]
        at_work = self._tools.setdefault(step, set())
        for name in tools:
            if name not in at_work:
                at_work.add(name)
                yield ToolStart(name)
        if _text(said, "observation"):
            yield from map(ToolEnd, tools)
        yield Alive()

    def _file(self, said: Json) -> Iterator[Event]:
        """A file that the app made, as a picture or a link: it may be all that the answer is."""
        url = _text(said, "url")
        if said.get("belongs_to") == "user" or not url.startswith(("http://", "https://")):
            yield Alive()
            return
        name = "".join(letter for letter in unquote(urlsplit(url).path.rpartition("/")[2]) if letter not in "[]\n")
        picture = "!" if said.get("type") == "image" else ""
        yield from self._speak(f"\n\n{picture}[{name or 'file'}]({url})\n\n")

    def _end(self, usage: Json) -> Iterator[Event]:
        self.over = True
        yield from self._thinking.end()
        if usage:
            yield Used(_count(usage, "prompt_tokens"), _count(usage, "completion_tokens"))
        yield Finished()


def explained(refusal: Refusal) -> AgentFailed:
    """What an error of Dify's means, with what an operator can do about it."""
    code = _code(refusal) or {401: "unauthorized", 403: "forbidden", 404: "not_found"}.get(refusal.status, "")
    if code not in MEANINGS:
        return refusal
    reason, what_to_do = MEANINGS[code]
    return AgentFailed(reason, f"{refusal.detail} ({what_to_do})", retryable=False)


def conversation_is_gone(refusal: Refusal) -> bool:
    """Whether only the conversation that was to go on is what is wrong."""
    return refusal.status == 404 or _code(refusal) == "conversation_completed"  # noqa: PLR2004


def files_are_not_wanted(refusal: Refusal) -> bool:
    """Whether it may be the files that are wrong: the app allows no such kind, or not so many of them."""
    return _code(refusal) in {"invalid_param", "bad_request", "unsupported_file_type", "file_too_large"}


def _error(said: Json) -> Refusal:
    status = said.get("status")
    return Refusal(status if isinstance(status, int) else 500, said, words(said))


def _code(refusal: Refusal) -> str:
    return _text(refusal.body, "code")


def _parsed(data: str) -> Json:
    said = parsed(data)
    if not isinstance(said, dict):
        raise AgentFailed("error", "an event that is no JSON object")
    return said


def _text(said: Json, key: str) -> str:
    value = said.get(key)
    return value if isinstance(value, str) else ""


def _count(said: Json, key: str) -> int:
    value = said.get(key)
    return value if isinstance(value, int) else 0


def _within(said: Json, *keys: str) -> Json:
    found: Any = said
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}
