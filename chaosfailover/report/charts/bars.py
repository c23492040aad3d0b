"""
The bars of a time line; too many of them are drawn as one outline.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

__all__ = ["GRAIN", "Bar", "ChartRow", "Crowd", "Mark", "thinned"]

GRAIN = 0.01
FARTHEST = 1e9
WORST = ("bad", "down", "status bad")


class Bar(NamedTuple):
    """
    A state from `since` to `until`, in seconds on the axis; `label` is shown where there is room.
    """

    since: float
    until: float
    style: str
    title: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """
    An instant that divides the whole picture.
    """

    at: float
    style: str
    title: str


@dataclass(frozen=True, slots=True)
class Crowd:
    """
    Bars of one style that are too many to draw singly: a path around all of them.
    """

    style: str
    outline: str
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class ChartRow:
    """
    One line of the picture.
    """

    label: str
    bars: Sequence[Bar]
    crowds: Sequence[Crowd] = ()


def thinned(row: ChartRow, most: int) -> ChartRow:
    """
    Keep the longest bars of a row that has too many; the others share one outline for each style.
    """
    if len(row.bars) <= most:
        return row
    styles = sorted({bar.style for bar in row.bars}, key=lambda style: (style in WORST, style))
    kept: list[Bar] = []
    crowds: list[Crowd] = []
    for style in styles:
        bars = [bar for bar in row.bars if bar.style == style]
        long = sorted(bars, key=lambda bar: bar.until - bar.since, reverse=True)[
            : max(1, most // len(styles))
        ]
        kept += sorted(long, key=attrgetter("since"))
        if len(bars) > len(long):
            crowds.append(Crowd(style, _outline(bars), row.label, len(bars)))
    return ChartRow(row.label, kept, crowds)


def _outline(bars: Sequence[Bar]) -> str:
    """
    Return an SVG path around bars: the time in units of `GRAIN`, the height is 1.
    """
    parts, last = [], 0
    for bar in sorted(bars, key=attrgetter("since")):
        x = round(min(bar.since, FARTHEST) / GRAIN)
        width = max(1, round(min(bar.until - bar.since, FARTHEST) / GRAIN))
        parts.append(f"m{x - last} 0h{width}v1h-{width}z")
        last = x
    return "".join(parts)
