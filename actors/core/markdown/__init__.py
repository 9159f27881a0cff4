"""x"""

from actors.core.markdown.blocks import Page
from actors.core.markdown.characters import cleaned
from actors.core.markdown.echo import neutral
from actors.core.markdown.inline import Dialect

__all__ = ["Dialect", "neutral", "presentable"]


def presentable(text: str, *, growing: bool = False, dialect: Dialect = Dialect.CARD) -> str:
    return Page(cleaned(text, growing=growing).split("\n"), dialect, growing).presented()
