"""Thoughts that come within the answer's own text, between `<think>` and `</think>`, as reasoning models write them
where nothing takes the two apart. Pure: text in, events out, wherever a tag is cut."""

from collections.abc import Iterator

from actors.core.events import Reasoning, Text

OPEN, CLOSE = "<think>", "</think>"


class Thinking:
    """Takes one answer's text apart."""

    def __init__(self) -> None:
        self._inside = False
        self._held = ""

    def feed(self, text: str) -> Iterator[Text | Reasoning]:
        """What this piece of text adds; the beginning of a tag is held back until it is known to be one."""
        self._held += text
        while True:
            tag = CLOSE if self._inside else OPEN
            before, found, after = self._held.partition(tag)
            kept = "" if found else _beginning(before, tag)
            yield from self._said(before.removesuffix(kept))
            self._held = after if found else kept
            if not found:
                return
            self._inside = not self._inside

    def end(self) -> Iterator[Text | Reasoning]:
        """What was held back."""
        held, self._held = self._held, ""
        yield from self._said(held)

    def _said(self, text: str) -> Iterator[Text | Reasoning]:
        if text:
            yield Reasoning(text) if self._inside else Text(text)


def _beginning(text: str, tag: str) -> str:
    """The longest end of the text with which the tag may begin."""
    return next((tag[:length] for length in range(len(tag) - 1, 0, -1) if text.endswith(tag[:length])), "")
