"""How often the same word of refusal is said: politeness must not become a flood.

The law: in one conversation the same word is said once within `EVERY` seconds. The time is an argument.
"""

EVERY = 60.0
"""Seconds between two refusals of one kind to one conversation."""


class Courtesy:
    """What was said lately, by conversation and word."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, str], float] = {}

    def may_say(self, word: str, conversation: str, now: float) -> bool:
        """Whether this word is to be said now; whoever asks says it. `now` is in monotonic seconds."""
        self._said = {key: at for key, at in self._said.items() if now - at < EVERY}
        if (conversation, word) in self._said:
            return False
        self._said[conversation, word] = now
        return True
