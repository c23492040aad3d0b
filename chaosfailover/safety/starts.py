"""
What is known of the request that starts a failover test, and so of whether the test may run.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from chaosfailover.errors import ApiError

__all__ = ["SETTLE", "Start"]

# Each says that an earlier request with the same token is still being worked on.
PROCESSING = frozenset({"LastTokenProcessing", "OperationFailed.LastTokenProcessing"})
# This may be about an earlier request of ours, where one was left without an answer.
CONFLICT = "EcFailoverTestJobConflict"
# Seconds that a request without an answer may take to have its effect, or an effect to be shown.
SETTLE = 10.0


@dataclass(slots=True)
class Start:
    """
    The request that cuts: written by the thread that sends it, read by the one that stops the test.

    Once `accepted`, the test runs until it has been seen `Stopped`, whatever else is shown. Before,
    a request that is `in_flight`, or whose answer never came, may still cut until `settles_at`
    (monotonic). One that was refused leaves all as it was.
    """

    job_id: str = ""
    accepted: bool = False
    in_flight: bool = False
    settles_at: float = 0.0

    @property
    def is_refused(self) -> bool:
        """
        Whether every attempt was answered with no.
        """
        return not (self.accepted or self.in_flight or self.settles_at)

    def is_open(self, now: float) -> bool:
        """
        Tell whether it may still cut, without anybody having said so.
        """
        return not self.accepted and (self.in_flight or now < self.settles_at)

    @contextmanager
    def attempt(
        self, settle: float = SETTLE, clock: Callable[[], float] = time.monotonic
    ) -> Iterator[None]:
        """
        Send it once; an answer that says neither yes nor no leaves it open for `settle` seconds.
        """
        self.in_flight = True
        answered = False
        try:
            yield
            self.accepted = answered = True
        except ApiError as exc:
            answered = exc.http_status < 500 and not self._is_about_an_earlier_one(exc)
            raise
        finally:
            if not answered:
                self.settles_at = clock() + settle
            self.in_flight = False

    def _is_about_an_earlier_one(self, answer: ApiError) -> bool:
        return answer.code in PROCESSING or (answer.code == CONFLICT and self.settles_at > 0)
