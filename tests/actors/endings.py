"""How a card ended, as a person sees it: once, and for good."""

from actors.core import texts
from actors.sandbox.records import Card, CardState, CardVersion

WORDS = {
    texts.STOPPED: "stopped",
    texts.AGENT_FAILED: "failed",
    texts.POISONED: "failed",
    texts.EXPIRED: "expired",
    texts.SENT_BESIDE: "sent beside",
}
RUNNING = (texts.THINKING, texts.STANDARD_THINKING, texts.BUSY, texts.STOPPING, texts.GOES_ON, "前面还有")
"""What only a card says that is not over."""


def ending(card: Card) -> str:
    """`answered`, `stopped`, `failed`, `expired` or `sent beside`; or else what is wrong with its end."""
    everybodys = [version for version in card.versions if not version.user]
    last = next((number for number, version in enumerate(everybodys) if _over(card, version)), None)
    if last is None:
        return f"not over: {everybodys[-1].text}"
    if sum(version.call == "streaming" and version.state is CardState.FINISHED for version in everybodys) > 1:
        return "finished more than once"
    if not all(_over(card, version) for version in everybodys[last:]):
        return "began again after its end"
    if len({version.text for version in everybodys[last:]}) > 1:
        return f"changed after its end: {[version.text for version in everybodys[last:]]}"
    return _verdict(card)


def over_at(card: Card) -> float | None:
    """When a card was over at first (monotonic seconds); None as long as it is not."""
    return next((version.at for version in card.versions if not version.user and _over(card, version)), None)


def spins(card: Card) -> bool:
    """Whether a card looks as if something were still to come."""
    look = card.look()
    told = "\n".join((look.title, look.status, look.text))
    return card.state is not CardState.FINISHED or any(words in told for words in RUNNING)


def _over(card: Card, version: CardVersion) -> bool:
    """Whether a card was over in this version. A StandardCard has no states: its buttons tell, or its words."""
    if card.template != "StandardCard":
        return version.state is CardState.FINISHED
    buttons = card.layout.look(version.state, card.key, version.params).buttons
    return bool(buttons) or any(words in version.text for words in WORDS)


def _verdict(card: Card) -> str:
    look = card.look()
    if spins(card):
        return f"over, but it spins: {look}"
    how = [word for words, word in WORDS.items() if words in look.text] or ["answered"]
    rateable = sum(button["text"].removeprefix("✅ ") in texts.RATINGS.values() for button in look.buttons)
    if rateable != (4 if how == ["answered"] else 0) or len(look.buttons) != rateable:
        return f"{how[0]}, but with the buttons {[button['text'] for button in look.buttons]}"
    return how[0] if len(how) == 1 else " and ".join(how)
