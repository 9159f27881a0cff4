"""The paper that a preview is drawn on: pixels from the top left, the colours and letters of a dark dashboard.

Nothing here knows a panel.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from PIL import Image

BACKGROUND, PANEL, EDGE, GRID = "#0b0c0f", "#181b1f", "#2c3036", "#2a2e34"
TEXT, FAINT = "#d8d9e3", "#9fa3ad"
SHADES = ("dark-", "semi-dark-", "", "light-", "super-light-")
HUES = {
    "green": ("#37872d", "#56a64b", "#73bf69", "#96d98d", "#c8f2c2"),
    "yellow": ("#e0b400", "#f2cc0c", "#fade2a", "#ffee52", "#fff899"),
    "orange": ("#fa6400", "#ff780a", "#ff9830", "#ffb357", "#ffcb7d"),
    "red": ("#c4162a", "#e02f44", "#f2495c", "#ff7383", "#ffa6b0"),
    "blue": ("#1f60c4", "#3274d9", "#5794f2", "#8ab8ff", "#c0d8ff"),
    "purple": ("#8f3bb8", "#a352cc", "#b877d9", "#ca95e5", "#deb6f2"),
}
NAMED = {shade + hue: tone for hue, tones in HUES.items() for shade, tone in zip(SHADES, tones, strict=True)}
PALETTE = ("#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#96d98d", "#ffb357", "#ca95e5")
"""Grafana's own colours by name, and those of its classic palette."""

DOTS = 100
"""Dots an inch; all measures are in pixels, and are turned into inches and points by it."""

SMALL, NORMAL, LARGE, HUGE = 15, 17, 23, 46
LETTERS = ["Noto Sans CJK SC", "DejaVu Sans"]


class Box(NamedTuple):
    """A rectangle in pixels from the top left."""

    x: float
    y: float
    width: float
    height: float

    def inside(self, left: float, top: float, right: float, bottom: float) -> "Box":
        """What is left of it within these margins."""
        return Box(self.x + left, self.y + top, self.width - left - right, self.height - top - bottom)


def colour(name: str) -> str:
    """A colour as it is drawn, by Grafana's name for it."""
    return NAMED.get(name, TEXT if name == "text" else name)


def points(pixels: float) -> float:
    """Pixels as the points that letters and lines are measured in."""
    return pixels * 72 / DOTS


@dataclass
class Canvas:
    """A picture of this size in pixels."""

    width: int
    height: int

    def __post_init__(self) -> None:
        mpl.rcParams["font.family"] = LETTERS
        self._figure = Figure(figsize=(self.width / DOTS, self.height / DOTS), dpi=DOTS, facecolor=BACKGROUND)
        self._drawn = FigureCanvasAgg(self._figure)

    def frame(self, box: Box, *, fill: str = PANEL, edge: str = EDGE) -> None:
        """A rectangle with rounded corners."""
        x, y, width, height = self._share(box)
        patch = FancyBboxPatch(
            (x, y),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=0.0015",
            facecolor=fill,
            edgecolor=edge,
            linewidth=points(1),
            mutation_aspect=self.width / self.height,
            transform=self._figure.transFigure,
            zorder=-1,  # beneath all axes
        )
        self._figure.add_artist(patch)

    def bar(self, box: Box, fill: str) -> None:
        """A rectangle that is filled."""
        if box.width > 0:
            self.frame(box, fill=fill, edge=fill)

    def say(
        self,
        x: float,
        y: float,
        words: str,
        size: float = SMALL,
        *,
        fill: str = TEXT,
        at: str = "left",
    ) -> None:
        """Words whose middle is at this height."""
        self._figure.text(
            x / self.width,
            1 - y / self.height,
            words,
            fontsize=points(size),
            color=fill,
            ha=at,
            va="center_baseline",
            parse_math=False,
        )

    def extent(self, words: str, size: float = SMALL) -> float:
        """How wide these words are."""
        text = self._figure.text(0, 0, words, fontsize=points(size), parse_math=False)
        width: float = text.get_window_extent(self._drawn.get_renderer()).width  # type: ignore[no-untyped-call]
        text.remove()
        return width

    def axes(self, box: Box) -> Axes:
        """A system of axes that fills the box; what stands at its edges is outside of it."""
        axes = self._figure.add_axes(self._share(box), facecolor="none")
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.tick_params(colors=FAINT, labelsize=points(SMALL), length=0, pad=points(6))
        axes.grid(color=GRID, linewidth=points(1))
        axes.set_axisbelow(True)
        return axes

    def save(self, path: Path) -> None:
        """Write it as a PNG of 256 colours, which keeps it small."""
        self._drawn.draw()  # type: ignore[no-untyped-call]
        drawn = np.asarray(self._drawn.buffer_rgba())  # type: ignore[no-untyped-call]
        picture = Image.fromarray(drawn).convert("RGB")
        path.parent.mkdir(parents=True, exist_ok=True)
        few = picture.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        few.save(path, optimize=True)

    def _share(self, box: Box) -> tuple[float, float, float, float]:
        return (
            box.x / self.width,
            1 - (box.y + box.height) / self.height,
            box.width / self.width,
            box.height / self.height,
        )
