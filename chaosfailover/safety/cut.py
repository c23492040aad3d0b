"""
The cuts: what a failover test takes down, and for how long at most.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from chaosfailover.errors import GuardError

__all__ = ["Clearance", "Cut", "cut_of"]


@dataclass(frozen=True, slots=True)
class Cut:
    """
    What one failover test takes down and for how long at most.

    `job_id` is empty for a test that the experiment has yet to create.
    """

    test: str
    resource_ids: tuple[str, ...]
    resource_type: str
    duration_minutes: int
    job_id: str = ""

    def __str__(self) -> str:
        what = ", ".join(self.resource_ids)
        return f"{what} ({self.resource_type}) for {self.duration_minutes} min"

    def takes_the_same_as(self, other: "Cut") -> bool:
        """
        Tell whether two cuts take the same down for as long, by whatever name.
        """
        return self._extent == other._extent

    @property
    def _extent(self) -> tuple[str, list[str], int]:
        return self.resource_type, sorted(self.resource_ids), self.duration_minutes


def cut_of(test: str, job: Mapping[str, Any]) -> Cut:
    """
    Return the cut that a test makes when it is started, given its job document.
    """
    return Cut(
        test=test,
        resource_ids=tuple(job["ResourceId"]),
        resource_type=job["ResourceType"],
        duration_minutes=int(job["JobDuration"]),
        job_id=job["JobId"],
    )


@dataclass(frozen=True, slots=True)
class Clearance:
    """
    What may be cut: `cuts`, unless there is a `refusal`, which then holds for every cut.
    """

    cuts: tuple[Cut, ...] = ()
    refusal: str = "the preflight has not been passed"

    @classmethod
    def of(cls, cuts: Sequence[Cut], dry: Any) -> Self:
        """
        Clear the cuts of a run, or none at all in a dry one, whatever it is that it leaves out.
        """
        said = getattr(dry, "value", dry)
        return cls(tuple(cuts), f"this is a dry run ({said}), which cuts nothing" if dry else "")

    def check(self, cut: Cut) -> None:
        """
        Raise GuardError unless this very cut was let pass.
        """
        if self.refusal:
            raise GuardError(f"{cut.test!r} is not started: {self.refusal}")
        planned = [one for one in self.cuts if one.test == cut.test]
        if not planned:
            known = ", ".join(repr(one.test) for one in self.cuts) or "no cut"
            raise GuardError(
                f"{cut.test!r} is not started: the preflight has seen {known} in the method, "
                f"and nothing of {cut}"
            )
        if not any(one.takes_the_same_as(cut) for one in planned):
            raise GuardError(
                f"{cut.test!r} is not started: it would cut {cut}, "
                f"but the preflight has seen it cut {planned[0]}"
            )
