"""How long an answer took: the moments of each question, from the records alone.

The wire does not say which card answers which question, so it is told by their order. It knows no protocol.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from actors.sandbox.records import Card, CardState, CardVersion, Entry, Message, Said

OVER = (CardState.FINISHED, CardState.FAILED)
TICKS = 200
"""How many updates of an answer are told, the latest ones."""


@dataclass(slots=True)
class Timing:
    """One question and what answered it."""

    said: Said
    answers: list[Card | Message] = field(default_factory=list)

    @property
    def card(self) -> Card | None:
        """The latest card of the answer."""
        return next((answer for answer in reversed(self.answers) if isinstance(answer, Card)), None)

    @property
    def state(self) -> str:
        """`lost`, `waiting` (nothing came yet), `running`, `done` or `failed`."""
        card = self.card
        if card and card.state not in OVER:
            return "running"
        if card and card.state is CardState.FAILED:
            return "failed"
        return "done" if self.answers else "waiting" if self.said.delivered else "lost"

    def moments(self) -> dict[str, float]:
        """Seconds from the question to its `ack`, `card`, `token` (the first text that streams or replaces the first)
        and `final`; what has not come is not there."""
        acks = [push.at + push.seconds for push in self.said.pushes if push.seconds is not None]
        cards = [answer for answer in self.answers if isinstance(answer, Card)]
        told = [at for card in cards if (at := _first_token(card)) is not None]
        moments = {"ack": acks, "card": [card.at for card in cards], "token": told, "message": self._messages()}
        found = {name: min(times) for name, times in moments.items() if times}
        if self.state in {"done", "failed"}:
            found["final"] = max([*self._messages(), *map(_final, cards)])
        return {name: round(at - self.said.at, 3) for name, at in found.items()}

    def updates(self) -> list[float]:
        """Seconds from the question to each update of its cards, the latest ones."""
        cards = [answer for answer in self.answers if isinstance(answer, Card)]
        times = [version.at for card in cards for version in list(_shown(card))[1:]]
        return [round(at - self.said.at, 3) for at in sorted(times)[-TICKS:]]

    def _messages(self) -> list[float]:
        return [answer.at for answer in self.answers if isinstance(answer, Message)]


def timings(entries: Iterable[Entry]) -> list[Timing]:
    """Every question among the entries, oldest first, with its answers.

    An answer is for the oldest question in its chat that its robot has not answered yet, of somebody it mentions if it
    does; else it goes with the latest one.
    """
    asked: list[Timing] = []
    by_place: dict[tuple[str, str], list[Timing]] = {}
    for entry in entries:
        thing = entry.thing
        place = by_place.setdefault((entry.chat, thing.robot), [])
        if isinstance(thing, Said):
            timing = Timing(thing)
            asked.append(timing)
            place.append(timing)
        elif answered := _answered(place, thing):
            answered.answers.append(thing)
    return asked


def _answered(place: list[Timing], answer: Card | Message) -> Timing | None:
    open_ones = [timing for timing in place if timing.said.delivered and not timing.answers]
    mentioned = [timing for timing in open_ones if timing.said.sender in answer.mentions]
    latest = next((timing for timing in reversed(place) if timing.said.delivered), None)
    return next(iter(mentioned or open_ones), latest)


def _shown(card: Card) -> Iterator[CardVersion]:
    """What everybody was shown; a click's answer is for one alone."""
    return (version for version in card.versions if not version.user)


def _first_token(card: Card) -> float | None:
    shown = list(_shown(card))
    return next((version.at for version in shown[1:] if version.text and version.text != shown[0].text), None)


def _final(card: Card) -> float:
    """When it was over: a card of AI states when it took its last one, a StandardCard with its latest text."""
    over = [version for version in _shown(card) if version.state in OVER]
    texts = [version for version in over if version.text == card.text]
    return (texts or over)[0].at if over else card.at
