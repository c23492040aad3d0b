"""
Round trips over time: for each target the median, and the band up to the 95th percentile.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from chaosfailover.report.charts.axis import Axis
from chaosfailover.report.formatting import milliseconds
from chaosfailover.verdict.journal import brief, instant, number

__all__ = ["HEIGHT", "WIDTH", "Plot", "make_plots"]

Document = Mapping[str, Any]

WIDTH = 100_000
HEIGHT = 1000


class Slot(NamedTuple):
    """
    A stretch of time on the axis, in units of the plot, with its median and 95th percentile.
    """

    since: int
    until: int
    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class Plot:
    """
    The round trips of one target: SVG paths in a box of `WIDTH` by `HEIGHT`.
    """

    label: str
    line: str
    band: str


def make_plots(record: Document, series: Sequence[Document], axis: Axis) -> list[Plot]:
    """
    Draw the round trips of the targets that answered.
    """
    plots = []
    for target, one in zip(record["targets"], series, strict=True):
        began = instant(one.get("utc"))
        slots = list(_slots(one, axis.seconds(began), axis)) if began else []
        if slots:
            plots.append(_plot(str(target["name"]), slots))
    return plots


def _slots(series: Document, offset: float, axis: Axis) -> Iterator[Slot]:
    rows = series.get("slots")
    for row in rows if isinstance(rows, list) else []:
        values = [number(one) for one in row] if isinstance(row, list) and len(row) >= 7 else []
        if values and None not in (values[0], values[1], values[5], values[6]):
            since, until, p50, p95 = (values[at] or 0.0 for at in (0, 1, 5, 6))
            yield Slot(_x(offset + since, axis), _x(offset + until, axis), p50, p95)


def _plot(name: str, slots: Sequence[Slot]) -> Plot:
    """
    Draw one target; a slot without an answer leaves a gap.
    """
    most = max(slot.p95 for slot in slots) or 1.0
    label = f"{brief(name, 60)}: {milliseconds(min(slot.p50 for slot in slots))} \u2013 "
    return Plot(
        label + milliseconds(most),
        "".join(f"M{one.since} {_y(one.p50, most)}H{one.until}" for one in slots),
        "".join(
            f"M{one.since} {_y(one.p95, most)}H{one.until}V{_y(one.p50, most)}H{one.since}z"
            for one in slots
        ),
    )


def _x(at: float, axis: Axis) -> int:
    return round(min(max(at / axis.duration, 0.0), 1.0) * WIDTH)


def _y(value: float, most: float) -> int:
    return round(HEIGHT * (1 - 0.95 * value / most))
