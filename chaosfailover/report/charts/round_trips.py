"""
Round trips over time: for each target the median, and the band up to the 95th percentile.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chaosfailover.record import Record
from chaosfailover.report.charts.axis import Axis
from chaosfailover.report.formatting import milliseconds
from chaosfailover.verdict.journal import brief
from chaosfailover.verdict.series import Series, Slot

__all__ = ["HEIGHT", "WIDTH", "Plot", "make_plots"]

WIDTH = 100_000
HEIGHT = 1000


@dataclass(frozen=True, slots=True)
class Plot:
    """
    The round trips of one target: SVG paths in a box of `WIDTH` by `HEIGHT`.
    """

    label: str
    line: str
    band: str


def make_plots(record: Record, series: Sequence[Series], axis: Axis) -> list[Plot]:
    """
    Draw the round trips of the targets that answered.
    """
    return [
        _plot(str(target["name"]), each.slots, axis.seconds(each.utc), axis)
        for target, each in zip(record["targets"], series, strict=True)
        if each.utc and each.slots
    ]


def _plot(name: str, slots: Sequence[Slot], offset: float, axis: Axis) -> Plot:
    """
    Draw one target; a slot without an answer leaves a gap.
    """
    most = max(slot.p95 for slot in slots) or 1.0
    label = f"{brief(name, 60)}: {milliseconds(min(slot.p50 for slot in slots))} \u2013 "
    lines, bands = [], []
    for slot in slots:
        since, until = (_x(offset + at, axis) for at in (slot.since, slot.until))
        p50, p95 = _y(slot.p50, most), _y(slot.p95, most)
        lines.append(f"M{since} {p50}H{until}")
        bands.append(f"M{since} {p95}H{until}V{p50}H{since}z")
    return Plot(label + milliseconds(most), "".join(lines), "".join(bands))


def _x(at: float, axis: Axis) -> int:
    return round(min(max(at / axis.duration, 0.0), 1.0) * WIDTH)


def _y(value: float, most: float) -> int:
    return round(HEIGHT * (1 - 0.95 * value / most))
