"""The runbook against the rules and the service: an entry for each alert, and nothing named in it that does not exist.

The law: who is woken finds an entry of the alert's name, in the same five parts, and every variable, metric and log
action there is one that the service has. What an entry advises is not judged here.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain
from pathlib import Path

from actors.core.spelling import near_miss
from actors.settings import KNOWN
from grafana.source import alerts, rules
from grafana.source.checks import known

PATH = Path(__file__).parents[1] / "RUNBOOK.md"

PARTS = ("**Means.**", "**People see.**", "**Check.**", "**Turn.**", "**False alarm.**")

_PLACEHOLDERS = {"STAFF_ID": False}
"""What stands for a value in a command, and looks like a variable."""

_ACTORS = Path(__file__).parents[2] / "actors"


def entries(text: str) -> dict[str, tuple[int, str]]:
    """What stands below each heading of the second level that is one word: its line, and the text."""
    found: dict[str, tuple[int, str]] = {}
    for part in re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]:
        heading, _, body = part.partition("\n")
        name = heading.removeprefix("## ").strip()
        if " " not in name:
            found[name] = (text[: text.index(part)].count("\n") + 1, body)
    return found


def faults(path: Path = PATH) -> Iterator[str]:
    """What is wrong with the runbook, with its line."""
    text = path.read_text(encoding="utf-8")
    found = entries(text)
    names = {alert.name for held in alerts.ALERTS.values() for alert in held}
    for name in sorted(names - found.keys()):
        yield f"grafana/RUNBOOK.md: the alert {name} has no entry; write one under the heading: ## {name}"
    for name, (line, body) in found.items():
        if name not in names:
            yield f"grafana/RUNBOOK.md:{line}: {name} is no alert{_advice(name, names)}"
        for part in PARTS:
            if part not in body:
                yield f"grafana/RUNBOOK.md:{line}: {name} has no part {part}"
    headings = {_anchor(heading) for heading in re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)}
    for line, words in enumerate(text.splitlines(), 1):
        for anchor in re.findall(r"\]\(#([^)]*)\)", words):
            if anchor not in headings:
                yield f"grafana/RUNBOOK.md:{line}: there is no heading #{anchor}{_advice(anchor, headings)}"
        for problem in _unknown(words):
            yield f"grafana/RUNBOOK.md:{line}: {problem}"


def _anchor(heading: str) -> str:
    """What a link to a heading is called, as GitHub makes it."""
    return re.sub(r"[^\w -]", "", heading.strip().lower()).replace(" ", "-")


def _unknown(words: str) -> Iterator[str]:
    """What is named in a line, as code, and does not exist."""
    series, said = _series(), _words_of_the_code()
    for code in re.findall(r"`([^`]+)`", words):
        for name in re.findall(r"\bdingtalk[_:][a-z0-9_:]+", code):
            if name not in series and f"{name}_bucket" not in series:
                yield f"there is no metric {name}{_advice(name, series)}"
        for variable in re.findall(r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]*[A-Z0-9]\b", code):
            secret = KNOWN.get(variable.removesuffix("_FILE"))
            if not secret and variable not in KNOWN | _PLACEHOLDERS:
                yield f"there is no variable {variable}{_advice(variable, KNOWN)}"
        for action in re.findall(r'\baction="([^"]*)"', code):
            if action not in said:
                yield f"nothing logs the action {action}{_advice(action, said)}"


@cache
def _series() -> frozenset[str]:
    return frozenset(known(rules.RECORDED))


@cache
def _words_of_the_code() -> frozenset[str]:
    """Every word that the service may log as an action; those of connections are put together from their states."""
    texts = (path.read_text(encoding="utf-8") for path in _ACTORS.rglob("*.py"))
    states = (f"connection_{state}" for state in ("connected", "waiting", "parked", "stopped"))
    return frozenset(chain(states, *(re.findall(r'"([a-z_]+)"', text) for text in texts)))


def _advice(name: str, names: Iterable[str]) -> str:
    near = near_miss(name, tuple(names))
    return f", did you mean {near}?" if near else ""
