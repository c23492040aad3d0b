"""
A cut under way, from before its start is sent: on the guard's list, or refused.
"""

import contextlib
import functools
import time
from collections.abc import Iterator

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.failover_tests import find_test
from chaosfailover.alibaba.transport import Attempting
from chaosfailover.errors import ApiError, GuardError, JobNotFoundError
from chaosfailover.network import resource_status as survey
from chaosfailover.safety import guard
from chaosfailover.safety.cut import Cut
from chaosfailover.safety.guard import Guard
from chaosfailover.safety.guarded_test import GuardedTest
from chaosfailover.signals import end_run

__all__ = ["Cutting", "check_cut", "require_guard", "under_guard"]

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

    def __init__(self, guarding: Guard, guarded: GuardedTest) -> None:
        self.attempting: Attempting = functools.partial(guarding.attempt, guarded)
        self._guard = guarding
        self._guarded = guarded

    def accept(self, job_id: str) -> None:
        """
        Note that the test was started.
        """
        self._guard.accept(self._guarded, job_id)


@contextlib.contextmanager
def under_guard(guarded: GuardedTest) -> Iterator[Cutting]:
    """
    Keep a test on the guard's list from before its start is sent.

    Raises GuardError when no guard is up. A test whose start was refused, each time that it was
    sent, is taken off; no answer, and whatever interrupts the wait for one, leaves it there.
    """
    guarding = require_guard(guarded.test)
    guarding.watch(guarded)
    try:
        yield Cutting(guarding, guarded)
    except (ApiError, GuardError):
        if guarded.start.is_refused:
            guarding.forget(guarded)
        raise


def require_guard(test: str) -> Guard:
    """
    Return the guard of this run, for a test that is to be started.

    Raises GuardError when none is up. The toolkit would note a failed action, go on, and exit with
    0: a run under way is ended as well.
    """
    guarding = guard.current()
    if guarding is None:
        end_run(GuardError(MISSING_CONTROL.format(test=test)))
    return guarding


def check_cut(client: VpcClient, cut: Cut) -> float:
    """
    Look whether this run was cleared for this cut, and whether the network still is as it was.

    What an earlier cut of this run took down may not be back, and others may cut as well. Returns
    the instant (monotonic) from which on that was seen; it grows old. Raises GuardError when a
    guard is missing, has not cleared the cut, or still holds another test; PreflightError when too
    little would survive.
    """
    proven_at = time.monotonic()
    guarding = require_guard(cut.test)
    guarding.clearance.check(cut)
    for held in guarding.tests:
        _check_ended(guarding, held, cut)
    survey.check_survivors(client, cut.resource_ids, cut.resource_type, guarding.min_survivors)
    return proven_at


def _check_ended(guarding: Guard, held: GuardedTest, cut: Cut) -> None:
    """
    Take a test that has ended by itself off the guard's list; raise GuardError for any other.
    """
    status = _status(held) if held.start.accepted else "unknown"
    if status != "Stopped":
        raise GuardError(
            f"{cut.test!r} is not started: the status of {held.test!r}, which this run has cut "
            f"before, is {status}, not Stopped"
        )
    guarding.forget(held)


def _status(held: GuardedTest) -> str:
    with held.access() as client:
        try:
            return str(find_test(client, held.start.job_id or held.test)["Status"])
        except JobNotFoundError:
            return "unknown"
