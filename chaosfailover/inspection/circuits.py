"""
The inspection of a region: each circuit in its redundancy groups, with its last test.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from chaosfailover.alibaba.documents import FailoverTestJob, PhysicalConnection
from chaosfailover.alibaba.failover_tests import instant, listed_resources
from chaosfailover.inspection.findings import Finding, findings
from chaosfailover.network.health import UNKNOWN_GROUP, identified, text
from chaosfailover.network.load import Load
from chaosfailover.network.prefixes import NeedProof
from chaosfailover.network.routing import Routing
from chaosfailover.network.snapshot import Snapshot
from chaosfailover.network.takeover import Takeover

__all__ = ["CircuitRow", "LastTest", "across_places", "inspection", "last_tests"]

DECLARED = "declared: "
HOPELESS = ("no survivor", "standby not established", "prefixes lost")
"""The findings without a survivor in the same region and account."""

EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class LastTest:
    """
    The latest failover test of a circuit that ran; `at` is None if its start is unknown.
    """

    job_id: str
    name: str
    status: str
    at: datetime | None
    age_days: float | None


@dataclass(frozen=True)
class CircuitRow:
    """
    A circuit in a redundancy group. `account` is empty for the environment's identity.

    `sessions` counts the BGP sessions of the group over the circuit and `up` the established ones.
    `bfd` is None if it is unknown, or differs between sessions. `why` holds the reasons of a
    finding that is not redundant, else the warnings about the survivors. `takeover`, `prefixes`
    and `loads` are as in a `Finding`.
    """

    region_id: str
    group: str
    circuit_id: str
    name: str
    access_point_id: str | None
    status: str
    sessions: int
    up: int
    received_routes: int | None
    bfd: bool | None
    survivors: int
    finding: str
    why: tuple[str, ...]
    last_test: LastTest | None
    takeover: Takeover | None = None
    prefixes: tuple[NeedProof, ...] | None = None
    loads: tuple[Load, ...] | None = None
    account: str = ""

    def as_dict(self) -> dict[str, object]:
        """
        Return the row as JSON can hold it; instants are ISO 8601.
        """
        tested = self.last_test
        at = tested.at.isoformat().replace("+00:00", "Z") if tested and tested.at else None
        last = {**asdict(tested), "at": at} if tested else None
        facts: dict[str, object] = {
            "takeover": self.takeover.as_dict() if self.takeover else None,
            "prefixes": None if self.prefixes is None else [n.as_dict() for n in self.prefixes],
            "loads": None if self.loads is None else [each.as_dict() for each in self.loads],
        }
        return {**asdict(self), "why": list(self.why), "last_test": last, **facts}


def inspection(
    snapshot: Snapshot, now: datetime, routing: Routing | None = None
) -> list[CircuitRow]:
    """
    Return a row for each group and circuit of a region, in the order of the findings.

    Raises ArgumentError for documents that contradict one another.
    """
    circuits = identified(snapshot.circuits, "PhysicalConnectionId")
    tests, pairs = last_tests(snapshot.jobs, now), _pairs(circuits)
    return [
        _row(snapshot.region_id, _group(each, pairs), each, circuits, tests)
        for each in findings(snapshot.paths(), routing)
    ]


def across_places(rows: Iterable[CircuitRow], unread: Collection[str] = ()) -> list[CircuitRow]:
    """
    Return the rows of several regions and accounts, judged as a whole.

    A group without survivor that is also served in another place, where it may take over, becomes
    unknown. `unread` are the places that could not be read.
    """
    all_rows = list(rows)
    return [_doubted(row, all_rows, unread) if row.finding in HOPELESS else row for row in all_rows]


def _doubted(row: CircuitRow, rows: Iterable[CircuitRow], unread: Collection[str]) -> CircuitRow:
    if UNKNOWN_GROUP in row.group or row.group.startswith(DECLARED):
        return row
    elsewhere = [
        f"{row.group} also has {each.up} of {each.sessions} sessions up in {_place(each)}, over "
        f"{each.circuit_id}; whether they would take over is not known"
        for each in rows
        if each.group == row.group and each.up and _place(each) != _place(row)
    ]
    unseen = [f"{place} could not be read: {row.group} may be served there too" for place in unread]
    finding = "unknown" if elsewhere else row.finding
    return replace(row, finding=finding, why=(*row.why, *elsewhere, *unseen))


def _place(row: CircuitRow) -> str:
    return f"{row.region_id} of {row.account}" if row.account else row.region_id


def last_tests(jobs: Iterable[FailoverTestJob], now: datetime) -> dict[str, LastTest]:
    """
    Return the last test of each circuit that ran, so not one in `Init`.

    A test without a known start counts as older than any other.
    """
    ran = [
        job
        for job in jobs
        if job.get("ResourceType") == "PHYSICALCONNECTION" and job.get("Status") != "Init"
    ]
    return {
        circuit_id: _last_test(job, now)
        for job in sorted(ran, key=lambda job: instant(job, "StartTime") or EVER)
        for circuit_id in listed_resources(job)
    }


def _last_test(job: FailoverTestJob, now: datetime) -> LastTest:
    at = instant(job, "StartTime")
    return LastTest(
        job_id=str(job.get("JobId")),
        name=str(job.get("Name") or ""),
        status=str(job.get("Status")),
        at=at,
        age_days=round((now - at).total_seconds() / 86400, 1) if at else None,
    )


def _row(
    region_id: str,
    group: str,
    finding: Finding,
    circuits: Mapping[str, PhysicalConnection],
    tests: Mapping[str, LastTest],
) -> CircuitRow:
    circuit = circuits.get(finding.circuit_id, {})
    sessions = [path for path in finding.sessions if path.bgp_peer_id]
    routes = [path.received_routes for path in sessions]
    bfd = {path.bfd for path in sessions}
    return CircuitRow(
        region_id=region_id,
        group=group,
        circuit_id=finding.circuit_id,
        name=str(circuit.get("Name") or ""),
        access_point_id=finding.access_point_id,
        status=_status(circuit),
        sessions=len(sessions),
        up=sum(path.established for path in sessions),
        received_routes=None if None in routes else sum(route or 0 for route in routes),
        bfd=bfd.pop() if len(bfd) == 1 else None,
        survivors=finding.survivors,
        finding=finding.finding,
        why=(*([] if finding.finding == "redundant" else finding.reasons), *finding.warnings),
        last_test=tests.get(finding.circuit_id),
        takeover=finding.takeover,
        prefixes=finding.prefixes,
        loads=finding.loads,
    )


def _group(finding: Finding, pairs: Mapping[str, str]) -> str:
    """
    Return the group; a circuit of unknown group is shown with its declared pair.
    """
    if finding.group != UNKNOWN_GROUP:
        return finding.group
    return pairs.get(finding.circuit_id, UNKNOWN_GROUP)


def _pairs(circuits: Mapping[str, PhysicalConnection]) -> dict[str, str]:
    """
    Return the names of declared pairs by circuit; the declaration of one side is enough.
    """
    linked: dict[str, set[str]] = {}
    for circuit_id, circuit in circuits.items():
        if declared := text(circuit, "RedundantPhysicalConnectionId"):
            joined = {circuit_id, declared}.union(
                *(linked.get(each, set()) for each in (circuit_id, declared))
            )
            linked |= dict.fromkeys(joined, joined)
    return {each: f"{DECLARED}{' + '.join(sorted(pair))}" for each, pair in linked.items()}


def _status(circuit: PhysicalConnection) -> str:
    """
    Return the circuit's status, with its business status unless that is normal.
    """
    status, business = str(circuit.get("Status") or "unknown"), circuit.get("BusinessStatus")
    return status if business in (None, "Normal") else f"{status} ({business})"
