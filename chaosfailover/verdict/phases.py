"""
The phases of a cut: what the journal does not say of them is computed from outages and gaps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf

from chaosfailover.outages.flapping import time_unseen, worst_lost
from chaosfailover.outages.outage import Length, Outage
from chaosfailover.verdict.series import Series

__all__ = ["Phases"]


@dataclass(frozen=True, slots=True)
class Phases:
    """
    The outages of a target and the instants of a cut, in seconds of the measurement.

    `during` is from the cut to the stop, `after` from the stop to the next cut.
    """

    outages: Sequence[Outage]
    series: Series
    cut_at: datetime | None
    stop_at: datetime | None
    next_cut_at: datetime | None

    def worst_during(self) -> Length | None:
        """
        Return the longest loss that had ended by the stop.
        """
        cut, stop = self._seconds(self.cut_at), self._seconds(self.stop_at)
        return worst_lost(self.outages, cut, stop, stop)

    def worst_after(self) -> Length | None:
        """
        Return the longest loss after the stop.
        """
        return worst_lost(self.outages, self._seconds(self.stop_at), self._end)

    def unseen_during(self) -> float:
        """
        Return how long a loss before the stop may have lasted that no check would have seen.
        """
        return self._unseen(self._seconds(self.cut_at), self._seconds(self.stop_at))

    def unseen_after(self) -> float:
        """
        Return how long a loss after the stop may have lasted that no check would have seen.
        """
        return self._unseen(self._seconds(self.stop_at), self._end)

    def down_at_stop(self) -> float | None:
        """
        Return the least length, up to the stop, of an outage of this cut that the stop found open.
        """
        cut, stop = self._seconds(self.cut_at), self._seconds(self.stop_at)
        if inf in (cut, stop):
            return None
        for outage in self.outages:
            since = outage.since[1]
            if since < stop < outage.until[1]:
                return max(0.0, stop - max(since, cut))
        return None

    @property
    def _end(self) -> float:
        return self._seconds(self.next_cut_at)

    def _unseen(self, since: float, until: float) -> float:
        gaps = [gap for gap in self.series.gaps if gap.since < gap.until]
        return time_unseen(self.outages, gaps, since, until) if gaps else 0.0

    def _seconds(self, at: datetime | None) -> float:
        """
        Return an instant as seconds of the measurement; infinity for one that is not known.
        """
        began = self.series.utc
        return (at - began) / timedelta(seconds=1) if began and at else inf
