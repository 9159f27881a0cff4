"""`python -m grafana.source --write` builds every file; `--check` ends with 1 and names what is wrong, and where."""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from grafana.source import alerts, dashboards, rules, runbook

FOLDER = Path(__file__).parents[1]

BUILT: dict[str, Callable[[], str]] = dashboards.BUILT | rules.BUILT | alerts.BUILT
"""Every built file, below `grafana/`, and what makes its text."""


def faults() -> Iterator[str]:
    """What is wrong with dashboards and rules, with the place."""
    yield from dashboards.faults()
    yield from rules.faults()
    yield from alerts.faults()
    yield from runbook.faults()


def main(arguments: list[str]) -> int:
    """Build or check; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m grafana.source", description="Dashboards and rules as code.")
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--write", action="store_true", help="build the files")
    mode.add_argument("--check", action="store_true", help="end with 1 if something is wrong or out of step")
    options = parser.parse_args(arguments)
    wrong = list(faults())
    for name, build in BUILT.items():
        path, text = FOLDER / name, build()
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        if options.write:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        else:
            wrong.append(f"grafana/{name}: is out of step with its source; renew it by: make dashboards")
    for fault in wrong:
        sys.stderr.write(f"{fault}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
