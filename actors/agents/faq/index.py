"""The search: which entries a question is about, and how surely.

BM25 finds and ranks: SQLite's FTS5, in memory, over every way to ask for an entry and over its answer. Coverage
decides: the share of the question's subject that an entry accounts for, rare words counting more. Words that no entry
knows count in full, so that a question about something else is not answered for what it has in common with an entry.
This file must not know what is said to whom.
"""

import math
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from difflib import SequenceMatcher
from functools import lru_cache

from actors.agents.faq.folder import Entry
from actors.agents.faq.words import (
    Unit,
    asked_words,
    clauses_of,
    is_chinese,
    letters_of,
    plain,
    said_words,
    subject_of,
    units_of,
)
from actors.core.frozen import frozen

SURE = 0.55
"""Coverage from which an entry is the answer."""

ALL = 0.9
"""Coverage from which it is the answer even if it is for one character only."""

FIRM = 2
"""Weight of the words that a question and the ways to ask for an entry have in common, for a sure answer."""

SAID = 0.6
"""What a word counts that stands in an entry's answer only."""

MISSPELT = 0.4
"""What a known character counts in a pair that is not."""

VAGUE = 0.4
"""What a vague character counts that is not found."""

SETTING = 0.35
"""What unknown Chinese counts before a known word: the comment comes last there, before it stands what it is about."""

RANK = 0.4
"""What the best BM25 adds to a coverage, to order entries by."""

SEARCHED = 300
"""Characters of a question that are searched: enough for any question, and it bounds the time."""

CANDIDATES = 100
"""Phrases, best first by BM25, whose entries are looked at."""

REMEMBERED = 2000
"""Words whose places are remembered."""

SHORTEST_SLIP = 4
"""Letters of a word that may be misspelt."""

LIKENESS = 0.8
"""How like a known word a misspelt one must be."""


@frozen
class Hit:
    """An entry that a question may be about: its number, what it is ordered by, the share of the question's subject
    that it covers, and whether that is more than a word they have in common by chance."""

    number: int
    score: float
    coverage: float
    firm: bool

    @property
    def sure(self) -> bool:
        """Whether it is the answer."""
        return self.firm and self.coverage >= SURE

    @property
    def exact(self) -> bool:
        """Whether the question is, word for word, one of the ways to ask for it."""
        return math.isinf(self.score)


@frozen
class Places:
    """The numbers of the entries in which a word stands: among the ways to ask, and anywhere; and what it weighs."""

    asked: frozenset[int]
    anywhere: frozenset[int]
    rarity: float

    def worth(self, number: int) -> float:
        """What the word counts for an entry."""
        if number in self.asked:
            return self.rarity
        return self.rarity * SAID if number in self.anywhere else 0


class Index:
    """Full-text search over entries; they are known by their numbers."""

    def __init__(self, entries: tuple[Entry, ...]) -> None:
        self._count = len(entries)
        self._headings = [{word for unit in subject_of(entry.question) for word in unit.words} for entry in entries]
        self._phrases = [[plain(phrase) for phrase in entry.phrases if len(phrase) > 1] for entry in entries]
        self._exact: dict[str, int] = {}
        self._known: dict[str, str] = {}
        rows: list[tuple[int, bool, list[str]]] = []
        for number, entry in enumerate(entries):
            for way in (entry.question, *entry.phrases):
                self._exact.setdefault(letters_of(way), number)
            rows += [(number, True, asked_words(phrase)) for phrase in entry.phrases]
            rows.append((number, False, said_words(entry.answer)))
        self._exact.pop("", None)
        for word in sorted({word for _, asked, words in rows if asked for word in words}):
            self._known.update(dict.fromkeys(_spellings(word), word))
        self._rows = [(number, asked) for number, asked, _ in rows]
        # Made by whoever starts the service, used on the loop: never by two at once.
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        self._database.execute("CREATE VIRTUAL TABLE phrase USING fts5(words, content='', tokenize='porter unicode61')")
        self._database.executemany(
            "INSERT INTO phrase (rowid, words) VALUES (?, ?)",
            ((row, " ".join(words)) for row, (_, _, words) in enumerate(rows)),
        )
        self._places: Callable[[str], Places] = lru_cache(REMEMBERED)(self._look_up)

    def search(self, text: str) -> list[Hit]:
        """The entries that share a word with a question, best first; of a long-winded one a clause may be enough."""
        text = plain(text[:SEARCHED])
        clauses = clauses_of(text)
        several = len(clauses) > 1
        hits = self._hits(text, alone=not several)
        if several:
            parts = [hit for clause in clauses for hit in self._hits(clause, alone=False)]
            best = {hit.number: hit for hit in sorted(parts, key=lambda hit: hit.score)}
            hits = [_together(hit, best[hit.number]) for hit in hits if hit.number in best]
        asked = self._exact.get(letters_of(text))
        exact = [Hit(asked, math.inf, 1.0, firm=True)] if asked is not None else []
        others = [hit for hit in hits if hit.number != asked]
        return exact + sorted(others, key=lambda hit: (not hit.sure, -hit.score, hit.number))

    def accounts_for(self, text: str, number: int, *, answer: bool) -> bool:
        """Whether all that a text is about stands among the ways to ask for an entry, or in its answer too."""
        parts = [_Part(unit, self._places) for unit in self._units(plain(text[:SEARCHED])) if unit.weight]
        return all(part.stands_in(number) if answer else part.asks_for(number) for part in parts)

    def is_heading(self, text: str, number: int) -> bool:
        """Whether what a text is about is what an entry's heading is about, no more and no less."""
        return self._headings[number] == {
            word for unit in self._units(plain(text)) if unit.weight for word in unit.words
        }

    def wording(self, text: str, number: int, *, answer: bool) -> int:
        """How many words of a text, fillers too, stand among the ways to ask for an entry, or in its answer too."""
        units = self._units(plain(text[:SEARCHED]))
        places = [self._places(word) for word in {word for unit in units for word in (*unit.words, *unit.halves)}]
        return sum(number in (place.anywhere if answer else place.asked) for place in places)

    def close(self) -> None:
        """Give back the database."""
        self._database.close()

    def _look_up(self, word: str) -> Places:
        rows = self._database.execute("SELECT rowid FROM phrase WHERE phrase MATCH ?", (f'"{word}"',))
        found = [self._rows[row] for (row,) in rows]
        anywhere = frozenset(number for number, _ in found)
        asked = frozenset(number for number, asked in found if asked)
        return Places(asked, anywhere, math.log(1 + self._count / max(1, len(anywhere))))

    def _ranks(self, words: set[str]) -> dict[int, float]:
        """The best BM25 of each entry; the best of all is 1."""
        match = " OR ".join(f'"{word}"' for word in sorted(words))
        rows = self._database.execute(
            "SELECT rowid, -rank FROM phrase WHERE phrase MATCH ? ORDER BY rank LIMIT ?", (match, CANDIDATES)
        )
        ranks: dict[int, float] = {}
        for row, rank in rows:
            number, asked = self._rows[row]
            ranks[number] = max(ranks.get(number, 0), rank * (1 if asked else SAID))
        best = max(ranks.values(), default=1)
        return {number: rank / best for number, rank in ranks.items()}

    def _units(self, text: str) -> list[Unit]:
        return [self._corrected(unit) for unit in units_of(text)]

    def _corrected(self, unit: Unit) -> Unit:
        """The unit, or the known word that it is a slip of."""
        if unit.character or not unit.weight or self._places(unit.words[0]).anywhere:
            return unit
        word = unit.words[0]
        near = (self._known[spelling] for spelling in _spellings(word) if spelling in self._known)
        alike = [known for known in near if SequenceMatcher(None, word, known).ratio() >= LIKENESS]
        return Unit((min(alike),), (), "", unit.weight) if alike else unit

    def _hits(self, text: str, *, alone: bool) -> list[Hit]:
        units = self._units(text)
        subject = [_Part(unit, self._places) for unit in units if unit.weight]
        if not subject:
            return []
        words = {word for unit in units for word in (*unit.words, *unit.halves)}
        words.update(part.unit.character for part in subject if part.unit.character)
        hits = []
        for number, rank in self._ranks(words).items():
            coverage, common = _coverage(subject, number)
            firm = common >= FIRM or any(phrase in text for phrase in self._phrases[number])
            hits.append(Hit(number, coverage + RANK * rank, coverage, firm))
        full = [hit for hit in hits if hit.coverage >= ALL]
        if alone and len(full) == 1:
            hits[hits.index(full[0])] = replace(full[0], firm=True)
        return hits


class _Part:
    """A unit of a question's subject, looked up. One that nobody knows is as rare as can be."""

    def __init__(self, unit: Unit, places: Callable[[str], Places]) -> None:
        self.unit = unit
        whole = [places(word) for word in unit.words]
        self._words = whole if any(word.anywhere for word in whole) else whole + [places(half) for half in unit.halves]
        known = [word.rarity for word in self._words if word.anywhere]
        self.rarity = max(known or [word.rarity for word in self._words])
        self.setting = bool(unit.character) and not any(word.asked for word in self._words)
        self._misspelt = None if known or not unit.character else places(unit.character)

    def stands_in(self, number: int) -> bool:
        """Whether it stands anywhere in an entry."""
        return any(number in word.anywhere for word in self._words)

    def asks_for(self, number: int) -> bool:
        """Whether it stands among the ways to ask for an entry."""
        return any(number in word.asked for word in self._words)

    def worth(self, number: int) -> float:
        """What it counts for an entry."""
        if self._misspelt is not None:
            return self._misspelt.rarity * MISSPELT if number in self._misspelt.asked else 0
        return max(word.worth(number) for word in self._words)


def _coverage(subject: list[_Part], number: int) -> tuple[float, int]:
    """The share of a subject that an entry covers, and the weight of what the ways to ask for it have in common."""
    asked = [part.asks_for(number) for part in subject]
    comment = max((place for place, found in enumerate(asked) if found), default=0)
    covered = missing = 0.0
    for place, part in enumerate(subject):
        worth = part.worth(number)
        rest = max(0.0, part.rarity - worth)
        if part.setting and place < comment:
            rest *= SETTING
        if part.unit.vague:
            rest *= VAGUE
        covered += worth * part.unit.weight
        missing += rest * part.unit.weight
    common = sum(part.unit.weight for part, found in zip(subject, asked, strict=True) if found)
    return covered / (covered + missing) if covered else 0.0, common


def _together(*hits: Hit) -> Hit:
    """What a whole question and a clause of it say of one entry."""
    counting = [hit.coverage for hit in hits if hit.firm] or [hit.coverage for hit in hits]
    return Hit(hits[0].number, sum(hit.score for hit in hits), max(counting), any(hit.firm for hit in hits))


def _spellings(word: str) -> set[str]:
    """The word with a letter dropped, each in turn: words that differ by one slip have one of these in common."""
    if is_chinese(word) or len(word) < SHORTEST_SLIP:
        return set()
    return {word, *(word[:place] + word[place + 1 :] for place in range(len(word)))}
