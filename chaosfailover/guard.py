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
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from chaosfailover.client import VpcClient
from chaosfailover.errors import ApiError, GuardError
from chaosfailover.events import Event, publish
from chaosfailover.signals import leave_signals_to_the_main_thread
from chaosfailover.stopping import Outcome, Wanted, stop_tests

__all__ = ["Guard", "Guarded", "Standby", "current", "cutting", "forget", "set_current"]

logger = logging.getLogger("chaostoolkit")

# Seconds that a request without an answer may take to have its effect.
SETTLE = 5.0
# Seconds that a refusal may last before it is taken as final.
PATIENCE = 10.0
MISSING_CONTROL = """\
nothing would stop the failover test {test!r} if this run were interrupted, so it is not started; \
add to the experiment:
controls:
  - name: failover
    provider:
      type: python
      module: chaosfailover.control"""


@dataclass(frozen=True, slots=True)
class Guarded:
    """
    One test on the list; `unsettled` while the reply to its start is awaited.

    `access` opens a client on the test's region and account; `configuration` and `secrets` are
    what it is opened with, for the process that stands by.
    """

    test: str
    job_id: str
    region_id: str
    duration_minutes: int
    access: Callable[[], VpcClient]
    configuration: Mapping[str, Any]
    secrets: Mapping[str, Any]
    unsettled: bool = True


class Standby(Protocol):
    """
    What takes over when this process dies without a word.
    """

    def check(self) -> None:
        """
        Raise GuardError unless it stands by.
        """

    def watch(self, guarded: Guarded) -> None:
        """
        Put a test on its list, or replace it there.
        """

    def forget(self, test: str) -> None:
        """
        Take a test off its list.
        """


class Guard:
    """
    Holds the list and the thread that stops what is on it, within `timeout` seconds.

    A start that was never answered is waited for `settle` seconds more. `min_survivors` circuits
    must be left by every cut.
    """

    def __init__(
        self,
        *,
        standby: Standby | None = None,
        timeout: float = 300.0,
        settle: float = SETTLE,
        min_survivors: int = 1,
    ) -> None:
        self.min_survivors = min_survivors
        self._standby = standby
        self._timeout = timeout
        self._settle = settle
        self._lock = threading.Lock()
        self._list: dict[str, Guarded] = {}
        self._statuses: dict[str, str] = {}
        self._reason = ""
        # SimpleQueue.put may be called from a signal handler at any line.
        self._orders: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._outcomes: list[Outcome] = []
        self._thread = threading.Thread(target=self._wait, name="failover-guard", daemon=True)
        self._thread.start()

    @property
    def tests(self) -> list[Guarded]:
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
        return any(self._statuses.get(one.job_id) == "Testing" for one in self.tests)

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

    def watch(self, guarded: Guarded) -> None:
        """
        Put a test on the list before its start is sent.

        Raises GuardError when the run is being ended or nothing stands by. The list is written
        before the reason is read, and the other way about in restore: no test slips through.
        """
        if self._standby:
            self._standby.check()
        self._put(guarded)
        if self._reason:
            self.forget(guarded.test)
            raise GuardError(f"{guarded.test!r} is not started: {self._reason}")
        publish("cut", test=guarded.test, job_id=guarded.job_id)

    def settle(self, test: str, job_id: str = "") -> None:
        """
        Note that the start of a test was answered.
        """
        if found := self._list.get(test):
            self._put(replace(found, job_id=job_id or found.job_id, unsettled=False))

    def forget(self, name: str) -> None:
        """
        Take a test, given by the name or the ID that it was started with, off the list.
        """
        for guarded in self.tests:
            if name in (guarded.test, guarded.job_id):
                with self._lock:
                    self._list.pop(guarded.test, None)
                if self._standby:
                    self._standby.forget(guarded.test)

    def restore_soon(self, reason: str) -> None:
        """
        Have everything on the list stopped; return at once. Safe in a signal handler.
        """
        if not self._reason:
            self._reason = reason
            self._orders.put(True)

    def restore(self, reason: str) -> list[Outcome]:
        """
        Have everything on the list stopped, wait for it, and return the outcomes.

        What could not be stopped stays on the list. No test can be started afterwards.
        """
        self.restore_soon(reason)
        self._thread.join()
        return self._outcomes

    def _put(self, guarded: Guarded) -> None:
        with self._lock:
            self._list[guarded.test] = guarded
        if self._standby:
            self._standby.watch(guarded)

    def _wait(self) -> None:
        leave_signals_to_the_main_thread()
        self._orders.get()
        held = self.tests
        try:
            self._outcomes = self._stop(held)
        except Exception as exc:  # noqa: BLE001 - nobody else would hear of it, and tests may run
            self._outcomes = [_unexpected(guarded, exc) for guarded in held]
        for outcome in self._outcomes:
            if outcome.error is None:
                self.forget(outcome.test)

    def _stop(self, held: list[Guarded]) -> list[Outcome]:
        with contextlib.ExitStack() as clients:
            wanted = [self._wanted(guarded, clients) for guarded in held]
            return stop_tests(wanted, timeout=self._timeout, patience=PATIENCE)

    def _wanted(self, guarded: Guarded, clients: contextlib.ExitStack) -> Wanted:
        """
        Say how a test is stopped; its client is opened at the first try, which may be repeated.
        """
        logger.info("Stopping failover test %s in %s", guarded.test, guarded.region_id)
        settles_at = time.monotonic() + self._settle if guarded.unsettled else 0.0
        opened = functools.cache(lambda: clients.enter_context(guarded.access()))
        return Wanted(opened, guarded.job_id or guarded.test, settles_at=settles_at)


def _unexpected(guarded: Guarded, exc: Exception) -> Outcome:
    reason = "it could not be stopped"
    return Outcome(guarded.test, guarded.job_id, "", reason, error=f"unexpected: {exc!r}")


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


def forget(name: str) -> None:
    """
    Take a test that was seen `Stopped`, or is gone, off the list of this run, if there is one.
    """
    if _current:
        _current.forget(name)


@contextlib.contextmanager
def cutting(guarded: Guarded) -> Iterator[Guard]:
    """
    Keep a test on the guard's list from before its start is sent.

    Raises GuardError when no guard is up. An answer, good or bad, settles it; no answer, and
    whatever interrupts the wait for one, leaves it unsettled.
    """
    if _current is None:
        raise GuardError(MISSING_CONTROL.format(test=guarded.test))
    guard = _current
    guard.watch(guarded)
    try:
        yield guard
    except ApiError:
        guard.settle(guarded.test)
        raise
