"""JitAi as its documentation describes it, as far as a robot meets it: an app with elements, agents in both call
shapes, an assistant, and the platform's own kind of error. What the documentation leaves open is open here, too.
"""

import threading
from collections.abc import Callable, Iterator
from typing import Any

Say = Callable[[Any], None]
Script = Callable[[str, Say], Any]
"""What an agent does with a text: what it says meanwhile, and what it returns."""


def text(content: str) -> dict[str, Any]:
    """A piece of the answer, as the callback gets it."""
    return {"type": "TEXT_MESSAGE_CONTENT", "data": {"content": content}}


def reasoning(content: str) -> dict[str, Any]:
    """A piece of the model's thinking."""
    return {"type": "REASONING_CONTENT", "data": {"content": content}}


def tool(name: str, stage: str = "preEvent") -> dict[str, Any]:
    """A tool is called, or was."""
    value = {"toolName": name, "toolType": "service", "stage": stage, "args": {}}
    kind = "TOOL_CALL_START" if stage == "preEvent" else "TOOL_CALL_END"
    return {"type": kind, "data": {"eventType": "callTool", "outputArgs": {"dataType": "JitDict", "value": value}}}


def saying(*events: Any, returns: Any = None) -> Script:
    """A script: these events in order; an exception among them is raised."""

    def script(_: str, say: Say) -> Any:
        for event in events:
            if isinstance(event, BaseException):
                raise event
            say(event)
        return returns

    return script


def in_turn(*scripts: Script) -> Script:
    """A script that is another one for each question."""
    left = iter(scripts)

    def script(asked: str, say: Say) -> Any:
        return next(left)(asked, say)

    return script


class Code(Exception):
    """`jit.errcode.Code`."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class App:
    """`app`: elements by their full names."""

    def __init__(self, **elements: Any) -> None:
        self._elements = elements

    def getElement(self, fullName: str) -> Any:  # noqa: N802, N803
        family, _, name = fullName.partition(".")
        if family not in {"aiagents", "aiassistants"} or name not in self._elements:
            raise Code(46001, f"元素{fullName}不存在")
        return self._elements[name]


class Element:
    """What agents have in common: their script, and what they were asked, as (text, chatId)."""

    initialized = True

    def __init__(self, script: Script) -> None:
        self._script = script
        self.asked: list[tuple[str, str]] = []

    def _asked(self, text: str, chat_id: str, say: Say) -> Any:
        self.asked.append((text, chat_id))
        return self._script(text, say)


class AIAgent(Element):
    """`aiagents.ReActType`, as in the reference."""

    def run(
        self,
        user_input: str,
        variables: dict[str, Any] | None = None,
        chatId: str = "",  # noqa: N803
        stream_callback: Say = lambda _: None,
    ) -> Any:
        return self._asked(user_input, chatId, stream_callback)


class OlderAgent(Element):
    """The same as the tutorial calls it."""

    def run(self, params: dict[str, Any], chatId: str = "", stream_callback: Say = lambda _: None) -> Any:  # noqa: N803
        return self._asked(params["input_data"], chatId, stream_callback)


class Assistant(Element):
    """`aiassistants.NormalType`: its script says chunks."""

    def __init__(self, script: Script) -> None:
        super().__init__(script)
        self.resumed: list[tuple[str, str, Any]] = []
        self.terminated: list[str] = []
        self.closed = 0

    def run(
        self,
        message: str,
        chatId: str = "",  # noqa: N803
        attachments: Any = None,
        caller: Any = None,
        streamMode: bool = True,  # noqa: N803
    ) -> Iterator[Any]:
        return self._chunks(message, chatId)

    def resume(self, chatId: str, nodeId: str, interruptResume: Any) -> Iterator[Any]:  # noqa: N803
        self.resumed.append((chatId, nodeId, interruptResume))
        return self._chunks("resumed", chatId)

    def terminate(self, chatId: str) -> bool:  # noqa: N803
        self.terminated.append(chatId)
        return True

    def getChatStatus(self, chatId: str) -> str | None:  # noqa: N802, N803
        return "terminated" if chatId in self.terminated else None

    def _chunks(self, text: str, chat_id: str) -> Iterator[Any]:
        self.asked.append((text, chat_id))
        chunks: list[Any] = []
        try:
            self._script(text, chunks.append)
        except Exception as error:  # noqa: BLE001  it is raised where it would be
            chunks.append(error)
        try:
            for chunk in chunks:
                if isinstance(chunk, Exception):
                    raise chunk
                if callable(chunk):
                    chunk()
                else:
                    yield chunk
        finally:
            self.closed += 1


class Proxy:
    """What `app.getElement` may give: it passes everything on, and hides how a function is called."""

    def __init__(self, element: Any) -> None:
        self._element = element

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._element, name)
        if not callable(found):
            return found

        def passed_on(*args: Any, **kwargs: Any) -> Any:
            return found(*args, **kwargs)

        return passed_on


class Gate:
    """A script that says one piece, waits until it is let go, and says another: whether it got that far is known."""

    def __init__(self) -> None:
        self.waiting = threading.Event()
        self.go = threading.Event()
        self.ends: list[str] = []

    def __call__(self, _: str, say: Say) -> Any:
        say(text("七天"))
        self.waiting.set()
        self.go.wait(60)
        try:
            say(text("内。"))
        except BaseException as error:
            self.ends.append(type(error).__name__)
            raise
        self.ends.append("whole")
        return {"output": "七天内。"}
