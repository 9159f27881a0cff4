"""A later version of the service, which brings the schema one migration further: `python -m tests.cluster.later HOW`.

With `wider` former versions can go on; its own code uses the new column, as theirs does not. With `other` they cannot,
and it says so.
"""

import runpy
import sys

from actors.inbox import statements

NEWEST = len(statements.MIGRATIONS) + 1
COLUMN = "ALTER TABLE questions ADD COLUMN closed_by TEXT NOT NULL DEFAULT 'former'"
MIGRATIONS = {
    "wider": (COLUMN,),
    "other": (COLUMN, f"UPDATE schema_version SET works_with = {NEWEST}"),
}


def main(how: str) -> None:
    """Serve."""
    statements.MIGRATIONS = (*statements.MIGRATIONS, MIGRATIONS[how])
    statements.DONE = statements.DONE.replace("state = 'closed'", "state = 'closed', closed_by = 'later'", 1)
    sys.argv = ["actors", "run"]
    runpy.run_module("actors", run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1])
