"""A folder of Markdown as questions and answers.

The folder holds `*.md` files, also in folders below it. Each `## heading` is an entry: the heading is the question,
what follows is the answer, sent as it stands. `# heading` names the topic of those below it. A file without `##` is one
entry, with its `#` heading, or else its name, as the question. A line `关键词：…` or `Keywords: …` first in an entry
holds other words for the same question; it is searched and never shown. This file must not know how entries are found.
"""

import re
from itertools import pairwise, zip_longest
from pathlib import Path

from markdown_it import MarkdownIt

from actors.core.frozen import frozen
from actors.errors import SettingsError

KEYWORDS = re.compile(r"(?:关键词|keywords)\s*[:：](.*)", re.IGNORECASE)

BETWEEN_PHRASES = re.compile(r"[、，,；;？?]")


@frozen
class Entry:
    """One question of the folder with its answer; `source` is what the answer cites."""

    question: str
    keywords: str
    answer: str
    source: str

    @property
    def phrases(self) -> list[str]:
        """The ways in which the entry can be asked for: its heading, and each of its keywords."""
        phrases = BETWEEN_PHRASES.split(f"{self.question}、{self.keywords}")
        return [phrase.strip() for phrase in phrases if phrase.strip()]


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


@frozen
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
