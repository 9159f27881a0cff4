"""A model's thinking that stands within its text, `<think>…</think>`, told apart from the text.

The law: only at the very beginning of an answer does the mark mean thinking; later it is text about the mark. Bytes may
be cut anywhere, so what may yet become a mark is held back.
"""

from collections.abc import Callable, Iterable, Iterator

from actors.core.events import Reasoning, Text

BEGIN, END = "<think>", "</think>"


class Thinking:
    """Reads the text of one answer, piece by piece."""

    def __init__(self) -> None:
        self._read: Callable[[str], Iterable[Text | Reasoning]] = self._at_the_beginning
        self._held = ""

    def feed(self, piece: str) -> Iterable[Text | Reasoning]:
        """What this piece adds."""
        held, self._held = self._held + piece, ""
        return self._read(held)

    def end(self) -> Iterator[Text | Reasoning]:
        """What was held back for a mark that did not come."""
        if self._held:
            yield Reasoning(self._held) if self._read == self._thinking else Text(self._held)

    def _at_the_beginning(self, text: str) -> Iterator[Text | Reasoning]:
        begun = text.lstrip()
        if begun.startswith(BEGIN):
            self._read = self._thinking
            yield from self._thinking(begun.removeprefix(BEGIN))
        elif BEGIN.startswith(begun):
            self._held = text
        else:
            self._read = self._speaking
            yield Text(text)

    def _thinking(self, text: str) -> Iterator[Text | Reasoning]:
        thought, end, rest = text.partition(END)
        if not end:
            part = next((size for size in range(len(END) - 1, 0, -1) if thought.endswith(END[:size])), 0)
            thought, self._held = thought[: len(thought) - part], thought[len(thought) - part :]
        if thought:
            yield Reasoning(thought)
        if end:
            self._read = self._after_it
            yield from self._after_it(rest)

    def _after_it(self, text: str) -> Iterator[Text | Reasoning]:
        if begun := text.lstrip():
            self._read = self._speaking
            yield Text(begun)

    def _speaking(self, text: str) -> Iterable[Text | Reasoning]:
        return (Text(text),)
