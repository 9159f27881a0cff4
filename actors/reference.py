"""The README's reference tables, made from what settings and metrics declare of themselves, so that they cannot differ.

`python -m actors.reference --write` renews the tables between their markers in both READMEs; `--check` ends with 1 and
names the file if one is out of step.
"""

import argparse
import sys
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

from actors import metrics
from actors.settings import KNOWN
from actors.variables import Variables

READMES = ("README.md", "README.zh-CN.md")


def settings_table() -> str:
    """Every variable with its default and meaning, section by section."""
    fields = [(name, field, _section(field)) for name, field in Variables.model_fields.items()]
    return "\n\n".join(
        f"**{section}**\n\n" + _table(("variable", "default", "meaning"), [_setting(*row[:2]) for row in rows])
        for section, rows in groupby(fields, key=lambda row: row[2])
    )


def metrics_table() -> str:
    """Every metric with its kind, labels and meaning."""
    rows = [
        (f"`{metric.name}`", metric.kind, ", ".join(metric.labels) or "–", metric.help) for metric in metrics.DECLARED
    ]
    return _table(("metric", "kind", "labels", "meaning"), rows)


TABLES = {"settings": settings_table, "metrics": metrics_table}


def renewed(text: str) -> str:
    """The text with every table between its markers made anew.

    Raises:
        ValueError: a marker is missing.
    """
    for name, table in TABLES.items():
        start, end = f"<!-- {name}:start -->", f"<!-- {name}:end -->"
        before, opened, rest = text.partition(start)
        _, closed, after = rest.partition(end)
        if not opened or not closed:
            raise ValueError(f"the markers {start} and {end} are missing")
        text = f"{before}{start}\n\n{table()}\n\n{end}{after}"
    return text


def _section(field: Any) -> str:
    return str(field.json_schema_extra["section"])


def _setting(name: str, field: Any) -> tuple[str, str, str]:
    variable = name.upper()
    default = "–" if field.default is None else f"`{_spelled(field.default)}`"
    source = f" (a secret: `{variable}_FILE` may name a file instead)" if KNOWN[variable] else ""
    return f"`{variable}`", default, field.description + source


def _spelled(value: object) -> str:
    if isinstance(value, frozenset):
        return ",".join(sorted(value)) or "all"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)


def main(arguments: list[str]) -> int:
    """Renew or check both READMEs; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m actors.reference", description="The README's reference tables.")
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--write", action="store_true", help="renew the tables")
    mode.add_argument("--check", action="store_true", help="end with 1 if a table is out of step")
    options = parser.parse_args(arguments)
    stale = 0
    for path in map(Path, READMES):
        text = path.read_text(encoding="utf-8")
        if renewed(text) == text:
            continue
        if options.write:
            path.write_text(renewed(text), encoding="utf-8")
        else:
            stale += 1
            sys.stderr.write(f"{path}: its tables are out of step; renew them by: python -m actors.reference --write\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
