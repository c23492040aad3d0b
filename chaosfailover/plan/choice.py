"""
Which circuits of a region are worth testing, and which are not to be cut.
"""

import re
from dataclasses import dataclass, replace

from chaosfailover.alibaba.documents import BgpPeer, PhysicalConnection
from chaosfailover.alibaba.regions import Place
from chaosfailover.errors import ArgumentError, JobError
from chaosfailover.network.documents import UNKNOWN_GROUP, number, text
from chaosfailover.network.paths import Path
from chaosfailover.network.snapshot import Snapshot
from chaosfailover.network.survival import Need, Survival, surviving_paths
from chaosfailover.network.under_test import job_label
from chaosfailover.plan.detection import detection

__all__ = ["PlannedTest", "Refusal", "RegionPlan", "region_plan"]

RESERVED = ("game-day", "topology")
NAME = re.compile(r"[A-Za-z0-9_-]+")
NOT_ESTABLISHED = ("Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Down")


@dataclass(frozen=True)
class PlannedTest:
    """
    The test of one circuit: the session that has to go down and the one that has to carry on.

    `survivors` counts the circuits that are left, `detection` is how long the loss of the session
    goes unnoticed, and `standby_peers` are the sessions that can take over, the best first.
    """

    circuit_id: str
    name: str
    groups: tuple[str, ...]
    bgp_peer_id: str
    standby_circuit_id: str
    standby_peers: tuple[str, ...]
    survivors: int
    detection: float
    warnings: tuple[str, ...]

    @property
    def standby_bgp_peer_id(self) -> str:
        """
        The session that is expected to carry on.
        """
        return self.standby_peers[0]


@dataclass(frozen=True)
class Refusal:
    """
    A circuit that is not to be cut, and why.
    """

    circuit_id: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class RegionPlan:
    """
    The tests of one region in the order in which they are to be run, and the refusals.
    """

    place: Place
    snapshot: Snapshot
    tests: tuple[PlannedTest, ...]
    refusals: tuple[Refusal, ...]


def region_plan(place: Place, snapshot: Snapshot) -> RegionPlan:
    """
    Choose the circuits of a region that can be tested: those that leave most survivors come first.

    Raises JobError while a test is under way, since what it cuts is not as it is otherwise, and
    ArgumentError for documents that contradict one another and for a place that names no folder.
    """
    for name in filter(None, (place.account, place.region_id)):
        if not NAME.fullmatch(name):
            raise ArgumentError(f"{name!r} cannot be the name of a folder of the plan")
    if underway := snapshot.underway():
        tests = ", ".join(job_label(job) for job in underway)
        raise JobError(f"{tests} is under way in {snapshot.region_id}; plan again after it")
    snapshot = _settled(snapshot)
    known = snapshot.paths()
    circuits = {str(each["PhysicalConnectionId"]): each for each in snapshot.circuits}
    judged = [_judged(circuits[name], known, snapshot) for name in sorted(circuits)]
    found = [each for each in judged if isinstance(each, PlannedTest)]
    return RegionPlan(
        place,
        snapshot,
        tests=tuple(sorted(found, key=lambda test: (-test.survivors, test.circuit_id))),
        refusals=tuple(each for each in judged if isinstance(each, Refusal)),
    )


def _settled(snapshot: Snapshot) -> Snapshot:
    """
    Return a region whose sessions that are not established are all `Down`.

    They go from one such state to the next by themselves, and the plan would change with them.
    """
    peers: list[BgpPeer] = [
        {**peer, "BgpStatus": "Down"} if peer.get("BgpStatus") in NOT_ESTABLISHED else peer
        for peer in snapshot.bgp_peers
    ]
    return replace(snapshot, bgp_peers=tuple(peers))


def _judged(
    circuit: PhysicalConnection, known: list[Path], snapshot: Snapshot
) -> PlannedTest | Refusal:
    circuit_id = str(circuit["PhysicalConnectionId"])
    if not _names_a_file(circuit_id):
        return Refusal(circuit_id, ("its ID cannot be the name of a file of the plan",))
    if not_accepted := _not_accepted(circuit):
        return Refusal(circuit_id, tuple(not_accepted))
    survival = surviving_paths(known, [circuit_id])
    if not survival.count:
        return Refusal(circuit_id, tuple(survival.reasons) or ("no proven survivor",))
    cut = [path for path in survival.lost if path.health == "up" and path.bgp_peer_id]
    if not cut:
        return Refusal(circuit_id, ("none of its sessions is up, so a cut would show nothing",))
    return _planned(circuit, cut, survival, snapshot)


def _names_a_file(name: str) -> bool:
    """
    Tell whether a name stays inside the folder of a plan, and is not that of another file there.
    """
    return bool(NAME.fullmatch(name)) and name.casefold() not in RESERVED


def _not_accepted(circuit: PhysicalConnection) -> list[str]:
    """
    Return why the API would not cut a circuit, as far as its document tells (API reference 1.1).
    """
    required = {"Status": "Enabled", "BusinessStatus": "Normal"}
    found = [
        f"{key} is {circuit.get(key)!r}, and the API cuts what is {value}"
        for key, value in required.items()
        if circuit.get(key) != value
    ]
    if (hosted := number(circuit, "VirtualPhysicalConnectionCount") or 0) > 1:
        found.append(f"it carries {hosted} hosted circuits, and the API cuts none with more than 1")
    if text(circuit, "ParentPhysicalConnectionId") and number(circuit, "VlanId") == 0:
        found.append("it is hosted with VLAN 0, and the API cuts none of these")
    return found


def _planned(
    circuit: PhysicalConnection, cut: list[Path], survival: Survival, snapshot: Snapshot
) -> PlannedTest:
    tested = min(cut, key=str)
    standby = sorted(_need(tested, survival).survivors, key=lambda path: _rank(path, tested))
    return PlannedTest(
        circuit_id=str(circuit["PhysicalConnectionId"]),
        name=text(circuit, "Name") or "",
        groups=tuple(sorted({group for path in cut for group in path.groups} - {UNKNOWN_GROUP})),
        bgp_peer_id=str(tested.bgp_peer_id),
        standby_circuit_id=str(standby[0].circuit_id),
        standby_peers=tuple(str(path.bgp_peer_id) for path in standby),
        survivors=survival.count,
        detection=_detection(tested, snapshot),
        warnings=tuple(survival.warnings),
    )


def _detection(tested: Path, snapshot: Snapshot) -> float:
    peers = {each["BgpPeerId"]: each for each in snapshot.bgp_peers}
    vbrs = {each["VbrId"]: each for each in snapshot.vbrs}
    return detection(peers[str(tested.bgp_peer_id)], vbrs[str(tested.vbr_id)])


def _need(tested: Path, survival: Survival) -> Need:
    """
    Return what the tested session's group and family are left with.
    """
    for need in survival.needs:
        if need.group in tested.groups and need.ip_version == tested.ip_version:
            return need
    raise ArgumentError(f"{tested} serves no group that the cut takes something from")


def _rank(path: Path, tested: Path) -> tuple[bool, str]:
    return path.access_point_id == tested.access_point_id, str(path)
