"""The promises to the people in a chat, checked after a scenario from the platform's side alone: from what the sandbox
recorded, and from what `faithful` noted of its runs. The service's own books are not asked.

Every question that was acked: one card with the whole answer or with an apology, or a message in its place; no card
left open; nobody's text on somebody else's card; in order; the agent run no oftener than it may be, and never again
once its answer was under way to the card. `broken` tells what is not kept; `kept` waits for the end first.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations

from actors.core import texts
from actors.core.card import card_id
from actors.core.commands import read_command
from actors.sandbox.records import Card, Said
from tests.actors.endings import WORDS, ending, over_at, spins
from tests.chaos.cast import END, RUNS, whole_answer
from tests.chaos.conftest import Place

SETTINGS = {"AGENT": "python:tests.chaos.cast:faithful", "CONVERSATION_QUEUE": "1000"}
"""What a service has to run with for its promises to be read."""

ENDS = {"answered", "stopped", "failed", "expired", "sent beside"}


@dataclass(frozen=True)
class Allowed:
    """What the scenario makes allowable. `deaths` are crashes and drains, `tries` is AGENT_RETRY_ATTEMPTS; `ends` are
    the ends that a card may have; `messages` is how often an answer may come, once any of it comes as a message;
    `unacked` is how many questions may stay without an ack, because their connection went or they could not be
    stored; `unconfirmed` is whether a card that took its last text without saying so may be changed to point to a
    message; `apart` is whether one person's questions come to several processes, which can tell the order of two only
    where one was stored before the other came."""

    deaths: int = 0
    tries: int = 1
    ends: frozenset[str] = frozenset({"answered"})
    messages: int = 1
    unacked: int = 0
    unconfirmed: bool = False
    apart: bool = False


async def kept(place: Place, allowed: Allowed | None = None, *, within: float = 60.0) -> None:
    """Wait until everything that was accepted has its end, and see that all promises are kept."""
    allowed = allowed or Allowed()
    ended: set[int] = set()

    def all_ended() -> bool:
        if len(unacked(place)) > allowed.unacked:
            return False
        waiting = (said for said in accepted(place) if id(said) not in ended)
        while (said := next(waiting, None)) is not None and over(place, said, allowed):
            ended.add(id(said))  # the platform has to go on while it is asked this at every change
        return said is None

    with suppress(TimeoutError):  # what is missing then is told as broken
        await place.sandbox.until(all_ended, within)
    told = broken(place, allowed)
    assert told == [], "\n".join(told)  # pytest explains the asserts of tests only


def accepted(place: Place) -> list[Said]:
    """The questions that were acked, oldest first."""
    return [said for said in _questions(place) if said.acked]


def unacked(place: Place) -> list[Said]:
    """The questions that came to the robot and were never acked, oldest first."""
    return [said for said in _questions(place) if not said.acked]


def _questions(place: Place) -> list[Said]:
    """What was delivered, each time that it was said."""
    robots = set(place.robots.values())
    return [
        said
        for said in place.sandbox.said
        if said.robot in robots and said.delivered and read_command(said.text) is None
    ]


def settled(place: Place, allowed: Allowed) -> bool:
    """Whether everything that was accepted has its end."""
    return len(unacked(place)) <= allowed.unacked and all(over(place, said, allowed) for said in accepted(place))


def broken(place: Place, allowed: Allowed) -> list[str]:
    """Every promise that is not kept, with the question's text; none if all is well."""
    missing = [said.text for said in unacked(place)]
    return [
        *(["without an ack: " + ", ".join(missing)] if len(missing) > allowed.unacked else []),
        *(f"{said.text}: {fault}" for said in accepted(place) for fault in _of_question(place, said, allowed)),
        *_strangers(place),
        *_disorder(place, allowed),
        *_runs(place, allowed),
    ]


def card_of(place: Place, said: Said) -> Card | None:
    """The card of a question."""
    return place.sandbox.cards.get(card_id(said.robot, said.id))


def messages_for(place: Place, said: Said) -> list[str]:
    """The plain messages with an answer to a question; `faithful` begins it with the question's first word. A question
    that was stopped before that, and has no card for it, has the message in its chat that says only so."""
    beginning = f"「{said.text.partition(' ')[0]}」"
    own = [one.text for one in place.sandbox.messages if one.robot == said.robot and beginning in one.text]
    card = card_of(place, said)
    if own or (card is not None and texts.SENT_BESIDE not in card.text):
        return own
    stopped = texts.STOPPED.splitlines()[0]
    there = (one.text for one in place.sandbox.messages if (one.robot, one.chat) == (said.robot, said.chat))
    return [text for text in there if text.startswith(stopped)][:1]


def end_of(card: Card, allowed: Allowed) -> str:
    """How a card ended; see `endings`. Where an answer may come twice, it may come as a message and on the card: a
    process died after one of them and before it noted that, or DingTalk refused to repeat a call that it had taken."""
    if allowed.unconfirmed and card.text == texts.SENT_BESIDE and not spins(card):
        return "sent beside"
    over = over_at(card)
    if over is None or allowed.messages == 1:
        return ending(card)
    ends = {version.text for version in card.versions if version.at >= over and not version.user}
    pointing = {text for text in ends if texts.SENT_BESIDE in text}
    if not pointing or len(ends - pointing) != 1:
        return ending(card)
    return next((end for words, end in WORDS.items() if words in card.text), "answered")


def over(place: Place, said: Said, allowed: Allowed | None = None) -> bool:
    """Whether a question has its end, whichever."""
    allowed = allowed or Allowed()
    card = card_of(place, said)
    if card is None:
        return bool(messages_for(place, said))
    how = end_of(card, allowed)
    return how in ENDS | allowed.ends and (how != "sent beside" or bool(messages_for(place, said)))


def _of_question(place: Place, said: Said, allowed: Allowed) -> Iterator[str]:
    card, messages = card_of(place, said), messages_for(place, said)
    how = "sent beside" if card is None else end_of(card, allowed)
    if how not in {*allowed.ends, "sent beside"}:
        yield f"its card is {how}"
    if how.startswith("answered") and card is not None and whole_answer(said.text) not in card.text:
        yield f"its card says {card.text!r}, which is not the whole answer"
    if how == "sent beside" and not any(_says(text, said, allowed) for text in messages):
        yield f"it has {'no card' if card is None else 'a card that points to a message'}, and the messages {messages}"
    most = allowed.messages if how == "sent beside" else allowed.messages - 1
    if len(messages) > most:
        yield f"it was answered by {len(messages)} messages, beside a card that is {how}"


def _says(message: str, said: Said, allowed: Allowed) -> bool:
    """Whether a message has the whole answer, or the apology of an end that may be."""
    excused = any(words.splitlines()[0] in message and end in allowed.ends for words, end in WORDS.items())
    return excused or whole_answer(said.text) in message


def _strangers(place: Place) -> Iterator[str]:
    """Cards on which somebody else's answer stands."""
    by_card = {card_id(said.robot, said.id): said for said in place.sandbox.said}
    names = {said.text.partition(" ")[0] for said in accepted(place)}
    for card in place.sandbox.cards.values():
        said = by_card.get(card.id)
        own = said.text.partition(" ")[0] if said else ""
        shown = {name for version in card.versions for name in re.findall("「([^」]*)」", version.text)}
        for name in sorted(shown & names - {own}):
            yield f"{own or card.id}: on its card stands an answer to {name}"


@dataclass(frozen=True)
class _Answered:
    """A question with its answer: from when on those that come are behind it, when it came itself, and when it was
    answered."""

    text: str
    known: float
    came: float
    answered: float


def _disorder(place: Place, allowed: Allowed) -> Iterator[str]:
    """Answers of one person that came in another order than their questions came to the robot. Of one that came again
    because it had no ack nobody knows which time was taken."""
    lines: dict[tuple[str, str], list[_Answered]] = defaultdict(list)
    for said in sorted(accepted(place), key=lambda said: said.pushes[0].at):
        card = card_of(place, said)
        if card is not None and ending(card) == "answered" and (allowed.apart or said.pushes[0].acked):
            answered, came = over_at(card), said.pushes[0].at
            stored = min(push.at + push.seconds for push in said.pushes if push.seconds is not None)
            if answered is not None:
                known = stored if allowed.apart else came
                lines[said.robot, said.sender].append(_Answered(said.text, known, came, answered))
    for line in lines.values():
        for one, other in combinations(line, 2):
            if one.known <= other.came and one.answered > other.answered:
                yield f"{other.text}: was answered before {one.text}"


def _runs(place: Place, allowed: Allowed) -> Iterator[str]:
    """Runs of the agent that were too many, or began after the answer was on its way to the card for good."""
    began = runs_of(place)
    most = allowed.tries * (1 + allowed.deaths)
    finals = _finals(place)
    for said in accepted(place):
        if len(began[said.text]) > most:
            yield f"{said.text}: the agent ran {len(began[said.text])} times, and may {most} times"
        final = finals.get(card_id(said.robot, said.id))
        if final is not None and any(at > final for at in began[said.text]):
            yield f"{said.text}: the agent ran again after its answer was finished"


def runs_of(place: Place) -> dict[str, list[float]]:
    """When the agent began to run, in any process, by the question's text."""
    began: dict[str, list[float]] = defaultdict(list)
    for line in runs(place):
        run = json.loads(line)
        began[run["text"]].append(run["at"])
    return began


def runs(place: Place) -> list[str]:
    """What the agent noted of each of its runs, in any process: a JSON object with `at`, `text` and `process`."""
    path = place.folder / RUNS
    return path.read_text("utf-8").splitlines() if path.exists() else []


def _finals(place: Place) -> dict[str, float]:
    """When each card was first sent its whole answer as the last word."""
    finals: dict[str, float] = {}
    for call in place.sandbox.calls:
        if call.body.get("isFinalize") is True and END in str(call.body.get("content")):
            finals.setdefault(str(call.body.get("outTrackId")), call.at)
    return finals
