"""
The waits that go on, each with what is waited for and for how long at most.

Whoever waits only says so here. Another thread shows it, so that a terminal that takes no text
delays nobody.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

__all__ = ["Wait", "current_waits", "waiting"]


@dataclass(frozen=True, slots=True, eq=False)
class Wait:
    """
    A wait: `what` says what for, `since` and `until` when it began and ends at the latest.

    Instants are monotonic; `until` is None if that is not known. Who waits may have it `logged`.
    """

    what: Callable[[], str]
    since: float
    until: float | None
    logged: bool


_waits: list[Wait] = []


@contextmanager
def waiting(
    what: str | Callable[[], str], at_most: float | None = None, *, logged: bool = False
) -> Iterator[None]:
    """
    Say what is waited for, and for how many seconds at most, while it lasts.
    """
    since = time.monotonic()
    until = None if at_most is None else since + at_most
    wait = Wait(what if callable(what) else lambda: what, since, until, logged)
    _waits.append(wait)
    try:
        yield
    finally:
        _waits.remove(wait)


def current_waits() -> list[Wait]:
    """
    Return the waits that go on, in the order in which they began.
    """
    return [*_waits]
