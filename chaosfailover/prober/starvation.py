"""
The starvation watch: a suspended or starved process must not take its own sleep for an outage.
"""

import asyncio
from collections.abc import Callable

__all__ = ["StarvationWatch"]

LONGEST_BEAT = 0.05
BEATS = 20  # in the shortest time limit
JITTER = 0.002  # timers of the event loop are this late on a healthy system
NOTICED = 0.25
"""Stalls from this share of a time limit on are told from losses."""


class StarvationWatch:
    """
    Sums up the time for which the event loop did not run although it was due.

    A stall counts up to a beat and `JITTER` less than it lasted. So the beat is a twentieth of
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

    def starved(self, before: float, timeout: float) -> bool:
        """
        Tell whether stalls since a reading may be why a check reached its time limit.

        A check that was answered late may need no more than a short stall for that.
        """
        return self.missed() - before > max(0.0, timeout * NOTICED - self._beat - JITTER)
