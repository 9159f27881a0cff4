"""`make preview`: plays the run in which everything happens, and draws the dashboards from what Prometheus saw."""

import asyncio
import json
import tempfile
from pathlib import Path

from tests.operations.observed.preview.board import draw
from tests.operations.observed.programs import ROOT
from tests.operations.observed.questions import DASHBOARDS, RULES
from tests.operations.observed.runs import looked_at
from tests.operations.observed.troubled import troubled

PICTURES = ROOT / "grafana" / "preview"


def main() -> None:
    """Play and draw; takes two minutes."""
    with tempfile.TemporaryDirectory() as folder:
        print("playing a run of about 90 s …", flush=True)
        run = asyncio.run(troubled(Path(folder) / "run", RULES))
        with looked_at(run, Path(folder) / "look") as prometheus:
            for path in DASHBOARDS:
                picture = PICTURES / f"{path.stem}.png"
                draw(json.loads(path.read_text("utf-8")), prometheus, run.since, run.until, picture)
                print(f"{picture.relative_to(ROOT)}: {picture.stat().st_size // 1000} kB", flush=True)


if __name__ == "__main__":
    main()
