"""
The resources that failover tests left down: cut by a test that ended lately, and not back.
"""

import contextlib
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
from chaosfailover.errors import ArgumentError
from chaosfailover.network.cut_resources import Resource, ResourceState, is_back, lost
from chaosfailover.network.paths import Path
from chaosfailover.network.survival import surviving_paths
from chaosfailover.network.under_test import resource_ids, resources_of

__all__ = ["LATELY", "LeftDown", "ended_at", "ended_lately", "left_down", "taken_by"]

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


def taken_by(jobs: Iterable[FailoverTestJob], region: Iterable[Path]) -> set[str]:
    """
    Return the IDs of what tests take down: their resources, and all that depends on these.
    """
    paths, taken = [*region], set[str]()
    for job in jobs:
        taken |= {*listed_resources(job)}
        with contextlib.suppress(ArgumentError):
            resource_type = resources_of(job)[0].resource_type
            survival = surviving_paths(paths, resource_ids(job), resource_type)
            taken |= {each.resource_id for each in lost(survival, resource_type)}
    return taken


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
    ended: Iterable[FailoverTestJob], states: Mapping[Resource, ResourceState]
) -> list[LeftDown]:
    """
    Return the resources of ended tests that are not back.

    Raises ArgumentError for an ended test that does not name its resources.
    """
    latest = {
        resource: job
        for job in sorted(ended, key=lambda job: ended_at(job) or NEVER)
        for resource in resources_of(job)
    }
    return [
        LeftDown(resource, job, state.status if state else "", exists=state is not None)
        for resource, job in sorted(latest.items(), key=lambda item: item[0])
        if not is_back(resource, state := states.get(resource))
    ]
