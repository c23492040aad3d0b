"""
A failover test that a run may have started, and what it takes to stop it.
"""

import contextlib
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.codes import CONFLICT, PROCESSING
from chaosfailover.errors import ApiError, FailoverError

__all__ = ["SETTLE", "GuardedTest", "Start", "StopOutcome", "StopRequest", "opened_once"]

# Seconds that a request without an answer may take to have its effect, or an effect to be shown.
SETTLE = 10.0


@dataclass(slots=True)
class Start:
    """
    The request that cuts: written by the thread that sends it, read by the one that stops the test.

    Once `accepted`, the test runs until it has been seen `Stopped`, whatever else is shown. Before,
    a request that is `in_flight`, or whose answer never came, may still cut until `settles_at`
    (monotonic). One that was refused leaves all as it was.
    """

    job_id: str = ""
    accepted: bool = False
    in_flight: bool = False
    settles_at: float = 0.0

    @property
    def is_refused(self) -> bool:
        """
        Whether every attempt was answered with no.
        """
        return not (self.accepted or self.in_flight or self.settles_at)

    def is_open(self, now: float) -> bool:
        """
        Tell whether it may still cut, without anybody having said so.
        """
        return not self.accepted and (self.in_flight or now < self.settles_at)

    @contextmanager
    def attempt(
        self, settle: float = SETTLE, clock: Callable[[], float] = time.monotonic
    ) -> Iterator[None]:
        """
        Send it once; an answer that says neither yes nor no leaves it open for `settle` seconds.
        """
        self.in_flight = True
        answered = False
        try:
            yield
            self.accepted = answered = True
        except ApiError as exc:
            answered = exc.http_status < 500 and not self._is_about_an_earlier_one(exc)
            raise
        finally:
            if not answered:
                self.settles_at = clock() + settle
            self.in_flight = False

    def _is_about_an_earlier_one(self, answer: ApiError) -> bool:
        return answer.code in PROCESSING or (answer.code == CONFLICT and self.settles_at > 0)


@dataclass(slots=True)
class StopRequest:
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
class StopOutcome:
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


@dataclass(frozen=True, slots=True)
class GuardedTest:
    """
    One test on the list, and what is known of its `start`.

    `access` opens a client on the test's region and account; `configuration` and `secrets` are
    what it is opened with, for the process that stands by. `others` are the IDs of tests that had
    the name before. `proven_at` is when its survivors were seen (monotonic). `key` tells tests of
    one name in two accounts apart.
    """

    test: str
    region_id: str
    duration_minutes: int
    access: Callable[[], VpcClient]
    configuration: Mapping[str, Any]
    secrets: Mapping[str, Any]
    start: Start = field(default_factory=Start)
    others: Collection[str] = ()
    proven_at: float = field(default_factory=time.monotonic)
    key: str = field(default_factory=lambda: uuid.uuid4().hex)

    def is_meant_by(self, test: str, region_id: str) -> bool:
        """
        Tell whether a name or an ID in a region is this test.
        """
        return region_id == self.region_id and test in (self.test, self.start.job_id)

    def wanted(self, clients: contextlib.ExitStack) -> StopRequest:
        """
        Say how it is stopped.
        """
        return StopRequest(opened_once(self.access, clients), self.test, self.start, self.others)
