"""Single characters: what is no character at all, and where a text may be cut.

The law: what leaves here can be sent, and no person sees half a character. This file knows nothing of Markdown.
"""

import re
import unicodedata

_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")
_LINE_ENDS = str.maketrans(dict.fromkeys("\x0b\x0c\x85\u2028\u2029", "\n"))
_UNSEEN = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf"})
_JOINER = "\u200d"
_EXTENDS = re.compile("[\u200d\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]")
"""Joiners, skin tones, and the tags of regional flags."""
_FLAG = re.compile("[\U0001f1e6-\U0001f1ff]")
"""Letters of which two make a flag."""


def cleaned(text: str, *, growing: bool = False) -> str:
    """Text with newlines for all that ends a line, and without control characters and halves of characters.

    A stream that was cut within JSON brings the two halves of a character one after the other: they are put together.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if _SURROGATE.search(text):
        if growing and "\ud800" <= text[-1] <= "\udbff":
            text = text[:-1]
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if _CONTROL.search(text):
        text = _CONTROL.sub("", text.translate(_LINE_ENDS))
    return text


def blank(text: str) -> bool:
    """Whether a person sees nothing of it: blanks, control characters and invisible marks at most."""
    return all(unicodedata.category(letter) in _UNSEEN for letter in text)


def cut(text: str, limit: int) -> str:
    """At most `limit` characters (code points), "…" included where something is left out; never half of what a person
    sees as one character, as far as combining marks, joined emoji and flags go.

    Raises:
        ValueError: the limit leaves no room even for the "…".
    """
    if limit < 1:
        raise ValueError(f"limit must be at least 1, not {limit}")
    if len(text) <= limit:
        return text
    end = limit - 1
    while end and _is_within(text, end):
        end -= 1
    return f"{text[:end].rstrip()}…"


def _is_within(text: str, at: int) -> bool:
    """Whether a cut here would part one character from its rest."""
    if _EXTENDS.match(text, at) or text[at - 1] == _JOINER or unicodedata.category(text[at])[0] == "M":
        return True
    first = at
    while first and _FLAG.match(text, at) and _FLAG.match(text, first - 1):
        first -= 1
    return (at - first) % 2 == 1
