"""
The failover tests under way, and the paths that they cut.

Whether a circuit's document shows a running test is not documented. The resources of a test under
way therefore count as down, whatever status the API reports. An outdated test is judged by them.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.documents import FailoverTestJob, text
from chaosfailover.alibaba.failover_tests import (
    is_outdated,
    is_underway,
    job_label,
    tests_underway,
)
from chaosfailover.errors import ArgumentError
from chaosfailover.network.cut_resources import (
    NORMAL,
    Resource,
    ResourceState,
    is_back,
    read_states,
)
from chaosfailover.network.health import Fault, health
from chaosfailover.network.paths import Path

__all__ = [
    "Underway",
    "judged",
    "read_underway",
    "resource_ids",
    "resources_of",
    "under_test",
]

States = Mapping[Resource, ResourceState]


class Underway(NamedTuple):
    """
    The tests that cut their resources, or may, and a warning for each that has ended by all signs.
    """

    jobs: list[FailoverTestJob]
    warnings: list[str]


def resource_ids(job: FailoverTestJob) -> tuple[str, ...]:
    """
    Return the circuits, VBRs or BGP peers of a test; raises ArgumentError if it names none.
    """
    listed: object = job.get("ResourceId")
    named = listed if isinstance(listed, list) else []
    if not named or not all(isinstance(name, str) and name for name in named):
        raise ArgumentError(
            f"{job_label(job)} names as its resources {listed!r}, expected their IDs"
        )
    return tuple(named)


def resources_of(job: FailoverTestJob) -> list[Resource]:
    """
    Return the resources of a test; raises ArgumentError if it names none, or not their type.
    """
    resource_type = text(job, "ResourceType")
    if resource_type is None or resource_type not in NORMAL:
        raise ArgumentError(
            f"{job_label(job)} has the ResourceType {resource_type!r}, expected one of {[*NORMAL]}"
        )
    return [Resource(resource_type, name) for name in resource_ids(job)]


def read_underway(client: VpcClient) -> Underway:
    """
    Read the tests of the client's region that are under way, and the resources of outdated ones.
    """
    now = datetime.now(UTC)
    jobs = tests_underway(client)
    resources = [each for job in jobs if is_outdated(job, now) for each in _resources(job)]
    return judged(jobs, read_states(client, resources), now)


def judged(jobs: Iterable[FailoverTestJob], states: States, now: datetime) -> Underway:
    """
    Return the tests under way, save for outdated ones of which no resource is seen down.

    An outdated test that does not name its resources stays: it may cut anything.
    """
    underway = Underway([], [])
    for job in jobs:
        if is_underway(job):
            resources = _resources(job) if is_outdated(job, now) else []
            if resources and all(_is_up(each, states) for each in resources):
                underway.warnings.append(_leftover(job, resources, states))
            else:
                underway.jobs.append(job)
    return underway


def under_test(paths: Iterable[Path], jobs: Iterable[FailoverTestJob]) -> list[Path]:
    """
    Return the paths of a region during its tests: what a test cuts is down.

    The test of a circuit also cuts its hosted circuits; a VBR over several circuits may use the one
    that is cut. Raises ArgumentError for a test without resources.
    """
    cut = {name: job_label(job) for job in jobs if is_underway(job) for name in resource_ids(job)}
    return [_tested(path, cut) for path in paths]


def _resources(job: FailoverTestJob) -> list[Resource]:
    """
    Return the resources of a test; none if its document does not name them.
    """
    try:
        return resources_of(job)
    except ArgumentError:
        return []


def _is_up(resource: Resource, states: States) -> bool:
    """
    Tell whether a resource is back; one that does not exist is not down.
    """
    return resource not in states or is_back(resource, states[resource])


def _leftover(job: FailoverTestJob, resources: Collection[Resource], states: States) -> str:
    back, gone = (
        ", ".join(each.resource_id for each in resources if (each in states) is shown)
        for shown in (True, False)
    )
    seen = [f"{back} back" if back else "", f"{gone} no longer there" if gone else ""]
    return f"{job_label(job)} counts as ended, with {' and '.join(filter(None, seen))}"


def _tested(path: Path, cut: Mapping[str, str]) -> Path:
    below = (path.circuit_id, *path.parent_circuit_ids, path.vbr_id, path.bgp_peer_id)
    faults: list[Fault] = [
        ("down", f"{name} is cut by {cut[name]}")
        for name in dict.fromkeys(below)
        if name is not None and name in cut
    ]
    faults += [
        ("unknown", f"{path.vbr_id} also runs over {name}, which is cut by {cut[name]}")
        for name in sorted(path.other_circuit_ids & cut.keys())
    ]
    if not faults:
        return path
    own: list[Fault] = [] if path.health == "up" else [(path.health, path.reason)]
    state, reason = health(own + faults)
    return replace(path, health=state, reason=reason)
