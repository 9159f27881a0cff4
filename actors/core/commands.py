"""The words that a person can say to the service instead of asking: `/new`, `/stop`, `/help`, and what they are called
in Chinese.

The law: only the whole message is a word; a question that begins with one is a question. What a word does is decided
elsewhere.
"""

from enum import StrEnum


class Command(StrEnum):
    """What a word asks for."""

    NEW = "new"
    STOP = "stop"
    HELP = "help"


_WORDS = {
    "/new": Command.NEW,
    "新会话": Command.NEW,
    "/stop": Command.STOP,
    "停止": Command.STOP,
    "/help": Command.HELP,
    "帮助": Command.HELP,
}


def read_command(text: str) -> Command | None:
    """The word that this message is, or None. Case, a full-width slash, a slash before the Chinese word and a mark at
    the end make no difference."""
    word = text.strip().rstrip("。.!！ \u3000").replace("／", "/", 1).casefold()
    return _WORDS.get(word) or _WORDS.get(word.removeprefix("/"))
