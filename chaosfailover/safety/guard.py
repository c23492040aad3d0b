"""
The guard: the list of the failover tests that this run may have started, and their stop.

A test is on the list from before its start is sent until it was seen `Stopped`. A thread that waits
from the beginning stops what is on the list, so neither a signal handler nor a busy main thread has
to. The actions that cut come in by `check_cut` and `under_guard`.
"""

import contextlib
import functools
import logging
import queue
import threading
import time
from collections.abc import Collection, Iterator
from typing import Protocol

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.failover_tests import find_test
from chaosfailover.alibaba.transport import Attempting
from chaosfailover.errors import ApiError, GuardError, JobNotFoundError
from chaosfailover.events import Event, publish
from chaosfailover.network import resource_status as survey
from chaosfailover.safety.cut import ApprovedCuts, Cut
from chaosfailover.safety.guarded_test import START_SETTLE, GuardedTest, StopOutcome
from chaosfailover.safety.stopping import stop_tests
from chaosfailover.signals import end_run, leave_signals_to_the_main_thread

__all__ = [
    "Backup",
    "Guard",
    "GuardedStart",
    "check_cut",
    "current",
    "find_guarded",
    "require_guard",
    "set_current",
    "under_guard",
]

logger = logging.getLogger("chaostoolkit")

# Seconds that a refusal to stop a test may last before it is final.
PATIENCE = 10.0
# Seconds after which the check of the survivors has expired, and no start is sent any more.
CHECK_LIFETIME = 20.0
# Seconds between looks at whether the backup still runs.
BACKUP_INTERVAL = 1.0
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

    def revive(self, guarded_tests: Collection[GuardedTest]) -> None:
        """
        Start again, with these tests on its list.
        """


class Guard:
    """
    Holds the list, and stops what is on it within `timeout` seconds.

    A start without an answer may take effect for `settle` seconds. A check of the survivors expires
    after `check_lifetime` seconds. Every cut must leave `min_survivors` circuits. No cut is
    approved until `approved` is set.
    """

    def __init__(
        self,
        *,
        backup: Backup | None = None,
        timeout: float = 300.0,
        settle: float = START_SETTLE,
        check_lifetime: float = CHECK_LIFETIME,
        min_survivors: int = 1,
    ) -> None:
        self.min_survivors = min_survivors
        self.approved = ApprovedCuts()
        self._backup = backup
        self._timeout = timeout
        self._settle = settle
        self._check_lifetime = check_lifetime
        self._lock = threading.Lock()
        self._list: dict[str, GuardedTest] = {}
        self._statuses: dict[str, str] = {}
        self._reason = ""
        # SimpleQueue.put may be called from a signal handler at any line.
        self._orders: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._outcomes: list[StopOutcome] = []
        self._thread = threading.Thread(target=self._wait, name="failover-guard", daemon=True)
        self._thread.start()
        if backup:
            keep = functools.partial(self._keep_running, backup)
            threading.Thread(target=keep, name="failover-backup", daemon=True).start()

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
    def restoring(self) -> bool:
        """
        Whether tests are being stopped at this moment.
        """
        return bool(self._reason) and self._thread.is_alive()

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
        if self._backup:
            self._backup.check()
        self._put(guarded)
        if self._reason:
            self.forget(guarded)
            raise self._refusal(guarded)
        publish("cut", test=guarded.test, job_id=guarded.start.job_id)

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
            if (age := time.monotonic() - guarded.checked_at) > self._check_lifetime:
                raise GuardError(
                    f"{guarded.test!r} is not started: its survivors were checked {age:.0f} s ago, "
                    f"and no start was accepted within {self._check_lifetime:g} s of that"
                )
            with guarded.start.attempt(self._settle):
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

    def time_to_stop(self, timeout: float) -> float:
        """
        Return how long a rollback may try, which is short once the guard itself has failed.
        """
        has_failed = any(outcome.error for outcome in self._outcomes)
        return min(timeout, PATIENCE) if has_failed else timeout

    def note(self, guarded: GuardedTest, outcome: StopOutcome) -> None:
        """
        Take a test off the list if it was seen `Stopped`; nothing less is enough.
        """
        if outcome.error is None and outcome.status == "Stopped":
            self.forget(guarded)

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
        Stop everything on the list, wait for it, and return the outcomes.

        What could not be stopped stays on the list. No test can be started afterwards.
        """
        self.restore_soon(reason)
        self._thread.join()
        return self._outcomes

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
            self._outcomes = self._stop(guarded_tests)
        except Exception as exc:  # noqa: BLE001 - tests may run, and no one else would report it
            self._outcomes = [_unexpected(guarded, exc) for guarded in guarded_tests]
        for guarded, outcome in zip(guarded_tests, self._outcomes, strict=True):
            if outcome.error is None:
                self.forget(guarded)

    def _keep_running(self, backup: Backup) -> None:
        """
        Start the backup again if it dies while a test may be running.
        """
        leave_signals_to_the_main_thread()
        while self._thread.is_alive():
            self._thread.join(BACKUP_INTERVAL)
            if guarded_tests := self.tests:
                _revive(backup, guarded_tests)

    def _stop(self, guarded_tests: list[GuardedTest]) -> list[StopOutcome]:
        for guarded in guarded_tests:
            logger.info("Stopping failover test %s in %s", guarded.test, guarded.region_id)
        with contextlib.ExitStack() as clients:
            requests = [guarded.stop_request(clients) for guarded in guarded_tests]
            return stop_tests(requests, timeout=self._timeout, patience=PATIENCE)


def _unexpected(guarded: GuardedTest, exc: Exception) -> StopOutcome:
    reason = "it could not be stopped"
    return StopOutcome(guarded.test, guarded.start.job_id, "", reason, error=f"unexpected: {exc!r}")


def _revive(backup: Backup, guarded_tests: Collection[GuardedTest]) -> None:
    try:
        backup.check()
    except GuardError as exc:
        logger.warning("%s: starting another", exc)
        with contextlib.suppress(GuardError, OSError):
            backup.revive(guarded_tests)
            return
        names = ", ".join(guarded.test for guarded in guarded_tests)
        logger.critical("Nothing would stop %s if this process died", names)


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


def check_cut(client: VpcClient, cut: Cut) -> float:
    """
    Check right before a cut that it is approved, and that the network is as the preflight saw it.

    Earlier cuts of this run may not be restored, and others may cut as well. Returns the instant
    (monotonic) of the check, which expires. Raises GuardError when there is no guard, the cut is
    not approved, or an earlier test is not Stopped; PreflightError when too little would survive.
    """
    checked_at = time.monotonic()
    guard = require_guard(cut.test)
    guard.approved.check(cut)
    for earlier in guard.tests:
        _check_ended(guard, earlier, cut)
    survey.check_survivors(client, cut.resource_ids, cut.resource_type, guard.min_survivors)
    return checked_at


def _check_ended(guard: Guard, earlier: GuardedTest, cut: Cut) -> None:
    """
    Take a test that has ended by itself off the list; raise GuardError for any other.
    """
    status = _status(earlier) if earlier.start.accepted else "unknown"
    if status != "Stopped":
        raise GuardError(
            f"{cut.test!r} is not started: {earlier.test!r}, an earlier test of this run, "
            f"is {status}, not Stopped"
        )
    guard.forget(earlier)


def _status(guarded: GuardedTest) -> str:
    with guarded.access() as client:
        try:
            return str(find_test(client, guarded.start.job_id or guarded.test).get("Status"))
        except JobNotFoundError:
            return "unknown"


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
        if guarded.start.is_refused:
            guard.forget(guarded)
        raise
