"""
The cuts: what a failover test takes down, and for how long at most.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Cut", "cut_of"]


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
