"""
Whether this process runs: a suspended or starved one must not take its own sleep for an outage.
"""

import asyncio
from collections.abc import Callable

__all__ = ["Pulse"]

BEAT = 0.05


class Pulse:
    """
    Sums up the time for which the event loop did not run though it should have.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._due = clock() + BEAT
        self._missed = 0.0

    async def beat(self) -> None:
        """
        Beat until cancelled.
        """
        while True:
            await asyncio.sleep(BEAT)
            self._missed = self.missed()
            self._due = self._clock() + BEAT

    def missed(self) -> float:
        """
        Return the seconds missed so far; the difference of two readings is what lies in between.
        """
        return self._missed + max(0.0, self._clock() - self._due)
