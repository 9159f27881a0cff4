"""What lies in a folder that somebody may be emptying at this moment."""

import os
from pathlib import Path


def files_in(folder: Path) -> list[Path]:
    """All files below; a folder that goes while it is read has none (`Path.rglob` raises in that case)."""
    paths = (Path(place, name) for place, _, names in os.walk(folder) for name in names)
    return [path for path in paths if path.is_file()]
