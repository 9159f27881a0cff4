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

_WIDEST, _NARROWEST = 100, 20
"""Places of a line that is still read with ease."""

_MARKS = {State.OK: ("✓", "32"), State.FAILED: ("✗", "1;31"), State.SKIPPED: ("–", "2")}
_WORD = re.compile(
    r"(?<=\s)[\u2e80-\u9fff]{2,8}(?=\s)\s*"
    r"|[^\s\u2e80-\uffef]+[，。；：、）】]*\s*"
    r"|[\u2e80-\uffef][，。；：、）】]*\s*"
    r"|\s+"
)
"""What is not torn: a menu's name between blanks, a word, or one Chinese letter, with the punctuation that must not
begin a line."""


class Teller(Protocol):
    """Who tells the operator."""

    def tell(self, finding: Finding) -> None:
        """A step is over."""

    def remark(self, text: texts.Text) -> None:
        """Something that has to be known, beside the findings."""


class Screen(Teller, Protocol):
    """Where the check-ups are told."""

    def robot(self, client_id: str, shown_on: str) -> None:
        """A robot's check-up begins."""

    def total(self, counts: Counter[State], calls: int, not_acked: int) -> None:
        """All is over: how many steps ended how, counted API calls, and pushes that were not acked."""


class Terminal:
    """Lines for a person."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._width = min(shutil.get_terminal_size().columns, _WIDEST)
        self._coloured = out.isatty() and "NO_COLOR" not in os.environ
        self._told: set[tuple[str, str]] = set()
        self._hints: dict[str, None] = {}
        self._lines(texts.TITLE, code="1")

    def robot(self, client_id: str, shown_on: str) -> None:
        self._told.clear()
        self._lines("")
        self._lines(f"{client_id} · {shown_on}", code="1")

    def tell(self, finding: Finding) -> None:
        mark, colour = _MARKS[finding.state]
        chinese, english = texts.NAMES[finding.step]
        seconds = "" if finding.state is State.SKIPPED else f"{finding.seconds:.2f} s"
        head = f"{mark} {chinese}{' ' * (9 - _places(chinese))}{english:<14}{seconds:>6}  "
        detail = clean(finding.detail)
        match finding.state:
            case State.OK:
                self._lines(detail, first=head, mark=colour)
            case State.SKIPPED:
                why = " · ".join(texts.REASONS[finding.key].about(about=finding.about))
                self._lines(why, first=head, code=colour)
                self._hints |= {finding.key: None} if finding.key in texts.HINTS else {}
            case State.FAILED:
                self._lines("", first=head, mark=colour)
                for line in detail.splitlines():
                    self._lines(f"{texts.SAID}{line}", first="    ")
                self._advise(finding)

    def _advise(self, finding: Finding) -> None:
        """What to do; the same twice is said once."""
        subjects = {(finding.key, subject) for subject in finding.about.split(", ")}
        known, self._told = subjects <= self._told, self._told | subjects
        advice = (texts.AS_ABOVE,) if known else texts.ADVICE[finding.key].about(about=finding.about)
        for text in advice:
            self._lines(text, first="  → ")

    def remark(self, text: texts.Text) -> None:
        for words in text:
            self._lines(words, code="33")

    def total(self, counts: Counter[State], calls: int, not_acked: int) -> None:
        if self._hints:
            self._lines("")
        for key in self._hints:
            for words in texts.HINTS[key]:
                self._lines(words, first="– ", code="2")
        self._lines("")
        for words in texts.TOTALS.about(**{state: counts[state] for state in State}, calls=calls):
            self._lines(words, code="1")
        if not_acked:
            self.remark(texts.NOT_ACKED.about(count=not_acked))

    def _lines(self, text: str, *, first: str = "", code: str = "", mark: str = "") -> None:
        """A paragraph; behind its `first` all lines begin in the same place. `mark` colours its first letter."""
        indent = _places(first)
        for number, line in enumerate(wrapped(text, max(self._width - indent, _NARROWEST))):
            lead = first if number == 0 else " " * indent
            told = f"{self._paint(mark, lead[:1])}{lead[1:]}{line}".rstrip()
            self._out.write(f"{self._paint(code, told)}\n")
        self._out.flush()

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._coloured and code and text.strip() else text


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
            text = catalogue[finding.key].about(about=finding.about)
            key = "advice" if finding.state is State.FAILED else "reason"
            told |= {key: finding.key, "about": finding.about, "zh": text.zh, "en": text.en}
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
    """The text in lines of at most so many places, one at least; a word that is longer has a line of its own."""
    line = ""
    for word in _WORD.findall(text):
        if line and _places(line + word.rstrip()) > width:
            yield line.rstrip()
            line = ""
        line += word if line else word.lstrip()
    yield line.rstrip()


def _places(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in {"W", "F"} else 1 for letter in text)
