"""What the actors know of the platform: a connection's life, a card, a plain message. Adapters are handed in."""

from collections.abc import Callable
from typing import Any, Protocol

from actors.core.card import Face
from actors.core.frozen import frozen
from actors.core.question import Address, Attachment, Question

MESSAGE_TOPIC = "/v1.0/im/bot/messages/get"
CARD_TOPIC = "/v1.0/card/instances/callback"
"""The two topics that this service subscribes to (DingTalk developerpedia, protocol.md)."""


@frozen
class Callback:
    """One CALLBACK frame: its topic, its parsed data, when it was read, and when the platform sent it, by its own clock
    (seconds since the epoch; 0 where it does not say)."""

    topic: str
    data: dict[str, Any]
    message_id: str
    received_at: float
    sent_at: float = 0.0


class Listener(Protocol):
    """What one Stream connection tells while it lives; every method is called on the reactor's loop."""

    def opened(self) -> None:
        """The gateway accepted the connection (handshake done)."""

    def healthy(self) -> None:
        """The first frame was seen; called once."""

    def rolling(self, reason: str) -> None:
        """The gateway announced that it will close this connection: a successor should be opened now."""

    async def receive(self, callback: Callback) -> dict[str, Any] | None:
        """Take one callback; return the ack's data, or None for no ack. Called concurrently; the calls begin in the
        order of the frames. An exception is logged and counted by the caller, and acked as an internal error."""
        ...


class Gateway(Protocol):
    """Opens Stream connections of one robot."""

    async def serve(self, listener: Listener) -> None:
        """Live one connection's life: open, connect, read until the end. Returns after a planned roll has ended.
        Cancelling it closes the socket properly.

        Raises:
            ConnectionTrouble: it could not be had, or was lost.
        """
        ...


class Fence(Protocol):
    """Whether calls about an answer may go: they are its holder's alone, and a process may have stood still for so long
    that another one has the question."""

    @property
    def open(self) -> bool:
        """Whether a call may go now."""
        ...

    async def passed(self) -> None:
        """Wait until a call may go. Where it raises, none goes."""


class Card(Protocol):
    """One card, named by a derived id, so that whoever repeats a step after a crash meets the same card.

    Every method raises CallFailed when its retries are used up.
    """

    id: str

    async def create(self, face: Face, *, finished: bool = False) -> bool:
        """Create and deliver the card. False if it is there already: then it may show another face. One that a former
        attempt may have `finished` is not touched, even where nothing else tells whether it is there."""
        ...

    async def update(self, now: Face, latest: Callable[[], Face], since: float) -> None:
        """Show how far the answer is. `now` says what there is to show, and so which calls it takes; `latest` is called
        once, at the moment of sending. `since` is the age mark (monotonic seconds) of the oldest thing not yet shown,
        which decides the order among cards."""

    async def show(self, face: Face) -> None:
        """Put a face on the card, whole, outside of the streaming: a place in line, or in the end the final state,
        the full text and the feedback buttons."""

    async def finish(self, face: Face) -> None:
        """Show the whole text and end the streaming."""

    def rated(self, rating: str) -> dict[str, str]:
        """The template's variables that show which rating was chosen, for the answer to a click."""
        ...

    def stopping(self) -> dict[str, str]:
        """The template's variables that show that the stop button was pressed, for the answer to a click."""
        ...

    async def rate(self, rating: str) -> None:
        """Show everybody which rating was chosen."""


class Replies(Protocol):
    """How one robot answers."""

    @property
    def always_text(self) -> bool:
        """Whether answers go as plain messages by the settings, so that there never is a card."""
        ...

    @property
    def text_only(self) -> bool:
        """Whether answers go as plain messages now: by the settings, or because cards are refused."""
        ...

    def card(self, question: Question, attempt: int, fence: Fence | None = None) -> Card:
        """The card of this question. `attempt` makes the streaming calls of this attempt unique; each call passes the
        `fence` when it goes."""
        ...

    def budget(self, updates: int) -> int:
        """How many text updates an answer may have now, of the `updates` it has while the month's quota is ample."""
        ...

    async def say(self, address: Address, text: str, fence: Fence | None = None) -> None:
        """Send a plain Markdown message: by the session webhook while it lives, else by the robot-message API. Each
        call passes the `fence` when it goes.

        Raises:
            CallFailed: neither took it.
        """
        ...


class Attachments(Protocol):
    """How one robot gets what people send beside their words. Every method is called on the reactor's loop."""

    def prefetch(self, question: Question) -> None:
        """Begin at once: how long DingTalk keeps a file for its code is not known. What nobody asks for is deleted
        after a while."""

    async def fetch(self, question: Question) -> tuple[Attachment, ...]:
        """The question's attachments with the `file://` URLs of where they are now; what cannot be had is left out,
        logged and counted. Once asked for, the files stay until they are dropped."""
        ...

    async def drop(self, question: Question) -> None:
        """Delete the question's files, fetched or on their way: its turn is over, or will never come."""
