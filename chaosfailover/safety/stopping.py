"""
Stopping failover tests, several at a time, until each was seen `Stopped`.
"""

import logging
import time
from collections.abc import Callable, Sequence

from chaosfailover.alibaba.codes import NO_SUCH_JOB, STATUS_MOVED_ON
from chaosfailover.alibaba.documents import text
from chaosfailover.alibaba.failover_tests import find_running_test, is_underway
from chaosfailover.alibaba.retries import is_retryable
from chaosfailover.errors import ApiError, FailoverError, JobNotFoundError
from chaosfailover.events import publish
from chaosfailover.safety.guarded_test import START_SETTLE, StopOutcome, StopRequest

__all__ = ["stop_tests"]

logger = logging.getLogger("chaostoolkit")

INTERVAL = 0.5


class UnexpectedError(FailoverError):
    """
    An exception that is none of this package's, such as no socket left.
    """


def stop_tests(
    requests: Sequence[StopRequest],
    *,
    timeout: float = 300.0,
    patience: float = 0.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> list[StopOutcome]:
    """
    Stop tests and wait until each is `Stopped`; a test that fails delays no other.

    A test that never started, has ended or does not exist is left as it is. Errors that may pass
    are tried again for `timeout` seconds, and refusals for `patience` seconds. Never raises: the
    outcomes, in the order of `requests`, hold the errors.
    """
    deadline = clock() + timeout
    outcomes: dict[int, StopOutcome] = {}
    while True:
        for number, request in enumerate(requests):
            if number not in outcomes and (outcome := _attempt(request, clock(), patience)):
                outcomes[number] = outcome
        if len(outcomes) == len(requests) or clock() >= deadline:
            break
        sleep(INTERVAL)
    return [outcomes.get(n) or _late(request, timeout) for n, request in enumerate(requests)]


def _attempt(request: StopRequest, now: float, patience: float) -> StopOutcome | None:
    try:
        outcome = _step(request, now)
    except FailoverError as exc:
        return _failed(request, exc, now, patience)
    except Exception as exc:  # noqa: BLE001 - the next try may succeed
        return _failed(request, UnexpectedError(f"{type(exc).__name__}: {exc}"), now, patience)
    request.problem = None
    return outcome


def _failed(
    request: StopRequest, problem: FailoverError, now: float, patience: float
) -> StopOutcome | None:
    if request.problem is None:
        request.problem_since = now
        logger.warning("%s is not stopped yet: %s", request.test, problem)
    request.problem = problem
    may_pass = is_retryable(problem) or isinstance(problem, UnexpectedError)
    if may_pass or now - request.problem_since < patience:
        return None
    return _outcome(request, "it could not be stopped", error=str(problem))


def _step(request: StopRequest, now: float) -> StopOutcome | None:
    """
    Read the status of one test and do what it requires; return an outcome when that is nothing.
    """
    request.job_id = request.job_id or request.start.job_id
    try:
        job = find_running_test(request.client(), request.job_id or request.test, request.others)
    except JobNotFoundError:
        return _look_again(request, now)
    if not is_underway(job) and _may_be_another(request, now):
        return None
    request.job_id, request.gone_since = job["JobId"], None
    status = text(job, "Status") or ""
    _log_change(request, status)
    step = STEPS.get(status)
    return step(request, now) if step else None


def _may_be_another(request: StopRequest, now: float) -> bool:
    """
    Tell whether another test of this name may be running that the API does not show yet.
    """
    return not request.job_id and not request.test.startswith("ftj-") and now < request.look_until


def _look_again(request: StopRequest, now: float) -> StopOutcome | None:
    """
    Handle a test that the API does not show.

    An accepted test does not exist once the API has refused its ID for START_SETTLE seconds.
    """
    if request.start.accepted and (not request.job_id or not _is_gone(request, now)):
        return None
    if request.start.is_open(now) or now < request.look_until:
        return None
    return _outcome(request, "it does not exist")


def _is_gone(request: StopRequest, now: float) -> bool:
    try:
        _stop_unseen(request)
    except ApiError as exc:
        if exc.code != NO_SUCH_JOB:
            raise
        request.gone_since = now if request.gone_since is None else request.gone_since
        return now - request.gone_since >= START_SETTLE
    return False


def _stop_unseen(request: StopRequest) -> None:
    """
    Stop a test that the API does not show as running; what it shows may be old.
    """
    if not _moved_on(request.client().stop_failover_test_job, request.job_id):
        publish("stop", test=request.test, job_id=request.job_id)
        request.stop_sent = True


def _log_change(request: StopRequest, status: str) -> None:
    if status != request.status:
        logger.info("Failover test %s (%s) is %s", request.test, request.job_id, status)
        publish("status", test=request.test, job_id=request.job_id, status=status)
        request.status = status


def _not_started(request: StopRequest, now: float) -> StopOutcome | None:
    if request.start.accepted:
        _stop_unseen(request)
        return None
    if request.start.is_open(now):
        return _delete(request)
    return None if now < request.look_until else _outcome(request, "it never started")


def _delete(request: StopRequest) -> StopOutcome | None:
    if _moved_on(request.client().delete_failover_test_job, request.job_id):
        return None
    return _outcome(request, "its start was never answered, so it was deleted")


def _stop(request: StopRequest, _: float) -> None:
    publish("stop", test=request.test, job_id=request.job_id)
    if not _moved_on(request.client().stop_failover_test_job, request.job_id):
        request.stop_sent = True


def _moved_on(operation: Callable[[str], None], job_id: str) -> bool:
    """
    Send an operation; return whether the test had left the status that was just read.
    """
    try:
        operation(job_id)
    except ApiError as exc:
        if exc.code not in STATUS_MOVED_ON:
            raise
        return True
    return False


def _ended(request: StopRequest, _: float) -> StopOutcome:
    reason = "it was stopped" if request.stop_sent else "it had ended"
    return _outcome(request, reason, stopped=request.stop_sent)


STEPS: dict[str, Callable[[StopRequest, float], StopOutcome | None]] = {
    "Init": _not_started,
    "Testing": _stop,
    "Stopped": _ended,
}


def _late(request: StopRequest, timeout: float) -> StopOutcome:
    state = f"it is {request.status}" if request.status else "its status is unknown"
    cause = f": {request.problem}" if request.problem else ""
    return _outcome(request, "it could not be stopped", error=f"{state} after {timeout:g} s{cause}")


def _outcome(
    request: StopRequest, reason: str, *, stopped: bool = False, error: str | None = None
) -> StopOutcome:
    return StopOutcome(request.test, request.job_id, request.status, reason, stopped, error)
