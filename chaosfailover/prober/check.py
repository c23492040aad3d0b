"""
A check of one target: its interface, its instants and the kinds of its failures.
"""

import asyncio
import errno
import ssl
from collections.abc import Callable, Sequence
from typing import NamedTuple

from chaosfailover.prober.echo_datagrams import Receipt, Report
from chaosfailover.prober.resolver import Address
from chaosfailover.prober.targets import TIMEOUT, Target

__all__ = [
    "Attempt",
    "Check",
    "CheckFailedError",
    "Ended",
    "Opened",
    "failure_kind",
    "is_local",
]


class CheckFailedError(Exception):
    """
    The target answered, but not as expected; `kind` goes into the sample.
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
    The instant at which a check began, and the last one at which it sent data.

    `receipt` is that of its datagram, if it sent one.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.at = clock()
        self.last_sent_at = self.at
        self.receipt: Receipt | None = None

    def note_sent(self) -> None:
        """
        Note that data was sent just now.
        """
        self.last_sent_at = self.clock()


class Opened(NamedTuple):
    """
    A connection or source port that will be kept.
    """

    at: float
    port: int


class Ended(NamedTuple):
    """
    The end of a kept connection, by a kind of failure.
    """

    at: float
    kind: str


class Check:
    """
    The way in which one flow is checked. `notes` are what it opened and lost, to be taken; `latest`
    is the latest report of a responder.
    """

    def __init__(self, target: Target) -> None:
        self.notes: list[Opened | Ended] = []
        self.latest: Report | None = None
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
    Name a failure: timeout, refused, reset, closed, unreachable, dns, tls, http-503 (any status),
    body-mismatch, mismatch, protocol, or the system's own name in lower case.
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
    Tell whether a check failed since this system had no means for it, such as sockets.
    """
    return isinstance(error, OSError) and error.errno in LOCAL
