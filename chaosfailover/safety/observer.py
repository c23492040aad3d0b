"""
The observer: reads the tests of a run and what they take, about once a second.

It makes events of what changes, from before the first cut until everything is back, so that no
experiment needs a probe for it. It stays behind the requests that matter: while a test is being
stopped, it asks nothing.
"""

import contextlib
import functools
import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from chaosfailover.alibaba.documents import text
from chaosfailover.alibaba.failover_tests import planned_end
from chaosfailover.errors import JobNotFoundError
from chaosfailover.safety import requests
from chaosfailover.safety.bounded_log import log
from chaosfailover.safety.guarded_test import GuardedTest, label, opened_once
from chaosfailover.safety.observation import Observation
from chaosfailover.safety.requests import Access, Exchange, advance
from chaosfailover.signals import leave_signals_to_the_main_thread

__all__ = ["Observer", "ObserverThread"]

ENDING = ("Stopping", "Stopped")
ENDED_ALONE = (
    "Failover test %s is %s, and this run did not stop it: somebody else did, or its planned end "
    "has come"
)
INTERVAL = 1.0
# Seconds between reads after errors: it doubles up to this.
LONGEST_INTERVAL = 30.0


class Watched(Protocol):
    """
    What the guard knows: the observations of all planned cuts, by test, the tests that the run may
    have started, and whether one of them is being stopped.
    """

    observations: dict[str, Observation]

    @property
    def tests(self) -> list[GuardedTest]: ...

    @property
    def is_stopping(self) -> bool: ...


class Observer:
    """
    The state machine of the reads; `rounds` are its rounds, `interval` is the pause after each.

    It reads what the guard has `watched`, through `access`.
    """

    def __init__(
        self, access: Access, watched: Watched, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.interval = INTERVAL
        self._access = access
        self._watched = watched
        self._clock = clock

    def rounds(self) -> Exchange[None]:
        """
        Read the tests that may be under way and the resources of all cuts, once each round.
        """
        while True:
            failed = False
            for read in (*self._reads_of_jobs(), self._read_resources):
                if not self._watched.is_stopping:
                    failed |= not (yield from read())
            self.interval = min(self.interval * 2, LONGEST_INTERVAL) if failed else INTERVAL
            yield None

    def _reads_of_jobs(self) -> list[Callable[[], Exchange[bool]]]:
        return [functools.partial(self._read_job, guarded) for guarded in self._watched.tests]

    def _read_job(self, guarded: GuardedTest) -> Exchange[bool]:
        """
        Read a job; the result is false if it could not be read.
        """
        seen, test = guarded.observation, guarded.start.job_id or guarded.test
        asked_at = self._clock()
        try:
            job = yield from requests.find(self._access, test, guarded.others)
        except JobNotFoundError:
            # Its start may be under way.
            if guarded.start.accepted:
                seen.miss_job()
            return True
        except Exception:  # noqa: BLE001 - whatever it was, the status is unknown
            seen.miss_job()
            return False
        status = text(job, "Status") or ""
        job_id = text(job, "JobId") or ""
        seen.see_job(job_id, status, asked_at, planned_end(job))
        if status in ENDING and not self._watched.is_stopping and seen.ends_untold(job_id, status):
            log(logging.WARNING, ENDED_ALONE, label(guarded.test, job_id), status)
        return True

    def _read_resources(self) -> Exchange[bool]:
        """
        Read the resources of all cuts; the result is false if they could not be read.
        """
        asked_at = self._clock()
        observations = self._watched.observations.values()
        resources = {each for seen in observations for each in seen.before}
        try:
            states = yield from requests.read(self._access, resources)
            lag = self._access().lag
        except Exception:  # noqa: BLE001 - as above
            for seen in observations:
                seen.miss_states()
            return False
        for seen in observations:
            seen.see_states(states, asked_at, lag)
        return True


class ObserverThread:
    """
    Plays an observer's rounds in a thread, from `start` to `end`.
    """

    def __init__(self, access: Access, watched: Watched) -> None:
        self._clients = contextlib.ExitStack()
        self._observer = Observer(opened_once(access, self._clients), watched)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._observe, name="failover-observer", daemon=True)

    def start(self) -> None:
        """
        Start the thread.
        """
        self._thread.start()

    def end(self) -> None:
        """
        End the thread after its current request; safe to repeat.
        """
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _observe(self) -> None:
        leave_signals_to_the_main_thread()
        rounds = self._observer.rounds()
        with self._clients:
            while not self._ended.is_set():
                advance(rounds)
                self._ended.wait(self._observer.interval)
