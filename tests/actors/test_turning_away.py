"""A question that finds no place is refused politely; one that was begun before waits for a place."""

from dataclasses import dataclass, field

from actors.core import texts
from actors.core.courtesy import Courtesy
from actors.core.question import Address, Attachment, Question
from actors.desk import Desk, turn_away
from actors.dingtalk.port import Card, Fence
from actors.errors import CallFailed, Fault
from actors.inbox.memory import MemoryInbox
from actors.inbox.port import Outcome

LI = "ding1::li"


def question(name: str) -> Question:
    address = Address("ding1", "cid1", group=False, user="li", webhook="https://x", webhook_expires=9e9)
    return Question("ding1", name, LI, "ding1:cid1:li", "在吗", "li", "李四", address, received_at=0.0)


@dataclass
class Speaker:
    """Replies that only say; `broken` ones fail."""

    broken: bool = False
    text_only: bool = False
    always_text: bool = False
    said: list[str] = field(default_factory=list)

    def card(self, question: Question, attempt: int, fence: Fence | None = None) -> Card:
        raise NotImplementedError

    def budget(self, updates: int) -> int:
        return updates

    async def say(self, address: Address, text: str, fence: Fence | None = None) -> None:
        if self.broken:
            raise CallFailed("webhook", Fault.TRANSIENT, 503, "", "")
        self.said.append(text)


class NoFiles:
    """Attachments of questions that have none."""

    def prefetch(self, question: Question) -> None:
        raise NotImplementedError

    async def fetch(self, question: Question) -> tuple[Attachment, ...]:
        raise NotImplementedError

    async def drop(self, question: Question) -> None:
        pass


def desk(speaker: Speaker) -> dict[str, Desk]:
    return {"ding1": Desk(speaker, NoFiles(), lambda _: NotImplemented, "none")}


async def test_a_question_that_finds_no_place_gets_a_polite_word() -> None:
    inbox, speaker = MemoryInbox(), Speaker()
    await inbox.put(question("m1"), limit=8)
    await turn_away(inbox, desk(speaker), Courtesy(), LI)
    assert (speaker.said, await inbox.pending()) == ([texts.ALL_BUSY], {})


async def test_the_polite_word_is_said_once_a_minute() -> None:
    inbox, speaker, courtesy, now = MemoryInbox(), Speaker(), Courtesy(), [0.0]
    for number, at in enumerate((0.0, 1.0, 59.0, 60.0)):
        now[0] = at
        await inbox.put(question(f"m{number}"), limit=8)
        await turn_away(inbox, desk(speaker), courtesy, LI, lambda: now[0])
    assert speaker.said == [texts.ALL_BUSY] * 2


async def test_a_word_that_is_not_delivered_harms_nobody() -> None:
    inbox = MemoryInbox()
    await inbox.put(question("m1"), limit=8)
    await turn_away(inbox, desk(Speaker(broken=True)), Courtesy(), LI)
    assert await inbox.pending() == {}


async def test_a_question_that_was_begun_before_waits_for_a_place() -> None:
    inbox, speaker = MemoryInbox(), Speaker()
    await inbox.put(question("m1"), limit=8)
    begun = await inbox.take(LI)
    assert begun is not None
    await begun.retry(0)
    await turn_away(inbox, desk(speaker), Courtesy(), LI)
    assert (speaker.said, await inbox.pending()) == ([], {"ding1": 1})


async def test_an_answer_that_is_stored_is_never_refused() -> None:
    inbox, speaker = MemoryInbox(), Speaker()
    await inbox.put(question("m1"), limit=8)
    begun = await inbox.take(LI)
    assert begun is not None
    await begun.answered("答", Outcome.ANSWERED)
    await begun.retry(0)
    await turn_away(inbox, desk(speaker), Courtesy(), LI)
    assert (speaker.said, await inbox.pending()) == ([], {"ding1": 1})
