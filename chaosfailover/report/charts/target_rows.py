"""
The targets as rows of bars: when each answered, was down, or was not measured.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chaosfailover.report.charts.axis import Axis
from chaosfailover.report.charts.bars import Bar, ChartRow
from chaosfailover.report.charts.tracks import Words
from chaosfailover.report.formatting import bounds
from chaosfailover.verdict.journal import brief, instant, number

__all__ = ["last_instant", "target_rows"]

Document = Mapping[str, Any]

LONGEST = 100 * 86400.0


def target_rows(
    record: Document, series: Sequence[Document], axis: Axis, words: Words
) -> Iterator[ChartRow]:
    for target, one in zip(record["targets"], series, strict=True):
        began = instant(one.get("utc"))
        runs = Runs(brief(target["name"], 60), axis.seconds(began) if began else 0.0, words)
        bars = [*runs.up(one), *runs.gaps(one)]
        if (target["count"] or 0) > len(target["outages"]):
            bars += runs.down(one)
        for outage in target["outages"]:
            bars += _outage(runs.name, outage, axis, words)
        yield ChartRow(runs.name, bars)


@dataclass(frozen=True, slots=True)
class Runs:
    """
    The compact series of one target as bars; its instants count from `offset` on the axis.
    """

    name: str
    offset: float
    words: Words

    def up(self, series: Document) -> Iterator[Bar]:
        """
        Yield one bar for the whole measurement: what is not drawn over it answered.
        """
        if runs := _rows(series.get("runs"), 2):
            yield self._bar(runs[0][0], runs[-1][1], "up", "up")

    def gaps(self, series: Document) -> Iterator[Bar]:
        """
        Yield the times in which nothing was sent.
        """
        for since, until in _rows(series.get("gaps"), 2):
            yield self._bar(since, until, "gap", "gap")

    def down(self, series: Document) -> Iterator[Bar]:
        """
        Yield the runs of lost checks: outages that are too many to be listed one by one.
        """
        for since, until, _, lost in (row[:4] for row in _rows(series.get("runs"), 4)):
            if lost:
                yield self._bar(since, until, "down", "down")

    def _bar(self, since: float, until: float, style: str, word: str) -> Bar:
        title = f"{self.name}: {self.words[word]}"
        began, ended = (self.offset + min(max(at, 0.0), LONGEST) for at in (since, until))
        return Bar(began, ended, style, title)


def _outage(name: str, outage: Document, axis: Axis, words: Words) -> list[Bar]:
    """
    Draw an outage: what may have been lost, and upon it what surely was.
    """
    earliest, sure_since = (axis.after(at) if at else 0.0 for at in outage["since"])
    sure_until, latest = (axis.after(at) if at else axis.duration for at in outage["until"])
    title = brief(f"{name}: {words['down']} {bounds(outage)} {outage['error'] or ''}")
    return [
        Bar(earliest, latest, "maybe", title),
        Bar(sure_since, max(sure_since, sure_until), "down", title),
    ]


def last_instant(series: Document) -> float:
    """
    Return the last instant of a series, in its own seconds; no test lasts longer than `LONGEST`.
    """
    return min(max((float(run[1]) for run in _rows(series.get("runs"), 2)), default=0.0), LONGEST)


def _rows(value: Any, width: int) -> list[Any]:
    """
    Return the rows of numbers of a series that have at least this many.
    """
    rows = value if isinstance(value, list) else []
    return [
        row
        for row in rows
        if isinstance(row, list) and len(row) >= width and None not in map(number, row[:width])
    ]
