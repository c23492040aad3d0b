"""
The guard: the list of the failover tests that this run may have started, and their stop.

A test is on the list from before its start is sent until it was seen `Stopped` and what it took
back. A thread that waits from the beginning stops what is on the list, so neither a signal handler
nor a busy main thread has to. The actions that cut come in by `check_cut` and `under_guard`.
"""

import contextlib
import functools
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from math import inf
from typing import NamedTuple, Protocol

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.documents import text
from chaosfailover.alibaba.failover_tests import STATUSES, find_test, is_underway
from chaosfailover.alibaba.transport import Attempting
from chaosfailover.errors import ApiError, GuardError, JobNotFoundError
from chaosfailover.events import Event, publish
from chaosfailover.network.cut_resources import Resource, read_states
from chaosfailover.safety.bounded_log import log
from chaosfailover.safety.cut import ApprovedCuts, Cut
from chaosfailover.safety.guarded_test import (
    LATEST_START,
    START_SETTLE,
    GuardedTest,
    StopOutcome,
    StopRequest,
)
from chaosfailover.safety.observation import Observation, States
from chaosfailover.safety.route_checks import SurvivorsBy, check_survivors
from chaosfailover.safety.stopping import Patience, stop_tests
from chaosfailover.signals import end_run, leave_signals_to_the_main_thread

__all__ = [
    "Backup",
    "Clearance",
    "Guard",
    "GuardedStart",
    "check_cut",
    "current",
    "find_guarded",
    "has_made_nothing",
    "is_unbegun",
    "require_guard",
    "set_current",
    "set_unbegun",
    "under_guard",
]

# Seconds that a refusal to stop a test may last before it is final.
PATIENCE = 10.0
# Seconds after which the check of the survivors has expired, and no start is sent any more.
CHECK_LIFETIME = 20.0
NOTHING_MADE = (
    "This run has created and started no failover test: its rollbacks have none to stop or delete"
)
MISSING_CONTROL = """\
nothing would stop the failover test {test!r} if this run were interrupted, so it is not started; \
add to the experiment:
controls:
  - name: failover
    provider:
      type: python
      module: chaosfailover.control"""


class Backup(Protocol):
    """
    What stops the tests when this process is killed: the watchdog, with its own list.
    """

    def check(self) -> None:
        """
        Raise GuardError unless it is running.
        """

    def watch(self, guarded: GuardedTest) -> None:
        """
        Put a test on its list, or replace it there.
        """

    def forget(self, key: str) -> None:
        """
        Take a test off its list.
        """


class Guard:
    """
    Holds the list, and stops what is on it.

    `timeout` is the time limit for the stop, and again for the wait until everything is back. A
    start without an answer may take effect for `latest_start` seconds; `late_starts` has the stop
    wait for that, where no backup outlives this process. A check of the survivors expires after
    `check_lifetime` seconds. Every cut must leave `min_survivors`, proven by `survivors_by`. No cut
    is approved until `approve` is called. A `volatile` endpoint is as for StopRequest.
    """

    def __init__(
        self,
        *,
        backup: Backup | None = None,
        timeout: float = 300.0,
        latest_start: float = LATEST_START,
        late_starts: bool = False,
        check_lifetime: float = CHECK_LIFETIME,
        min_survivors: int = 1,
        survivors_by: SurvivorsBy = "routes",
        volatile: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        thread: Callable[..., threading.Thread] = threading.Thread,
    ) -> None:
        self.clock = clock
        self.min_survivors = min_survivors
        self.survivors_by = survivors_by
        self.volatile = volatile
        self.approved = ApprovedCuts()
        self.observations: dict[str, Observation] = {}
        self.created: set[str] = set()
        # Whether a creation or a start was sent, with or without an answer.
        self.has_sent = False
        self._backup = backup
        self._timeout = timeout
        self.latest_start = latest_start
        self._late_starts = late_starts
        self._check_lifetime = check_lifetime
        self._sleep = sleep
        self._lock = threading.Lock()
        self._list: dict[str, GuardedTest] = {}
        self._statuses: dict[str, str] = {}
        self._reason = ""
        self._stopping = 0
        self._enough = False
        # SimpleQueue.put may be called from a signal handler at any line.
        self._orders: queue.SimpleQueue[bool] = queue.SimpleQueue()
        # By key: what the stop of everything came to, and which tests others have seen to be over.
        self._outcomes: dict[str, StopOutcome] = {}
        self._over: dict[str, StopOutcome] = {}
        self._thread = thread(target=self._wait, name="failover-guard", daemon=True)
        self._thread.start()

    def approve(self, approved: ApprovedCuts, before: Mapping[str, States]) -> None:
        """
        Approve cuts; `before` has by test what it will take, as it is now.
        """
        self.observations = {
            test: Observation(test, states, self.clock) for test, states in before.items()
        }
        for test, seen in self.observations.items():
            seen.see_states(before[test], self.clock())
        self.approved = approved

    def is_to_create(self, test: str | None) -> bool:
        """
        Tell whether a test is one that the approved method creates.
        """
        return any(cut.test == test and not cut.job_id for cut in self.approved.cuts)

    def observation(self, cut: Cut) -> Observation:
        """
        Return what is seen of a cut from now on.
        """
        named = dict.fromkeys(Resource(cut.resource_type, each) for each in cut.resource_ids)
        return self.observations.setdefault(cut.test, Observation(cut.test, named, self.clock))

    @property
    def tests(self) -> list[GuardedTest]:
        """
        The tests on the list now.
        """
        with self._lock:
            return list(self._list.values())

    @property
    def testing(self) -> bool:
        """
        Whether a test on the list was last seen `Testing`.
        """
        return any(self._statuses.get(test.start.job_id) == "Testing" for test in self.tests)

    @property
    def back_since(self) -> float:
        """
        The instant (monotonic) at which what was cut came back last; infinite while some of it,
        which was back, is away again.
        """
        seen = self.observations.values()
        if any(each.is_away_again for each in seen):
            return inf
        return max((each.back_at for each in seen if each.back_at is not None), default=-inf)

    @property
    def restoring(self) -> bool:
        """
        Whether the stop of everything was ordered and is not finished.
        """
        return bool(self._reason) and self._thread.is_alive()

    @property
    def is_stopping(self) -> bool:
        """
        Whether tests are being stopped at this moment, by whomever in this run.
        """
        return self._stopping > 0

    def listen(self, event: Event) -> None:
        """
        Remember the status of each test as it is seen.
        """
        if event["kind"] == "status" and (job_id := event.get("job_id")):
            self._statuses[job_id] = event["status"]

    def watch(self, guarded: GuardedTest) -> None:
        """
        Put a test on the list before its start is sent.

        Raises GuardError when the run is ending or the backup is not running. This writes the list
        and then reads the reason; `restore` does it the other way about, so no test slips through.
        """
        self.has_sent = True
        if self._backup:
            self._backup.check()
        self._put(guarded)
        if self._reason:
            self.forget(guarded)
            raise self._refusal(guarded)
        for earlier in self._returned(guarded):
            earlier.cut_again_by.add(guarded.key)
        guarded.observation.begin()
        publish("cut", test=guarded.test, job_id=guarded.start.job_id)

    def withdraw(self, guarded: GuardedTest) -> None:
        """
        Take a test off the list that was not started, and watch on for those that were before it.
        """
        self.forget(guarded)
        for earlier in self.observations.values():
            earlier.cut_again_by.discard(guarded.key)

    def _returned(self, guarded: GuardedTest) -> Iterator[Observation]:
        """
        Yield what is seen of earlier tests that are back, and from which this one takes something.
        """
        taken = guarded.observation
        for seen in self.observations.values():
            if seen is not taken and seen.back_at is not None and seen.resources & taken.resources:
                yield seen

    @contextlib.contextmanager
    def attempt(self, guarded: GuardedTest) -> Iterator[None]:
        """
        Send the start of a test once.

        Raises GuardError instead when the run is ending, or the check of the survivors has expired.
        """
        try:
            guarded.start.in_flight = True
            if self._reason:
                raise self._refusal(guarded)
            if (age := self.clock() - guarded.checked_at) > self._check_lifetime:
                raise GuardError(
                    f"{guarded.test!r} is not started: its survivors were checked {age:.0f} s ago, "
                    f"and no start was accepted within {self._check_lifetime:g} s of that"
                )
            with guarded.start.attempt(self.clock):
                yield
        finally:
            guarded.start.in_flight = False

    def accept(self, guarded: GuardedTest, job_id: str) -> None:
        """
        Record that a test was started, and its ID.
        """
        guarded.start.job_id, guarded.start.accepted = job_id, True
        if self._backup and guarded.key in self._list:
            self._backup.watch(guarded)

    def stop(self, stop_requests: list[StopRequest], timeout: float) -> list[StopOutcome]:
        """
        Stop tests for a rollback within `timeout` seconds, or sooner once the guard has failed.
        """
        has_failed = any(outcome.error for outcome in self._outcomes.values())
        limit = min(timeout, self._timeout, *([PATIENCE] if has_failed else []))
        patience = Patience(limit, back=self._timeout, enough=self._has_enough)
        return self._stop(stop_requests, patience)

    def note(self, guarded: GuardedTest, outcome: StopOutcome) -> None:
        """
        Take a test off the list if it was seen to end and everything is back.
        """
        if outcome.is_over and outcome.status == "Stopped":
            self.forget(guarded)
            with self._lock:
                self._over[guarded.key] = outcome
                if guarded.key in self._outcomes:
                    self._outcomes[guarded.key] = outcome

    def forget(self, guarded: GuardedTest) -> None:
        """
        Take a test off the list.
        """
        with self._lock:
            self._list.pop(guarded.key, None)
        if self._backup:
            self._backup.forget(guarded.key)

    def restore_soon(self, reason: str) -> None:
        """
        Order the stop of everything on the list, and return at once. Safe in a signal handler.
        """
        if not self._reason:
            self._reason = reason
            self._orders.put(True)

    def restore(self, reason: str) -> list[StopOutcome]:
        """
        Stop everything on the list, wait until it is back, and return the outcomes.

        What is not over stays on the list. No test can be started afterwards.
        """
        self.restore_soon(reason)
        self._thread.join()
        return [*self._outcomes.values()]

    def end_wait(self) -> None:
        """
        End the wait for resources and late starts, unless a test may run. Safe in a signal handler.
        """
        tests = list(self._list.values())
        if self.is_stopping and tests and all(map(self._has_ended, tests)):
            self._enough = True

    def _has_ended(self, guarded: GuardedTest) -> bool:
        start = guarded.start
        if start.accepted or start.in_flight or start.sent_at is None:
            return guarded.observation.stopped_at is not None
        return self.clock() >= start.sent_at + START_SETTLE

    def _has_enough(self) -> bool:
        return self._enough

    def _refusal(self, guarded: GuardedTest) -> GuardError:
        return GuardError(f"{guarded.test!r} is not started: {self._reason}")

    def _put(self, guarded: GuardedTest) -> None:
        with self._lock:
            self._list[guarded.key] = guarded
        if self._backup:
            self._backup.watch(guarded)

    def _wait(self) -> None:
        leave_signals_to_the_main_thread()
        self._orders.get()
        guarded_tests = self.tests
        try:
            outcomes = self._restore(guarded_tests)
        except Exception as exc:  # noqa: BLE001 - tests may run, and no one else would report it
            outcomes = [_unexpected(guarded, exc) for guarded in guarded_tests]
        with self._lock:
            for guarded, outcome in zip(guarded_tests, outcomes, strict=True):
                self._outcomes[guarded.key] = self._known(guarded, outcome)
        for guarded in guarded_tests:
            if self._outcomes[guarded.key].is_over:
                self.forget(guarded)

    def _known(self, guarded: GuardedTest, outcome: StopOutcome) -> StopOutcome:
        """
        Return the outcome of a rollback instead of one that knows less of the end of a test.
        """
        return outcome if outcome.back is False else self._over.get(guarded.key, outcome)

    def _restore(self, guarded_tests: list[GuardedTest]) -> list[StopOutcome]:
        for guarded in guarded_tests:
            log(logging.INFO, "Stopping failover test %s in %s", guarded.test, guarded.region_id)
        # Where no backup outlives this process, nobody else would try again.
        refusals = self._timeout if self._late_starts else PATIENCE
        patience = Patience(
            self._timeout, refusals, self._timeout, self._late_starts, self._has_enough
        )
        with contextlib.ExitStack() as clients:
            return self._stop([each.stop_request(clients) for each in guarded_tests], patience)

    def _stop(self, stop_requests: list[StopRequest], patience: Patience) -> list[StopOutcome]:
        with self._lock:
            self._stopping += 1
        try:
            return stop_tests(stop_requests, patience, clock=self.clock, sleep=self._sleep)
        finally:
            with self._lock:
                self._stopping -= 1


def _unexpected(guarded: GuardedTest, exc: Exception) -> StopOutcome:
    reason = "it could not be stopped"
    return StopOutcome(
        guarded.test, guarded.start.job_id, "", reason, error=f"unexpected: {exc!r}", back=None
    )


_current: Guard | None = None


def current() -> Guard | None:
    """
    Return the guard of this run, or None outside a run.
    """
    return _current


def set_current(guard: Guard | None) -> None:
    """
    Set the guard of this run, or remove it with None.
    """
    global _current  # noqa: PLW0603 - activities find the guard of their run nowhere else
    _current = guard


_unbegun = False
_told = False


def set_unbegun(*, unbegun: bool) -> None:
    """
    Note that a run has not passed its preflight yet, or that it has, or has ended.
    """
    global _unbegun, _told
    _unbegun, _told = unbegun, False


def is_unbegun() -> bool:
    """
    Tell whether the run was refused or ended before its method, where only rollbacks are played.
    """
    return _unbegun


def has_made_nothing(test: str | None = None) -> bool:
    """
    Tell whether this run has created and started no failover test, and say so once.

    This holds for a run without a method, and for a `test` that the method was to create, as long
    as no creation or start was sent. One without an answer was sent.
    """
    global _told  # noqa: PLW0603 - as above
    sent = _current is not None and _current.has_sent
    planned = _current is not None and _current.is_to_create(test)
    nothing = not sent and (_unbegun or planned)
    if nothing and not _told:
        _told = True
        log(logging.INFO, NOTHING_MADE)
    return nothing


def find_guarded(test: str, region_id: str) -> GuardedTest | None:
    """
    Return the test on the list of this run with this name or ID in this region.
    """
    tests = _current.tests if _current else []
    return next((guarded for guarded in tests if guarded.has_name(test, region_id)), None)


def require_guard(test: str) -> Guard:
    """
    Return the guard of this run, for a test that is to be started.

    Raises GuardError when there is none, and ends the run: the toolkit would note a failed action,
    go on, and exit with 0.
    """
    if _current is None:
        end_run(GuardError(MISSING_CONTROL.format(test=test)))
    return _current


class Clearance(NamedTuple):
    """
    The permission for a cut: the instant (monotonic) of its check, and what is seen of it.

    It was given by `guard`.
    """

    checked_at: float
    observation: Observation
    guard: Guard


def check_cut(client: VpcClient, cut: Cut) -> Clearance:
    """
    Check right before a cut that it is approved, and that the network is as the preflight saw it.

    Earlier cuts of this run may not be restored, and others may cut as well. The clearance expires.
    Raises GuardError when there is no guard, the cut is not approved, or an earlier test is not
    over; PreflightError when too little would survive.
    """
    guard = require_guard(cut.test)
    checked_at = guard.clock()
    guard.approved.check(cut)
    for earlier in guard.tests:
        if state := _state(earlier, guard.clock):
            raise GuardError(
                f"{cut.test!r} is not started: {earlier.test!r}, an earlier test of this run, "
                f"is {state}"
            )
        guard.forget(earlier)
    check_survivors(client, cut, guard.min_survivors, guard.survivors_by)
    seen, asked_at = guard.observation(cut), guard.clock()
    seen.see_states(read_states(client, seen.resources), asked_at, client.lag)
    return Clearance(checked_at, seen, guard)


def _state(guarded: GuardedTest, clock: Callable[[], float]) -> str:
    """
    Return why a test is not over, or "" if it has ended by itself and everything is back.
    """
    seen = guarded.observation
    if not guarded.start.accepted:
        return "unknown, not Stopped"
    with guarded.access() as client:
        try:
            job = find_test(client, guarded.start.job_id or guarded.test)
        except JobNotFoundError:
            return "unknown, not Stopped"
        if (status := text(job, "Status")) != "Stopped":
            return f"{status or 'unknown'}, not Stopped"
        seen.see_job(text(job, "JobId") or "", status)
        seen.see_end()
        asked_at = clock()
        seen.see_states(read_states(client, seen.resources), asked_at, client.lag)
    return "" if seen.is_back else f"Stopped, but {', '.join(seen.not_back())}"


class GuardedStart:
    """
    The start of a guarded test: each attempt to send it is made in `attempting`.
    """

    def __init__(self, guard: Guard, guarded: GuardedTest) -> None:
        self.attempting: Attempting = functools.partial(guard.attempt, guarded)
        self._guard = guard
        self._guarded = guarded

    def accept(self, job_id: str) -> None:
        """
        Record that the test was started.
        """
        self._guard.accept(self._guarded, job_id)


@contextlib.contextmanager
def under_guard(guarded: GuardedTest) -> Iterator[GuardedStart]:
    """
    Keep a test on the guard's list from before its start is sent.

    Raises GuardError when there is no guard. The test leaves the list when every attempt was
    refused. After no answer, or an interrupted wait for one, it stays on the list.
    """
    guard = require_guard(guarded.test)
    guard.watch(guarded)
    try:
        yield GuardedStart(guard, guarded)
    except (ApiError, GuardError):
        if guarded.start.is_refused and not _was_started(guarded):
            guard.withdraw(guarded)
        raise


def _was_started(guarded: GuardedTest) -> bool:
    """
    Tell whether a test is underway although its start was refused, and note it as accepted.

    One of a status that is none of the documented ones may be: its start counts as unanswered.
    """
    # Whatever goes wrong here, the refusal is what the action tells.
    with contextlib.suppress(Exception), guarded.access() as client:
        job = find_test(client, guarded.start.job_id or guarded.test, guarded.others)
        if is_underway(job):
            guarded.start.job_id = text(job, "JobId") or ""
            guarded.start.accepted = job.get("Status") in STATUSES
            guarded.start.sent_at = require_guard(guarded.test).clock()
    return not guarded.start.is_refused
