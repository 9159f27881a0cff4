"""The dashboards as files: which there are, and what is wrong with them."""

import json
from collections.abc import Callable, Iterator

from grafana.source.connections import CONNECTIONS_AND_RETRIES
from grafana.source.conversations import CONVERSATIONS
from grafana.source.inspection import inspected, unseen
from grafana.source.service_levels import SERVICE_LEVELS

BOARDS = {
    "service-levels": SERVICE_LEVELS,
    "conversations-and-cards": CONVERSATIONS,
    "connections-and-retries": CONNECTIONS_AND_RETRIES,
}

BUILT: dict[str, Callable[[], str]] = {f"dashboards/{name}.json": board.text for name, board in BOARDS.items()}
"""Every dashboard's file, below `grafana/`, and what makes its text."""


def faults() -> Iterator[str]:
    """What is wrong, with dashboard, panel and query."""
    built = [json.loads(board.text()) for board in BOARDS.values()]
    for board in built:
        yield from inspected(board)
    yield from unseen(built)
