"""
The time line: the states of all actors over time, and marks at instants.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import chain

from chaosfailover.record import Record
from chaosfailover.report.charts import tracks
from chaosfailover.report.charts.axis import Axis
from chaosfailover.report.charts.bars import GRAIN, Bar, ChartRow, Mark, thinned
from chaosfailover.report.charts.target_rows import last_instant, target_rows
from chaosfailover.report.charts.tracks import Words
from chaosfailover.verdict.journal import instant
from chaosfailover.verdict.series import Series

__all__ = ["Chart", "make_timeline"]

MOST_BARS = 4000
MOST_BARS_OF_A_ROW = 400
FEWEST_BARS_OF_A_ROW = 20
NARROW = 0.06
HEIGHT = 32
TOP = 22


@dataclass(frozen=True, slots=True)
class Chart:
    """
    The picture: its axis, rows and marks.
    """

    axis: Axis
    rows: Sequence[ChartRow]
    marks: Sequence[Mark] = field(default_factory=list)

    @property
    def height(self) -> int:
        """
        The height in pixels.
        """
        return TOP + HEIGHT * len(self.rows) + 4

    def top(self, number: int) -> int:
        """
        Return where a row begins, in pixels.
        """
        return TOP + HEIGHT * number

    @property
    def grains(self) -> float:
        """
        The width of the picture in the units of a crowd's outline.
        """
        return self.axis.duration / GRAIN

    def roomy(self, bar: Bar) -> bool:
        """
        Tell whether a bar has room for its label.
        """
        return (bar.until - bar.since) / self.axis.duration > NARROW


def make_timeline(record: Record, series: Sequence[Series], words: Words) -> Chart | None:
    """
    Draw the time line of a run; None if its record knows no time.
    """
    axis = _axis(record, series)
    if axis is None:
        return None
    share = MOST_BARS // max(1, len(record["targets"]))
    most = min(MOST_BARS_OF_A_ROW, max(FEWEST_BARS_OF_A_ROW, share))
    rows = chain(
        tracks.hypothesis_row(record, axis, words),
        tracks.activity_rows(record, axis, words),
        tracks.test_rows(record, axis),
        tracks.resource_rows(record, axis, words),
        target_rows(record, series, axis, words),
    )
    drawn = [thinned(row, most) for row in rows]
    return Chart(axis, drawn, tracks.marks(record, axis))


def _axis(record: Record, series: Sequence[Series]) -> Axis | None:
    """
    Span all that has an instant, so that nothing falls off the picture.
    """
    written = [record["period"]["began"], record["period"]["ended"]]
    written += [event["at"] for event in record["timeline"]]
    for run in [*record["activities"], *record["hypotheses"]]:
        written += [run["began"], run["ended"]]
    instants = [at for at in map(instant, written) if at]
    for each in series:
        if each.utc and each.extent:
            instants += [each.utc, each.utc + timedelta(seconds=last_instant(each))]
    if not instants:
        return None
    return Axis(min(instants), max(0.001, (max(instants) - min(instants)).total_seconds()))
