"""How a JitAi element is asked: which of the call shapes of `run` it takes, and how what it says is heard.

Plain code of the standard library, which blocks and belongs in a thread. The bridge element, which runs inside an app
and cannot have this package, holds the same file as `deploy/jitai/services/AgentBridge/calls.py`; a test keeps the two
equal. It must not know what the element's words mean.

An agent is `run(user_input, variables, chatId, stream_callback)`, or in an older way `run(params, chatId,
stream_callback)`; an assistant is `run(message, chatId, streamMode)`, a generator, with `resume` and `terminate`.
"""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

AGREED = frozenset({"是", "是的", "好", "好的", "同意", "确认", "可以", "ok", "yes", "y", "confirm"})
"""Whole answers that confirm what an assistant asked before it went on; whatever else is said does not."""

_NOT_THIS_WAY = re.compile(
    r"\brun\(\) (?:got an unexpected keyword argument '(?:user_input|variables)'|missing .*\bargument: 'params')"
)


def is_assistant(element: Any) -> bool:
    """Whether this is an assistant and no agent: by the arguments of `run`; where a proxy hides them, by the rest."""
    names = _arguments(element.run)
    if names & {"message", "user_input", "params"}:
        return "message" in names
    return all(callable(getattr(element, name, None)) for name in ("resume", "terminate"))


def converse(element: Any, text: str, chat_id: str, say: Callable[[Any], None], node_id: str = "") -> Any:
    """Ask, and hand over to `say` whatever is said meanwhile, as it is. Returns what was returned, None by a generator.

    `node_id` is where an assistant waits for a person's word: `text` is that word. What `say` raises ends the run, as
    far as the platform lets it through; `say` has to raise it each time.
    """
    if not is_assistant(element):
        return _run_agent(element.run, text, chat_id, say)
    if node_id:
        word = {"user_input": text, "user_confirm": text.strip(" .!。！").lower() in AGREED}
        return _walk(element.resume(chatId=chat_id, nodeId=node_id, interruptResume=word), say)
    return _walk(element.run(message=text, chatId=chat_id, streamMode=True), say)


def _run_agent(run: Callable[..., Any], text: str, chat_id: str, say: Callable[[Any], None]) -> Any:
    heard = False

    def callback(event: Any) -> None:
        nonlocal heard
        heard = True
        say(event)

    both: dict[str, Any] = {"chatId": chat_id, "stream_callback": callback}
    documented = {"user_input": text, "variables": {"input_data": text}, **both}
    older = {"params": {"input_data": text}, **both}
    names = _arguments(run)
    if "params" in names and "user_input" not in names:
        return run(**older)
    try:
        return run(**documented)
    except TypeError as error:
        if heard or "user_input" in names or not _NOT_THIS_WAY.search(str(error)):
            raise
    return run(**older)


def _walk(found: Any, say: Callable[[Any], None]) -> Any:
    if not isinstance(found, Iterator):
        return found
    try:
        for chunk in found:
            say(chunk)
            if isinstance(chunk, Mapping) and chunk.get("finished"):
                break
    finally:
        close = getattr(found, "close", None)
        if close is not None:
            close()
    return None


def _arguments(function: Callable[..., Any]) -> frozenset[str]:
    try:
        return frozenset(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return frozenset()
