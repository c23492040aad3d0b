"""
A failover test that has to be stopped, and how that ended.
"""

from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from chaosfailover.client import VpcClient
from chaosfailover.errors import FailoverError
from chaosfailover.safety.starts import Start

__all__ = ["Outcome", "Wanted", "opened_once"]


@dataclass(slots=True)
class Wanted:
    """
    A test that has to be stopped.

    `client` opens the way to its region, the same each time. What the API shows may be old, and a
    `start` whose answer never came leaves it open whether the test will run. So one whose start was
    accepted is stopped whatever is shown; one whose start is open is looked for again, and deleted
    in `Init`, so that a late start finds nothing; any other is believed from `look_until`
    (monotonic) on. `others` are the IDs of tests that had the name before, and are not meant.
    """

    client: Callable[[], VpcClient]
    test: str
    start: Start = field(default_factory=Start)
    others: Collection[str] = ()
    look_until: float = 0.0
    status: str = field(default="", init=False)
    job_id: str = field(default="", init=False)
    stop_sent: bool = field(default=False, init=False)
    gone_since: float | None = field(default=None, init=False)
    problem: FailoverError | None = field(default=None, init=False)
    problem_since: float = field(default=0.0, init=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    How it ended for one test: `error` is None when nothing is left running.
    """

    test: str
    job_id: str
    status: str
    reason: str
    stopped: bool = False
    error: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """
        Return the outcome as an activity returns it.
        """
        return {
            "test": self.test,
            "job_id": self.job_id or None,
            "status": self.status or None,
            "stopped": self.stopped,
            "reason": self.reason,
            **({"error": self.error} if self.error else {}),
        }


def opened_once(access: Callable[[], VpcClient], clients: ExitStack) -> Callable[[], VpcClient]:
    """
    Return what opens a client at its first call, which may be repeated, and closes with `clients`.
    """
    return cache(lambda: clients.enter_context(access()))
