"""
The last look before a cut, which every action that cuts asks for: may it be made now?
"""

import time

from chaosfailover.client import VpcClient
from chaosfailover.cutting import required
from chaosfailover.errors import GuardError, JobNotFoundError
from chaosfailover.guard import Guard
from chaosfailover.lookup import find_test
from chaosfailover.safety.cuts import Cut
from chaosfailover.safety.guarded import Guarded
from chaosfailover.surviving import survey

__all__ = ["check_cut"]


def check_cut(client: VpcClient, cut: Cut) -> float:
    """
    Look whether this run was cleared for this cut, and whether the network still is as it was.

    What an earlier cut of this run took down may not be back, and others may cut as well. Returns
    the instant (monotonic) from which on that was seen; it grows old. Raises GuardError when a
    guard is missing, has not cleared the cut, or still holds another test; PreflightError when too
    little would survive.
    """
    proven_at = time.monotonic()
    guarding = required(cut.test)
    guarding.clearance.check(cut)
    for held in guarding.tests:
        _check_ended(guarding, held, cut)
    survey.check_survivors(client, cut.resource_ids, cut.resource_type, guarding.min_survivors)
    return proven_at


def _check_ended(guarding: Guard, held: Guarded, cut: Cut) -> None:
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


def _status(held: Guarded) -> str:
    with held.access() as client:
        try:
            return str(find_test(client, held.start.job_id or held.test)["Status"])
        except JobNotFoundError:
            return "unknown"
