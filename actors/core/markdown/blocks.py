"""The blocks of an agent's Markdown: what the lines make up, and how the blocks stand one below the other.

The law: lines are read once, from the first to the last, with one line of foresight. Quotes may hold lists, and lists
further lists; everything else stands at the left margin, because clients were seen to miss it elsewhere. A newline is
a line break, and an unindented line ends a list or a quote, as models mean it. This file knows nothing of what stands
within a line.
"""

import re
from dataclasses import dataclass, field

from actors.core.frozen import frozen
from actors.core.markdown import lines, tables
from actors.core.markdown.inline import Dialect, Inline, code_for

_DEEPEST = 8
"""Quotes and lists nested deeper than this are shown at this depth."""

_INDENTED = 4
"""Columns of indentation that make code in CommonMark, and that hold a list's content in DingTalk's documents."""


@frozen
class _Item:
    """An open list item: the column of its bullet, and how far its content is indented when it is shown."""

    column: int
    width: int


@dataclass(slots=True)
class _Code:
    """An open code block: `size` times `mark` ends it; without a mark it is indented, and what is not ends it."""

    depth: int
    indent: int
    mark: str = ""
    size: int = 3
    blank: int = 0
    """Blank lines that belong to an indented block only if it goes on."""

    def is_ended_by(self, indent: int, body: str) -> bool:
        if not self.mark:
            return bool(body) and indent < self.indent
        return len(body) >= self.size and not body.strip(self.mark) and indent < self.indent + _INDENTED


@dataclass(slots=True)
class Page:
    """One text on its way through, as lines; `growing` if the last of them is still being written."""

    lines: list[str]
    dialect: Dialect
    growing: bool
    _inline: Inline = field(init=False)
    _out: list[str] = field(default_factory=list)
    _kind: str = "block"
    """What was written last: `text`, an empty `item`, or another `block`."""
    _depth: int = 0
    """How deep in quotes that was."""
    _listed: bool = False
    """Whether that was in a list."""
    _owner: _Item | None = None
    """The item that it belongs to."""
    _blank: int | None = None
    """The least quote depth of the blank lines since then; None if there were none."""
    _items: list[_Item] = field(default_factory=list)
    _code: _Code | None = None
    _columns: int = 0
    """How many the open table has."""
    _margin: int = 0
    """The indentation of a block that was moved to the left margin: what is indented like it is not code."""

    def __post_init__(self) -> None:
        self._inline = Inline(self.dialect)

    def presented(self) -> str:
        """The whole text."""
        number = 0
        while number < len(self.lines):
            number += self._take_code(number, self._code) if self._code else self._take(number)
        if self._code:
            self._end_code(self._code)
        if self.growing and self._blank is None and self._out and self._out[-1][-1:] not in {"*", "_", "~"}:
            self._out.append(self._inline.closers())
        return "".join(self._out)

    # What is read. Each function returns how many lines it used.

    def _take(self, number: int) -> int:
        growing = self._is_growing(number)
        depth, rest = lines.unquoted(self.lines[number], _DEEPEST)
        indent, body = lines.measured(rest)
        if growing and (not body or lines.UNDECIDED.fullmatch(body)):
            return 1
        if not body:
            self._end_block(depth)
            return 1
        if depth != self._depth or (self._blank is not None and self._blank < depth):
            self._items.clear()
        self._margin = min(self._margin, indent)
        if fence := lines.FENCE.fullmatch(body):
            self._begin_code(_Code(depth, indent, fence["ticks"][0], len(fence["ticks"])), indent, fence["info"])
        elif lines.RULE.fullmatch(body):
            self._begin(depth, indent)
            self._out.append("***" if self.dialect is Dialect.CARD else "---")
        elif heading := lines.HEADING.fullmatch(body):
            self._head(depth, indent, len(heading["level"]), heading["text"] or "", growing=growing)
        elif item := lines.ITEM.fullmatch(body):
            self._item(depth, indent, item, self._beneath(number, depth), growing=growing)
        elif self._is_indented_code(depth, indent, body):
            self._begin_code(_Code(depth, self._margin + _INDENTED), self._margin, "")
            return 0
        else:
            return self._take_text(number, depth, indent, body)
        return 1

    def _take_text(self, number: int, depth: int, indent: int, body: str) -> int:
        """A line that is no block by itself: text, or part of a table, or a heading by what is beneath it."""
        growing = self._is_growing(number)
        if self._columns and depth == self._depth and self._blank is None and "|" in body:
            self._row(depth, tables.cells(body), growing=growing)
            return 1
        while self._items and indent < self._items[-1].column + 2:
            self._items.pop()
        beneath = self._beneath(number, depth)
        decided = not self._is_growing(number + 1)
        columns = tables.delimiters(beneath) if "|" in body and decided else []
        if columns and len(columns) == len(tables.cells(body)):
            self._begin_table(depth, indent, tables.cells(body), columns)
            return 2
        if body.startswith("|") and (growing or (not decided and lines.DELIMITERS.fullmatch(beneath))):
            return len(self.lines) - number
        if decided and lines.UNDERLINE.fullmatch(beneath) and not self._items and not self._goes_on(depth):
            self._head(depth, indent, 1, body)
            return 2
        if lines.UNDERLINE.fullmatch(body) or lines.DELIMITERS.fullmatch(body):
            body = lines.as_text(body)  # beneath other text it would make a heading or a table of that
        self._text(depth, body if growing else lines.unbroken(body, beneath), growing=growing)
        return 1

    def _take_code(self, number: int, code: _Code) -> int:
        depth, rest = lines.unquoted(self.lines[number], code.depth)
        indent, body = lines.measured(rest)
        if self._is_growing(number) and not body.strip(code.mark or " "):
            return 1
        if depth < code.depth or code.is_ended_by(indent, body):
            self._end_code(code)
            return int(bool(code.mark) and depth == code.depth)
        if not code.mark and not body:
            code.blank += 1
            return 1
        line = code_for(lines.shielded(lines.dedented(rest, code.indent), code.size), self.dialect)
        self._out += [f"\n{'>' * code.depth}"] * code.blank
        self._out.append(f"\n{_quotes(code.depth)}{line}")
        code.blank = 0
        return 1

    def _is_growing(self, number: int) -> bool:
        return self.growing and number == len(self.lines) - 1

    def _beneath(self, number: int, depth: int) -> str:
        """What the next line says, if it is as deep in quotes as this one."""
        if number + 1 == len(self.lines):
            return ""
        below, rest = lines.unquoted(self.lines[number + 1], _DEEPEST)
        return lines.measured(rest)[1] if below == depth else ""

    def _is_indented_code(self, depth: int, indent: int, body: str) -> bool:
        """Code by its indentation; not what is Chinese, since letters in Chinese are often indented as far."""
        is_indented = not self._items and indent >= self._margin + _INDENTED
        return is_indented and not self._goes_on(depth) and not lines.CHINESE.search(body)

    def _goes_on(self, depth: int) -> bool:
        """Whether a line of text goes on with the text above it."""
        is_beneath = self._kind == "text" and self._blank is None and depth == self._depth
        return is_beneath and self._owner is (self._items[-1] if self._items else None)

    def _is_empty_item(self) -> bool:
        return self._kind == "item" and bool(self._items) and self._owner is self._items[-1]

    # What is written.

    def _begin(self, depth: int, indent: int | None = None, *, kind: str = "block", listed: bool = False) -> None:
        """Begin a block; one with an `indent` moves from there to the left margin and ends the lists."""
        if self._out:
            is_tight = listed and self._listed and self._blank is None
            shared = min(depth, self._depth, depth if self._blank is None else self._blank)
            self._out.append("\n" if is_tight else f"\n{'>' * shared}\n")
        self._out.append(_quotes(depth))
        if indent is not None:
            self._items.clear()
            self._margin = indent
        self._kind, self._depth, self._listed, self._blank, self._columns = kind, depth, listed, None, 0
        self._owner = self._items[-1] if self._items else None
        self._inline = Inline(self.dialect)

    def _end_block(self, depth: int) -> None:
        """A blank line."""
        self._blank = depth if self._blank is None else min(depth, self._blank)
        if self._is_empty_item():
            self._items.pop()

    def _text(self, depth: int, body: str, *, growing: bool) -> None:
        goes_on, begins_item = self._goes_on(depth), self._is_empty_item()
        inline = self._inline if goes_on else Inline(self.dialect)
        shown = inline.line(body if goes_on else lines.begun(body), growing=growing)
        if begins_item:
            shown = lines.boxed(shown)
        margin = f"  \n{_quotes(depth)}{' ' * self._width()}"
        if "\n" in shown:
            parts = (lines.as_text(part.strip(" \t")) for part in shown.split("\n"))
            shown = margin.join(filter(None, parts))
        if not shown:
            return
        if goes_on:
            self._out.append("<br>" if self.dialect is Dialect.CARD else margin)
        elif begins_item:
            self._out.append(" ")
            self._kind = "text"
        else:
            self._begin(depth, kind="text", listed=bool(self._items))
            self._out.append(" " * self._width())
        self._inline = inline
        self._out.append(shown)

    def _width(self) -> int:
        """How far the content of the open items is indented."""
        return sum(item.width for item in self._items)

    def _head(self, depth: int, indent: int, level: int, text: str, *, growing: bool = False) -> None:
        inline = Inline(self.dialect, unbroken=True)
        shown = lines.title(inline.line(lines.begun(text), growing=growing))
        if growing and not shown:
            return
        self._begin(depth, indent)
        self._inline = inline
        self._out.append(f"{'#' * min(level, 5 if self.dialect is Dialect.CARD else 6)} {shown}".rstrip(" "))

    def _item(self, depth: int, indent: int, item: re.Match[str], beneath: str, *, growing: bool) -> None:
        """A list item. Ordered lists do not nest on DingTalk, so an inner one keeps its numbers behind bullets."""
        text, bullet = item["text"] or "", item["bullet"].replace("+", "-")
        text = text if growing else lines.unbroken(text, beneath)
        code = lines.FENCE.fullmatch(text)
        if growing and (code or not Inline(self.dialect).line(text, growing=True)):
            return
        while self._items and (indent < self._items[-1].column + 2 or len(self._items) == _DEEPEST):
            self._items.pop()
        text = "" if code else text
        if item["number"]:
            bullet = f"{item['number']}."
            if self._items:
                bullet, text = "-", f"({item['number']}) {text}".rstrip(" ")
        if lines.RULE.fullmatch(f"{bullet} {text}"):
            text = lines.as_text(text)
        margin = " " * self._width()
        self._begin(depth, kind="item", listed=True)
        self._out.append(margin + bullet)
        self._owner = _Item(indent, max(_INDENTED, len(bullet) + 1))
        self._items.append(self._owner)
        if text:
            self._text(depth, text, growing=growing)
        if code:
            column = indent + item.start("text")
            self._begin_code(_Code(depth, column, code["ticks"][0], len(code["ticks"])), column, code["info"])

    def _begin_table(self, depth: int, indent: int, head: list[str], columns: list[str]) -> None:
        self._begin(depth, indent)
        self._columns = len(columns)
        shown = tables.row(len(columns), head, self.dialect)
        if self.dialect is Dialect.CARD:
            self._out.append(f"{shown}\n{_quotes(depth)}| {' | '.join(columns)} |")
        else:
            self._out.append(lines.as_text(shown or "|"))

    def _row(self, depth: int, cells: list[str], *, growing: bool) -> None:
        columns = self._columns
        shown = tables.row(columns, cells, self.dialect, growing=growing)
        if self.dialect is Dialect.CARD:
            self._out.append(f"\n{_quotes(depth)}{shown}")
        elif shown:
            self._begin(depth, 0, listed=True)
            self._out.append(f"- {lines.as_text(shown)}")
            self._columns = columns

    def _begin_code(self, code: _Code, indent: int, info: str) -> None:
        self._begin(code.depth, indent)
        self._code = code
        self._out.append("`" * code.size + info.replace("`", "").replace("|", "&#124;").strip(" \t"))

    def _end_code(self, code: _Code) -> None:
        self._out.append(f"\n{_quotes(code.depth)}{'`' * code.size}")
        self._code = None


def _quotes(depth: int) -> str:
    return f"{'>' * depth} " if depth else ""
