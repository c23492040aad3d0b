"""
The failover tests that are under way, and the paths that they take while they last.

Whether the documents of a circuit show that it is under test is not documented, so what a test
cuts is down whatever they say.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from chaosfailover.errors import ArgumentError
from chaosfailover.network.documents import Document, Fault, health, is_literal, text
from chaosfailover.network.paths import Path

__all__ = ["is_underway", "job_label", "resource_ids", "under_test"]

CUTS_NOTHING = ("Init", "Stopped")


def is_underway(job: Document) -> bool:
    """
    Tell whether a test cuts its resources, or may: every status but `Init` and `Stopped`.
    """
    return not any(is_literal(text(job, "Status"), status) for status in CUTS_NOTHING)


def resource_ids(job: Document) -> frozenset[str]:
    """
    Return the circuits, VBRs or BGP peers that a test cuts; raises ArgumentError if it names none.
    """
    listed = job.get("ResourceId")
    named = listed if isinstance(listed, list) else []
    if not named or not all(isinstance(name, str) and name for name in named):
        raise ArgumentError(
            f"{job_label(job)} names as its resources {listed!r}, expected their IDs"
        )
    return frozenset(named)


def under_test(paths: Iterable[Path], jobs: Iterable[Document]) -> list[Path]:
    """
    Return the paths of a region while its tests are under way: what they cut is no survivor.

    The test of a circuit takes the circuits that it hosts; a VBR over several circuits may be
    using the one that is cut. Raises ArgumentError for a test that does not name what it cuts.
    """
    cut = {name: job_label(job) for job in jobs if is_underway(job) for name in resource_ids(job)}
    return [_tested(path, cut) for path in paths]


def job_label(job: Document) -> str:
    """
    Name a test and its status.
    """
    return f"{text(job, 'JobId')} ({text(job, 'Status') or 'of unknown status'})"


def _tested(path: Path, cut: Mapping[str, str]) -> Path:
    below = (path.circuit_id, path.parent_circuit_id, path.vbr_id, path.bgp_peer_id)
    found: list[Fault] = [
        ("down", f"{name} is cut by {cut[name]}")
        for name in below
        if name is not None and name in cut
    ]
    found += [
        ("unknown", f"{path.vbr_id} also runs over {name}, which is cut by {cut[name]}")
        for name in sorted(path.other_circuit_ids & cut.keys())
    ]
    if not found:
        return path
    own: list[Fault] = [] if path.health == "up" else [(path.health, path.reason)]
    state, reason = health(own + found)
    return replace(path, health=state, reason=reason)
