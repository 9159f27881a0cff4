"""`AGENT`: from its text to the agent it names. This file knows the schemes, and nothing of how any of them answers.

An installed package adds a scheme of its own by an entry point of the group `dingtalk_actors.agents`: its name is the
scheme, and it names a function `make(rest, setup)` like those below.
"""

import difflib
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import cast

from actors.agents.setup import Setup
from actors.core.events import Agent
from actors.errors import SettingsError

GROUP = "dingtalk_actors.agents"

FORMS = {
    "faq": "faq:[DIR]",
    "openai": "openai:MODEL",
    "dify": "dify:",
    "jit": "jit:FULLNAME",
    "jit+https": "jit+https://HOST/ORG/APP/FULLNAME",
    "python": "python:MODULE:NAME",
}
"""How the value of each built-in scheme is written."""

MAKERS = {
    "faq": "actors.agents.faq.agent:make",
    "openai": "actors.agents.openai:make",
    "dify": "actors.agents.dify:make",
    "jit": "actors.agents.jit:make",
    "jit+https": "actors.agents.jit_bridge:make",
    "jit+http": "actors.agents.jit_bridge:make_plain",
    "python": "actors.agents.custom:make",
}
"""Imported when they are wanted: a robot pays for its own agent only."""


def make_agent(spec: str, setup: Setup) -> Agent:
    """The agent that a value of `AGENT` names, such as `faq:`, `openai:qwen-plus` or `python:shop:reply`.

    Raises:
        SettingsError: there is no such agent, or it cannot be set up.
    """
    scheme, colon, rest = spec.strip().partition(":")
    maker = _maker(scheme) if colon else None
    if maker is None:
        near = difflib.get_close_matches(scheme.lower(), (*MAKERS, *(point.name for point in _installed())), n=1)
        raise _problem(spec, f"is no agent, did you mean {near[0]}:?" if near else "is no agent")
    try:
        make = maker.load()
    except Exception as error:  # a package of somebody else's may do anything while it is imported
        raise _problem(spec, f"{maker.value} cannot be imported ({type(error).__name__}: {error})") from error
    return cast("Agent", make(rest, setup))


def _maker(scheme: str) -> EntryPoint | None:
    if scheme in MAKERS:
        return EntryPoint(scheme, MAKERS[scheme], GROUP)
    return next((point for point in _installed() if point.name == scheme), None)


def _installed() -> Iterator[EntryPoint]:
    yield from entry_points(group=GROUP)


def _problem(spec: str, what: str) -> SettingsError:
    return SettingsError((f"AGENT={spec.strip()!r}: {what}; it is one of {', '.join(FORMS.values())}",))
