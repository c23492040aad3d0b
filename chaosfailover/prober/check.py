"""
What every check has: a beginning, a way to run and a way to fail.
"""

import asyncio
import errno
import ssl
from collections.abc import Callable, Sequence

from chaosfailover.prober.resolver import Address
from chaosfailover.prober.targets import TIMEOUT, Target

__all__ = ["Attempt", "Check", "CheckFailedError", "failure_kind", "is_local"]


class CheckFailedError(Exception):
    """
    The target answered, and not as expected; `kind` goes into the sample.
    """

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


LOCAL = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL}
UNREACHABLE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN}
KINDS: tuple[tuple[type[BaseException], str], ...] = (
    (TimeoutError, "timeout"),
    (ssl.SSLError, "tls"),
    (ConnectionRefusedError, "refused"),
    (ConnectionError, "reset"),
    (asyncio.IncompleteReadError, "closed"),
    (asyncio.LimitOverrunError, "protocol"),
)


class Attempt:
    """
    When a check began, and when it last said something into the network.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.at = clock()
        self.spoke_at = self.at

    def spoke(self) -> None:
        """
        Note that something was said just now.
        """
        self.spoke_at = self._clock()


class Check:
    """
    The way in which one target is checked; this one opens a socket or a stream for each check.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._timeout = target.timeout or TIMEOUT

    async def run(self, addresses: Sequence[Address], attempt: Attempt) -> None:
        """
        Check once; the caller sets the time limit.
        """
        raise NotImplementedError

    def close(self) -> None:
        """
        Close what is kept between checks.
        """


def failure_kind(error: BaseException) -> str:
    """
    Name a failed check: timeout, refused, reset, closed, unreachable, dns, tls, http-503 (any
    status), body-mismatch, mismatch, protocol, or the system's own word in lower case.
    """
    if isinstance(error, CheckFailedError):
        return error.kind
    for kind, name in KINDS:
        if isinstance(error, kind):
            return name
    code = error.errno if isinstance(error, OSError) else None
    if code in UNREACHABLE:
        return "unreachable"
    return errno.errorcode.get(code or 0, type(error).__name__).lower()


def is_local(error: BaseException) -> bool:
    """
    Tell whether a check failed for want of our own means, so that it says nothing of the target.
    """
    return isinstance(error, OSError) and error.errno in LOCAL
