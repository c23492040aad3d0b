"""
A cut under way, from before its start is sent: on the guard's list, or refused.
"""

import contextlib
import functools
from collections.abc import Iterator

from chaosfailover import guard
from chaosfailover.calling.connection import Attempting
from chaosfailover.errors import ApiError, GuardError
from chaosfailover.guard import Guard
from chaosfailover.safety.guarded import Guarded
from chaosfailover.signals import end_run

__all__ = ["Cutting", "required", "under_guard"]

MISSING_CONTROL = """\
nothing would stop the failover test {test!r} if this run were interrupted, so it is not started; \
add to the experiment:
controls:
  - name: failover
    provider:
      type: python
      module: chaosfailover.control"""


class Cutting:
    """
    One cut under way: what its attempts are made in, and whom to tell that it began.
    """

    def __init__(self, guarding: Guard, guarded: Guarded) -> None:
        self.attempting: Attempting = functools.partial(guarding.attempt, guarded)
        self._guard = guarding
        self._guarded = guarded

    def accept(self, job_id: str) -> None:
        """
        Note that the test was started.
        """
        self._guard.accept(self._guarded, job_id)


@contextlib.contextmanager
def under_guard(guarded: Guarded) -> Iterator[Cutting]:
    """
    Keep a test on the guard's list from before its start is sent.

    Raises GuardError when no guard is up. A test whose start was refused, each time that it was
    sent, is taken off; no answer, and whatever interrupts the wait for one, leaves it there.
    """
    guarding = required(guarded.test)
    guarding.watch(guarded)
    try:
        yield Cutting(guarding, guarded)
    except (ApiError, GuardError):
        if guarded.start.is_refused:
            guarding.forget(guarded)
        raise


def required(test: str) -> Guard:
    """
    Return the guard of this run, for a test that is to be started.

    Raises GuardError when none is up. The toolkit would note a failed action, go on, and exit with
    0: a run under way is ended as well.
    """
    guarding = guard.current()
    if guarding is None:
        end_run(GuardError(MISSING_CONTROL.format(test=test)))
    return guarding
