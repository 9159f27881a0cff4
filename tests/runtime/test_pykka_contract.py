"""What the runtime relies on in pykka. If one of these fails, pykka has changed its shape: read it again."""

from importlib.metadata import version
from typing import Any

import pykka
from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from tests.runtime.troupe import PATIENCE, Chronicle, Player


class Inbox:
    """An inbox that keeps what is put in."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope[Any]] = []

    def put(self, envelope: Envelope[Any], /) -> None:
        self.envelopes.append(envelope)

    def get(self) -> Envelope[Any]:
        raise AssertionError("nobody reads this inbox")

    def empty(self) -> bool:
        return not self.envelopes


class Plain(pykka.ThreadingActor):
    """Not ours: pykka's own actor with its two extension points written down."""

    calls: list[str]

    @classmethod
    def _create_actor_inbox(cls) -> Inbox:
        cls.calls = ["inbox"]
        return Inbox()

    def _start_actor_loop(self) -> None:
        registered = self.actor_ref in pykka.ActorRegistry.get_all()
        self.calls.append("loop of a registered actor" if registered else "loop")
        pykka.ActorRegistry.unregister(self.actor_ref)


def put_by(action: str) -> Envelope[Any]:
    """The envelope that pykka makes of a message."""
    ref = Plain.start()
    match action:
        case "tell":
            ref.tell("hello")
        case "ask":
            ref.ask("hello", block=False)
        case "stop":
            ref.stop(block=False)
    inbox = ref.actor_inbox
    assert isinstance(inbox, Inbox)
    [envelope] = inbox.envelopes
    return envelope


def test_pykka_is_the_version_that_was_read() -> None:
    assert version("pykka").split(".")[:1] == ["4"]


def test_a_start_asks_for_an_inbox_then_registers_then_starts_the_loop() -> None:
    Plain.start()
    assert Plain.calls == ["inbox", "loop of a registered actor"]


def test_a_ref_shares_the_actors_inbox_and_its_stopped_flag() -> None:
    ref = Plain.start()
    ref.actor_stopped.set()
    assert not ref.is_alive()


def test_a_tell_puts_an_envelope_without_an_address_for_replies() -> None:
    envelope = put_by("tell")
    assert (envelope.message, envelope.reply_to) == ("hello", None)


def test_an_ask_puts_an_envelope_with_a_future_for_its_reply() -> None:
    envelope = put_by("ask")
    assert (envelope.message, isinstance(envelope.reply_to, pykka.ThreadingFuture)) == ("hello", True)


def test_a_stop_is_an_ask_with_pykkas_own_message() -> None:
    envelope = put_by("stop")
    assert (isinstance(envelope.message, _ActorStop), envelope.reply_to is not None) == (True, True)


def test_an_actor_that_stops_itself_tells_itself_the_same_message() -> None:
    actor = Plain()
    actor.stop()
    inbox = actor.actor_inbox
    assert isinstance(inbox, Inbox)
    assert [isinstance(envelope.message, _ActorStop) for envelope in inbox.envelopes] == [True]


def test_none_of_pykkas_hooks_is_called() -> None:
    class Old(Player):
        def on_start(self) -> None:
            raise AssertionError

        def on_stop(self) -> None:
            raise AssertionError

    chronicle = Chronicle()
    Old.start(chronicle).stop(timeout=PATIENCE)
    assert chronicle.next().error is None
