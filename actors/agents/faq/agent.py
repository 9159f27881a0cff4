"""`faq:[DIR]`: answers from a folder of Markdown; no model, no key, no network.

The law: an answer is an entry of the folder as it stands, or lines of it, and cites the entry. What is not in the
folder is not answered; what may be meant is offered, to be picked by number.

The rule for a follow-up: a question stands by itself unless it leans on the one before. It leans if it is nothing but
a question word (要多久 · why?), or begins or ends like one that goes on (那… · …呢 · and… · what about…). Even so it
stays with the entry that was answered last only if that entry has all that it is about, and if it does not ask for
another entry that fits: in more of its very words, or, where the last one has its subject in the answer only, by that
one's heading or with a question of its own (how, where). A question that does not lean stays there only if that entry
has all that it is about and nothing else answers it. Thanks in between do not count.

This file must not know where a question comes from or what shows its answer.
"""

import asyncio
import math
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Sequence
from pathlib import Path

from actors.agents.faq import talk
from actors.agents.faq import text as texts
from actors.agents.faq.folder import read_folder
from actors.agents.faq.index import SEARCHED, Hit, Index
from actors.agents.faq.words import asks, is_whole, plain, questions_of, subject_of
from actors.agents.setup import Setup
from actors.core.events import Event, Feedback, Finished, Text
from actors.core.frozen import frozen
from actors.core.question import Question, Turn

SAMPLE_SHOP = Path(__file__).parent / "shop"

PIECE = 6
"""Characters of one piece; more in an answer so long that it would need more than `MOST_PIECES`."""

MOST_PIECES = 90
"""Pieces of one answer: with `PACE`, its time."""

PACE = 0.06
"""Seconds between two pieces, so that a card is seen to grow."""

NEAR = 0.2
"""Coverage from which an entry is offered."""

LIKELY = 0.35
"""Coverage from which an entry is probably what was meant."""

CLEAR = 0.8
"""Coverage from which a clause is a question of its own."""

AT_ONCE = 2
"""Questions of one message that are answered."""

OFFERED = 4
"""Entries that a reply offers at most."""


def make(rest: str, _: Setup) -> "Faq":
    """The agent of `faq:[DIR]`.

    Raises:
        SettingsError: the folder is no use.
    """
    return Faq(Path(rest) if rest else SAMPLE_SHOP)


@frozen
class Before:
    """What the last answer was about and what it offered, by the numbers of entries."""

    topics: tuple[int, ...]
    offers: tuple[int, ...]


class Faq:
    """Answers with the entry that fits, offers those that may, or says that it does not know."""

    name = "faq"
    accepts: frozenset[str] = frozenset()

    def __init__(self, folder: Path = SAMPLE_SHOP, *, pace: float = PACE) -> None:
        """Read the folder once.

        Raises:
            SettingsError: the folder is missing or empty, or a file of it cannot be read.
        """
        self._entries = read_folder(folder)
        self._index = Index(self._entries)
        self._pace = pace
        asked = Counter(entry.question for entry in self._entries)
        self._titles = [entry.question if asked[entry.question] == 1 else entry.source for entry in self._entries]
        self._numbers = {entry.source: number for number, entry in enumerate(self._entries)}
        self._numbers |= {title: number for number, title in enumerate(self._titles)}

    async def answer(self, question: Question) -> AsyncGenerator[Event, None]:
        """The reply, a few characters at a time."""
        text = self.reply(question.text, question.history)
        size = max(PIECE, math.ceil(len(text) / MOST_PIECES))
        for start in range(0, len(text), size):
            if start:
                await asyncio.sleep(self._pace)
            yield Text(text[start : start + size])
        yield Finished()

    async def feedback(self, given: Feedback) -> None:
        """Nothing is learned from a rating: the entries are the operator's."""

    async def close(self) -> None:
        """Give back the index."""
        self._index.close()

    def reply(self, text: str, history: Sequence[Turn] = ()) -> str:
        """The whole reply to a message, in Markdown; `history` is what was said before it, oldest first."""
        message = talk.tidy(text[:SEARCHED])
        if talk.is_small_talk(message):
            return texts.WELCOME
        before = self._before(history)
        if before.offers and (picked := self._picked(message, before)):
            return picked
        if talk.is_greeting(message):
            return self._greeting()
        message = talk.after_small_talk(message)
        hits = self._index.search(message)
        topic = self._topic(message, hits, before.topics)
        return (self._more_of(topic, message, hits) if topic is not None else "") or self._fresh(message, hits)

    # A talk.

    def _before(self, history: Sequence[Turn]) -> Before:
        """What the last answer showed: that is what a person has before their eyes. Thanks in between do not count."""
        shown = (turn.answer for turn in reversed(history) if not talk.is_small_talk(talk.tidy(turn.question)))
        sources, titles = texts.read_again(next(shown, ""))
        return Before(self._known(sources), self._known(titles))

    def _known(self, titles: Iterable[str]) -> tuple[int, ...]:
        return tuple(dict.fromkeys(self._numbers[title.strip()] for title in titles if title.strip() in self._numbers))

    def _picked(self, message: str, before: Before) -> str:
        """The reply to a number, or to a yes where one thing was offered and nothing answered; nothing to all else."""
        number = talk.picked(message)
        if number is None and talk.says_yes(message) and not before.topics:
            number = 1 if len(before.offers) == 1 else 0
        if number is None:
            return ""
        if number == talk.LAST:
            number = len(before.offers)
        if not 1 <= number <= len(before.offers):
            return self._offering(texts.DID_YOU_MEAN, before.offers)
        return self._answer(before.offers[number - 1])

    def _greeting(self) -> str:
        """The folder's own word for a greeting, if it has one."""
        for number, entry in enumerate(self._entries):
            if any(talk.is_greeting(phrase) for phrase in entry.phrases):
                return self._answer(number)
        return self._offering(texts.HELLO, self._samples())

    # A question that stays with what was answered last.

    def _topic(self, message: str, hits: list[Hit], topics: tuple[int, ...]) -> int | None:
        """The entry that a question stays with, by the rule above."""
        bare = not subject_of(message)
        if (bare and not asks(message)) or (hits and hits[0].exact):
            return None
        leans = bare or talk.leans(message)
        rival = hits[0].number if hits and hits[0].sure else None
        for topic in topics:
            if self._index.accounts_for(message, topic, answer=True) and (
                rival is None or (leans and (rival == topic or not self._is_closer(rival, topic, message)))
            ):
                return topic
        return None

    def _is_closer(self, rival: int, topic: int, message: str) -> bool:
        """Whether a message asks for another entry rather than for more of the topic."""
        if not self._index.accounts_for(message, topic, answer=False) and (
            is_whole(message) or self._index.is_heading(message, rival)
        ):
            return True
        return self._index.wording(message, rival, answer=False) > self._index.wording(message, topic, answer=True)

    def _more_of(self, topic: int, message: str, hits: list[Hit]) -> str:
        """The lines of an answer that a follow-up asks for, or all of it; nothing if it says nothing of the kind."""
        entry, subject = self._entries[topic], subject_of(message)
        aspect = None if subject else talk.aspect_of(message)
        others = [hit.number for hit in hits if hit.sure and hit.number != topic]
        if subject:
            lines = texts.lines_of(entry.answer, message, lambda line: any(unit.stands_in(line) for unit in subject))
            whole = not all(unit.stands_in(lines) for unit in subject)
            reply = texts.about(self._titles[topic], entry.answer if whole else lines)
        elif aspect is not None:
            lines = texts.lines_of(entry.answer, message, lambda line: bool(aspect.search(line)))
            if not aspect.search(entry.answer):
                return ""
            reply = texts.about(self._titles[topic], lines or entry.answer)
        else:
            reply = texts.all_there_is(self._titles[topic], entry.answer)
        return self._also(texts.cited(reply, entry.source), others)

    # A question that stands by itself.

    def _fresh(self, message: str, hits: list[Hit]) -> str:
        """The answer to one question, or to two in one message; else what may be meant."""
        sure = [hit.number for hit in hits if hit.sure]
        found = self._several(message) or sure[:1]
        if found:
            reply = "\n\n---\n\n".join(self._answer(number) for number in found)
            return self._also(reply, [number for number in sure if number not in found])
        near = [hit for hit in hits if hit.coverage >= NEAR]
        if any(hit.firm and hit.coverage >= LIKELY for hit in near):
            return self._offering(texts.DID_YOU_MEAN, [hit.number for hit in near])
        return self._offering(texts.DO_NOT_KNOW, [hit.number for hit in near] or self._samples())

    def _several(self, message: str) -> list[int]:
        """The entries that answer what a message asks, if it asks for more than one."""
        clauses = questions_of(plain(message))
        found = [self._index.search(clause) for clause in clauses] if len(clauses) > 1 else []
        best = [hits[0] for hits in found if hits]
        clear = dict.fromkeys(hit.number for hit in best if hit.sure and hit.coverage >= CLEAR)
        return list(clear)[:AT_ONCE] if len(clear) > 1 else []

    def _answer(self, number: int) -> str:
        return texts.cited(self._entries[number].answer, self._entries[number].source)

    def _offering(self, text: str, numbers: Sequence[int]) -> str:
        return texts.offering(text, [self._titles[number] for number in numbers[:OFFERED]])

    def _also(self, reply: str, numbers: Sequence[int]) -> str:
        return texts.also(reply, [self._titles[number] for number in numbers[:OFFERED]])

    def _samples(self) -> range:
        """A few entries from all over the folder."""
        return range(0, len(self._entries), math.ceil(len(self._entries) / OFFERED))
