"""A line in front of each robot: one answer is held half-way, and three questions wait behind it."""

from actors.core import texts
from tests.actors.conftest import shown
from tests.actors.endings import ending
from tests.chaos.cast import HALF
from tests.chaos.conftest import CARDS, Place, Running

WAITING = ("第二", "第三", "第四")
ECHOES = [f"您说：{text}" for text in WAITING]
"""What they are answered."""


async def line_up(place: Place, **settings: str) -> Running:
    """Start a service, and let a line form."""
    service = await place.serve(**settings)
    await form(place)
    return service


async def form(place: Place) -> None:
    """Everybody asks; wait until each is served, or shown their place."""
    before = len(place.asked)
    for kind in place.robots:
        place.ask("held", kind=kind)
    await place.sandbox.until(lambda: len(place.asked) == before + len(place.robots) and _at_half(place), 30.0)
    for text in WAITING:
        for kind in place.robots:
            place.ask(text, kind=kind)
    await place.sandbox.until(lambda: all(said.acked for said in place.sandbox.said) and in_places(place), 30.0)


def _at_half(place: Place) -> bool:
    return all([card.text for card in place.cards(kind)[-1:]] == [HALF] for kind in place.robots if kind in CARDS)


def in_places(place: Place) -> bool:
    """Whether everybody who waits is shown their place."""
    return all(
        [texts.in_line(ahead) in shown(card) for ahead, card in enumerate(place.cards(kind)[-3:], 1)] == [True] * 3
        for kind in place.robots
        if kind in CARDS
    )


def ends(place: Place, kind: str) -> list[str]:
    """How each of a robot's answers ended, in order."""
    if kind != "text":
        return [ending(card) for card in place.cards(kind)]
    return ["stopped" if texts.STOPPED in text else "answered" for text in answers(place, kind)]


def answers(place: Place, kind: str) -> list[str]:
    """What a robot's person has of answers that are over, in order."""
    if kind != "text":
        return [card.text.strip() for card in place.cards(kind) if ending(card) in {"answered", "stopped"}]
    return [text.strip() for text in place.messages(kind) if text not in {texts.NEW_SESSION, texts.NOTHING_TO_STOP}]
