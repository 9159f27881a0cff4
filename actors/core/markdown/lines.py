"""Single lines of Markdown: how deep they are, what they begin, and how one is kept from being read as another thing.

The law: a line is judged by itself. This file knows nothing of the lines before and after.
"""

import re

_QUOTE = re.compile(r"[ \t]*+> ?")
_TASK = re.compile(r"\[([ xX])\](?:[ \t]++|$)")
_BREAKS = re.compile(r"(?:<br[ \t]*+/?>[ \t]*+)++", re.IGNORECASE)
_BLOCK = re.compile(
    r"[#>|]|[-+*](?:[ \t]|$)|\d{1,9}[.)](?:[ \t]|$)|`{3,}+[^`]*$|~{3}|[-=_*|: \t]++$|\[[ xX]\][ \t]", re.ASCII
)
"""What would not be read as text at the beginning of a line."""

FENCE = re.compile(r"(?P<ticks>`{3,}+(?=[^`]*+$)|~{3,}+)[ \t]*+(?P<info>.*)")
RULE = re.compile(r"([-*_])(?:[ \t]*+\1){2,}+")
HEADING = re.compile(r"(?P<level>#{1,6})(?:[ \t]++(?P<text>.*))?")
ITEM = re.compile(r"(?P<bullet>[-*+]|(?P<number>\d{1,9})[.)])(?:[ \t]++(?P<text>.*))?", re.ASCII)
UNDERLINE = re.compile(r"=++")
DELIMITERS = re.compile(r"[-|: \t]*+")
"""A delimiter row of a table, or the beginning of one."""
UNDECIDED = re.compile(r"[-+*_=~`|: \t]++|#{1,6}|\d{1,9}[.)]?|`{3,}+[^`]*+|~{3,}+.*", re.ASCII)
"""A growing line that may yet become an item, a heading, a rule, a fence or a row."""
CHINESE = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")


def unquoted(line: str, most: int) -> tuple[int, str]:
    """How deep in quotes a line is, up to `most`, and what it says there."""
    depth = at = 0
    while depth < most and (mark := _QUOTE.match(line, at)):
        depth, at = depth + 1, mark.end()
    return depth, line[at:]


def measured(rest: str) -> tuple[int, str]:
    """The column at which a line begins, and the line without blanks around it."""
    body = rest.lstrip(" \t")
    lead = rest[: len(rest) - len(body)]
    return len(lead.expandtabs(4)) if "\t" in lead else len(lead), body.rstrip(" \t")


def dedented(rest: str, columns: int) -> str:
    """A line of code without the indentation of its block."""
    at = column = 0
    while column < columns and at < len(rest) and rest[at] in " \t":
        column += 1 if rest[at] == " " else 4 - column % 4
        at += column <= columns
    return rest[at:]


def shielded(code: str, size: int) -> str:
    """A line of code that is not taken for the end of its block, a fence of `size` backticks."""
    indent, body = measured(code)
    is_end = len(body) >= size and not body.strip("`") and indent < 4  # noqa: PLR2004 - as CommonMark has it
    return f"    {code}" if is_end else code


def begun(body: str) -> str:
    """The first line of a text, which does not begin with breaks."""
    breaks = _BREAKS.match(body)
    return as_text(body[breaks.end() :]) if breaks else body


def boxed(shown: str) -> str:
    """The text of a list item; if it is a task its box is drawn."""
    task = _TASK.match(shown)
    return f"{'☐' if task[1] == ' ' else '☑'} {shown[task.end() :]}".rstrip(" ") if task else shown


def as_text(line: str) -> str:
    """A line that is read as text, whatever it looks like, with nothing at its end that acts on the next one."""
    if line and _BLOCK.match(line):
        line = f"&#{ord(line[0])};{line[1:]}"
    return f"{line[:-1]}&#92;" if ends_escaping(line) else line


def unbroken(body: str, beneath: str) -> str:
    """A line without the backslash at its end: it was a line break if there is more `beneath`, else it is text."""
    if not ends_escaping(body):
        return body
    return as_text(body[:-1].rstrip(" \t")) if beneath else f"{body[:-1]}&#92;"


def title(heading: str) -> str:
    """A heading without the marks that may stand behind it, too."""
    heading = heading.strip(" \t")
    bare = heading.rstrip("# \t")
    marks = heading[len(bare) :]
    own = len(marks) - len(marks.lstrip("#")) if bare else 0
    return bare + marks[:own]


def ends_escaping(text: str) -> bool:
    """Whether a text ends with a backslash that would act on what comes next."""
    return is_escaped(text, len(text))


def is_escaped(text: str, at: int) -> bool:
    """Whether a backslash acts on the character at this place."""
    first = at
    while first and text[first - 1] == "\\":
        first -= 1
    return (at - first) % 2 == 1
