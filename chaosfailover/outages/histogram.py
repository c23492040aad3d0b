"""
Round trips in a bounded number of time slots, each a histogram on a logarithmic scale.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, log

__all__ = ["Histogram", "Percentiles", "Slot", "Timeline"]

STEP = log(1.1)  # neighbouring bins differ by a tenth
SMALLEST = 1e-6
MOST_SLOTS = 256


@dataclass(frozen=True, slots=True)
class Percentiles:
    """
    A distribution in seconds; `p50`, `p95` and `p99` are exact to 5 %.
    """

    count: int
    least: float
    p50: float
    p95: float
    p99: float
    most: float


class Histogram:
    """
    Counts of positive values in bins that grow by a tenth.
    """

    __slots__ = ("bins", "count", "least", "most")

    def __init__(self, parts: Iterable[Histogram] = ()) -> None:
        self.bins: dict[int, int] = {}
        self.count = 0
        self.least = float("inf")
        self.most = 0.0
        for part in parts:
            self._merge(part)

    def add(self, value: float) -> None:
        """
        Count one value; values below a microsecond count as one microsecond.
        """
        index = int(log(value / SMALLEST) / STEP) if value > SMALLEST else 0
        self.bins[index] = self.bins.get(index, 0) + 1
        self.count += 1
        self.least = min(self.least, value)
        self.most = max(self.most, value)

    def _merge(self, other: Histogram) -> None:
        for index, count in other.bins.items():
            self.bins[index] = self.bins.get(index, 0) + count
        self.count += other.count
        self.least = min(self.least, other.least)
        self.most = max(self.most, other.most)

    def quantile(self, share: float) -> float:
        """
        Return a quantile, exact to 5 %.
        """
        rank = max(1, ceil(share * self.count))
        for index in sorted(self.bins):
            rank -= self.bins[index]
            if rank <= 0:
                break
        middle: float = SMALLEST * 1.1 ** (index + 0.5)
        return min(max(middle, self.least), self.most)

    def percentiles(self) -> Percentiles | None:
        """
        Return the percentiles; None if nothing was counted.
        """
        if not self.count:
            return None
        p50, p95, p99 = (self.quantile(share) for share in (0.5, 0.95, 0.99))
        return Percentiles(self.count, self.least, p50, p95, p99, self.most)


class Slot:
    """
    The checks sent and lost from `since` to before `until`, and the round trips of the answers.
    """

    __slots__ = ("lost", "rtts", "sent", "since", "until")

    def __init__(self, since: float, until: float, parts: Iterable[Slot] = ()) -> None:
        self.since = since
        self.until = until
        parts = list(parts)
        self.sent: int = sum(slot.sent for slot in parts)
        self.lost: int = sum(slot.lost for slot in parts)
        self.rtts: Histogram = Histogram(slot.rtts for slot in parts)


class Timeline:
    """
    Slots of equal width, which doubles when there are too many; none reaches over a mark.
    """

    def __init__(self, width: float = 1.0) -> None:
        self.width = width
        self.slots: list[Slot] = []
        self.marks: list[float] = []

    def mark(self, at: float) -> None:
        """
        Divide the slots at the border of two phases. Call it before later samples are added.
        """
        self.marks.append(at)
        if self.slots and self.slots[-1].until > at:
            self.slots[-1].until = at

    def add(self, at: float, rtt: float | None) -> None:
        """
        Count one sample: its round trip, or None if it was lost.
        """
        if not self.slots or at >= self.slots[-1].until:
            self._open(at)
        slot = self.slots[-1]
        slot.sent += 1
        if rtt is None:
            slot.lost += 1
        else:
            slot.rtts.add(rtt)

    def between(self, since: float, until: float) -> Histogram:
        """
        Return the round trips of the slots whose middle lies in a phase.
        """
        return Histogram(
            slot.rtts for slot in self.slots if since <= (slot.since + slot.until) / 2 < until
        )

    def _open(self, at: float) -> None:
        if len(self.slots) >= MOST_SLOTS:
            self.width *= 2
            self.slots = self._halved()
        until = min([at + self.width, *(mark for mark in self.marks if mark > at)])
        self.slots.append(Slot(at, until))

    def _halved(self) -> list[Slot]:
        halved: list[Slot] = []
        waiting: list[Slot] = []
        for slot in self.slots:
            if waiting and any(waiting[0].since < mark <= slot.since for mark in self.marks):
                halved.append(waiting.pop())
            waiting.append(slot)
            if len(waiting) == 2:
                halved.append(Slot(waiting[0].since, slot.until, waiting))
                waiting.clear()
        return halved + waiting
