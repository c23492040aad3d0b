"""
The emulated clock: seconds since 1970, at any speed, which a test can advance.
"""

import time
from collections.abc import Callable

__all__ = ["LATEST", "LONGEST_MINUTE", "SHORTEST_MINUTE", "Clock", "real_monotonic", "utc"]

LONGEST = 10 * 366 * 86400.0
LATEST = 253402300799.0
"""
The last second of the year 9999, the latest that the API can write.
"""
SHORTEST_MINUTE, LONGEST_MINUTE = 0.001, 86400.0


def real_monotonic() -> float:
    """
    Return monotonic seconds, also where a test has frozen `time.monotonic`.

    freezegun does not replace `time.clock_gettime`.
    """
    return time.clock_gettime(time.CLOCK_MONOTONIC)


class Clock:
    """
    Emulated time, which begins at the real time; an emulated minute lasts `minute` real seconds.

    `monotonic` is the real clock underneath; tests pass their own.
    """

    def __init__(
        self,
        minute: float = 60.0,
        *,
        began: float | None = None,
        monotonic: Callable[[], float] = real_monotonic,
    ) -> None:
        if not SHORTEST_MINUTE <= minute <= LONGEST_MINUTE:
            limits = f"{SHORTEST_MINUTE:g} to {LONGEST_MINUTE:g}"
            raise ValueError(f"minute is {minute!r}, expected {limits} seconds")
        self.minute = minute
        self._monotonic = monotonic
        self._real = monotonic()
        self._began = time.time() if began is None else began

    def now(self) -> float:
        """
        Return the emulated instant.
        """
        return self._began + self.emulated(self._monotonic() - self._real)

    def set(self, instant: float) -> None:
        """
        Set the clock to an instant.
        """
        self._began += instant - self.now()

    def advance(self, seconds: float) -> float:
        """
        Move the clock forward by emulated seconds, and return the new instant.
        """
        if not 0 <= seconds <= LONGEST:
            raise ValueError(f"cannot advance the clock by {seconds!r} s, only by 0 to {LONGEST:g}")
        if self.now() + seconds > LATEST:
            raise ValueError(f"cannot advance the clock by {seconds!r} s, beyond the year 9999")
        self._began += seconds
        return self.now()

    def monotonic(self, instant: float) -> float:
        """
        Return the monotonic instant of an emulated one, at the speed and the setting of now.
        """
        monotonic = self._monotonic()
        now = self._began + self.emulated(monotonic - self._real)
        return monotonic + self.real(instant - now)

    def real(self, seconds: float) -> float:
        """
        Convert a length of emulated seconds to real ones.
        """
        return seconds * self.minute / 60.0

    def emulated(self, seconds: float) -> float:
        """
        Convert a length of real seconds to emulated ones.
        """
        return seconds * 60.0 / self.minute


def utc(instant: float) -> str:
    """
    Write an instant as the API does: `YYYY-MM-DDThh:mm:ssZ`.
    """
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(instant))
