"""What the tests of the shop share: the shop, and how they look at its replies."""

import re
from pathlib import Path

from actors.agents.faq import SAMPLE_SHOP, Faq
from actors.agents.faq_folder import read_folder
from actors.core.question import Turn

SHOP = Faq(pace=0)
ENTRIES = read_folder(SAMPLE_SHOP)


def cited(reply: str) -> list[str]:
    """The headings of the entries that a reply gives as its sources."""
    return [source.rpartition(" · ")[2] for source in re.findall(r"^来源：(.+)$", reply, re.MULTILINE)]


def offered(reply: str) -> list[str]:
    """The headings that a reply offers, in order."""
    titles = {entry.question for entry in ENTRIES}
    return [title for title in re.findall(r"^\d\. (.+)$", reply, re.MULTILINE) if title in titles]


def said(*messages: str, shop: Faq = SHOP) -> tuple[Turn, ...]:
    """A talk so far, oldest first."""
    turns: tuple[Turn, ...] = ()
    for message in messages:
        turns = (*turns, Turn(message, shop.reply(message, turns)))
    return turns


def phrasings(name: str) -> list[tuple[str, str]]:
    """Pairs of a phrasing and the heading above it, of one file of `phrasings`."""
    heading, pairs = "", []
    for line in (Path(__file__).parent / "phrasings" / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            heading = line.removeprefix("# ")
        elif line and not line.startswith("// "):
            pairs.append((line, heading))
    return pairs
