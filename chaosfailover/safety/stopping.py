"""
Stopping failover tests, several at a time, and waiting until each has been seen `Stopped`.
"""

import logging
import time
from collections.abc import Callable, Sequence

from chaosfailover.alibaba.codes import NO_SUCH_JOB, STATUS_MOVED_ON
from chaosfailover.alibaba.failover_tests import RUNNING, find_running_test
from chaosfailover.alibaba.retries import is_retryable
from chaosfailover.errors import ApiError, FailoverError, JobNotFoundError
from chaosfailover.events import publish
from chaosfailover.safety.guarded_test import SETTLE, StopOutcome, StopRequest

__all__ = ["stop_tests"]

logger = logging.getLogger("chaostoolkit")

INTERVAL = 0.5


class UnforeseenError(FailoverError):
    """
    What nobody thought of went wrong in this process.
    """


def stop_tests(
    wanted: Sequence[StopRequest],
    *,
    timeout: float = 300.0,
    patience: float = 0.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> list[StopOutcome]:
    """
    Stop tests and wait until each is `Stopped`, in turn, so that one that fails delays no other.

    A test that never started, has ended or does not exist is left as it is. Whatever the API
    answers while it is busy or unreachable is tried again until `timeout` seconds have passed;
    what it refuses for good is tried again for `patience` seconds. Raises nothing, whatever goes
    wrong: the outcomes, in the order of `wanted`, say what failed.
    """
    deadline = clock() + timeout
    outcomes: dict[int, StopOutcome] = {}
    while True:
        for number, test in enumerate(wanted):
            if number not in outcomes and (outcome := _attempt(test, clock(), patience)):
                outcomes[number] = outcome
        if len(outcomes) == len(wanted) or clock() >= deadline:
            break
        sleep(INTERVAL)
    return [outcomes.get(number) or _late(test, timeout) for number, test in enumerate(wanted)]


def _attempt(wanted: StopRequest, now: float, patience: float) -> StopOutcome | None:
    try:
        outcome = _step(wanted, now)
    except FailoverError as exc:
        return _failed(wanted, exc, now, patience)
    except Exception as exc:  # noqa: BLE001 - such as no socket left: the next try may have one
        return _failed(wanted, UnforeseenError(f"{type(exc).__name__}: {exc}"), now, patience)
    wanted.problem = None
    return outcome


def _failed(
    wanted: StopRequest, problem: FailoverError, now: float, patience: float
) -> StopOutcome | None:
    if wanted.problem is None:
        wanted.problem_since = now
        logger.warning("%s is not stopped yet: %s", wanted.test, problem)
    wanted.problem = problem
    passing = is_retryable(problem) or isinstance(problem, UnforeseenError)
    lasting = not passing and now - wanted.problem_since >= patience
    return _outcome(wanted, "it could not be stopped", error=str(problem)) if lasting else None


def _step(wanted: StopRequest, now: float) -> StopOutcome | None:
    """
    Look at one test and do the next thing; return an outcome once there is nothing left to do.
    """
    wanted.job_id = wanted.job_id or wanted.start.job_id
    try:
        job = find_running_test(wanted.client(), wanted.job_id or wanted.test, wanted.others)
    except JobNotFoundError:
        return _look_again(wanted, now)
    if job["Status"] not in RUNNING and _may_be_another(wanted, now):
        return None
    wanted.job_id, wanted.gone_since = job["JobId"], None
    _log_change(wanted, job["Status"])
    step = STEPS.get(job["Status"])
    return step(wanted, now) if step else None


def _may_be_another(wanted: StopRequest, now: float) -> bool:
    """
    Tell whether another test of the name may run, which is not shown yet.
    """
    return not wanted.job_id and not wanted.test.startswith("ftj-") and now < wanted.look_until


def _look_again(wanted: StopRequest, now: float) -> StopOutcome | None:
    """
    See to a test that is not shown; one that was accepted is gone if its ID is refused for long.
    """
    if wanted.start.accepted and (not wanted.job_id or not _is_gone(wanted, now)):
        return None
    if wanted.start.is_open(now) or now < wanted.look_until:
        return None
    return _outcome(wanted, "it does not exist")


def _is_gone(wanted: StopRequest, now: float) -> bool:
    try:
        _stop_unseen(wanted)
    except ApiError as exc:
        if exc.code != NO_SUCH_JOB:
            raise
        wanted.gone_since = now if wanted.gone_since is None else wanted.gone_since
        return now - wanted.gone_since >= SETTLE
    return False


def _stop_unseen(wanted: StopRequest) -> None:
    """
    Stop a test that is not shown as running: what the API does is newer than what it shows.
    """
    if not _moved_on(wanted.client().stop_failover_test_job, wanted.job_id):
        publish("stop", test=wanted.test, job_id=wanted.job_id)
        wanted.stop_sent = True


def _log_change(wanted: StopRequest, status: str) -> None:
    if status != wanted.status:
        logger.info("Failover test %s (%s) is %s", wanted.test, wanted.job_id, status)
        publish("status", test=wanted.test, job_id=wanted.job_id, status=status)
        wanted.status = status


def _leave(wanted: StopRequest, now: float) -> StopOutcome | None:
    if wanted.start.accepted:
        _stop_unseen(wanted)
        return None
    if wanted.start.is_open(now):
        return _delete(wanted)
    return None if now < wanted.look_until else _outcome(wanted, "it never started")


def _delete(wanted: StopRequest) -> StopOutcome | None:
    if _moved_on(wanted.client().delete_failover_test_job, wanted.job_id):
        return None
    return _outcome(wanted, "its start was never answered, so it was deleted")


def _stop(wanted: StopRequest, _: float) -> None:
    publish("stop", test=wanted.test, job_id=wanted.job_id)
    if not _moved_on(wanted.client().stop_failover_test_job, wanted.job_id):
        wanted.stop_sent = True


def _moved_on(operation: Callable[[str], None], job_id: str) -> bool:
    """
    Send an operation; return whether the test has left the status in which it was just read.
    """
    try:
        operation(job_id)
    except ApiError as exc:
        if exc.code not in STATUS_MOVED_ON:
            raise
        return True
    return False


def _ended(wanted: StopRequest, _: float) -> StopOutcome:
    reason = "it was stopped" if wanted.stop_sent else "it had ended"
    return _outcome(wanted, reason, stopped=wanted.stop_sent)


STEPS: dict[str, Callable[[StopRequest, float], StopOutcome | None]] = {
    "Init": _leave,
    "Testing": _stop,
    "Stopped": _ended,
}


def _late(wanted: StopRequest, timeout: float) -> StopOutcome:
    state = f"it is {wanted.status}" if wanted.status else "its status is unknown"
    cause = f": {wanted.problem}" if wanted.problem else ""
    return _outcome(wanted, "it could not be stopped", error=f"{state} after {timeout:g} s{cause}")


def _outcome(
    wanted: StopRequest, reason: str, *, stopped: bool = False, error: str | None = None
) -> StopOutcome:
    return StopOutcome(wanted.test, wanted.job_id, wanted.status, reason, stopped, error)
