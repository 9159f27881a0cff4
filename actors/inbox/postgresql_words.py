"""How PostgreSQL's driver wants the inbox's statements spelled. Text only."""

import re
from functools import cache

_VALUE = re.compile(r"(?<!:):([a-z_]+)")


@cache
def spelled(statement: str) -> str:
    """A shared statement in the driver's words: `:name` becomes `%(name)s`, and a percent sign stands for itself."""
    return _VALUE.sub(r"%(\1)s", statement.replace("%", "%%"))
