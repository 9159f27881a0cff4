"""The functions that `e.json` declares. They return at once; `runs.py` does the work."""

from typing import Any

from services.NormalType import NormalService  # type: ignore[import-not-found]  # JitAi's own

from .runs import Runs


def element_of(full_name: str) -> Any:
    """An element of this app; `app` is JitAi's builtin."""
    return app.getElement(full_name)  # type: ignore[name-defined]  # noqa: F821


RUNS = Runs(element_of)
"""All runs of this process: an element may be made anew for each call."""


class AgentBridge(NormalService):  # type: ignore[misc]
    """Starts a run of an agent or assistant, tells what it says, and stops it."""

    def start(self, agent: str, user_input: str, chatId: str, runId: str, nodeId: str) -> dict[str, Any]:
        """Ask the element `agent`, in the memory `chatId`. A `runId` that is known is not run twice."""
        return RUNS.start(agent, user_input, chatId, runId, nodeId)

    def poll(self, runId: str, after: int) -> dict[str, Any]:
        """What a run has said after so many events, and how it ended if it has."""
        return RUNS.poll(runId, int(after))

    def cancel(self, runId: str) -> dict[str, Any]:
        """Stop a run, as far as the platform lets it be stopped."""
        return RUNS.cancel(runId)
