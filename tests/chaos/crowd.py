"""People who ask one question after the other, whatever becomes of the service, and what they were given in the end.

All of it is the platform's view: what was acked was accepted, and an answer is what a card or a message shows.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count

from actors.core.card import card_id
from actors.sandbox.records import Card, CardState, Said
from tests.actors.conftest import closed
from tests.actors.endings import ending
from tests.chaos.conftest import Place

AT_ONCE = 2
"""Questions that a person asks in one go, so that one of them stands in line."""

PATIENCE = 10.0
"""Seconds after which a person asks again, answered or not: it bounds what waits on a busy machine."""


@dataclass
class Crowd:
    """The people of one robot. `texts` are their questions by message id, each of its own kind."""

    place: Place
    group: str | None = None
    texts: dict[str, str] = field(default_factory=dict)

    async def ask_on(self, person: str) -> None:
        """One person asks for ever."""
        sandbox, robot = self.place.sandbox, self.place.robot
        for number in count(1):
            await sandbox.until(lambda: sandbox.online(robot), 120.0)
            asked = [self.ask(f"{person}问{number}之{each}", person) for each in range(AT_ONCE)]
            with suppress(TimeoutError):
                await sandbox.until(lambda asked=asked: all(map(self.given, asked)), PATIENCE)  # type: ignore[misc]

    def ask(self, text: str, person: str) -> str:
        """One question; returns the message id."""
        message_id = self.place.sandbox.say(text, robot=self.place.robot, sender=person, group=self.group)
        self.texts[message_id] = text
        return message_id

    def given(self, message_id: str) -> list[str]:
        """What a person was given for a question, once for each time: the texts of answers, or how a card ended that
        has none and does not say that it is a message. Nothing as long as its card is not closed."""
        beginning = f"{self.texts[message_id]}："
        messages = [message.text for message in self.place.sandbox.messages if message.text.startswith(beginning)]
        card = self.card(message_id)
        if card is None:
            return messages
        if not closed(card):
            return []
        how = ending(card)
        return [*messages, *({"sent beside": (), "answered": (card.text,)}.get(how, (how,)))]

    def card(self, message_id: str) -> Card | None:
        """The card of a question."""
        return self.place.sandbox.cards.get(card_id(self.place.robot, message_id))

    @property
    def accepted(self) -> list[Said]:
        """The questions that were acked, oldest first."""
        return [said for said in self.place.sandbox.said if said.id in self.texts and said.acked]

    @property
    def half_way(self) -> list[str]:
        """The message ids of what an agent has begun to answer, and nobody was given yet; of cards those that grow."""
        begun = set(self.place.asked)
        return [
            said.id
            for said in self.accepted
            if self.texts[said.id] in begun
            and not self.given(said.id)
            and ((card := self.card(said.id)) is None or card.state is CardState.INPUTING)
        ]

    def since(self, moment: float) -> list[str]:
        """The message ids of what was asked since then and is answered by now."""
        return [said.id for said in self.accepted if said.at >= moment and self.given(said.id)]

    async def answered_since(self, moment: float, number: int) -> list[str]:
        """Wait until so many that were asked since then are answered; returns their message ids."""
        return await self.place.sandbox.until(
            lambda: self.since(moment) if len(self.since(moment)) >= number else [], 60.0
        )

    async def all_given(self) -> dict[str, list[str]]:
        """Wait until everybody has an answer to all that was accepted; gives what they got by the question's text."""
        with suppress(TimeoutError):  # what is missing is told by what is given
            await self.place.sandbox.until(lambda: all(self.given(said.id) for said in self.accepted), 60.0)
        return {self.texts[said.id]: self.given(said.id) for said in self.accepted}


@asynccontextmanager
async def crowded(place: Place, people: int = 5, group: str | None = None) -> AsyncIterator[Crowd]:
    """So many people ask for as long as the context lasts."""
    crowd = Crowd(place, group)
    asking = [asyncio.create_task(crowd.ask_on(f"p{number}")) for number in range(people)]
    try:
        yield crowd
    finally:
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
