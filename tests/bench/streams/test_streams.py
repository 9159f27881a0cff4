"""The plays of event streams run: a short one of each contestant, whose figures are nobody's concern."""

import pytest

from tests.bench.streams.play import play
from tests.bench.streams.stage import BOUND, OURS


@pytest.mark.parametrize("contestant", [OURS, BOUND], ids=["service", "bound"])
async def test_a_play_reads_every_stream_to_its_end(contestant: tuple[str, ...]) -> None:
    figures = await play(contestant, 3, watched=1.0)
    assert (figures.streams, figures.held_up) == (3, 0)
    assert figures.peak >= figures.rested > 0
    assert figures.worst_stretch >= 0.9
