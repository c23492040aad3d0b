"""
The guard: which failover tests this run may have started, and how they are stopped.

A test is on the list before its start is sent and until it has been seen `Stopped`. A thread that
stands ready from the beginning stops what is on the list as soon as it is asked to, so that
neither a signal handler nor a busy main thread has to do it.
"""

import contextlib
import functools
import logging
import queue
import threading
import time
from collections.abc import Collection, Iterator
from typing import Protocol

from chaosfailover.errors import GuardError
from chaosfailover.events import Event, publish
from chaosfailover.safety.cut import Clearance
from chaosfailover.safety.guarded_test import SETTLE, GuardedTest, StopOutcome
from chaosfailover.safety.stopping import stop_tests
from chaosfailover.signals import leave_signals_to_the_main_thread

__all__ = ["Guard", "Standby", "bring_back", "current", "find_guarded", "set_current"]

logger = logging.getLogger("chaostoolkit")


class Standby(Protocol):
    """
    What takes over when this process dies without a word.
    """

    def check(self) -> None:
        """
        Raise GuardError unless it stands by.
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
        Stand by again, for these tests, after it has died.
        """


def bring_back(standby: Standby, guarded_tests: Collection[GuardedTest]) -> None:
    try:
        standby.check()
    except GuardError as exc:
        logger.warning("%s: another one is started", exc)
        with contextlib.suppress(GuardError, OSError):
            standby.revive(guarded_tests)
            return
        names = ", ".join(guarded.test for guarded in guarded_tests)
        logger.critical("Nothing would stop %s should this process die", names)


# Seconds that a refusal may last before it is taken as final.
PATIENCE = 10.0
# Seconds for which the proof of survivors is good, while the start is sent again and again.
PROOF_LASTS = 20.0
# Seconds between looks at whether the process that stands by is there.
LOOK_INTERVAL = 1.0


class Guard:
    """
    Holds the list and the thread that stops what is on it, within `timeout` seconds.

    A start that was never answered is waited for `settle` seconds. That survivors were seen is good
    for `proof_lasts` seconds, in which a start may be sent again and again. `min_survivors`
    circuits must be left by every cut. `clearance` says which cuts may be made: none, until it is
    set.
    """

    def __init__(
        self,
        *,
        standby: Standby | None = None,
        timeout: float = 300.0,
        settle: float = SETTLE,
        proof_lasts: float = PROOF_LASTS,
        min_survivors: int = 1,
    ) -> None:
        self.min_survivors = min_survivors
        self.clearance = Clearance()
        self._standby = standby
        self._timeout = timeout
        self._settle = settle
        self._proof_lasts = proof_lasts
        self._lock = threading.Lock()
        self._list: dict[str, GuardedTest] = {}
        self._statuses: dict[str, str] = {}
        self._reason = ""
        # SimpleQueue.put may be called from a signal handler at any line.
        self._orders: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._outcomes: list[StopOutcome] = []
        self._thread = threading.Thread(target=self._wait, name="failover-guard", daemon=True)
        self._thread.start()
        if standby:
            look = functools.partial(self._look_after, standby)
            threading.Thread(target=look, name="failover-standby", daemon=True).start()

    @property
    def tests(self) -> list[GuardedTest]:
        """
        What is on the list now.
        """
        with self._lock:
            return list(self._list.values())

    @property
    def testing(self) -> bool:
        """
        Whether a test on the list was last seen `Testing`.
        """
        return any(self._statuses.get(one.start.job_id) == "Testing" for one in self.tests)

    @property
    def restoring(self) -> bool:
        """
        Whether tests are being stopped at this moment.
        """
        return bool(self._reason) and self._thread.is_alive()

    def listen(self, event: Event) -> None:
        """
        Take note of the statuses of tests as they are seen.
        """
        if event["kind"] == "status" and event.get("job_id"):
            self._statuses[event["job_id"]] = event["status"]

    def watch(self, guarded: GuardedTest) -> None:
        """
        Put a test on the list before its start is sent.

        Raises GuardError when the run is being ended or nothing stands by. The list is written
        before the reason is read, and the other way about in restore: no test slips through.
        """
        if self._standby:
            self._standby.check()
        self._put(guarded)
        if self._reason:
            self.forget(guarded)
            raise self._refusal(guarded)
        publish("cut", test=guarded.test, job_id=guarded.start.job_id)

    @contextlib.contextmanager
    def attempt(self, guarded: GuardedTest) -> Iterator[None]:
        """
        Send the start of a test once; raises GuardError instead when the run is being ended, or
        when it was too long ago that survivors were seen.
        """
        try:
            guarded.start.in_flight = True
            if self._reason:
                raise self._refusal(guarded)
            if (age := time.monotonic() - guarded.proven_at) > self._proof_lasts:
                raise GuardError(
                    f"{guarded.test!r} is not started: its survivors were seen {age:.0f} s ago, "
                    f"and its start was not accepted since"
                )
            with guarded.start.attempt(self._settle):
                yield
        finally:
            guarded.start.in_flight = False

    def accept(self, guarded: GuardedTest, job_id: str) -> None:
        """
        Note that a test was started, and its ID.
        """
        guarded.start.job_id, guarded.start.accepted = job_id, True
        if self._standby and guarded.key in self._list:
            self._standby.watch(guarded)

    def time_to_stop(self, timeout: float) -> float:
        """
        Return how long a rollback may try: not for long once the guard has tried in vain.
        """
        in_vain = any(outcome.error for outcome in self._outcomes)
        return min(timeout, PATIENCE) if in_vain else timeout

    def note(self, guarded: GuardedTest, outcome: StopOutcome) -> None:
        """
        Take a test off the list if it was seen `Stopped`; nothing else shows that it is.
        """
        if outcome.error is None and outcome.status == "Stopped":
            self.forget(guarded)

    def forget(self, guarded: GuardedTest) -> None:
        """
        Take a test off the list.
        """
        with self._lock:
            self._list.pop(guarded.key, None)
        if self._standby:
            self._standby.forget(guarded.key)

    def restore_soon(self, reason: str) -> None:
        """
        Have everything on the list stopped; return at once. Safe in a signal handler.
        """
        if not self._reason:
            self._reason = reason
            self._orders.put(True)

    def restore(self, reason: str) -> list[StopOutcome]:
        """
        Have everything on the list stopped, wait for it, and return the outcomes.

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
        if self._standby:
            self._standby.watch(guarded)

    def _wait(self) -> None:
        leave_signals_to_the_main_thread()
        self._orders.get()
        guarded_tests = self.tests
        try:
            self._outcomes = self._stop(guarded_tests)
        except Exception as exc:  # noqa: BLE001 - nobody else would hear of it, and tests may run
            self._outcomes = [_unexpected(guarded, exc) for guarded in guarded_tests]
        for guarded, outcome in zip(guarded_tests, self._outcomes, strict=True):
            if outcome.error is None:
                self.forget(guarded)

    def _look_after(self, standby: Standby) -> None:
        """
        Bring back what stands by, should it die while a test may run.
        """
        leave_signals_to_the_main_thread()
        while self._thread.is_alive():
            self._thread.join(LOOK_INTERVAL)
            if guarded_tests := self.tests:
                bring_back(standby, guarded_tests)

    def _stop(self, guarded_tests: list[GuardedTest]) -> list[StopOutcome]:
        for guarded in guarded_tests:
            logger.info("Stopping failover test %s in %s", guarded.test, guarded.region_id)
        with contextlib.ExitStack() as clients:
            wanted = [guarded.wanted(clients) for guarded in guarded_tests]
            return stop_tests(wanted, timeout=self._timeout, patience=PATIENCE)


def _unexpected(guarded: GuardedTest, exc: Exception) -> StopOutcome:
    reason = "it could not be stopped"
    return StopOutcome(guarded.test, guarded.start.job_id, "", reason, error=f"unexpected: {exc!r}")


_current: Guard | None = None


def current() -> Guard | None:
    """
    Return the guard of this run, or None where none is up.
    """
    return _current


def set_current(guard: Guard | None) -> None:
    """
    Put a guard up, or take it down with None.
    """
    global _current  # noqa: PLW0603 - activities find the guard of their run nowhere else
    _current = guard


def find_guarded(test: str, region_id: str) -> GuardedTest | None:
    """
    Return the test on the list of this run that a name or an ID in a region means.
    """
    tests = _current.tests if _current else []
    return next((one for one in tests if one.is_meant_by(test, region_id)), None)
