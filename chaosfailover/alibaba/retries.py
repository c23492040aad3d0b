"""
The retries of a call: which failures are tried again, and after which wait.
"""

import logging
import random
from collections.abc import Callable
from typing import TypeVar

from chaosfailover.errors import ApiError, InvalidReplyError, TlsError, TransportError

__all__ = ["RETRYABLE_CODES", "is_retryable", "retrying"]

T = TypeVar("T")

# API reference 7.2 and 7.3: each says "busy" or "not processed". Throttling codes match by part.
RETRYABLE_CODES = frozenset(
    {
        "EcFailoverTestJobConflict",
        "InternalError",
        "LastTokenProcessing",
        "OperationConflict",
        "OperationFailed.LastTokenProcessing",
        "ServiceUnavailable",
        "SignatureNonceUsed",
        "SystemBusy",
        "TaskConflict",
    }
)
RETRYABLE_HTTP = frozenset({408, 429, *range(500, 600)})

# stamina logs each retry itself; without a handler Python would print that to stderr as well.
logging.getLogger("stamina").addHandler(logging.NullHandler())


def is_retryable(error: BaseException) -> bool:
    """
    Tell whether the same call, signed anew and with the same ClientToken, may succeed later.
    """
    match error:
        case ApiError():
            return _is_retryable_answer(error)
        case InvalidReplyError():
            return error.http_status in RETRYABLE_HTTP or 200 <= error.http_status < 300
        case TlsError():
            return False
    return isinstance(error, TransportError)


def retrying(
    send: Callable[[], T],
    *,
    attempts: int,
    deadline: float,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
    announce: Callable[[BaseException, float], None],
    jitter: Callable[[], float] = random.random,
) -> T:
    """
    Return the result of `send`, tried up to `attempts` times before `deadline` on `clock`.

    The wait doubles from 0.2 to 5 s, times 1 to 1.5 by `jitter`, unless the API names one. A wait
    that would reach the deadline is not begun: the last error is raised. stamina counts and
    spaces the attempts; the wait is ours, since stamina only sleeps on the real clock.
    """
    import stamina

    failed: tuple[BaseException, float] | None = None

    def decide(error: Exception) -> bool | float:
        nonlocal failed
        wait = _wait(error, attempt.next_wait * (1 + jitter() / 2))
        failed = (error, wait)
        return 0.0 if is_retryable(error) and clock() + wait < deadline else False

    for attempt in stamina.retry_context(
        on=decide, attempts=attempts, timeout=None, wait_initial=0.2, wait_max=5.0, wait_jitter=0
    ):
        if failed:
            announce(*failed)
            sleep(failed[1])
        with attempt:
            return send()
    raise AssertionError("stamina returns or raises")


def _is_retryable_answer(error: ApiError) -> bool:
    return (
        error.retry_after is not None
        or error.http_status in RETRYABLE_HTTP
        or error.code in RETRYABLE_CODES
        or "Throttling" in error.code
    )


def _wait(error: BaseException, backoff: float) -> float:
    named = error.retry_after if isinstance(error, ApiError) else None
    return backoff if named is None else named
