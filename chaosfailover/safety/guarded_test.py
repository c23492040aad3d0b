"""
A failover test that a run may have started: its start, the request to stop it, and the outcome.
"""

import contextlib
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from math import inf

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.codes import CONFLICT, PROCESSING
from chaosfailover.errors import ApiError
from chaosfailover.safety.observation import Observation

__all__ = [
    "CALL_DEADLINE",
    "LATEST_START",
    "START_SETTLE",
    "GuardedTest",
    "Start",
    "StopOutcome",
    "StopRequest",
    "label",
    "opened_once",
]

# Seconds for one call while tests are stopped in turn, so that none delays the others for long.
CALL_DEADLINE = 10.0
# Seconds that an accepted request may take to be shown by the API.
START_SETTLE = 10.0
# Seconds after its duration by which the cloud has surely ended a test.
END_SETTLE = 120.0
# Seconds after which a request can no longer take effect: the longest documented validity of a
# signature (API reference 6.6).
LATEST_START = 31 * 60.0


@dataclass(slots=True)
class Start:
    """
    The request that cuts: written by the thread that sends it, read by the thread that stops it.

    Once `accepted`, the test runs until it was seen `Stopped`, whatever else the API shows. Until
    then, a request that is `in_flight`, or got no answer, may still cut: `latest` seconds after it
    was sent, at `sent_at` (monotonic). A refused request has no effect. `created` tells whether
    this run created the test, so that it may delete it.
    """

    job_id: str = ""
    accepted: bool = False
    in_flight: bool = False
    sent_at: float | None = None
    latest: float = LATEST_START
    created: bool = True

    @property
    def is_refused(self) -> bool:
        """
        Whether every attempt was refused.
        """
        return not (self.accepted or self.in_flight or self.sent_at is not None)

    @property
    def open_until(self) -> float:
        """
        The instant (monotonic) from which a request without an answer has no effect any more.
        """
        return -1.0 if self.sent_at is None else self.sent_at + self.latest

    def is_open(self, now: float) -> bool:
        """
        Tell whether the request may still take effect, although no answer accepted it.
        """
        return not self.accepted and (self.in_flight or now < self.open_until)

    def remaining(self, now: float) -> float:
        """
        Return for how many seconds the request, sent or not, may still take effect.
        """
        return self.latest if self.sent_at is None else max(0.0, self.open_until - now)

    @contextlib.contextmanager
    def attempt(self, clock: Callable[[], float] = time.monotonic) -> Iterator[None]:
        """
        Send it once; without a clear answer it stays open for `latest` seconds.
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
                self.sent_at = clock()
            self.in_flight = False

    def _concerns_earlier_attempt(self, answer: ApiError) -> bool:
        return answer.code in PROCESSING or (answer.code == CONFLICT and self.sent_at is not None)


@dataclass(frozen=True, slots=True)
class StopRequest:
    """
    A test to stop, until what it took is back.

    `client` returns the same client for its region each time. What the API shows may be old:

    - a test whose `start` was accepted is stopped whatever is shown;
    - a test whose start is open is looked for again, and deleted in `Init` if the run created it,
      so that a late start has no effect;
    - what is shown of any other test is final from `look_until` (monotonic) on.

    `others` are the IDs of earlier tests of the same name, which are left alone. The cloud itself
    ends the test at `ends_by` (monotonic) at the latest. A `volatile` endpoint is an emulator
    without a state file: if it refuses connections, it has ended with all its tests.
    """

    client: Callable[[], VpcClient]
    test: str
    start: Start = field(default_factory=Start)
    others: Collection[str] = ()
    look_until: float = 0.0
    ends_by: float = inf
    volatile: bool = False
    observation: Observation | None = None


@dataclass(frozen=True, slots=True)
class StopOutcome:
    """
    The result of stopping one test.

    `error` is why it may still run, else None. `back` tells whether what it took was seen as it was
    before, None if that could not be read or was not waited for; `not_back` has a sentence for each
    resource that was not. `open_until` (monotonic) is when a start without an answer can no longer
    take effect, None if it was answered.
    """

    test: str
    job_id: str
    status: str
    reason: str
    stopped: bool = False
    error: str | None = None
    back: bool | None = True
    not_back: tuple[str, ...] = ()
    open_until: float | None = None

    @property
    def is_over(self) -> bool:
        """
        Whether nothing runs, nothing can start, and everything is back.
        """
        return self.error is None and self.open_until is None and self.back is True

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
            "back": self.back,
            **({"not_back": list(self.not_back)} if self.not_back else {}),
            **({"may_start": True} if self.open_until is not None else {}),
            **({"error": self.error} if self.error else {}),
        }


def label(test: str, job_id: str) -> str:
    """
    Return how a message calls a test, which may have no name of ours, or no job yet.
    """
    return f"{test} ({job_id})" if job_id and job_id != test else test


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
    One test on the guard's list, with what was seen of it.

    `access` opens a client for the test's region and account; `configuration` and `secrets` let the
    watchdog do the same. `others` and `volatile` are as for StopRequest. `checked_at` (monotonic)
    is when its survivors were checked. `key` is unique, since tests in two accounts may share a
    name.
    """

    test: str
    region_id: str
    duration_minutes: int
    access: Callable[[], VpcClient]
    configuration: Mapping[str, object]
    secrets: Mapping[str, object]
    observation: Observation
    start: Start = field(default_factory=Start)
    others: Collection[str] = ()
    volatile: bool = False
    checked_at: float = field(default_factory=time.monotonic)
    key: str = field(default_factory=lambda: uuid.uuid4().hex)

    def has_name(self, test: str, region_id: str) -> bool:
        """
        Tell whether this test has a name or an ID in a region.
        """
        return region_id == self.region_id and test in (self.test, self.start.job_id)

    @property
    def ends_by(self) -> float:
        """
        The instant (monotonic) at which the cloud itself has ended the test, at the latest.
        """
        start = self.start
        latest = 0.0 if start.accepted else start.latest
        return self.checked_at + self.duration_minutes * 60 + latest + END_SETTLE

    def seconds_left(self, now: float) -> float:
        """
        Return for how many seconds it may run or start, at most.
        """
        return 0.0 if self.observation.stopped_at is not None else max(0.0, self.ends_by - now)

    def stop_request(self, clients: contextlib.ExitStack) -> StopRequest:
        """
        Return the request to stop it, whose client closes with `clients`.
        """
        return StopRequest(
            opened_once(self.access, clients),
            self.test,
            self.start,
            self.others,
            ends_by=self.ends_by,
            volatile=self.volatile,
            observation=self.observation,
        )
