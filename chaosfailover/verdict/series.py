"""
The compact series of a target: long, and read only where gaps or charts need it.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from chaosfailover.outages.samples import Gap
from chaosfailover.verdict.values import instant, mappings, number

__all__ = ["Series", "Slot"]


ERROR = 4
"""The column of a run of checks that has their failure, None if they were answered."""


class Slot(NamedTuple):
    """
    A stretch of time with the median and the 95th percentile of its round trips.
    """

    since: float
    until: float
    p50: float
    p95: float


class Series:
    """
    A target's series; its instants count from `utc`. Rows that are no numbers are left out.

    Those of its flows follow one another.
    """

    def __init__(self, document: Mapping[str, object]) -> None:
        self._documents = [document, *mappings(document.get("flows"))]
        self.utc: datetime | None = instant(document.get("utc"))

    @cached_property
    def extent(self) -> tuple[float, float] | None:
        """
        The first and the last instant of the checks, None without any.
        """
        since, until, _ = self._runs
        return (min(since), max(until)) if since else None

    def losses(self) -> Iterator[tuple[float, float]]:
        """
        Yield from when to when checks in a row were lost.
        """
        return ((since, until) for since, until, lost in zip(*self._runs, strict=True) if lost)

    def latest(self) -> list[tuple[float, float, bool]]:
        """
        Return for each flow from when to when its last checks had one result, and whether it was
        a loss.
        """
        flows = self._documents[1:] or self._documents
        rows = [_listed(flow.get("runs"))[-1:] for flow in flows]
        last = [row for each in rows for row in each if isinstance(row, list) and len(row) > ERROR]
        ends = [(number(row[0]), number(row[1]), row[ERROR] is not None) for row in last]
        return [
            (since, until, lost)
            for since, until, lost in ends
            if since is not None and until is not None
        ]

    @cached_property
    def gaps(self) -> list[Gap]:
        """
        The times in which nothing was sent.
        """
        return list(map(Gap, *self._columns("gaps", 0, 1)))

    @cached_property
    def slots(self) -> list[Slot]:
        """
        The round trips, in slots of equal width.
        """
        return list(map(Slot, *self._columns("slots", 0, 1, 5, 6)))

    @cached_property
    def _runs(self) -> list[list[float]]:
        return self._columns("runs", 0, 1, 3)

    def _columns(self, key: str, *numbers: int) -> list[list[float]]:
        """
        Return columns of the rows that hold numbers there; rows would be too many objects.
        """
        listed = [row for each in self._documents for row in _listed(each.get(key))]
        rows = [row for row in listed if isinstance(row, list) and len(row) > numbers[-1]]
        columns = _pick(rows, numbers)
        if any(len(column) < len(rows) for column in columns):
            rows = [row for row in rows if None not in [number(row[at]) for at in numbers]]
            columns = _pick(rows, numbers)
        return columns


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def _pick(rows: Sequence[list[object]], numbers: Sequence[int]) -> list[list[float]]:
    return [[value for row in rows if (value := number(row[at])) is not None] for at in numbers]
