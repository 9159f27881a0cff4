"""`AGENT`: from its text to the agent it names. This file knows the schemes, and nothing of how any of them answers."""

import difflib
from pathlib import Path

from actors.agents.custom import PythonAgent, load
from actors.agents.faq.agent import SAMPLE_SHOP, Faq
from actors.core.events import Agent
from actors.errors import SettingsError

FORMS = {
    "faq": "faq:[DIR]",
    "python": "python:MODULE:NAME",
}

PLANNED = ("openai", "dify", "jit", "jit+https")
"""Schemes that are agreed on and not built yet."""


def make_agent(spec: str) -> Agent:
    """The agent that a value of `AGENT` names, such as `faq:`, `faq:/srv/faq` or `python:shop:reply`.

    Raises:
        SettingsError: there is no such agent, or it cannot be set up.
    """
    scheme, colon, rest = spec.strip().partition(":")
    if scheme in PLANNED:
        raise _problem(spec, f"`{scheme}:` is not available in this version")
    if scheme not in FORMS or not colon:
        near = difflib.get_close_matches(scheme.lower(), (*FORMS, *PLANNED), n=1)
        raise _problem(spec, f"is no agent, did you mean {near[0]}:?" if near else "is no agent")
    if scheme == "faq":
        return Faq(Path(rest) if rest else SAMPLE_SHOP)
    module, _, name = rest.partition(":")
    if not (module and name):
        raise _problem(spec, "names no function")
    return PythonAgent(load(module, name))


def _problem(spec: str, what: str) -> SettingsError:
    return SettingsError((f"AGENT={spec.strip()!r}: {what}; it is one of {', '.join(FORMS.values())}",))
