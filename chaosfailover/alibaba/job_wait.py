"""
The wait for a job's status, which ends as reached, impossible or timed out.
"""

import logging
from collections.abc import Callable

from chaosfailover import errors
from chaosfailover.alibaba.documents import FailoverTestJob
from chaosfailover.alibaba.retries import is_retryable
from chaosfailover.events import publish
from chaosfailover.events.waits import waiting

__all__ = ["wait_for_status"]

logger = logging.getLogger("chaostoolkit")

# In the order in which a job passes through them (API reference 3).
STATUSES = ("Init", "Starting", "Testing", "Stopping", "Stopped")


def wait_for_status(
    describe: Callable[[float], FailoverTestJob],
    job_id: str,
    status: str,
    *,
    timeout: float,
    interval: float,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> FailoverTestJob:
    """
    Poll `describe`, which takes the seconds it may use, until the job has this status.

    Undocumented statuses and retryable failures do not end the wait. Raises JobStatusError if the
    status can no longer be reached, and JobTimeoutError after `timeout`.
    """
    if status not in STATUSES:
        raise errors.ArgumentError(f"status is {status!r}, expected one of {', '.join(STATUSES)}")
    too_late = STATUSES[STATUSES.index(status) + 1 :]
    since = clock()
    progress = _Progress(job_id, status, timeout)
    with waiting(f"{job_id} to be {status}", timeout, logged=True):
        while True:
            remaining = since + timeout - clock()
            problem = progress.poll(describe, max(remaining, 1.0))
            progress.report(clock() - since)
            if progress.status == status:
                return progress.job
            if progress.status in too_late:
                raise errors.JobStatusError(
                    f"{job_id} is {progress.status}: it can no longer be {status}"
                )
            remaining = since + timeout - clock()
            if remaining <= 0:
                raise errors.JobTimeoutError(progress.unfinished(timeout, problem)) from problem
            sleep(min(interval, remaining))


class _Progress:
    """
    The status last seen, with a log line for each change and after 1, 2, 4 .. 30 s without one.
    """

    def __init__(self, job_id: str, awaited: str, timeout: float) -> None:
        self.job: FailoverTestJob = {}
        self.status = ""
        self._reported = ""
        self._job_id = job_id
        self._awaited = awaited
        self._timeout = timeout
        self._period = 1.0
        self._due = 1.0

    def poll(self, describe: Callable[[float], FailoverTestJob], budget: float) -> Exception | None:
        try:
            self.job = describe(budget)
        except (errors.ApiError, errors.TransportError) as error:
            if not is_retryable(error):
                raise
            return error
        self.status = str(self.job.get("Status") or "")
        return None

    def report(self, elapsed: float) -> None:
        if self.status != self._reported:
            change = f"{self._reported} -> {self.status}" if self._reported else f"is {self.status}"
            logger.info("%s %s after %.1f s", self._job_id, change, elapsed)
            publish("status", job_id=self._job_id, status=self.status)
            self._reported = self.status
        elif elapsed >= self._due:
            left = max(0.0, self._timeout - elapsed)
            text = "%s still %s after %.1f s, waiting for %s, %.0f s more at most"
            logger.info(text, self._job_id, self._shown(), elapsed, self._awaited, left)
        while elapsed >= self._due:
            self._period = min(self._period * 2, 30.0)
            self._due += self._period

    def unfinished(self, timeout: float, problem: Exception | None) -> str:
        reason = f"; the last poll failed: {problem}" if problem else ""
        return (
            f"{self._job_id} is {self._shown()}, not {self._awaited}, after {timeout:g} s{reason}"
        )

    def _shown(self) -> str:
        return self.status or "of unknown status"
