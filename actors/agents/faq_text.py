"""How a reply looks, and how it is read again when it has become history.

Written and read in one place, so that both stay the same: an answer ends with its source, what is offered is a numbered
list of titles. This file must not know which entries fit a question.
"""

import re
from collections.abc import Callable, Iterable

DO_NOT_KNOW = (
    "抱歉，这个问题我不知道答案，资料里没有找到。可以换个说法再问一次，或者问我（回复序号即可）：\n\n"
    "Sorry, I don't know: I found no answer to this. Try other words, or ask me one of these (its number will do):"
)
DID_YOU_MEAN = (
    "我不太确定您问的是哪一个，请回复序号，或者换个说法再问一次：\n\n"
    "I am not sure what you mean. Please reply with a number, or try other words:"
)
HELLO = "您好！可以问我这些（回复序号即可）：\n\nHello! You can ask me these (a number will do):"
WELCOME = "不客气，有问题随时问我。😊\n\nYou're welcome, ask me anytime."

_ALSO = "您可能还想问（回复序号即可）· You may also want to ask (a number will do):"
_ABOUT = "关于「{title}」："
_ALL_THERE_IS = "关于「{title}」，资料里只有这些 · This is all I have about it:"
_SOURCE = "来源："

_CITED = re.compile(rf"^{_SOURCE}(.+)$", re.MULTILINE)
_LISTED = re.compile(r"^\s*\d\. (.+)$", re.MULTILINE)

_CHINESE = re.compile("[\u3400-\u9fff]")
_PART_OF_MORE = ("|", " ", "\t", "```")
"""How lines begin that mean nothing without those around them: rows of tables, nested points, code."""


def cited(answer: str, source: str) -> str:
    """An answer, and where it stands."""
    return f"{answer}\n\n{_SOURCE}{source}"


def about(title: str, lines: str) -> str:
    """Lines of an answer that was given before."""
    return f"{_ABOUT.format(title=title)}\n\n{lines}"


def all_there_is(title: str, answer: str) -> str:
    """An answer once more, to somebody who asks for more than it says."""
    return f"{_ALL_THERE_IS.format(title=title)}\n\n{answer}"


def offering(first: str, titles: Iterable[str]) -> str:
    """A text, and a numbered list."""
    listed = "\n".join(f"{number}. {title}" for number, title in enumerate(titles, 1))
    return f"{first}\n\n{listed}"


def also(reply: str, titles: list[str]) -> str:
    """A reply, and what else may be asked, if anything."""
    return offering(f"{reply}\n\n{_ALSO}", titles) if titles else reply


def read_again(reply: str) -> tuple[list[str], list[str]]:
    """The sources that a reply cited, and the titles that it offered."""
    return _CITED.findall(reply), _LISTED.findall(reply)


def lines_of(answer: str, question: str, wanted: Callable[[str], bool]) -> str:
    """The lines of an answer that are wanted, in the language of the question if there are any; nothing if a line is
    not to be understood by itself."""
    lines = [line for line in answer.splitlines() if wanted(line)]
    if any(line.startswith(_PART_OF_MORE) for line in lines):
        return ""
    in_chinese = bool(_CHINESE.search(question))
    return "\n\n".join([line for line in lines if bool(_CHINESE.search(line)) == in_chinese] or lines)
