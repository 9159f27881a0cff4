"""How findings are told: lines for a person at a terminal, or JSON objects for a script.

The law: nothing secret is told, whatever came from outside is cleaned, and no letter is lost at the terminal's edge. It
decides nothing. A Chinese letter takes two places (Unicode, "East Asian Width").
"""

import json
import os
import re
import shutil
import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import Any, Protocol, TextIO

from actors.doctor import texts
from actors.doctor.findings import Finding, State
from actors.redaction import clean

_WIDEST = 100
"""Places of a line that is still read with ease."""

_MARKS = {State.OK: ("✓", "32"), State.FAILED: ("✗", "1;31"), State.SKIPPED: ("–", "2")}
_WORD = re.compile(r"[^\s\u2e80-\uffef]+[，。；：、）】]*\s*|[\u2e80-\uffef][，。；：、）】]*\s*|\s+")
"""What is not torn: a word or one Chinese letter, with the punctuation that must not begin a line."""


class Screen(Protocol):
    """Where a check-up is told."""

    def robot(self, client_id: str, shown_on: str) -> None:
        """A robot's check-up begins."""

    def tell(self, finding: Finding) -> None:
        """A step is over."""

    def remark(self, text: texts.Text) -> None:
        """Something that has to be known, beside the findings."""

    def total(self, counts: Counter[State], calls: int, not_acked: int) -> None:
        """All is over: how many steps ended how, counted API calls, and pushes that were not acked."""


class Terminal:
    """Lines for a person."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._width = min(shutil.get_terminal_size().columns, _WIDEST)
        self._coloured = out.isatty() and "NO_COLOR" not in os.environ
        self._told: set[tuple[str, str]] = set()
        self._line(self._paint("1", texts.TITLE))

    def robot(self, client_id: str, shown_on: str) -> None:
        self._told.clear()
        self._line("")
        self._lines(f"{client_id}  ·  {shown_on}", code="1")

    def tell(self, finding: Finding) -> None:
        mark, colour = _MARKS[finding.state]
        chinese, english = texts.NAMES[finding.step]
        name = f"{_padded(chinese, 9)}{english:<13}"
        seconds = f"{finding.seconds:5.2f} s" if finding.seconds else " " * 7
        head = f"{self._paint(colour, mark)} {name}{seconds}"
        detail = clean(finding.detail)
        self._line(f"{head}  {detail}".rstrip() if finding.state is State.OK else head.rstrip())
        if finding.state is State.OK:
            return
        if detail:
            self._lines(f"{texts.SAID}{detail}", indent=2)
        advice = texts.ADVICE if finding.state is State.FAILED else texts.REASONS
        if (finding.key, finding.about) in self._told:
            self._lines(texts.AS_ABOVE, indent=2, code="2")
            return
        self._told.add((finding.key, finding.about))
        for text in advice[finding.key].about(about=finding.about):
            self._lines(text, first="→ ", indent=2, code="" if finding.state is State.FAILED else "2")

    def remark(self, text: texts.Text) -> None:
        for words in text:
            self._lines(words, code="33")

    def total(self, counts: Counter[State], calls: int, not_acked: int) -> None:
        self._line("")
        for words in texts.TOTALS.about(**{state: counts[state] for state in State}, calls=calls):
            self._lines(words, code="1")
        if not_acked:
            self.remark(texts.NOT_ACKED.about(count=not_acked))

    def _lines(self, text: str, first: str = "", indent: int = 0, code: str = "") -> None:
        """A paragraph; behind its `first` all lines begin in the same place."""
        inner = indent + _places(first)
        for line in wrapped(text, self._width - inner):
            self._line(self._paint(code, f"{' ' * indent}{first}{line}"))
            first, indent = "", inner

    def _line(self, line: str) -> None:
        self._out.write(f"{line}\n")
        self._out.flush()

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._coloured and code else text


class Script:
    """One JSON object for each step, and one for all at the end. Remarks go to `aside`."""

    def __init__(self, out: TextIO, aside: TextIO) -> None:
        self._out = out
        self._aside = aside

    def robot(self, client_id: str, shown_on: str) -> None:
        """Each step names its robot."""

    def tell(self, finding: Finding) -> None:
        told: dict[str, Any] = {
            "robot": finding.robot,
            "step": finding.step,
            "state": finding.state,
            "seconds": round(finding.seconds, 3),
            "detail": clean(finding.detail),
        }
        if finding.state is not State.OK:
            catalogue = texts.ADVICE if finding.state is State.FAILED else texts.REASONS
            chinese, english = catalogue[finding.key].about(about=finding.about)
            key = "advice" if finding.state is State.FAILED else "reason"
            told |= {key: finding.key, "about": finding.about, "zh": chinese, "en": english}
        self._write(told)

    def remark(self, text: texts.Text) -> None:
        self._aside.write("\n".join(text) + "\n")
        self._aside.flush()

    def total(self, counts: Counter[State], calls: int, not_acked: int) -> None:
        told: dict[str, Any] = {state: counts[state] for state in State}
        self._write({"step": "total"} | told | {"counted_calls": calls, "not_acked": not_acked})

    def _write(self, told: dict[str, Any]) -> None:
        self._out.write(json.dumps(told, ensure_ascii=False) + "\n")
        self._out.flush()


def wrapped(text: str, width: int) -> Iterator[str]:
    """The text in lines of at most so many places; a word that is longer than that has a line of its own."""
    line = ""
    for word in _WORD.findall(text):
        if line and _places(line + word.rstrip()) > width:
            yield line.rstrip()
            line = ""
        line += word if line else word.lstrip()
    if line:
        yield line.rstrip()


def _places(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in {"W", "F"} else 1 for letter in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _places(text))
