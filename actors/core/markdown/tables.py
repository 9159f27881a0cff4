"""Tables: their cells, and how a row is spelled for cards, which show tables, and for messages, where many clients
do not.

The law: a row is never torn, and no cell is lost. This file knows nothing of the lines around a table.
"""

import re

from actors.core.markdown.inline import Dialect, Inline

_BAR = re.compile(r"(?<!\\)\|")
_DELIMITER = re.compile(r":?-+:?")
_ALIGNED = {(False, False): ":-", (True, False): ":-", (True, True): ":-:", (False, True): "-:"}


def cells(row: str) -> list[str]:
    """What stands between the bars of a row."""
    row = row.strip(" \t").removeprefix("|")
    if row.endswith("|") and not row.endswith("\\|"):
        row = row[:-1]
    return [cell.strip(" \t") for cell in _BAR.split(row)]


def delimiters(row: str) -> list[str]:
    """The columns of a delimiter row, spelled as DingTalk's documents do; none if it is no such row."""
    columns = cells(row) if "|" in row else []
    if not all(_DELIMITER.fullmatch(column) for column in columns):
        return []
    return [_ALIGNED[column[0] == ":", column[-1] == ":"] for column in columns]


def row(columns: int, values: list[str], dialect: Dialect, *, growing: bool = False) -> str:
    """One row of a table with so many columns; one that is still growing is filled up and closed."""
    if dialect is Dialect.MESSAGE:
        return _shown(" | ".join(values), dialect, growing=growing).strip(" \t")
    texts = values[: columns - 1]
    if rest := values[columns - 1 :]:
        texts.append(r" \| ".join(rest).strip(" \t"))
    last = len(texts) - 1
    shown = [_shown(text, dialect, growing=growing and number == last) for number, text in enumerate(texts)]
    shown += [""] * (columns - len(shown))
    return f"| {' | '.join(shown)} |"


def _shown(text: str, dialect: Dialect, *, growing: bool) -> str:
    inline = Inline(dialect, unbroken=True)
    shown = inline.line(text, growing=growing)
    return shown + inline.closers() if growing else shown
