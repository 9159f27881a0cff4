"""What one read brought: the events of its frames, of which texts that follow one another are handed on as one.

The law: nothing is held back, what was said before a failure is said, and the order stays. A back end says fifty pieces
a second, of which several come together: each that went its own way to the card would cost as much as all of them.
"""

from collections.abc import Callable, Iterable, Iterator

from actors.agents.streams import ServerEvent
from actors.core.events import Event, Text
from actors.errors import AgentFailed


def gathered(read: Callable[[ServerEvent], Iterable[Event]], frames: list[ServerEvent]) -> Iterator[Event]:
    """What these frames mean, in as few events as may be; `read` tells what one of them does. The list is empty
    afterwards: whoever reads the next ones would keep these until they come.

    Raises:
        AgentFailed: `read` does.
    """
    texts: list[str] = []
    try:
        for frame in frames:
            for event in read(frame):
                if isinstance(event, Text):
                    texts.append(event.text)
                    continue
                if texts:
                    yield _as_one(texts)
                yield event
    except AgentFailed:
        if texts:
            yield _as_one(texts)
        raise
    frames.clear()
    if texts:
        yield _as_one(texts)


def _as_one(texts: list[str]) -> Text:
    whole = "".join(texts)
    texts.clear()
    return Text(whole)
