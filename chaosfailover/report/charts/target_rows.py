"""
The targets as rows of bars: when each answered, was down, or was not measured.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chaosfailover.record import Record
from chaosfailover.report.charts.axis import Axis
from chaosfailover.report.charts.bars import Bar, ChartRow
from chaosfailover.report.charts.tracks import Words
from chaosfailover.report.formatting import bounds
from chaosfailover.verdict.journal import brief
from chaosfailover.verdict.series import Series

__all__ = ["last_instant", "target_rows"]

LONGEST = 100 * 86400.0


def target_rows(
    record: Record, series: Sequence[Series], axis: Axis, words: Words
) -> Iterator[ChartRow]:
    for target, measured in zip(record["targets"], series, strict=True):
        offset = axis.seconds(measured.utc) if measured.utc else 0.0
        row = TargetRow(brief(target["name"], 60), offset, words)
        # The other bars are drawn over that of the whole measurement.
        bars = [row.bar(*measured.extent, "up")] if measured.extent else []
        bars += [row.bar(*gap, "gap") for gap in measured.gaps]
        if (target["count"] or 0) > len(target["outages"]):  # too many to be listed one by one
            bars += [row.bar(*loss, "down") for loss in measured.losses()]
        for outage in target["outages"]:
            bars += row.outage(outage, axis)
        yield ChartRow(row.name, bars)


@dataclass(frozen=True, slots=True)
class TargetRow:
    """
    The row of one target; the instants of its series count from `offset` on the axis.
    """

    name: str
    offset: float
    words: Words

    def outage(self, outage: Record, axis: Axis) -> Iterator[Bar]:
        """
        Yield the time in which checks may have been lost, and over it when they surely were.
        """
        earliest, sure_since = (axis.after(at) if at else 0.0 for at in outage["since"])
        sure_until, latest = (axis.after(at) if at else axis.duration for at in outage["until"])
        down = f"{self.words['down']} {bounds(outage)} {outage['error'] or ''}"
        number = f" #{outage['flow']:.0f}" if outage.get("flow") else ""
        title = brief(f"{self.name}{number}{self.words['colon']}{down}")
        yield Bar(earliest, latest, "maybe", title)
        yield Bar(sure_since, max(sure_since, sure_until), "down", title)

    def bar(self, since: float, until: float, style: str) -> Bar:
        """
        Return a bar from one instant of the series to another.
        """
        began = self.offset + min(max(since, 0.0), LONGEST)
        ended = self.offset + min(max(until, 0.0), LONGEST)
        return Bar(began, ended, style, f"{self.name}{self.words['colon']}{self.words[style]}")


def last_instant(series: Series) -> float:
    """
    Return the last instant of a series, in its own seconds; no test lasts longer than `LONGEST`.
    """
    return min(series.extent[1], LONGEST) if series.extent else 0.0
