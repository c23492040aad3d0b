"""
The starvation watch: a suspended or starved process must not take its own sleep for an outage.
"""

import asyncio
from collections.abc import Callable

__all__ = ["StarvationWatch"]

LONGEST_BEAT = 0.05
BEATS = 10  # in the shortest time limit
JITTER = 0.002  # timers of the event loop are this late on a healthy system


class StarvationWatch:
    """
    Sums up the time for which the event loop did not run although it was due.

    A stall counts up to a beat and `JITTER` less than it lasted. So the beat is a tenth of
    `shortest`, the shortest time limit of a check.
    """

    def __init__(self, clock: Callable[[], float], shortest: float) -> None:
        self._clock = clock
        self._beat = min(LONGEST_BEAT, shortest / BEATS)
        self._missed = 0.0
        self._expect()

    def _expect(self) -> None:
        self._due = self._clock() + self._beat + JITTER

    async def run(self) -> None:
        """
        Beat until cancelled.
        """
        while True:
            await asyncio.sleep(self._beat)
            self._missed = self.missed()
            self._expect()

    def missed(self) -> float:
        """
        Return the seconds missed so far; callers subtract two readings.
        """
        return self._missed + max(0.0, self._clock() - self._due)
