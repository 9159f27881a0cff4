"""What JitAi elements say, as our events: the table of event types, and the shapes in which an answer is returned.

Pure: raw values in, events out, whether they come from `run` itself or over the bridge. Nothing that an element may say
raises here: what is not known is a sign of life. This file must not know how an element is asked.
"""

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from actors.agents.wording import as_text
from actors.core import texts
from actors.core.events import Alive, Event, Reasoning, Replace, Text, ToolEnd, ToolStart
from actors.core.question import Question

SAID_BY_OTHERS = frozenset({"human", "user", "tool", "system", "reasoning"})
"""Types of messages that are not the agent's answer."""


def memory_of(question: Question) -> tuple[str, str]:
    """The `chatId` of a question's memory, and the node of an assistant that waits for this question, or empty.

    A new memory is named after its first question, so that a repeated attempt has the same. A `session` is a `chatId`,
    with the node behind a blank.
    """
    first = sha256(f"{question.chat_id} {question.message_id}".encode()).hexdigest()[:32]
    chat_id, _, node_id = question.session.partition(" ")
    return chat_id or f"dingtalk-{first}", node_id


def session_of(chat_id: str, node_id: str) -> str:
    """What `memory_of` takes apart."""
    return f"{chat_id} {node_id}".rstrip()


def asked(question: Question, node_id: str) -> str:
    """What the element is asked; a node that waits gets the bare word."""
    return question.text if node_id else as_text(question)


class Answer:
    """One answer while it is said: `text` is what was said of it so far."""

    def __init__(self) -> None:
        self.text = ""
        self.used_tools = False
        self.node_id = ""
        """The node that waits for a person's word before it goes on."""

    def events(self, raw: Any) -> Iterator[Event]:
        """What one event of a callback or one chunk of a generator means."""
        raw = _plain(raw)
        if isinstance(raw, str):
            yield from self._say(raw)
        elif isinstance(raw, Mapping):
            yield from self._told({**raw, **_mapping(raw.get("interrupt")), **_mapping(raw.get("data"))}, raw)
        else:
            yield Alive()

    def ending(self, returned: Any = None) -> Iterator[Event]:
        """What `run` returned, where it is not what was said already."""
        whole = text_of(returned)
        if not (whole or self.text) and self.node_id:
            whole = texts.WORD_AWAITED
        if whole.strip() and whole.strip() != self.text.strip():
            self.text = whole
            yield Replace(whole)

    def _told(self, told: Mapping[str, Any], raw: Mapping[str, Any]) -> Iterator[Event]:
        kind = str(_plain(raw.get("type", ""))).upper()
        content = _plain(told.get("content"))
        said = content if isinstance(content, str) else ""
        match kind:
            case "REASONING_CONTENT" | "REASONING":
                yield Reasoning(said) if said else Alive()
            case "TOOL_CALL_START":
                self.used_tools = True
                yield ToolStart(_tool(told))
            case "TOOL_CALL_END":
                yield ToolEnd(_tool(told))
            case _ if "INTERRUPT" in kind or raw.get("interrupt"):
                node_id = _plain(told.get("nodeId"))
                self.node_id = node_id if isinstance(node_id, str) else ""
                yield from self._say(said)
            case _ if raw.get("finished") and said == self.text:
                yield Alive()  # the last chunk may hold the whole answer once more
            case "TEXT_MESSAGE_CONTENT":
                yield from self._say(said)
            case _ if "data" in raw or kind.lower() in SAID_BY_OTHERS:
                yield Alive()  # an event of a type that is not known: its content is not for a customer
            case _:
                yield from self._say(said)

    def _say(self, said: str) -> Iterator[Event]:
        self.text += said
        yield Text(said) if said else Alive()


def text_of(returned: Any) -> str:
    """The answer in what `run` returned; empty if there is none.

    A text; `{"output": …}`, or an assistant's `{"content": …}`; a list of messages, whose last one of the agent is the
    answer; or a dict of the agent's own `outputArgs`, which becomes a list of names and values.
    """
    returned = _plain(returned)
    if isinstance(returned, str):
        return returned
    if isinstance(returned, list | tuple):
        texts = (_said_by_agent(message) for message in reversed(returned))
        return next(filter(None, texts), "")
    if not isinstance(returned, Mapping):
        return ""
    for key in ("output", "content"):
        if key in returned:
            return text_of(returned[key])
    values = {str(name): _shown(value) for name, value in returned.items() if _plain(value) is not None}
    if len(values) == 1:
        return next(iter(values.values()))
    return "\n".join(f"- **{name}**: {value}" for name, value in values.items())


def failure_of(code: Any, reason: Any, question: Question) -> str:
    """The operator's word for an error of the platform's kind, `Code(code, reason)`: it quotes nobody."""
    told = " ".join(str(reason).split())
    if question.text:
        told = told.replace(question.text, "…")
    return f"code {code}: {told[:200]}"


def _said_by_agent(message: Any) -> str:
    message = _plain(message)
    if not isinstance(message, Mapping):
        return message if isinstance(message, str) else ""
    if "type" not in message:
        return text_of(message)
    if str(_plain(message["type"])).lower() in SAID_BY_OTHERS:
        return ""
    return text_of({key: message[key] for key in ("output", "content") if key in message})


def _tool(data: Mapping[str, Any]) -> str:
    name = _plain(_mapping(_mapping(data.get("outputArgs")).get("value")).get("toolName"))
    return name if isinstance(name, str) else ""


def _mapping(value: Any) -> Mapping[str, Any]:
    value = _plain(value)
    return value if isinstance(value, Mapping) else {}


def _shown(value: Any) -> str:
    value = _plain(value)
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=lambda inner: str(_plain(inner)))


def _plain(value: Any) -> Any:
    """A value of one of JitAi's own types (`Stext`, `JitList`, …) as Python's: they keep it in `value`."""
    if value is None or isinstance(value, str | int | float | list | tuple | Mapping):
        return value
    return getattr(value, "value", value)
