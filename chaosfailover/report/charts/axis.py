"""
The time axis and its ticks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil

from chaosfailover.verdict.journal import instant

__all__ = ["STEPS", "Axis", "Tick"]

STEPS = (
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600),
    *(900, 1800, 3600, 7200, 10800, 21600, 43200, 86400),
)
"""How many seconds may lie between two ticks; the script that zooms has the same."""

DAY = 86400
MOST_TICKS = 6


@dataclass(frozen=True, slots=True)
class Tick:
    """
    A tick at a share of the axis, in percent, with the time of day.
    """

    x: str
    label: str


@dataclass(frozen=True, slots=True)
class Axis:
    """
    The time that a picture shows: from `began` for `duration` seconds, which is more than 0.
    """

    began: datetime
    duration: float

    def x(self, seconds: float) -> str:
        """
        Return the place of an instant in percent, exact to a millisecond.
        """
        share = min(max(seconds / self.duration, 0.0), 1.0) * 100
        return f"{share:.{self._digits}f}".rstrip("0").rstrip(".")

    def width(self, since: float, until: float) -> str:
        """
        Return the width of a stretch of time in percent.
        """
        low, high = (min(max(at, 0.0), self.duration) for at in (since, until))
        share = max(0.0, high - low) / self.duration * 100
        return f"{share:.{self._digits}f}".rstrip("0").rstrip(".") or "0"

    @property
    def _digits(self) -> int:
        return max(3, len(str(int(self.duration * 10))))

    def seconds(self, at: datetime) -> float:
        """
        Return an instant as seconds on the axis.
        """
        return (at - self.began).total_seconds()

    def after(self, written: str) -> float:
        """
        Return an instant of a record as seconds on the axis; 0 if it is none.
        """
        at = instant(written)
        return self.seconds(at) if at else 0.0

    def ticks(self) -> Iterator[Tick]:
        """
        Yield the ticks, at round times of the day.
        """
        days = ceil(self.duration / MOST_TICKS / DAY) * DAY
        step = next((step for step in STEPS if self.duration / step <= MOST_TICKS), days)
        form = "%H:%M:%S" if self.duration < DAY else "%m-%d %H:%M"
        start = self.began.timestamp()
        for number in range(ceil(start / step), int((start + self.duration) / step) + 1):
            at = number * step
            yield Tick(self.x(at - start), f"{datetime.fromtimestamp(at, UTC):{form}}")
