"""
The circuits of a region that can be tested, in order, and those that must not be cut.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from chaosfailover.alibaba.documents import BgpPeer, PhysicalConnection, VirtualBorderRouter
from chaosfailover.alibaba.failover_tests import job_label
from chaosfailover.alibaba.regions import Place
from chaosfailover.errors import ArgumentError, JobError
from chaosfailover.network.health import UNKNOWN_GROUP, number, text
from chaosfailover.network.load import load
from chaosfailover.network.paths import BfdTimers, Path
from chaosfailover.network.prefixes import proof_by_route, with_backups
from chaosfailover.network.routes import RouteTables
from chaosfailover.network.routing import Routing
from chaosfailover.network.snapshot import Snapshot
from chaosfailover.network.survival import Need, Survival, surviving_paths
from chaosfailover.network.takeover import Takeover, slowest, takeovers
from chaosfailover.prober.targets import INTERVAL

__all__ = ["RTO", "PlannedTest", "Refusal", "RegionPlan", "detection", "region_plan"]

RESERVED = ("game-day", "topology")
NAME = re.compile(r"[A-Za-z0-9_-]+")
NOT_ESTABLISHED = ("Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Down")
SETTLED = "BgpStatus is Down, not Established"
"""What `_settled` writes into reasons; the API may say any other status that is not established."""

RTO = 3.0
"""The objective of a planned experiment, in seconds."""

HOLD = 30.0
"""The BGP hold time in seconds where the API names none."""


@dataclass(frozen=True)
class PlannedTest:
    """
    The test of one circuit: the session that the cut takes down, and those that take over.

    `survivors` counts the remaining circuits. `detection` is the time in seconds until the loss of
    the session is detected, and `rehearsed` how long the traffic of a rehearsal stalls. `takeover`
    is the forecast of a live run. `standby_peers` are the remaining sessions, the best first.
    """

    circuit_id: str
    name: str
    groups: tuple[str, ...]
    bgp_peer_id: str
    standby_circuit_id: str
    standby_peers: tuple[str, ...]
    survivors: int
    detection: float
    rehearsed: float
    takeover: Takeover
    warnings: tuple[str, ...]

    @property
    def test_name(self) -> str:
        """
        The name of the failover test.
        """
        return f"{self.circuit_id}-failover"

    @property
    def standby_bgp_peer_id(self) -> str:
        """
        The session that is expected to take over.
        """
        return self.standby_peers[0]

    @property
    def expected(self) -> str:
        """
        The verdict that a rehearsal is expected to reach: `deviated` if it stalls beyond the RTO.

        A failover time is measured to within two intervals; its upper bound must meet the RTO.
        """
        return "held" if self.rehearsed + 2 * INTERVAL <= RTO else "deviated"


@dataclass(frozen=True)
class Refusal:
    """
    A circuit that must not be cut, and why.
    """

    circuit_id: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class RegionPlan:
    """
    The tests of one region in the order in which they run, and the refusals.

    `tables` are None if the plan is made without routes.
    """

    place: Place
    snapshot: Snapshot
    tests: tuple[PlannedTest, ...]
    refusals: tuple[Refusal, ...]
    tables: RouteTables | None = None

    @property
    def unread(self) -> tuple[str, ...]:
        """
        Why routes, groups or traffic could not be read.
        """
        return self.tables.routing.unread if self.tables else ()

    @property
    def advice(self) -> dict[str, list[str]]:
        """
        What would lower the time to take over, with the circuits that it would help.
        """
        texts = dict.fromkeys(advice for test in self.tests for advice in test.takeover.advice)
        return {
            text: [test.circuit_id for test in self.tests if text in test.takeover.advice]
            for text in texts
        }

    @property
    def folder(self) -> PurePosixPath:
        """
        The region's folder in the plan, below that of its account if a role was given.
        """
        return PurePosixPath(self.place.account) / self.place.region_id


def region_plan(place: Place, snapshot: Snapshot, routing: Routing | None = None) -> RegionPlan:
    """
    Choose the circuits of a region that can be tested; those with most survivors come first.

    With `routing`, the survivors of a test have to carry every prefix of its circuit.

    Raises JobError while a test is under way, since it changes the paths. Raises ArgumentError for
    documents that contradict one another, and for a place whose names make no folder.
    """
    for name in filter(None, (place.account, place.region_id)):
        if not NAME.fullmatch(name):
            raise ArgumentError(f"{name!r} cannot be the name of a folder of the plan")
    if underway := snapshot.underway():
        jobs = ", ".join(job_label(job) for job in underway)
        raise JobError(f"{jobs} is under way in {snapshot.region_id}; plan again after it")
    snapshot = _settled(snapshot)
    paths = snapshot.paths()
    circuits = {str(each["PhysicalConnectionId"]): each for each in snapshot.circuits}
    tables = RouteTables(routing) if routing else None
    choices = [_choice(circuits[name], paths, snapshot, tables) for name in sorted(circuits)]
    tests = [each for each in choices if isinstance(each, PlannedTest)]
    return RegionPlan(
        place,
        snapshot,
        tests=tuple(sorted(tests, key=lambda test: (-test.survivors, test.circuit_id))),
        refusals=tuple(each for each in choices if isinstance(each, Refusal)),
        tables=tables,
    )


def detection(peer: BgpPeer, vbr: VirtualBorderRouter) -> float:
    """
    Return the seconds until the loss of a BGP session is detected, by BFD or else the hold time.

    BFD gives up after its multiplier of the longer interval (RFC 5880, 6.8.4). The settings of the
    other side are assumed to equal those of the VBR.
    """
    if peer.get("EnableBfd") is not True:
        return float(number(peer, "Hold") or HOLD)
    default = BfdTimers()
    intervals = [number(vbr, key) or default.min_rx for key in ("MinRxInterval", "MinTxInterval")]
    return (number(vbr, "DetectMultiplier") or default.multiplier) * max(intervals) / 1000


def _settled(snapshot: Snapshot) -> Snapshot:
    """
    Return the region with every session that is not established as `Down`.

    Such sessions change their state by themselves; the plan must not change with them.
    """
    peers: list[BgpPeer] = [
        {**peer, "BgpStatus": "Down"} if peer.get("BgpStatus") in NOT_ESTABLISHED else peer
        for peer in snapshot.bgp_peers
    ]
    return replace(snapshot, bgp_peers=tuple(peers))


def _choice(
    circuit: PhysicalConnection,
    paths: Sequence[Path],
    snapshot: Snapshot,
    tables: RouteTables | None,
) -> PlannedTest | Refusal:
    circuit_id = str(circuit["PhysicalConnectionId"])
    if not NAME.fullmatch(circuit_id) or circuit_id.casefold() in RESERVED:
        return Refusal(circuit_id, ("its ID cannot be the name of a file of the plan",))
    if not_accepted := _not_accepted(circuit):
        return Refusal(circuit_id, tuple(not_accepted))
    survival = surviving_paths(paths, [circuit_id])
    if not survival.count:
        return _unproven(circuit_id, _no_survivor(survival, tables))
    cut = [path for path in survival.lost if path.health == "up" and path.bgp_peer_id]
    if not cut:
        return Refusal(circuit_id, ("none of its sessions is up, so a cut would have no effect",))
    if tables:
        proof = proof_by_route(survival, tables)
        if not proof.proven:
            return _unproven(circuit_id, proof.reasons)
        loads = [text for each in load(survival, proof, tables) for text in each.warnings]
        survival = replace(survival, warnings=[*proof.warnings, *loads])
    return _planned(circuit, cut, survival, snapshot, tables)


def _unproven(circuit_id: str, reasons: Iterable[str]) -> Refusal:
    """
    Return a refusal in words that are true of every status which is not established.
    """
    true = (each.replace(SETTLED, "BgpStatus is not Established") for each in reasons)
    return Refusal(circuit_id, tuple(true))


def _no_survivor(survival: Survival, tables: RouteTables | None) -> list[str]:
    """
    Return why no experiment is planned for a cut that no other circuit survives.
    """
    backed = with_backups(survival, proof_by_route(survival, tables)) if tables else survival
    if backed.count:
        names = sorted({backup for need in backed.needs for backup in need.backups})
        return [f"only {', '.join(names)} would survive, and no experiment is planned for a VPN"]
    return backed.reasons or ["no proven survivor"]


def _not_accepted(circuit: PhysicalConnection) -> list[str]:
    """
    Return why the API would refuse to cut a circuit, by its document (API reference 1.1).
    """
    required = {"Status": "Enabled", "BusinessStatus": "Normal"}
    reasons = [
        f"{key} is {circuit.get(key)!r}, the API requires {value}"
        for key, value in required.items()
        if circuit.get(key) != value
    ]
    if (hosted := number(circuit, "VirtualPhysicalConnectionCount") or 0) > 1:
        reasons.append(f"it carries {hosted} hosted circuits, the API allows 1 at most")
    if text(circuit, "ParentPhysicalConnectionId") and number(circuit, "VlanId") == 0:
        reasons.append("it is hosted with VLAN 0, the API refuses such circuits")
    return reasons


def _planned(
    circuit: PhysicalConnection,
    cut: list[Path],
    survival: Survival,
    snapshot: Snapshot,
    tables: RouteTables | None,
) -> PlannedTest:
    tested = min(cut, key=str)
    point = tested.access_point_id
    need = _need(tested, survival)
    standby = sorted(
        need.survivors,
        key=lambda path: (path.access_point_id == point, str(path)),
    )
    peers = {each["BgpPeerId"]: each for each in snapshot.bgp_peers}
    vbrs = {each["VbrId"]: each for each in snapshot.vbrs}
    forecasts = takeovers(survival, tables.routing if tables else Routing())
    seconds = detection(peers[str(tested.bgp_peer_id)], vbrs[str(tested.vbr_id)])
    return PlannedTest(
        circuit_id=str(circuit["PhysicalConnectionId"]),
        name=text(circuit, "Name") or "",
        groups=tuple(sorted({group for path in cut for group in path.groups} - {UNKNOWN_GROUP})),
        bgp_peer_id=str(tested.bgp_peer_id),
        standby_circuit_id=str(standby[0].circuit_id),
        standby_peers=tuple(str(path.bgp_peer_id) for path in standby),
        survivors=survival.count,
        detection=seconds,
        rehearsed=max(seconds, forecasts[str(need)].documented) if tables else seconds,
        takeover=slowest(forecasts.values()),
        warnings=tuple(survival.warnings),
    )


def _need(tested: Path, survival: Survival) -> Need:
    """
    Return the survivors of the tested session's group and address family.
    """
    for need in survival.needs:
        if need.group in tested.groups and need.ip_version == tested.ip_version:
            return need
    raise ArgumentError(f"{tested} serves no group that the cut affects")
