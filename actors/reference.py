"""All that is made from what settings and metrics declare of themselves, so that it cannot differ: the README's tables,
and the file of settings that a deployment starts from.

`python -m actors.reference --write` renews that file, and the tables between their markers in both READMEs; `--check`
ends with 1 and names the file if one is out of step.
"""

import argparse
import sys
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

from actors import metrics, settings_file
from actors.settings import KNOWN
from actors.settings_file import spelled
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


MADE: dict[str, Callable[[str], str]] = {
    **dict.fromkeys(READMES, renewed),
    settings_file.PATH: lambda _: settings_file.settings_file(),
}
"""Every file, and what makes its text of the one that it has."""


def _section(field: Any) -> str:
    return str(field.json_schema_extra["section"])


def _setting(name: str, field: Any) -> tuple[str, str, str]:
    variable = name.upper()
    default = "–" if field.default is None else f"`{spelled(field.default) or 'all'}`"
    source = f" (a secret: `{variable}_FILE` may name a file instead)" if KNOWN[variable] else ""
    return f"`{variable}`", default, field.description + source


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)


def main(arguments: list[str]) -> int:
    """Renew or check all of it; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m actors.reference", description="What is made from the code.")
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--write", action="store_true", help="renew the tables and the settings")
    mode.add_argument("--check", action="store_true", help="end with 1 if something is out of step")
    options = parser.parse_args(arguments)
    stale = 0
    for path, make in ((Path(name), make) for name, make in MADE.items()):
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        if (made := make(text)) == text:
            continue
        if options.write:
            path.write_text(made, encoding="utf-8")
        else:
            stale += 1
            sys.stderr.write(f"{path}: is out of step with the code; renew it by: python -m actors.reference --write\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
