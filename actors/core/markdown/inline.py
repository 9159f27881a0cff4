"""What stands within a line of an agent's Markdown: code, links, tags, emphasis.

The law: a line is read from left to right in one pass, and a line that is complete is never read again. Nothing is
escaped with a backslash, which no DingTalk document promises, but with character references, which one has.
This file knows nothing of the blocks that lines make up.
"""

import re
import unicodedata
from collections import defaultdict, deque
from enum import Enum

from actors.core.markdown.lines import ends_escaping, is_escaped


class Dialect(Enum):
    """Where a text is shown."""

    CARD = "card"
    """The Markdown component of a card."""
    MESSAGE = "message"
    """A Markdown message of a robot, by session webhook or by the API."""


_SPECIAL = re.compile(r"[\\`*_~\[\]<&!]|://")
_TICKS = re.compile(r"`+")
_OPENS_TAG = re.compile(r"<(?=[A-Za-z/!?@])")
_SCHEMES = ("https://", "http://", "mailto:", "tel:")
_WEB = f"(?:{'|'.join(_SCHEMES)})"
_MEDIA = r"[@$][\w-]{8,}"
"""What DingTalk calls a picture that was uploaded to it (`mediaId`)."""
_TOKEN = re.compile(
    rf"""(?P<escaped>\\[!-/:-@\[-`{{-~])
    |(?P<ticks>`+)
    |(?P<br><br[ \t]*/?>)
    |<(?P<url>{_WEB}[^\s<>\[\]()`*\\]*+|[\w.+-]++@[\w.-]++)>
    |(?P<tag><(?=[A-Za-z/!?@]|[ \t]*+(?:<|$)))
    |(?P<picture>!(?=\[(?![ xX]\])[^\[\]<\\]*+\]\((?!https?://|{_MEDIA}\))))
    |(?P<target>\]\()
    |(?P<definition>\]:)
    |(?P<run>\*+|_+|~+)
    |(?P<action>(?:dtmd|dingtalk):(?=//))""",
    re.VERBOSE | re.IGNORECASE,
)
_TARGET = re.compile(
    rf"""[ \t]*+(?:{_MEDIA}(?=\))|{_WEB}[^\s()<>\[\]`\\]*+(?:\([^\s()<>\[\]`\\]*+\)[^\s()<>\[\]`\\]*+)*+)
    (?:[ \t]++(?:"[^"\\]*+"|'[^'\\]*+'))?[ \t]*+\)""",
    re.VERBOSE | re.IGNORECASE,
)
_DATA = re.compile(r"(?P<kind>[ \t]*+data:[^\s,)]{0,100}+,)(?P<payload>[^\s)]++)", re.IGNORECASE)
_MAY_DEFINE = re.compile(
    r"(?:(?:[-+*>]|\d++[.)])[ \t]++)++!*+\[|(?:<br[ \t]*+/?>|[ \t])*+!*+\[", re.IGNORECASE | re.ASCII
)
_BOLD_OR_BREAK = re.compile(r"(\*\*)|(?<!\\)<br[ \t]*/?>", re.IGNORECASE)
_HALF_LINK = re.compile(
    r"""\[(?P<label>[^\[\]]{0,80})(?:\](?:\((?P<target>(?:[^()\s]++|\([^()\s]*+\))*+(?:\([^()\s]*+)?)
    (?:[ \t]++(?:"[^"]*+"?|'[^']*+'?)?)?)?)?""",
    re.VERBOSE,
)
_HALF_TAG = re.compile(r"<(?:br[ \t]*/?|[\w/!?@:.%+&=#~;,$'-]{0,300})", re.ASCII)
_HALF_REFERENCE = re.compile(r"&#?[0-9A-Za-z]{0,31}")

_WIDE = "\u2e80"
"""From here on characters are Chinese, Japanese or Korean, or wide."""

_MOST_OPEN = 32
"""Emphasis nested deeper than this is left as it stands."""


def code_for(text: str, dialect: Dialect) -> str:
    """Code as it is sent: in messages clients were seen to take a tag in code for HTML, and to show nothing at all."""
    return _OPENS_TAG.sub("&lt;", text) if dialect is Dialect.MESSAGE else text


class Inline:
    """The text of one paragraph, heading or cell, line by line; emphasis may go on from one line to the next.

    `unbroken` if it has to stay on one line.
    """

    def __init__(self, dialect: Dialect, *, unbroken: bool = False) -> None:
        self._dialect = dialect
        self._break = "<br>" if dialect is Dialect.CARD else " " if unbroken else "\n"
        self._open: list[tuple[str, int]] = []
        self._defines: bool | None = None
        """Whether a renderer could take this for a link reference definition, and swallow it (`[注意]: 必读`)."""

    def line(self, text: str, *, growing: bool = False) -> str:
        """One line; if it is still `growing`, what could yet become something else is held back at its end.

        In a message the result has a newline where the line was broken by `<br>`, or a blank if it is `unbroken`.
        """
        if self._defines is None:
            self._defines = _MAY_DEFINE.match(text) is not None
        if not _SPECIAL.search(text):
            return text
        spans = _code_spans(text)
        code = ""
        if growing:
            text, code = _decided(text, spans)
            spans = _code_spans(text)
        out: list[str] = []
        at = 0
        for start, end in spans:
            self._prose(text, at, start, out, growing=growing)
            out.append(code_for(text[start:end], self._dialect))
            at = end
        self._prose(text, at, len(text), out, growing=growing)
        out.append(code_for(code, self._dialect))
        return "".join(out)

    def closers(self) -> str:
        """What ends the emphasis that is still open, so that a text that is cut here renders."""
        return "".join(mark * count for mark, count in reversed(self._open))

    def _prose(self, text: str, at: int, end: int, out: list[str], *, growing: bool) -> None:
        broken = 0  # where there is a blank or a break in what comes out
        while token := _TOKEN.search(text, at, end):
            out.append(text[at : token.start()])
            at = token.end()
            match token.lastgroup:
                case "escaped":
                    out.append("&lt;" if token[0] == r"\<" else token[0])
                case "ticks":
                    out.append("&#96;" * len(token[0]))
                case "br":
                    out.append(self._break)
                    broken = at
                case "url":
                    out.append(token["url"] + ("" if at >= len(text) or text[at].isspace() else " "))
                    broken = at
                case "tag":
                    out.append("&lt;")
                case "action":
                    out.append(f"{token[0]}\u200b")
                case "target":
                    at = _target(text, at, end, out)
                case "definition":
                    out.append("]&#58;" if self._defines else token[0])
                case "run":
                    before = " " if token.start() == broken else text[token.start() - 1]
                    following = _TOKEN.match(text, at) if text.startswith("<", at) else None
                    after = _first_of(following) if following else text[at : at + 1] or " "
                    is_closed = growing or (token[0] == "**" and _is_closed(text, at))
                    out.append(self._run(token[0], before, after, is_closed=is_closed))
        out.append(text[at:end])

    def _run(self, run: str, before: str, after: str, *, is_closed: bool) -> str:
        """A run of `*`, `_` or `~~`: what it opens and closes is remembered, as CommonMark would read it.

        CommonMark does not see `**` as an end in `**注意：**请…`, nor as a beginning in `请看**“这里”**`, because of
        the punctuation beside it (commonmark-spec#650). Models write this all the time; a space makes it emphasis.
        """
        mark, count = run[0], len(run)
        if mark == "~" and count != 2:  # noqa: PLR2004
            return run
        opens, closes = _flanks(mark, before, after)
        if run == "**" and max(before, after) >= _WIDE:
            bold = any(opened == mark and size > 1 for opened, size in self._open)
            if bold and not closes and not before.isspace() and unicodedata.category(before) not in {"Ps", "Pi"}:
                self._match(mark, count)
                return run if after.isspace() else f"{run} "
            if not bold and not opens and not after.isspace() and is_closed:
                self._open.append((mark, count))
                return f" {run}"
        left = self._match(mark, count) if closes else count
        begins_word = before.isspace() or _is_punctuation(before)
        if left and opens and len(self._open) < _MOST_OPEN and (left > 1 or begins_word):
            self._open.append((mark, left))
        return run

    def _match(self, mark: str, count: int) -> int:
        """Close with a run of `count`; what is left of it."""
        while count:
            at = next((at for at in reversed(range(len(self._open))) if self._open[at][0] == mark), None)
            if at is None:
                return count
            opened = self._open[at][1]
            used = min(2, opened, count)
            del self._open[at:]
            if opened > used:
                self._open.append((mark, opened - used))
            count -= used
        return 0


def _target(text: str, at: int, end: int, out: list[str]) -> int:
    """A link's or picture's target, from behind its `](`: live if it leads into the web, else text. Where it ends."""
    if link := _TARGET.match(text, at, end):
        out.append(f"]({link[0]}")
        return link.end()
    out.append("] (")
    if data := _DATA.match(text, at, end):
        out.append(data["kind"] + "…")
        return data.end()
    return at


def _code_spans(text: str) -> list[tuple[int, int]]:
    """Where code stands: from a run of backticks to the next one of the same length."""
    runs = [(run.start(), run.end()) for run in _TICKS.finditer(text)]
    later: dict[int, deque[int]] = defaultdict(deque)
    for number, (start, end) in enumerate(runs):
        later[end - start].append(number)
    spans = []
    number = 0
    while number < len(runs):
        start, end = runs[number]
        start += is_escaped(text, start)
        ends = later[end - start]
        while ends and ends[0] <= number:
            ends.popleft()
        if start < end and ends:
            number = ends[0]
            spans.append((start, runs[number][1]))
        number += 1
    return spans


def _decided(text: str, spans: list[tuple[int, int]]) -> tuple[str, str]:
    """What of a line that is still growing can be shown: its text, and the code at its end that is not closed yet."""
    floor = spans[-1][1] if spans else 0
    ticks = next((run for run in _TICKS.finditer(text, floor) if not is_escaped(text, run.start())), None)
    opening = text.rfind("[")
    if opening >= 0 and not is_escaped(text, opening) and not (ticks and ticks.start() < opening):
        half = _HALF_LINK.fullmatch(text, opening)
        if half and _may_be_link(half["target"]) and not any(start < opening < end for start, end in spans):
            return _trimmed(_without_half_link(text, opening, half), 0), ""
    if ticks is None:
        return _trimmed(text, floor), ""
    code = text[ticks.end() :].rstrip("`")
    text = text[: ticks.start()]
    return (text, f"{ticks[0]}{code}{ticks[0]}") if code.strip() else (_trimmed(text, floor), "")


def _may_be_link(target: str | None) -> bool:
    """Whether this beginning of a link's target, if there is one yet, can become a live one."""
    begun = (target or "").lower()
    return begun[:1] in {"@", "$"} or any(begun.startswith(scheme) or scheme.startswith(begun) for scheme in _SCHEMES)


def _without_half_link(text: str, opening: int, half: re.Match[str]) -> str:
    """A link shows its label as soon as it is sure to be one; a picture shows when it is whole."""
    is_picture = text.endswith("!", 0, opening)
    if half["target"] is None or is_picture:
        return text[: opening - is_picture]
    return text[:opening] + half["label"]


def _trimmed(text: str, floor: int) -> str:
    """Without what could yet become something else at the end: half a tag or reference, emphasis, an escape."""
    for mark, half in (("<", _HALF_TAG), ("&", _HALF_REFERENCE)):
        at = text.rfind(mark, floor)
        if at >= 0 and half.fullmatch(text, at):
            text = text[:at]
    if text.endswith("!") and (len(text) == 1 or text[-2].isspace()):
        text = text[:-1]
    text = text.rstrip("*_~ \t")
    return text[:-1] if ends_escaping(text) else text


def _first_of(token: re.Match[str]) -> str:
    """The character by which emphasis before this token is judged."""
    return " " if token["br"] else (token["url"] or token[0])[0]


def _is_closed(text: str, at: int) -> bool:
    """Whether there is another `**` in this line."""
    mark = _BOLD_OR_BREAK.search(text, at)
    return mark is not None and mark[1] is not None


def _is_punctuation(char: str) -> bool:
    return unicodedata.category(char)[0] in "PS"


def _flanks(mark: str, before: str, after: str) -> tuple[bool, bool]:
    """Whether a run can open and can close emphasis between these characters, by CommonMark's rules."""
    punctuated_before, punctuated_after = _is_punctuation(before), _is_punctuation(after)
    left = not after.isspace() and (not punctuated_after or before.isspace() or punctuated_before)
    right = not before.isspace() and (not punctuated_before or after.isspace() or punctuated_after)
    if mark != "_":
        return left, right
    return left and (not right or punctuated_before), right and (not left or punctuated_after)
