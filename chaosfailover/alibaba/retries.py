"""
The retries of a call: which failures are tried again, and after which wait.
"""

import random
from collections.abc import Callable
from typing import TypeVar

from chaosfailover.alibaba.codes import BUSY, THROTTLING
from chaosfailover.errors import ApiError, InvalidReplyError, TlsError, TransportError

__all__ = ["is_retryable", "retrying"]

T = TypeVar("T")

RETRYABLE_HTTP = frozenset({408, 429, *range(500, 600)})
FIRST_WAIT = 0.2
LONGEST_WAIT = 5.0


def is_retryable(error: BaseException) -> bool:
    """
    Tell whether the same call, signed anew and with the same ClientToken, may succeed later.
    """
    match error:
        case ApiError():
            return (
                error.retry_after is not None
                or error.http_status in RETRYABLE_HTTP
                or error.code in BUSY
                or THROTTLING in error.code
            )
        case InvalidReplyError():
            return error.http_status in RETRYABLE_HTTP or 200 <= error.http_status < 300
        case TlsError():
            return False
    return isinstance(error, TransportError)


def retrying(
    send: Callable[[], T],
    *,
    attempts: int,
    due: Callable[[ApiError | TransportError], float],
    clock: Callable[[], float],
    sleep: Callable[[float], None],
    announce: Callable[[Exception, float], None],
    jitter: Callable[[], float] = random.random,
) -> T:
    """
    Return the result of `send`, tried up to `attempts` times before its error is `due` on `clock`.

    The wait doubles from 0.2 to 5 s, times 1 to 1.5 by `jitter`, unless the API names one. If the
    wait would reach that time, the error is raised at once.
    """
    backoff = FIRST_WAIT
    while True:
        attempts -= 1
        try:
            return send()
        except (ApiError, TransportError) as error:
            wait = _wait(error, backoff * (1 + jitter() / 2))
            if attempts <= 0 or not is_retryable(error) or clock() + wait >= due(error):
                raise
            failure = error
        announce(failure, wait)
        sleep(wait)
        backoff = min(2 * backoff, LONGEST_WAIT)


def _wait(error: Exception, backoff: float) -> float:
    named = error.retry_after if isinstance(error, ApiError) else None
    return backoff if named is None else named
