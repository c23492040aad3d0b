"""
A failover test that a run may have started: its start, the request to stop it, and the outcome.
"""

import contextlib
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.codes import CONFLICT, PROCESSING
from chaosfailover.errors import ApiError, FailoverError

__all__ = ["START_SETTLE", "GuardedTest", "Start", "StopOutcome", "StopRequest", "opened_once"]

# Seconds that a start without an answer may take to have its effect, or an effect to be shown.
START_SETTLE = 10.0


@dataclass(slots=True)
class Start:
    """
    The request that cuts: written by the thread that sends it, read by the thread that stops it.

    Once `accepted`, the test runs until it was seen `Stopped`, whatever else the API shows. Until
    then, a request that is `in_flight` or got no answer may still cut until `settles_at`
    (monotonic). A refused request has no effect.
    """

    job_id: str = ""
    accepted: bool = False
    in_flight: bool = False
    settles_at: float = 0.0

    @property
    def is_refused(self) -> bool:
        """
        Whether every attempt was refused.
        """
        return not (self.accepted or self.in_flight or self.settles_at)

    def is_open(self, now: float) -> bool:
        """
        Tell whether the request may still take effect, although no answer accepted it.
        """
        return not self.accepted and (self.in_flight or now < self.settles_at)

    @contextlib.contextmanager
    def attempt(
        self, settle: float = START_SETTLE, clock: Callable[[], float] = time.monotonic
    ) -> Iterator[None]:
        """
        Send it once; without a clear answer it stays open for `settle` seconds.
        """
        self.in_flight = True
        answered = False
        try:
            yield
            self.accepted = answered = True
        except ApiError as exc:
            answered = exc.http_status < 500 and not self._concerns_earlier_attempt(exc)
            raise
        finally:
            if not answered:
                self.settles_at = clock() + settle
            self.in_flight = False

    def _concerns_earlier_attempt(self, answer: ApiError) -> bool:
        return answer.code in PROCESSING or (answer.code == CONFLICT and self.settles_at > 0)


@dataclass(slots=True)
class StopRequest:
    """
    A test to stop, and the progress of stopping it.

    `client` returns the same client for its region each time. What the API shows may be old:

    - a test whose `start` was accepted is stopped whatever is shown;
    - a test whose start is open is looked for again, and deleted in `Init`, so that a late start
      has no effect;
    - what is shown of any other test is final from `look_until` (monotonic) on.

    `others` are the IDs of earlier tests of the same name, which are left alone.
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
    The result of stopping one test: `error` is None when nothing is left running.
    """

    test: str
    job_id: str
    status: str
    reason: str
    stopped: bool = False
    error: str | None = None

    def as_dict(self) -> dict[str, object]:
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


def opened_once(
    access: Callable[[], VpcClient], clients: contextlib.ExitStack
) -> Callable[[], VpcClient]:
    """
    Return a function that opens a client at its first success, and closes it with `clients`.
    """
    return cache(lambda: clients.enter_context(access()))


@dataclass(frozen=True, slots=True)
class GuardedTest:
    """
    One test on the guard's list.

    `access` opens a client for the test's region and account; `configuration` and `secrets` let the
    watchdog do the same. `others` are the IDs of earlier tests of the same name. `checked_at`
    (monotonic) is when its survivors were checked. `key` is unique, since tests in two accounts may
    share a name.
    """

    test: str
    region_id: str
    duration_minutes: int
    access: Callable[[], VpcClient]
    configuration: Mapping[str, object]
    secrets: Mapping[str, object]
    start: Start = field(default_factory=Start)
    others: Collection[str] = ()
    checked_at: float = field(default_factory=time.monotonic)
    key: str = field(default_factory=lambda: uuid.uuid4().hex)

    def has_name(self, test: str, region_id: str) -> bool:
        """
        Tell whether this test has a name or an ID in a region.
        """
        return region_id == self.region_id and test in (self.test, self.start.job_id)

    def stop_request(self, clients: contextlib.ExitStack) -> StopRequest:
        """
        Return the request to stop it, whose client closes with `clients`.
        """
        return StopRequest(opened_once(self.access, clients), self.test, self.start, self.others)
