"""The plays of event streams run: a short one of each contestant, whose figures are nobody's concern."""

import pytest

from tests.bench.streams.play import play
from tests.bench.streams.stage import BOUND, OURS


@pytest.mark.parametrize("contestant", ["service", "bound"])
async def test_a_play_reads_every_stream_to_its_end(contestant: str) -> None:
    command = {"service": OURS, "bound": BOUND}[contestant]["asyncio"]
    figures = await play(command, 3, watched=1.0)
    assert (figures.streams, figures.held_up) == (3, 0)
    assert figures.peak >= figures.rested > 0
    assert figures.worst_stretch >= 0.9
