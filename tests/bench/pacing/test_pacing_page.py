"""The comparison runs, on a few answers; what it says is in its results."""

from pathlib import Path

import pytest

from tests.bench.pacing import __main__ as command
from tests.bench.pacing import figures, frontier


def test_the_comparison_writes_its_page_its_figures_and_its_plot(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "RESULTS", tmp_path)
    monkeypatch.setattr(figures, "LENGTHS", (2.0, 4.0))
    monkeypatch.setattr(figures, "ROBOTS", {"usual, 15 s": ((3.0, 0.1),)})
    monkeypatch.setattr(figures, "ASKED", 1)
    monkeypatch.setattr(figures, "CARDS", (5,))
    monkeypatch.setattr(figures, "LATENCIES", (0.08,))
    monkeypatch.setattr(frontier, "GRID", 40)
    command.main()
    assert {path.name for path in tmp_path.iterdir()} == {"pacing.md", "pacing.json", "pacing.png"}
    assert "| ours, up to 600 s |" in capsys.readouterr().out
