"""
The clock that outages are measured on.
"""

import time

__all__ = ["elapsed"]

# Linux stops its monotonic clock while the system is suspended; an outage does not stop.
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def elapsed() -> float:
    """
    Return seconds that no one sets, from some instant on, also those that the system slept.
    """
    return time.clock_gettime(CLOCK)
