"""
The resources that failover tests left down: cut by a test that ended lately, and not back.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from chaosfailover.alibaba.documents import FailoverTestJob
from chaosfailover.alibaba.failover_tests import (
    DELETED,
    instant,
    listed_resources,
    planned_end,
)
from chaosfailover.network.cut_resources import Resource, ResourceState, is_back
from chaosfailover.network.under_test import resources_of

__all__ = ["LATELY", "LeftDown", "ended_at", "ended_lately", "left_down"]

LATELY = timedelta(days=7)
"""How long a test answers for its resources: later, they may have been switched off for good."""

NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LeftDown:
    """
    A resource that is down, and the latest test that cut it.

    `status` is "" if the API shows none. A resource that no longer `exists` may be gone for good.
    """

    resource: Resource
    job: FailoverTestJob
    status: str
    exists: bool


def ended_at(job: FailoverTestJob) -> datetime | None:
    """
    Return when a test that has ended did so, or should have; None if that is unknown.
    """
    return instant(job, "StopTime") or planned_end(job)


def ended_lately(job: FailoverTestJob, now: datetime) -> bool:
    """
    Tell whether a test is `Stopped` or `Deleted`, and did not end more than LATELY ago.
    """
    ended = ended_at(job)
    return job.get("Status") in ("Stopped", DELETED) and (ended is None or now - ended <= LATELY)


def left_down(
    ended: Iterable[FailoverTestJob],
    underway: Iterable[FailoverTestJob],
    states: Mapping[Resource, ResourceState],
) -> list[LeftDown]:
    """
    Return the resources of ended tests that are not back and that no test under way names.

    Raises ArgumentError for an ended test that does not name its resources.
    """
    busy = {name for job in underway for name in listed_resources(job)}
    latest = {
        resource: job
        for job in sorted(ended, key=lambda job: ended_at(job) or NEVER)
        for resource in resources_of(job)
        if resource.resource_id not in busy
    }
    return [
        LeftDown(resource, job, state.status if state else "", exists=state is not None)
        for resource, job in sorted(latest.items(), key=lambda item: item[0])
        if not is_back(resource, state := states.get(resource))
    ]
