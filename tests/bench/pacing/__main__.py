"""`python -m tests.bench.pacing`: compares ways to pace a card's updates; writes results/pacing.md, .json and .png."""

import json
from pathlib import Path

from tests.bench.pacing.figures import figures
from tests.bench.pacing.told import draw, page

RESULTS = Path(__file__).parents[1] / "results"


def main() -> None:
    """Compute, print, write."""
    known = figures()
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "pacing.json").write_text(json.dumps(known, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "pacing.md").write_text(page(known), encoding="utf-8")
    draw(known, RESULTS / "pacing.png")
    print(page(known))


if __name__ == "__main__":
    main()
