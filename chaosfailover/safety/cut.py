"""
The cuts of a run: what each failover test takes down, and which cuts are approved.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from chaosfailover.alibaba.documents import FailoverTestJob, number, text
from chaosfailover.alibaba.failover_tests import job_label
from chaosfailover.errors import ArgumentError, GuardError
from chaosfailover.network.under_test import resource_ids
from chaosfailover.safety.allowed_times import ALWAYS, AllowedTimes

__all__ = ["ApprovedCuts", "Cut", "cut_of"]


@dataclass(frozen=True, slots=True)
class Cut:
    """
    What one failover test takes down, and for how long at most.

    `job_id` is empty for a test that the experiment has yet to create.
    """

    test: str
    resource_ids: tuple[str, ...]
    resource_type: str
    duration_minutes: int
    job_id: str = ""

    def __str__(self) -> str:
        return (
            f"{', '.join(self.resource_ids)} ({self.resource_type}) for {self.duration_minutes} min"
        )

    def has_extent_of(self, other: "Cut") -> bool:
        """
        Tell whether two cuts take down the same resources for as long, whatever their names.
        """
        return self._extent == other._extent

    @property
    def _extent(self) -> tuple[str, list[str], int]:
        return self.resource_type, sorted(self.resource_ids), self.duration_minutes


def cut_of(test: str, job: FailoverTestJob) -> Cut:
    """
    Return the cut that a test makes when it is started, given its job document.

    Raises ArgumentError for a document that does not say what is cut, or for how long.
    """
    resource_type, minutes = text(job, "ResourceType"), number(job, "JobDuration")
    if not resource_type or not minutes:
        raise ArgumentError(
            f"{job_label(job)} has the ResourceType {job.get('ResourceType')!r} and the "
            f"JobDuration {job.get('JobDuration')!r}, expected a type and minutes"
        )
    return Cut(
        test=test,
        resource_ids=resource_ids(job),
        resource_type=resource_type,
        duration_minutes=minutes,
        job_id=text(job, "JobId") or "",
    )


@dataclass(frozen=True, slots=True)
class ApprovedCuts:
    """
    The cuts that a run may make, at these `times`. A `refusal` holds for every cut.
    """

    cuts: tuple[Cut, ...] = ()
    refusal: str = "the preflight has not been passed"
    times: AllowedTimes = ALWAYS

    @classmethod
    def of(cls, cuts: Sequence[Cut], dry: object, times: AllowedTimes = ALWAYS) -> Self:
        """
        Approve the cuts of a run; a dry run, of whatever kind, may make none.
        """
        kind = getattr(dry, "value", dry)
        refusal = f"this is a dry run ({kind}), which cuts nothing" if dry else ""
        return cls(tuple(cuts), refusal, times)

    def check(self, cut: Cut) -> None:
        """
        Raise GuardError unless exactly this cut is approved, and allowed now.
        """
        if self.refusal:
            raise GuardError(f"{cut.test!r} is not started: {self.refusal}")
        same_name = [approved for approved in self.cuts if approved.test == cut.test]
        if not same_name:
            names = ", ".join(repr(approved.test) for approved in self.cuts) or "no cut"
            raise GuardError(
                f"{cut.test!r} is not started: the preflight approved {names}, not a cut of {cut}"
            )
        if not any(approved.has_extent_of(cut) for approved in same_name):
            raise GuardError(
                f"{cut.test!r} is not started: it would cut {cut}, "
                f"but the preflight approved a cut of {same_name[0]}"
            )
        now = datetime.now(UTC)
        if problem := self.times.problem(now, now + timedelta(minutes=cut.duration_minutes)):
            raise GuardError(f"{cut.test!r} is not started: {problem}")
