"""What a case is: one scene that is played for figures."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from tests.bench.contestants import OURS
from tests.bench.scene import Figures

Curve = list[tuple[float, int]]
"""What a card showed: pieces, from so many seconds after its question on."""


@dataclass(frozen=True, slots=True)
class Played:
    """What came of one round: figures, and the curve of one card where it is drawn."""

    figures: Figures
    curve: Curve = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Case:
    """One case of one contestant. `seldom`: it takes long and comes to much the same, so one round has to do where all
    cases are played."""

    name: str
    play: Callable[[], Coroutine[Any, Any, Played]]
    contestant: str = OURS
    seldom: bool = False
