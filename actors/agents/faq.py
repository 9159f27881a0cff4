"""`faq:[DIR]`: answers from a folder of Markdown by BM25; no model, no key, no network.

The folder holds `*.md` files, also in folders below it. Each `## heading` is an entry: the heading is the question,
what follows is the answer, sent as it stands. `# heading` names the topic of those below it. A file without `##` is one
entry, with its `#` heading, or else its name, as the question. A line `关键词：…` or `Keywords: …` first in an entry
holds other words for the same question; it is searched and never shown.

Search is SQLite's FTS5, in memory. Chinese is cut into pairs of neighbouring characters, so that no dictionary is
needed; other words are stemmed by FTS5. This file must not know where a question comes from or what shows its answer.
"""

import asyncio
import math
import re
import sqlite3
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import TypeAlias

from markdown_it import MarkdownIt

from actors.core.events import Event, Feedback, Finished, Text
from actors.core.question import Question
from actors.errors import SettingsError

SAMPLE_SHOP = Path(__file__).parent / "faq_shop"

PIECE = 6
"""Characters of one piece; more in an answer so long that it would need more than `MOST_PIECES`."""

MOST_PIECES = 90
"""Pieces of one answer: with `PACE`, its time."""

PACE = 0.06
"""Seconds between two pieces, so that a card is seen to grow."""

SURE = 0.55
"""Share of a question's subject that an entry must cover to be its answer."""

NEAR = 0.2
"""Share above which an entry is offered as something else to ask."""

SAID = 0.5
"""What a word counts that stands in an entry's answer only: such words alone make an entry near, never the answer."""

OFFERED = 4
"""Other questions that a reply offers at most."""

SEARCHED = 200
"""Characters of a question that are searched: enough for any question, and it bounds the time."""

FILLERS = re.compile(
    "请问|想问|问一下|一下|你们|您们|我们|咱们|想要|想|要|怎么样|怎么办|怎么|怎样|如何|什么时候|为什么|什么|多少|多久|几天|哪些|哪里|哪个|哪儿"
    "|可不可以|可以|能不能|能否|是不是|有没有|需要|应该|帮我|麻烦|谢谢|现在|还是|已经|一个|这个|那个|东西|[吗呢吧啊呀嘛哦的了我你您能]"
    r"|\b(?:a|an|the|i|my|me|we|you|your|it|its|this|that|is|are|was|am|be|do|does|did|can|could|will|would|should|have|has"
    r"|what|when|where|which|who|how|why|to|of|in|on|at|by|for|from|with|and|or|if|not|no|please|want|need|get|much|many"
    r"|there|any|some|something|thing|item|s|m|t)\b",
    re.IGNORECASE,
)
"""Words that say nothing about the subject of a question."""

DO_NOT_KNOW = (
    "抱歉，这个问题我不知道答案，资料里没有找到。可以换个说法再问一次，或者问我：\n\n"
    "Sorry, I don't know: I found no answer to this. Try other words, or ask me one of these:"
)

GREETING = re.compile(
    r"^\W*(?:你好|您好|嗨|哈喽|在吗|(?:hello|hi|hey|who are you|what can you do)\b)\W*", re.IGNORECASE
)
"""What may stand before a question; alone it is one."""

RUN = re.compile(r"[\u3400-\u9fff]+|[^\W_\u3400-\u9fff]{2,}")
KEYWORDS = re.compile(r"(?:关键词|keywords)\s*[:：](.*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Entry:
    """One question of the folder with its answer; `source` is what the answer cites."""

    question: str
    keywords: str
    answer: str
    source: str


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry and the share of the question's weight that it covers, 0 to 1."""

    entry: Entry
    coverage: float


class Faq:
    """Answers with the one entry that fits, or says that it does not know."""

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

    async def answer(self, question: Question) -> AsyncGenerator[Event, None]:
        """The reply, a few characters at a time."""
        text = self.reply(question.text)
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

    def reply(self, text: str) -> str:
        """The whole reply to a question, in Markdown."""
        hits = self._index.search(text)
        sure = [hit.entry for hit in hits if hit.coverage >= SURE]
        if not sure:
            near = [hit.entry for hit in hits if hit.coverage >= NEAR]
            return f"{DO_NOT_KNOW}\n\n{_bullets(near or self._samples())}"
        best, *others = sure
        reply = f"{best.answer}\n\n来源：{best.source}"
        return f"{reply}\n\n你可能还想问：\n\n{_bullets(others)}" if others else reply

    def _samples(self) -> tuple[Entry, ...]:
        """A few entries from all over the folder."""
        return self._entries[:: math.ceil(len(self._entries) / OFFERED)]


class Index:
    """Full-text search over entries."""

    def __init__(self, entries: tuple[Entry, ...]) -> None:
        self._entries = entries
        # Made by whoever starts the service, used on the loop: never by two at once.
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        self._database.execute(
            "CREATE VIRTUAL TABLE entry USING fts5(question, keywords, answer, tokenize='porter unicode61')"
        )
        self._database.executemany(
            "INSERT INTO entry (rowid, question, keywords, answer) VALUES (?, ?, ?, ?)",
            (
                (
                    number,
                    " ".join(_words(entry.question, alone=True)),
                    " ".join(_words(entry.keywords, alone=True)),
                    " ".join(_words(entry.answer)),
                )
                for number, entry in enumerate(entries)
            ),
        )

    def search(self, text: str) -> list[Hit]:
        """The entries that share a word with a question, best first by BM25."""
        text = text[:SEARCHED]
        units = _subject(text)
        words = {word for unit in units for word in unit}
        if not words:
            return []
        found = {word: set(self._numbers(f'"{word}"')) for word in words}
        asked = {word: set(self._numbers(f'{{question keywords}} : "{word}"')) for word in words}
        rarity = {word: math.log(1 + len(self._entries) / max(1, len(found[word]))) for word in words}

        def most(unit: Unit) -> float:
            return max(rarity[word] for word in [word for word in unit if found[word]] or unit)

        def covered(unit: Unit, number: int) -> float:
            weights = (rarity[word] * (1 if number in asked[word] else SAID) for word in unit if number in found[word])
            return max(weights, default=0)

        whole = sum(map(most, units))
        return [
            Hit(self._entries[number], sum(covered(unit, number) for unit in units) / whole)
            for number in self._numbers(" OR ".join(f'"{word}"' for word in words.union(_words(text))))
        ]

    def close(self) -> None:
        self._database.close()

    def _numbers(self, match: str) -> list[int]:
        rows = self._database.execute(
            "SELECT rowid FROM entry WHERE entry MATCH ? ORDER BY bm25(entry, 6, 3, 1)", (match,)
        )
        return [number for (number,) in rows]


Unit: TypeAlias = tuple[str, ...]
"""One character of Chinese or one other word, as the words that cover it in the index; either pair may do."""


def _subject(text: str) -> list[Unit]:
    """What a question is about, without greeting and fillers; a bare greeting is its own subject."""
    bare = FILLERS.sub(" ", GREETING.sub("", text))
    greeting = GREETING.match(text)
    if greeting and not RUN.search(bare):
        bare = greeting[0]
    units: list[Unit] = []
    for run in RUN.findall(bare.lower()):
        pairs = _pairs(run)
        if _is_chinese(run) and pairs:
            units += zip([pairs[0], *pairs], [*pairs, pairs[-1]], strict=True)
        else:
            units.append((run,))
    return units


def _words(text: str, *, alone: bool = False) -> Iterator[str]:
    """The words of the index: pairs of Chinese characters, each character `alone` too on request, and other words."""
    for run in RUN.findall(text.lower()):
        if _is_chinese(run):
            yield from _pairs(run)
            yield from run if alone else ""
        else:
            yield run


def _pairs(run: str) -> list[str]:
    return [run[start : start + 2] for start in range(len(run) - 1)]


def _is_chinese(run: str) -> bool:
    return "\u3400" <= run[0] <= "\u9fff"


def read_folder(folder: Path) -> tuple[Entry, ...]:
    """The entries of all `*.md` files of a folder, in the order of their paths.

    Raises:
        SettingsError: with all that is wrong with the folder.
    """
    if not folder.is_dir():
        raise SettingsError((f"AGENT='faq:{folder}': there is no such folder",))
    entries: list[Entry] = []
    problems: list[str] = []
    for path in sorted(folder.rglob("*.md")):
        try:
            entries += parse(path.read_text(encoding="utf-8-sig"), path.stem)
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"AGENT='faq:{folder}': {path.name} cannot be read ({error})")
    if not (entries or problems):
        problems.append(f"AGENT='faq:{folder}': there is no entry in it; an entry is a `## question` in a `*.md` file")
    if problems:
        raise SettingsError(tuple(problems))
    return tuple(entries)


def parse(markdown: str, name: str) -> list[Entry]:
    """The entries of one file; a heading without an answer is none. `name` stands in for a missing `# heading`."""
    lines = markdown.split("\n")
    headings = _headings(markdown) or [Heading("h1", name, 0, 0)]
    question_tag = max(heading.tag for heading in headings)
    entries = []
    topic = name
    for heading, following in zip_longest(headings, headings[1:]):
        if heading.tag == "h1":
            topic = heading.title
        body = "\n".join(lines[heading.end : following.start if following else None]).strip()
        if heading.tag == question_tag:
            entries.append(_entry(topic, heading.title, body))
    return [entry for entry in entries if entry.answer]


@dataclass(frozen=True, slots=True)
class Heading:
    """A top-level heading: its tag, its words, its first line and the one after its last."""

    tag: str
    title: str
    start: int
    end: int


def _headings(markdown: str) -> list[Heading]:
    tokens = MarkdownIt().parse(markdown)
    return [
        Heading(token.tag, inline.content, *token.map)
        for token, inline in pairwise(tokens)
        if token.type == "heading_open" and token.level == 0 and token.tag in {"h1", "h2"} and token.map
    ]


def _entry(topic: str, question: str, body: str) -> Entry:
    first, _, rest = body.partition("\n")
    keywords = KEYWORDS.fullmatch(first.strip())
    source = question if topic == question else f"{topic} · {question}"
    if keywords is None:
        return Entry(question, "", body, source)
    return Entry(question, keywords[1], rest.strip(), source)


def _bullets(entries: Sequence[Entry]) -> str:
    return "\n".join(f"- {entry.question}" for entry in entries[:OFFERED])
