"""
Stopping failover tests, several at a time, until each was seen `Stopped` and its resources back.
"""

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from chaosfailover.alibaba.codes import NO_SUCH_JOB, STATUS_MOVED_ON
from chaosfailover.alibaba.documents import FailoverTestJob, text
from chaosfailover.alibaba.failover_tests import (
    DELETED,
    STATUSES,
    is_outdated,
    is_underway,
    planned_end,
)
from chaosfailover.alibaba.retries import is_retryable
from chaosfailover.errors import (
    ApiError,
    ArgumentError,
    ConnectionFailedError,
    FailoverError,
    JobNotFoundError,
)
from chaosfailover.events import publish
from chaosfailover.events.waits import waiting
from chaosfailover.network.cut_resources import Resource
from chaosfailover.network.left_down import ended_at, ended_lately
from chaosfailover.network.under_test import resources_of
from chaosfailover.safety import requests
from chaosfailover.safety.bounded_log import log
from chaosfailover.safety.guarded_test import START_SETTLE, StopOutcome, StopRequest, label
from chaosfailover.safety.observation import Observation
from chaosfailover.safety.requests import Exchange, advance

__all__ = ["Patience", "Stopping", "stop_tests"]

INTERVAL = 0.5
# Seconds between looks for a start that may take effect late.
LATE_INTERVAL = 2.0
# Seconds for which an emulator refuses connections once it has ended.
EMULATOR_GONE = 3.0

Step = Exchange[StopOutcome | None]


class UnexpectedError(FailoverError):
    """
    An exception that is none of this package's, such as no socket left.
    """


@dataclass(frozen=True, slots=True)
class Patience:
    """
    How long a test is being stopped, in seconds.

    `timeout` is for all of it, and `refusals` for errors that will not pass. `back` is how long its
    resources are waited for, from when it was first seen to have ended; both together last no
    longer than `in_all`. `late_starts` waits for a start until it can no longer come. The wait for
    resources and late starts ends when `enough` returns true. `spent` is the time before, for
    errors to tell.
    """

    timeout: float = 300.0
    refusals: float = 0.0
    back: float = 300.0
    late_starts: bool = False
    enough: Callable[[], bool] = lambda: False
    in_all: float = math.inf
    spent: float = 0.0


def stop_tests(
    stop_requests: Sequence[StopRequest],
    patience: Patience,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    watch: Callable[[Sequence["Stopping"]], object] = lambda _: None,
) -> list[StopOutcome]:
    """
    Stop tests and wait until each is `Stopped` and back; a test that fails delays no other.

    A test that never started, has ended or does not exist is left as it is. Never raises: the
    outcomes, in the order of the requests, hold the errors. `watch` gets the machines, whose
    `so_far` another thread may read.
    """
    all_stopping = [(n, Stopping(each, patience, clock)) for n, each in enumerate(stop_requests)]
    watch([stopping for _, stopping in all_stopping])
    machines = {number: stopping.run() for number, stopping in all_stopping}
    outcomes: dict[int, StopOutcome] = {}

    def awaited() -> str:
        return "; ".join(each.awaited for number, each in all_stopping if number not in outcomes)

    with waiting(awaited, min(patience.timeout + patience.back, patience.in_all)):
        while True:
            for number in [*machines]:
                if finished := advance(machines[number]):
                    outcomes[number] = finished.result
                    del machines[number]
            if not machines:
                return [outcomes[number] for number in sorted(outcomes)]
            sleep(min(stopping.pause for number, stopping in all_stopping if number in machines))


class Stopping:
    """
    The state machine that stops one test; `run` is its rounds, `pause` the seconds after each.
    """

    def __init__(
        self, request: StopRequest, patience: Patience, clock: Callable[[], float]
    ) -> None:
        self._request = request
        self._patience = patience
        self._clock = clock
        self.pause = INTERVAL
        self._began = self._asked_at = clock()
        self._seen = request.observation or Observation(request.test, clock=clock)
        self._seen.begin()
        self._status = ""
        self._job_id = request.test if request.test.startswith("ftj-") else ""
        self._was_underway = False
        self._stop_published = False
        self._stop_sent = False
        self._refused = False
        self._refusal_told = False
        self._wait_told = False
        self._ended = ""
        self._unknown_since: float | None = None
        self._refusal_since: float | None = None
        self._no_emulator_since: float | None = None
        self._problem: FailoverError | None = None
        self._final: StopOutcome | None = None

    @property
    def awaited(self) -> str:
        """
        What is waited for now.
        """
        test = self._request.test
        if self._ended:
            return f"{test} to be back: {'; '.join(self._seen.not_back())}"
        return f"{test} to be Stopped, now {self._status or 'of unknown status'}"

    def run(self) -> Exchange[StopOutcome]:
        """
        Stop the test; the result is its outcome.
        """
        self._final = yield from self._rounds()
        return self._final

    def so_far(self) -> StopOutcome:
        """
        Return the outcome, or as long as there is none, what it would be if nobody went on.
        """
        if self._final or not self._ended:
            return self._final or self._not_stopped()
        return self._over(self._seen.is_back, *self._seen.not_back())

    def _rounds(self) -> Exchange[StopOutcome]:
        while True:
            try:
                outcome = yield from self._step()
            except FailoverError as exc:
                outcome = self._failed(exc)
            except Exception as exc:  # noqa: BLE001 - the next try may succeed
                outcome = self._failed(UnexpectedError(f"{type(exc).__name__}: {exc}"))
            else:
                self._problem = self._refusal_since = self._no_emulator_since = None
            if outcome := outcome or self._late():
                return outcome
            yield None

    def _step(self) -> Step:
        """
        Read the status of the test and do what it requires; the result is None unless it is over.
        """
        if self._ended:
            return (yield from self._look_back())
        request = self._request
        self._job_id = self._job_id or request.start.job_id
        self._asked_at = self._clock()
        try:
            job = yield from requests.find(
                request.client, self._job_id or request.test, request.others
            )
        except JobNotFoundError:
            return (yield from self._not_listed())
        if not is_underway(job) and self._may_be_another():
            return None
        return (yield from self._act_on(job))

    def _act_on(self, job: FailoverTestJob) -> Step:
        status = text(job, "Status") or ""
        self.pause = INTERVAL
        if status != DELETED:
            self._unknown_since = None
        self._see(job, status)
        if status == "Init":
            return (yield from self._not_started())
        if status == "Stopped":
            return (yield from self._ended_as(job))
        if status == DELETED:
            return (yield from self._unknown(planned_end(job), f"the API calls it {status}"))
        if is_outdated(job, datetime.now(UTC)) and (yield from self._is_back()):
            return self._outcome(f"it is {status!r} long after its end, and its resources are back")
        if status != "Stopping":
            yield from self._stop()
        return None

    def _see(self, job: FailoverTestJob, status: str) -> None:
        self._job_id = text(job, "JobId") or self._job_id
        is_new = status != self._status or not self._seen.job_id
        self._status = status
        if is_new and self._seen.is_untold(self._job_id, status):
            shown = status or "of unknown status"
            log(
                logging.INFO,
                "Failover test %s is %s",
                label(self._request.test, self._job_id),
                shown,
            )
        self._was_underway = self._was_underway or is_underway(job)
        self._publish_refusal()
        self._seen.take(_resources(job))
        self._seen.see_job(self._job_id, status, self._asked_at)

    def _may_be_another(self) -> bool:
        """
        Tell whether another test of this name may be running that the API does not show yet.
        """
        by_name = not self._job_id and not self._request.test.startswith("ftj-")
        return by_name and self._clock() < self._request.look_until

    def _not_listed(self) -> Step:
        """
        Handle a test that the API does not show.

        An accepted test is stopped by its ID; what it took decides whether it has ended.
        """
        start, now = self._request.start, self._clock()
        if start.accepted or self._was_underway:
            return (yield from self._unknown(None, "it does not exist")) if self._job_id else None
        if start.is_open(now):
            return self._open_start(now)
        if now < self._request.look_until:
            return None
        return self._outcome("it does not exist")

    def _open_start(self, now: float) -> StopOutcome | None:
        """
        Look for a late start: for a while, or as long as it may come.
        """
        start, patience = self._request.start, self._patience
        if start.in_flight or start.sent_at is None or now < start.sent_at + START_SETTLE:
            return None
        if patience.late_starts and not patience.enough():
            self.pause = LATE_INTERVAL
            return None
        return self._outcome("its start was not answered", open_until=start.open_until)

    def _unknown(self, planned: datetime | None, reason: str) -> Step:
        """
        Stop a test that the API does not know, or calls deleted.

        It has ended if what it took was seen down and is back, or if its planned end has passed.
        """
        try:
            yield from self._stop()
        except ApiError as exc:
            if exc.code != NO_SUCH_JOB:
                raise
        now = self._clock()
        self._unknown_since = now if self._unknown_since is None else self._unknown_since
        over = now >= self._request.ends_by or (planned and datetime.now(UTC) >= planned)
        back = (yield from self._is_back()) and self._seen.went_down
        settled = now - self._unknown_since >= START_SETTLE
        return (yield from self._end(reason)) if over or (back and settled) else None

    def _not_started(self) -> Step:
        start, now = self._request.start, self._clock()
        # Only a test that runs can be stopped: then Init is from before.
        if start.accepted or self._stop_sent:
            yield from self._stop()
            return None
        if not start.is_open(now):
            return None if now < self._request.look_until else self._outcome("it never started")
        if start.in_flight or not start.created:
            return self._open_start(now)
        return (yield from self._delete())

    def _delete(self) -> Step:
        try:
            yield from requests.delete(self._request.client, self._job_id)
        except ApiError as exc:
            if exc.code not in (*STATUS_MOVED_ON, NO_SUCH_JOB):
                raise
            return None
        # A start that finds no test has no effect.
        self._request.start.sent_at = None
        return self._outcome("its start was never answered, so it was deleted")

    def _stop(self) -> Exchange[None]:
        """
        Send the stop; a test that the API refuses to stop, as it is, is looked at again.

        The event comes before the stop, or after a stop that may be refused as too early.
        """
        if self._status != "Starting":
            self._publish_stop()
        try:
            yield from requests.stop(self._request.client, self._job_id)
        except ApiError as exc:
            if exc.code not in STATUS_MOVED_ON:
                raise
            self._refused = True
            if self._status not in STATUSES and not self._refusal_told:
                self._refusal_told = True
                log(logging.WARNING, "%s is not stopped yet: %s", self._request.test, exc)
        else:
            self._publish_stop()
            self._stop_sent = self._seen.stop_accepted = True

    def _publish_stop(self) -> None:
        if not self._stop_published:
            self._stop_published = True
            publish("stop", test=self._request.test, job_id=self._job_id)

    def _publish_refusal(self) -> None:
        """
        Tell that no stop of this run was accepted, so that it was not what ended the test.

        This waits for the next look at the test: by then another stop of the run has its answer.
        """
        if self._refused and self._stop_published and not self._seen.stop_accepted:
            self._stop_published = False
            publish("stop_refused", test=self._request.test, job_id=self._job_id)
        self._refused = False

    def _is_back(self) -> Exchange[bool]:
        if self._seen.resources:
            yield from self._read_states()
        return self._seen.is_back is True

    def _ended_as(self, job: FailoverTestJob) -> Step:
        """
        Wait for what a test took that has ended; one of somebody else may have ended long ago.
        """
        if self._stop_sent or self._request.observation:
            return (yield from self._end("it was stopped" if self._stop_sent else "it had ended"))
        now = datetime.now(UTC)
        if not ended_lately(job, now):
            return self._outcome("it had ended")
        ago = (now - (ended_at(job) or now)).total_seconds()
        return (yield from self._end("it had ended", max(0.0, ago)))

    def _end(self, reason: str, ago: float = 0.0) -> Step:
        self._ended = reason
        self._seen.see_end(ago, self._request.client().lag)
        return (yield from self._look_back())

    def _look_back(self) -> Step:
        """
        Read the resources of a test that has ended, until they are as before.
        """
        if self._seen.resources:
            yield from self._read_states()
        return self._back()

    def _read_states(self) -> Exchange[None]:
        asked_at = self._clock()
        states = yield from requests.read(self._request.client, self._seen.resources)
        self._seen.see_states(states, asked_at, self._request.client().lag)

    def _back(self) -> StopOutcome | None:
        back = self._seen.is_back
        if back is True or not self._seen.resources or self._is_waited_for():
            return self._over(back, *self._seen.not_back())
        if not self._wait_told:
            self._wait_told = True
            away = "; ".join(self._seen.not_back())
            log(
                logging.WARNING,
                "%s is Stopped, and waited for until it is back: %s",
                self._request.test,
                away,
            )
        return None

    def _over(self, back: bool | None, *not_back: str) -> StopOutcome:
        return self._outcome(self._ended, stopped=self._stop_sent, back=back, not_back=not_back)

    def _is_waited_for(self) -> bool:
        """
        Tell whether the wait for the resources is over.
        """
        ended_at, now = self._seen.stopped_at, self._clock()
        waited = now - (self._began if ended_at is None else ended_at)
        is_late = now - self._began >= self._patience.in_all
        return is_late or waited >= self._patience.back or self._patience.enough()

    def _failed(self, problem: FailoverError) -> StopOutcome | None:
        now = self._clock()
        self._tell(problem)
        self._miss()
        passing = is_retryable(problem) or isinstance(problem, UnexpectedError)
        self._refusal_since = None if passing else _first(self._refusal_since, now)
        if self._has_no_emulator(problem, now):
            return self._outcome("the emulator has ended, and the test with it")
        if passing or now - (self._refusal_since or now) < self._patience.refusals:
            return self._back() if self._ended else None
        if self._ended:
            return self._over(None, str(problem))
        return self._outcome("it could not be stopped", error=str(problem), back=None)

    def _miss(self) -> None:
        if self._ended:
            self._seen.miss_states()
        else:
            self._seen.miss_job()

    def _has_no_emulator(self, problem: FailoverError, now: float) -> bool:
        refused = isinstance(problem, ConnectionFailedError) and problem.refused
        since = _first(self._no_emulator_since, now) if refused else None
        self._no_emulator_since = since
        gone = self._request.volatile and since is not None
        return gone and now - (since or now) >= EMULATOR_GONE

    def _tell(self, problem: FailoverError) -> None:
        if self._problem is None:
            what = "not seen back" if self._ended else "not stopped"
            log(logging.WARNING, "%s is %s yet: %s", self._request.test, what, problem)
        self._problem = problem

    def _late(self) -> StopOutcome | None:
        tried = self._clock() - self._began
        if self._ended or tried < self._patience.timeout:
            return None
        return self._not_stopped()

    def _not_stopped(self) -> StopOutcome:
        tried = self._clock() - self._began
        state = f"it is {self._status}" if self._status else "its status is unknown"
        cause = f": {self._problem}" if self._problem else ""
        error = f"{state} after {round(self._patience.spent + tried, 1):g} s{cause}"
        return self._outcome("it could not be stopped", error=error, back=None)

    def _outcome(
        self,
        reason: str,
        *,
        stopped: bool = False,
        error: str | None = None,
        back: bool | None = True,
        not_back: tuple[str, ...] = (),
        open_until: float | None = None,
    ) -> StopOutcome:
        return StopOutcome(
            self._request.test,
            self._job_id,
            self._status,
            reason,
            stopped,
            error,
            back,
            not_back,
            open_until,
        )


def _resources(job: FailoverTestJob) -> list[Resource]:
    """
    Return the resources that a test names; none if they cannot be read.
    """
    try:
        return resources_of(job)
    except ArgumentError:
        return []


def _first(since: float | None, now: float) -> float:
    return now if since is None else since
