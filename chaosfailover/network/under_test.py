"""
The failover tests under way, and the paths that they cut.

Whether a circuit's document shows a running test is not documented. The resources of a test under
way therefore count as down, whatever status the API reports.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from chaosfailover.alibaba.documents import FailoverTestJob
from chaosfailover.errors import ArgumentError
from chaosfailover.network.health import Fault, health, is_literal, text
from chaosfailover.network.paths import Path

__all__ = ["is_underway", "job_label", "resource_ids", "under_test"]

CUTS_NOTHING = ("Init", "Stopped")


def is_underway(job: FailoverTestJob) -> bool:
    """
    Tell whether a test cuts its resources, or may: any status but `Init` and `Stopped`.
    """
    return not any(is_literal(text(job, "Status"), status) for status in CUTS_NOTHING)


def resource_ids(job: FailoverTestJob) -> frozenset[str]:
    """
    Return the circuits, VBRs or BGP peers of a test; raises ArgumentError if it names none.
    """
    listed: object = job.get("ResourceId")
    named = listed if isinstance(listed, list) else []
    if not named or not all(isinstance(name, str) and name for name in named):
        raise ArgumentError(
            f"{job_label(job)} names as its resources {listed!r}, expected their IDs"
        )
    return frozenset(named)


def under_test(paths: Iterable[Path], jobs: Iterable[FailoverTestJob]) -> list[Path]:
    """
    Return the paths of a region during its tests: what a test cuts is down.

    The test of a circuit also cuts its hosted circuits; a VBR over several circuits may use the one
    that is cut. Raises ArgumentError for a test without resources.
    """
    cut = {name: job_label(job) for job in jobs if is_underway(job) for name in resource_ids(job)}
    return [_tested(path, cut) for path in paths]


def job_label(job: FailoverTestJob) -> str:
    """
    Return the ID of a test with its status.
    """
    return f"{text(job, 'JobId')} ({text(job, 'Status') or 'of unknown status'})"


def _tested(path: Path, cut: Mapping[str, str]) -> Path:
    below = (path.circuit_id, path.parent_circuit_id, path.vbr_id, path.bgp_peer_id)
    faults: list[Fault] = [
        ("down", f"{name} is cut by {cut[name]}")
        for name in below
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
